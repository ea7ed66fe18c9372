#pragma once

#include <string_view>

#include "broker/base/message.h"

namespace lineshaft::mqtt {

/// The clause a UTF-8 Encoded String breaks, empty when it is fine: well-formed [MQTT-1.5.4-1] and
/// without U+0000 [MQTT-1.5.4-2]. A byte-order mark is an ordinary character [MQTT-1.5.4-3].
std::string_view text_fault(Octets text);

/// The same for what appears in logs (client identifier, user name, topic): the control characters
/// U+0001..U+001F and U+007F are refused as well, which section 1.5.4 allows.
std::string_view printable_text_fault(Octets text);

}  // namespace lineshaft::mqtt
