#pragma once

#include <optional>

#include "broker/base/message.h"
#include "broker/base/result.h"

namespace lineshaft::mqtt {

/// Why a Topic Name is refused, nothing when it is fine. Empty, a wildcard [MQTT-4.7.0-1], too long
/// or too many levels: `topic_name_invalid`; text that is not allowed: `malformed_packet`.
std::optional<Error> topic_name_fault(Octets topic);

/// Why a Topic Filter's form is refused: misplaced wildcards [MQTT-4.7.1-1] [MQTT-4.7.1-2] or an
/// empty filter are `malformed_packet`, a broken "$share/" form [MQTT-4.8.2-1] is `protocol_error`.
/// Length and levels are judged by the core, which answers with a SUBACK code.
std::optional<Error> topic_filter_fault(Octets filter);

/// "$share/<name>/<filter>", well-formed or not.
inline bool is_shared(Octets filter) { return filter.starts_with("$share/"); }

}  // namespace lineshaft::mqtt
