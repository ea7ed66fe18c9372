#pragma once

#include <cstddef>
#include <string_view>

/// The rules of MQTT 5.0 section 4.7 and 4.8.2 on Topic Names and Topic Filters, as pure functions.
///
/// Names are compared byte by byte, nothing is normalised: "/a", "a" and "a/" are three topics
/// [MQTT-4.7.3-4]. UTF-8 is checked where packets are decoded,
/// and the broker's own bounds on size and depth (limits.h) where a packet is admitted, not here.
namespace lineshaft::core {

/// True if `name` can be published to: not empty [MQTT-4.7.3-1], at most 65,535 bytes
/// [MQTT-4.7.3-3], no wildcard character [MQTT-4.7.0-1] and no U+0000 [MQTT-4.7.3-2].
bool is_valid_topic_name(std::string_view name);

/// True if `filter` can be subscribed to: size and U+0000 as for a name, '#' only as the whole last
/// level [MQTT-4.7.1-1], '+' only as a whole level [MQTT-4.7.1-2].
///
/// A shared subscription is checked with `parse_share`; its inner filter with this function.
bool is_valid_topic_filter(std::string_view filter);

/// True if `filter` contains '+' or '#'; for a valid filter: if it can match several topics.
bool has_wildcard(std::string_view filter);

/// True for names that a filter beginning with a wildcard must not match [MQTT-4.7.2-1].
inline bool starts_with_dollar(std::string_view name) {
  return !name.empty() && name.front() == '$';
}

/// Number of levels, empty ones included: 1 + number of '/'.
std::size_t level_count(std::string_view name);

/// True if `text` (valid UTF-8) has a character of U+0000..U+001F or U+007F..U+009F, which section
/// 1.5.4 advises against and which spoils logs and terminals.
bool has_control_characters(std::string_view text);

/// True if the valid Topic Name `topic` matches the valid Topic Filter `filter`.
///
/// The reference for the tries, and the right tool for a single comparison. "a/#" matches "a" too
/// (section 4.7.1.2); wildcards at the front do not match '$' names [MQTT-4.7.2-1].
bool topic_matches_filter(std::string_view topic, std::string_view filter);

/// The parts of "$share/{share_name}/{filter}"; both point into the string that was parsed.
struct SharedFilter {
  std::string_view share_name;
  std::string_view filter;
};

enum class ShareSyntax {
  not_shared,  ///< An ordinary filter; `is_valid_topic_filter` has not been asked.
  shared,      ///< `SharedFilter` is set and its filter is valid.
  invalid,     ///< Begins with "$share/" but breaks [MQTT-4.8.2-1] or [MQTT-4.8.2-2].
};

struct ParsedShare {
  ShareSyntax syntax = ShareSyntax::not_shared;
  SharedFilter shared;  ///< Empty unless `syntax` is `shared`.
};

/// Takes a shared subscription apart: the share name is not empty [MQTT-4.8.2-1], has no '/', '+'
/// or '#', and is followed by '/' and a valid Topic Filter [MQTT-4.8.2-2].
ParsedShare parse_share(std::string_view filter);

}  // namespace lineshaft::core
