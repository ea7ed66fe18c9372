#pragma once

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

  void clear() { entries_.assign(entries_.size(), Entry{}); }

 private:
  static std::uint64_t mix(std::uint64_t value) {
    value *= 0x9E3779B97F4A7C15u;
    return value ^ (value >> 32);
  }

  static std::uint64_t hash_of(std::string_view topic, std::uint32_t somebody) {
    std::uint64_t hash = mix(somebody + topic.size() * 0x1'0000'0000u);
    const char* at = topic.data();
    std::size_t left = topic.size();
    for (; left >= 8; left -= 8, at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, 8);
      hash = mix(hash ^ word);
    }
    std::uint64_t word = 0;
    if (left > 0) std::memcpy(&word, at, left);
    return mix(mix(hash ^ word));
  }

  std::vector<Entry> entries_;
};

}  // namespace lineshaft::auth
