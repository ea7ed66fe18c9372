#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "broker/base/message.h"
#include "sparkplug/edge_nodes.h"

/// Births with the values of this moment, for who comes late.
namespace lineshaft::sparkplug {

/// Whether these User Properties of a SUBSCRIBE ask for a snapshot: `lineshaft-snapshot` = `1`.
bool asks_for_snapshot(std::string_view user_properties);

/// The births of one edge node that is here and of those of its devices that are online, as far as
/// their topics match `filter`: with current values, the aliases and bdSeq of the real births, and
/// `seq` numbers that end before the next live message's. Calls `send` for each; returns the bytes.
///
/// Messages of the edge node that follow fit behind it, whatever was sent before.
std::size_t send_snapshot(const EdgeNodes& nodes, NodeNumber number, std::string_view filter,
                          WallTime now, const std::function<void(const MessagePtr&)>& send);

}  // namespace lineshaft::sparkplug
