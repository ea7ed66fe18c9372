#pragma once

#include <cstdint>
#include <string_view>

#include "broker/base/reason_code.h"
#include "broker/mqtt/decoder.h"
#include "broker/mqtt/packets.h"

namespace lineshaft::mqtt {

/// Whether `reason` stands in the packet's table of Reason Codes (MQTT 5.0 chapter 3) for the side
/// that sends it.
bool reason_allowed(PacketType type, Role role, ReasonCode reason);

/// The clause that demands it.
std::string_view reason_clause(PacketType type);

/// The Return Code of a 3.x CONNACK (MQTT 3.1.1 section 3.2.2.3) for a reason, and back.
std::uint8_t connect_return_code(ReasonCode reason);
/// `protocol_error` for values without meaning.
ReasonCode reason_of_connect_return_code(std::uint8_t code);

}  // namespace lineshaft::mqtt
