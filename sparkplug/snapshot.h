#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "broker/base/limits.h"
#include "broker/base/message.h"
#include "sparkplug/edge_nodes.h"

/// Births with the values of this moment, for who comes late.
namespace lineshaft::sparkplug {

/// Whether these User Properties of a SUBSCRIBE ask for a snapshot: `lineshaft-snapshot` = `1`.
bool asks_for_snapshot(std::string_view user_properties);

/// What one connection may still get, for all its subscriptions together.
struct SnapshotBudget {
  /// Bytes of births that it was sent.
  std::size_t sent = 0;
  /// Bytes of births that were made for it: also those it may not have, which are work.
  std::size_t made = 0;
  /// Filters it was given a snapshot of.
  std::set<std::string, std::less<>> filters;
  bool is_cut_logged = false;

  static constexpr std::size_t sent_max = limits::sparkplug_snapshot_bytes_max;
  static constexpr std::size_t made_max = 8 * sent_max;
  static constexpr std::size_t filters_max = 100;
};

/// The births of one edge node that is here and of those of its devices that are online, as far as
/// their topics match `filter`: with current values, the aliases and bdSeq of the real births, and
/// `seq` numbers that end before the next live message's. Calls `send` for each, which says whether
/// it was sent. False: the budget has no room for all of them, and none was sent.
///
/// Messages of the edge node that follow fit behind it, whatever was sent before.
bool send_snapshot(const EdgeNodes& nodes, NodeNumber number, std::string_view filter, WallTime now,
                   SnapshotBudget& budget, const std::function<bool(const MessagePtr&)>& send);

}  // namespace lineshaft::sparkplug
