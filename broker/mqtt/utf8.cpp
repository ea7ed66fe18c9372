#include "broker/mqtt/utf8.h"

#include <simdjson.h>

#include <algorithm>

#include "broker/mqtt/byte_scan.h"

namespace lineshaft::mqtt {
namespace {

/// True when every byte, read as a signed number, is at least `least` and is not DEL or DEL is
/// allowed. Bytes above 0x7F are negative, so one comparison finds them and the control characters.
template <signed char least, bool allow_delete>
bool all_from(Octets text) {
  ByteLanes found = {};
  const auto collect = [&found](ByteLanes lanes) {
    found |= lanes < least;
    if constexpr (!allow_delete) found |= lanes == 0x7F;
  };
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= lanes_size; left -= lanes_size, at += lanes_size) collect(load_lanes(at));
  if (left > 0) collect(load_tail(at + left, left));
  return !any_lane(found);
}

std::string_view slow_text_fault(Octets text) {
  if (!simdjson::validate_utf8(text.data(), text.size())) return "MQTT-1.5.4-1";
  if (text.find('\0') != Octets::npos) return "MQTT-1.5.4-2";
  return {};
}

}  // namespace

std::string_view text_fault(Octets text) {
  if (all_from<0x01, true>(text)) return {};
  return slow_text_fault(text);
}

std::string_view printable_text_fault(Octets text) {
  if (all_from<0x20, false>(text)) return {};
  if (const auto fault = slow_text_fault(text); !fault.empty()) return fault;
  const auto control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; };
  // Not std::iscntrl: it depends on the locale. `char` is unsigned on some machines: `c >= 0` then
  // is always true and `c < 0x20` decides.
  return std::ranges::any_of(text, control) ? "MQTT 1.5.4" : std::string_view{};
}

}  // namespace lineshaft::mqtt
