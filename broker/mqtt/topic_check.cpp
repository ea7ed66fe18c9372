#include "broker/mqtt/topic_check.h"

#include <algorithm>

#include "broker/base/limits.h"
#include "broker/mqtt/byte_scan.h"
#include "broker/mqtt/utf8.h"

namespace lineshaft::mqtt {
namespace {

using enum ReasonCode;

static_assert(limits::topic_size_bytes_max / lanes_size <= 127, "a lane counts to 127");
static_assert(limits::topic_levels_max > 0);

/// One pass over a Topic Name of at most `topic_size_bytes_max` bytes.
struct TopicScan {
  /// A byte that needs a closer look: control, above ASCII, '+' or '#'.
  bool unusual;
  std::size_t slashes;
};

TopicScan scan_topic(Octets topic) {
  ByteLanes unusual = {};
  ByteLanes slashes = {};  // minus one per slash and lane
  const auto collect = [&](ByteLanes lanes) {
    // Bytes above 0x7F are negative: the first comparison finds them too.
    unusual |= (lanes < 0x20) | (lanes == 0x7F) | (lanes == '+') | (lanes == '#');
    slashes += lanes == '/';
  };
  const char* at = topic.data();
  std::size_t left = topic.size();
  for (; left >= lanes_size; left -= lanes_size, at += lanes_size) collect(load_lanes(at));
  if (left > 0) collect(load_tail(at + left, left));
  std::size_t count = 0;
  for (std::size_t i = 0; i < lanes_size; ++i) count += static_cast<std::size_t>(-slashes[i]);
  return {any_lane(unusual), count};
}

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

std::optional<Error> topic_name_fault(Octets topic) {
  if (topic.empty()) return Error{topic_name_invalid, "MQTT-4.7.3-1"};
  if (topic.size() > limits::topic_size_bytes_max) return Error{topic_name_invalid, "MQTT-4.7.3-3"};
  const TopicScan scan = scan_topic(topic);
  if (scan.unusual) {
    const auto fault = printable_text_fault(topic);
    if (!fault.empty()) return Error{malformed_packet, fault};
    if (topic.find_first_of("+#") != Octets::npos) {
      return Error{topic_name_invalid, "MQTT-4.7.0-1"};
    }
  }
  if (scan.slashes >= limits::topic_levels_max) return Error{topic_name_invalid, "MQTT 4.7.3"};
  return std::nullopt;
}

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
