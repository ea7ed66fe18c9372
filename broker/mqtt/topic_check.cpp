#include "broker/mqtt/topic_check.h"

#include <algorithm>

#include "broker/base/limits.h"
#include "broker/mqtt/utf8.h"

namespace lineshaft::mqtt {
namespace {

using enum ReasonCode;

std::optional<Error> filter_form_fault(Octets filter) {
  if (filter.empty()) return Error{malformed_packet, "MQTT-4.7.3-1"};
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] != '#' && filter[i] != '+') continue;
    const bool starts_level = i == 0 || filter[i - 1] == '/';
    const bool last = i + 1 == filter.size();
    if (filter[i] == '#') {
      if (!starts_level || !last) return Error{malformed_packet, "MQTT-4.7.1-1"};
    } else if (!starts_level || (!last && filter[i + 1] != '/')) {
      return Error{malformed_packet, "MQTT-4.7.1-2"};
    }
  }
  return std::nullopt;
}

}  // namespace

/// [MQTT-3.3.2-1], [MQTT-3.3.2-2].
std::optional<Error> topic_name_fault(Octets topic, const TopicLimits& limits) {
  if (topic.empty()) return Error{topic_name_invalid, "MQTT-4.7.3-1"};
  if (topic.size() > limits.size_bytes_max) return Error{topic_name_invalid, "MQTT-4.7.3-3"};
  const auto fault = printable_text_fault(topic);
  if (!fault.empty()) return Error{malformed_packet, fault};
  if (topic.find_first_of("+#") != Octets::npos) return Error{topic_name_invalid, "MQTT-4.7.0-1"};
  const auto slashes = static_cast<std::size_t>(std::ranges::count(topic, '/'));
  if (slashes >= limits.levels_max) return Error{topic_name_invalid, "MQTT 4.7.3"};
  return std::nullopt;
}

/// [MQTT-3.8.3-1], [MQTT-3.10.3-1] and the form of section 4.7.1.
std::optional<Error> topic_filter_fault(Octets filter) {
  if (const auto fault = printable_text_fault(filter); !fault.empty()) {
    return Error{malformed_packet, fault};
  }
  if (!is_shared(filter)) return filter_form_fault(filter);
  constexpr std::size_t name_start = 7;  // behind "$share/"
  const std::size_t name_end = filter.find('/', name_start);
  if (name_end == Octets::npos) return Error{protocol_error, "MQTT-4.8.2-2"};
  if (name_end == name_start) return Error{protocol_error, "MQTT-4.8.2-1"};
  const Octets name = filter.substr(name_start, name_end - name_start);
  if (name.find_first_of("+#") != Octets::npos) return Error{protocol_error, "MQTT-4.8.2-2"};
  const Octets shared_filter = filter.substr(name_end + 1);
  if (shared_filter.empty()) return Error{protocol_error, "MQTT-4.8.2-2"};
  return filter_form_fault(shared_filter);
}

}  // namespace lineshaft::mqtt
