#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sparkplug/payload.h"

/// Metrics with a meaning of their own.
namespace lineshaft::sparkplug {

/// tck-id-topics-nbirth-bdseq-included
inline constexpr std::string_view bd_seq_name = "bdSeq";
/// tck-id-operational-behavior-data-commands-rebirth-name
inline constexpr std::string_view rebirth_name = "Node Control/Rebirth";

/// The payload's bdSeq: Int64 by the specification, UInt64 in the field; nullopt when there is none
/// or it is no number.
std::optional<std::uint64_t> bd_seq_of(const PayloadView& payload);

/// Whether a command asks the edge node to be born again
/// (tck-id-operational-behavior-data-commands-ncmd-rebirth-value).
bool asks_for_rebirth(const PayloadView& payload);

}  // namespace lineshaft::sparkplug
