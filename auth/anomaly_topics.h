#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace lineshaft::auth {

/// What a payload looks like from its first byte.
enum class PayloadType : std::uint8_t { none, empty, json, number, text, binary };

inline PayloadType payload_type(std::string_view payload) {
  if (payload.empty()) return PayloadType::empty;
  const auto first = static_cast<unsigned char>(payload.front());
  if (first == '{' || first == '[') return PayloadType::json;
  if ((first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.') {
    return PayloadType::number;
  }
  return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? PayloadType::text
                                                                          : PayloadType::binary;
}

/// Topics that somebody has used, by hash: what fits into a fixed table. The least recent of the
/// two in a place is forgotten, so a topic may seem new again; it never seems known that is not,
/// but for one in four billion.
class AnomalyTopics {
 public:
  static constexpr std::uint16_t unknown_conduit = 0;
  static constexpr std::uint16_t no_conduit = 0xFFFF;

  struct Entry {
    std::uint32_t tag = 0;
    std::uint16_t conduit = unknown_conduit;
    PayloadType type = PayloadType::none;
    /// Messages of this type in a row, no further than the byte goes.
    std::uint8_t streak = 0;
  };

  /// `size` is a power of two; 0: nothing is ever remembered.
  explicit AnomalyTopics(std::size_t size) : entries_(size) {}

  /// The entry of a topic and somebody; `is_new`: it was not there. The table is not empty.
  Entry& find(std::string_view topic, std::uint32_t somebody, bool& is_new) {
    const std::uint64_t hash = hash_of(topic, somebody);
    const std::size_t place = hash & (entries_.size() - 2);
    const auto tag = static_cast<std::uint32_t>(hash >> 32) | 1u;
    Entry& recent = entries_[place];
    Entry& older = entries_[place + 1];
    is_new = false;
    if (recent.tag == tag) return recent;
    if (older.tag == tag) return older;
    is_new = true;
    older = recent;
    recent = Entry{tag, unknown_conduit, PayloadType::none, 0};
    return recent;
  }

  /// The topics are still known.
  void forget_conduits() {
    for (Entry& entry : entries_) entry.conduit = unknown_conduit;
  }

 private:
  __extension__ using Product = unsigned __int128;

  /// Both halves of a product: every bit of both numbers reaches the result.
  static std::uint64_t mix(std::uint64_t one, std::uint64_t other) {
    const Product product = static_cast<Product>(one) * other;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  static std::uint64_t word(const char* at, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, size);
    return value;
  }

  /// Sixteen bytes at a time: a topic costs a handful of multiplications.
  static std::uint64_t hash_of(std::string_view topic, std::uint32_t somebody) {
    constexpr std::uint64_t first = 0xA0761D6478BD642Fu, second = 0xE7037ED1A0B428DBu;
    const char* at = topic.data();
    const std::size_t size = topic.size();
    std::uint64_t hash = mix(somebody ^ first, size ^ second);
    const auto add = [&](std::uint64_t one, std::uint64_t other) {
      hash = mix(one ^ first, other ^ second ^ hash);
    };
    if (size < 16) {
      add(word(at, std::min<std::size_t>(size, 8)), size > 8 ? word(at + 8, size - 8) : 0);
      return hash;
    }
    for (std::size_t left = size; left > 16; left -= 16, at += 16)
      add(word(at, 8), word(at + 8, 8));
    // The last sixteen; some of them once more.
    const char* const end = topic.data() + size;
    add(word(end - 16, 8), word(end - 8, 8));
    return hash;
  }

  std::vector<Entry> entries_;
};

}  // namespace lineshaft::auth
