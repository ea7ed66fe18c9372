#include "broker/mqtt/utf8.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "broker/mqtt/byte_scan.h"

namespace lineshaft::mqtt {
namespace {

template <class Word>
Word load_word(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// Whether a byte is U+0000 or not ASCII. A borrow out of a byte only follows a zero byte, so the
/// answer for the whole word is exact.
template <class Word>
bool odd_byte_in(Word word) {
  constexpr Word ones = static_cast<Word>(-1) / 0xFF;
  return (((word - ones) | word) & (ones << 7)) != 0;
}

/// Two words that overlap cover a text of one to two words.
template <class Word>
bool odd_byte_in_two(Octets text) {
  return odd_byte_in(load_word<Word>(text.data())) ||
         odd_byte_in(load_word<Word>(text.data() + text.size() - sizeof(Word)));
}

bool has_odd_byte(Octets text) {
  if (text.size() >= lanes_size) {
    // Read as signed numbers, bytes above 0x7F are negative: one comparison finds them and zero.
    const char* const last = text.data() + text.size() - lanes_size;
    ByteLanes found = load_lanes(last) < 1;
    for (const char* at = text.data(); at < last; at += lanes_size) found |= load_lanes(at) < 1;
    return any_lane(found);
  }
  if (text.size() >= 8) return odd_byte_in_two<std::uint64_t>(text);
  if (text.size() >= 4) return odd_byte_in_two<std::uint32_t>(text);
  for (const char c : text) {
    if (static_cast<signed char>(c) < 1) return true;
  }
  return false;
}

std::string_view slow_text_fault(Octets text) {
  if (!simdjson::validate_utf8(text.data(), text.size())) return "MQTT-1.5.4-1";
  if (text.find('\0') != Octets::npos) return "MQTT-1.5.4-2";
  return {};
}

}  // namespace

std::string_view text_fault(Octets text) {
  if (!has_odd_byte(text)) return {};
  return slow_text_fault(text);
}

std::string_view printable_text_fault(Octets text) {
  if (const auto fault = text_fault(text); !fault.empty()) return fault;
  // Not std::iscntrl: it depends on the locale.
  const auto control = [](char c) { return (static_cast<unsigned char>(c) < 0x20) || c == 0x7F; };
  return std::ranges::any_of(text, control) ? "MQTT 1.5.4" : std::string_view{};
}

}  // namespace lineshaft::mqtt
