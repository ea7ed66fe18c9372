#pragma once

#include <optional>

#include "broker/base/limits.h"
#include "broker/base/message.h"
#include "broker/base/result.h"
#include "broker/mqtt/byte_scan.h"

namespace lineshaft::mqtt {

/// How much a Topic Name may be.
struct TopicLimits {
  std::size_t size_bytes_max = limits::topic_size_bytes_max;
  std::size_t levels_max = limits::topic_levels_max;
};

/// Why a Topic Name is refused, nothing when it is fine. Empty, a wildcard [MQTT-4.7.0-1], too long
/// or too many levels: `topic_name_invalid`; text that is not allowed: `malformed_packet`.
std::optional<Error> topic_name_fault(Octets topic, const TopicLimits& limits = {});

/// A quick answer in one pass: true only when `topic_name_fault` finds nothing, false when it has
/// to be asked (outside ASCII, very short, or wrong).
inline bool is_plain_topic_name(Octets topic, const TopicLimits& limits = {}) {
  constexpr std::size_t countable = 127 * lanes_size;  // a lane counts to 127
  if (topic.size() < lanes_size || topic.size() > countable) return false;
  if (topic.size() > limits.size_bytes_max) return false;
  ByteLanes plain = ~ByteLanes{};
  ByteLanes wildcards = {};
  ByteLanes slashes = {};
  const auto collect = [&](ByteLanes lanes, ByteLanes counted) {
    // Bytes above 0x7F are negative and DEL becomes so: one comparison finds them and controls.
    plain &= plus_one(lanes) > 0x20;
    // '+' is '#' with one more bit.
    wildcards |= (lanes & ~('#' ^ '+')) == '#';
    slashes -= (lanes == '/') & counted;  // a comparison yields minus one
  };
  // The last sixteen bytes overlap those before, where slashes are not counted again.
  const char* const last = topic.data() + topic.size() - lanes_size;
  const char* at = topic.data();
  for (; at < last; at += lanes_size) collect(load_lanes(at), ~ByteLanes{});
  collect(load_lanes(last), last_lanes(lanes_size - static_cast<std::size_t>(at - last)));
  return !any_lane(~plain | wildcards) && sum_of_lanes(slashes) < limits.levels_max;
}

/// Why a Topic Filter's form is refused: misplaced wildcards [MQTT-4.7.1-1] [MQTT-4.7.1-2] or an
/// empty filter are `malformed_packet`, a broken "$share/" form [MQTT-4.8.2-1] is `protocol_error`.
/// Length and levels are judged by the core, which answers with a SUBACK code.
std::optional<Error> topic_filter_fault(Octets filter);

/// "$share/<name>/<filter>", well-formed or not.
inline bool is_shared(Octets filter) { return filter.starts_with("$share/"); }

}  // namespace lineshaft::mqtt
