#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/base/quality.h"
#include "broker/base/time.h"
#include "sparkplug/metric_table.h"
#include "sparkplug/node_state.h"
#include "sparkplug/value.h"

/// What `EdgeNodes` has decided, in order.
namespace lineshaft::sparkplug {

/// An edge node changed its state or was born again; with it, at one stroke, the quality of its
/// metrics and of its devices': after an NBIRTH devices are stale until their own birth.
struct NodeChanged {
  NodeNumber node = no_node;
  NodeState from = NodeState::unknown;
  NodeState to = NodeState::unknown;
  OfflineReason reason = OfflineReason::none;
  /// It was born again within its session (same bdSeq).
  bool is_rebirth = false;
  /// Some values were live before and are not now, or the other way round.
  bool quality_changed = false;
  WallTime at{};
};

/// A device changed its state by a message of its own (not by what became of its edge node).
struct DeviceChanged {
  NodeNumber node = no_node;
  DeviceNumber device = no_device;
  DeviceState from = DeviceState::unknown;
  DeviceState to = DeviceState::unknown;
  /// Of a DDEATH the payload's timestamp.
  WallTime at{};
};

/// A birth replaced a set of metrics: every value of it is new. Those of `previous` that are not in
/// the new one are gone. Comes before the `NodeChanged` or `DeviceChanged` of the same birth.
struct Born {
  NodeNumber node = no_node;
  /// `no_device`: the edge node's own metrics.
  DeviceNumber device = no_device;
  /// The set before; null when there was none. Valid until the next call.
  const MetricTable* previous = nullptr;
};

/// Data came for these metrics: `Outcome::changes_of`.
struct MetricsChanged {
  NodeNumber node = no_node;
  DeviceNumber device = no_device;
  std::size_t first = 0;
  std::size_t size = 0;
};

/// One value of a `MetricsChanged`, in the order of the message.
struct MetricChange {
  /// Its place in the set of the edge node or device.
  std::uint32_t metric = 0;
  /// Belongs to the past: the last value has not moved.
  bool is_historical = false;
  /// What the node said of it.
  Quality quality = Quality::good;
  /// Milliseconds since 1970 UTC: the metric's, else the payload's, else the time of receipt.
  std::uint64_t timestamp = 0;
  /// As it came; of a Template the members that came (the set has all). Valid until the next call
  /// and as long as the payload lives.
  Value value;
};

/// Ask the edge node to be born again: NCMD with `Node Control/Rebirth` = true.
struct RequestRebirth {
  NodeNumber node = no_node;
  /// Bits 1 << RebirthCause, of all who wanted it.
  std::uint32_t causes = 0;
};

/// It has been asked `requests` times and is not born: somebody should look.
struct RebirthUnanswered {
  NodeNumber node = no_node;
  std::uint32_t requests = 0;
};

/// Two live connections publish births of one edge node; the last one counts.
struct DescriptorConflict {
  NodeNumber node = no_node;
  std::string before_client_id;
  std::string now_client_id;
};

/// A host application's STATE changed.
struct HostChanged {
  std::string host_id;
  bool is_online = false;
  std::uint64_t timestamp = 0;
};

/// There are too many: what is beyond is plain MQTT to us, counted. At most one in
/// `limits::sparkplug_limit_report` for each kind.
enum class EdgeLimit : std::uint8_t {
  nodes,
  devices,
  metrics,
  value_bytes,
  reorder,
  hosts,
  sessions,
};
inline constexpr std::size_t edge_limits_size = 7;
std::string_view to_string(EdgeLimit limit);
struct LimitReached {
  EdgeLimit limit = EdgeLimit::nodes;
  NodeNumber node = no_node;
};

/// The edge node and its devices are gone from the view; their numbers may be used again.
struct NodeForgotten {
  NodeNumber node = no_node;
};

using Action =
    std::variant<NodeChanged, DeviceChanged, Born, MetricsChanged, RequestRebirth,
                 RebirthUnanswered, DescriptorConflict, HostChanged, LimitReached, NodeForgotten>;

/// What one call decided. Owned by `EdgeNodes`, valid until its next call.
struct Outcome {
  std::vector<Action> actions;
  /// The message is a birth that decodes: its bytes are the certificate now, whatever the state is
  /// (tck-id-conformance-mqtt-aware-store). False for empty and undecodable ones.
  bool is_certificate = false;
  /// The payload does not decode: plain MQTT, counted.
  bool is_malformed = false;

  std::span<const MetricChange> changes_of(const MetricsChanged& action) const {
    return std::span(changes).subspan(action.first, action.size);
  }

  std::vector<MetricChange> changes;
  /// Payloads that waited and were applied now, and sets that were replaced: what the above points
  /// into.
  std::deque<std::string> kept_payloads;
  std::vector<std::unique_ptr<MetricTable>> replaced;
};

}  // namespace lineshaft::sparkplug
