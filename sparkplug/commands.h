#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/base/message.h"

namespace lineshaft::sparkplug {

/// Asks an edge node to be born again: NCMD of QoS 0, not retained, with a timestamp, without seq
/// (tck-id-operational-behavior-data-commands-ncmd-rebirth-verb, -ncmd-rebirth-name,
/// -ncmd-rebirth-value, tck-id-topics-ncmd-mqtt, tck-id-topics-ncmd-timestamp).
MessagePtr rebirth_command(std::string_view group, std::string_view node, WallTime now);

/// "gap,unknown_alias": bits 1 << RebirthCause.
std::string causes_text(std::uint32_t causes);

}  // namespace lineshaft::sparkplug
