#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/base/limits.h"
#include "broker/base/time.h"

namespace lineshaft::sparkplug {

/// How many of each the host view knows; what is beyond is plain MQTT to it, counted.
struct EdgeLimits {
  std::size_t nodes = limits::sparkplug_nodes_max;
  std::size_t unborn_nodes = limits::sparkplug_unborn_nodes_max;
  std::size_t devices = limits::sparkplug_devices_max;
  std::size_t devices_per_node = limits::sparkplug_devices_per_node_max;
  std::size_t metrics = limits::sparkplug_metrics_total_max;
  std::size_t value_bytes = limits::sparkplug_value_bytes_max;
  std::size_t reorder_messages = limits::sparkplug_reorder_messages_max;
  std::size_t reorder_bytes = limits::sparkplug_reorder_bytes_max;
  std::size_t reorder_bytes_total = limits::sparkplug_reorder_bytes_total_max;
  std::size_t hosts = limits::sparkplug_hosts_max;
  std::size_t sessions = limits::sparkplug_sessions_max;
};

/// When edge nodes are asked to be born again.
struct RebirthConfig {
  bool enabled = true;
  /// Groups whose edge nodes have a primary host elsewhere: never asked.
  std::vector<std::string> groups_off;
  /// Least distance of two requests to one edge node; doubles with each that is not answered.
  Milliseconds interval = limits::sparkplug_rebirth_interval;
  Milliseconds interval_max = limits::sparkplug_rebirth_interval_max;
  /// Requests per second to all of them, and how many at once.
  std::uint32_t per_second = limits::sparkplug_rebirths_per_s;
  /// Requests without an answer before somebody is told; then only a new cause asks.
  std::uint32_t unanswered_max = limits::sparkplug_rebirths_unanswered_max;
};

struct EdgeNodesConfig {
  /// How long a missing message of a bridge is waited for
  /// (tck-id-operational-behavior-host-reordering-param); 0: not at all.
  Milliseconds reorder_timeout = limits::sparkplug_reorder_timeout;
  /// The same for clients of this broker, whose messages cannot overtake each other.
  Milliseconds reorder_timeout_direct{0};
  /// Values stay live when an edge node disconnects without an NDEATH; else they are Stale.
  bool detached_stays_good = false;
  RebirthConfig rebirth;
  EdgeLimits limits;
  /// For hashes and jitter.
  std::uint64_t seed = 0;
};

}  // namespace lineshaft::sparkplug
