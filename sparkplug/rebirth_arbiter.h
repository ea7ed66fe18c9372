#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "broker/base/time.h"
#include "sparkplug/edge_config.h"
#include "sparkplug/node_state.h"

namespace lineshaft::sparkplug {

/// Decides when an edge node is asked to be born again: one request for all who want it, a least
/// distance per node that doubles with each request not answered, and a bound over all nodes.
///
/// Owned by `EdgeNodes`.
///
/// Spec: tck-id-operational-behavior-host-reordering-rebirth,
/// tck-id-operational-behavior-data-commands-ncmd-rebirth-verb.
class RebirthArbiter {
 public:
  /// What it keeps per edge node.
  struct Record {
    /// How often each cause came.
    std::array<std::uint32_t, rebirth_causes_size> causes{};
    /// Requests sent, and those since the last birth.
    std::uint32_t requests = 0;
    std::uint32_t unanswered = 0;
    /// Births in a row that did not help: the same cause came back soon after.
    std::uint32_t futile = 0;
    std::optional<RebirthCause> last_cause;
    WallTime last_request{};
    /// Causes that wait for the request at `due`.
    std::uint32_t waiting_causes = 0;
    std::optional<Instant> due;
    /// No request before.
    Instant allowed_at{};
    Instant last_sent{};
    bool was_helped = false;
    bool is_off = false;
  };
  struct Request {
    NodeNumber node = no_node;
    std::uint32_t causes = 0;
    /// The last one that is sent by itself.
    bool is_last = false;
  };

  RebirthArbiter(const RebirthConfig& config, std::uint64_t seed);

  /// Whether edge nodes of the group may be asked.
  bool is_off(std::string_view group) const;

  /// Somebody wants it. Asks at once, later, or never; `take` says.
  void want(NodeNumber node, Record& record, RebirthCause cause, Instant now);
  /// Another host has asked: as if we had.
  void seen(NodeNumber node, Record& record, Now now);
  /// The NBIRTH is here. `in_conflict`: of another publisher, so that two of them cannot drive each
  /// other.
  void answered(NodeNumber node, Record& record, bool in_conflict, Instant now);
  /// The edge node is gone: nobody would hear it.
  void cancel(NodeNumber node, Record& record);

  /// The node that is to be asked now, if there is one and the rate allows.
  std::optional<NodeNumber> next_due(Instant now);
  /// It is asked: what to put into the request.
  Request send(NodeNumber node, Record& record, Now now);

  std::optional<Instant> next_timer() const;

 private:
  void schedule(NodeNumber node, Record& record, Instant due);
  Milliseconds distance(NodeNumber node, const Record& record) const;
  void refill(Instant now);

  RebirthConfig config_;
  std::uint64_t seed_;
  std::set<std::pair<Instant, NodeNumber>> queue_;
  /// Thousandths of a request.
  std::int64_t tokens_;
  Instant refilled_at_{};
  bool has_started_ = false;
};

}  // namespace lineshaft::sparkplug
