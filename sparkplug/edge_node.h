#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/base/time.h"
#include "sparkplug/findings.h"
#include "sparkplug/metric_table.h"
#include "sparkplug/node_state.h"
#include "sparkplug/rebirth_arbiter.h"
#include "sparkplug/reorder_buffer.h"

namespace lineshaft::sparkplug {

/// The last messages of an edge node in short: a repetition is dropped, not taken for a gap.
class RecentMessages {
 public:
  void add(std::uint8_t seq, std::uint64_t digest) {
    entries_[at_++ % entries_.size()] = {digest, seq, true};
  }
  bool contains(std::uint8_t seq, std::uint64_t digest) const {
    for (const Entry& entry : entries_) {
      if (entry.is_used && entry.seq == seq && entry.digest == digest) return true;
    }
    return false;
  }
  void clear() { entries_ = {}; }

 private:
  struct Entry {
    std::uint64_t digest = 0;
    std::uint8_t seq = 0;
    bool is_used = false;
  };
  std::array<Entry, 4> entries_{};
  std::uint32_t at_ = 0;
};

/// What is counted of one edge node.
struct EdgeNodeCounts {
  std::uint64_t births = 0;
  /// Births within a session.
  std::uint64_t rebirths = 0;
  std::uint64_t deaths = 0;
  /// Deaths of another session.
  std::uint64_t stale_deaths = 0;
  std::uint64_t gaps = 0;
  std::uint64_t duplicates = 0;
  /// Messages that do not decode; messages the state did not allow.
  std::uint64_t malformed = 0;
  std::uint64_t rejected = 0;
  /// Messages and metrics that were applied.
  std::uint64_t messages = 0;
  std::uint64_t metrics = 0;
  std::uint64_t conflicts = 0;
};

/// An edge node (tck-id-topic-structure-namespace-unique-edge-node-descriptor: group and node).
struct EdgeNode {
  std::string group;
  std::string name;
  NodeState state = NodeState::unknown;
  OfflineReason reason = OfflineReason::none;

  std::optional<std::uint64_t> bd_seq;
  /// Who published the NBIRTH; 0 when its connection has ended.
  ConnectionNumber connection = 0;
  /// The same, also after it has ended: its will may yet come.
  ConnectionNumber last_connection = 0;
  std::string client_id;
  /// Nobody knows yet when the NBIRTH had no seq.
  std::optional<std::uint8_t> next_seq;
  RecentMessages recent;
  std::unique_ptr<ReorderBuffer> early;

  MetricTable metrics;
  /// A birth is known, from now or from the store.
  bool has_birth = false;
  std::vector<DeviceNumber> devices;

  WallTime online_since{};
  WallTime offline_since{};
  /// Since when its values are not live, milliseconds since 1970 UTC.
  std::uint64_t stale_since = 0;
  /// Payload timestamp less time of receipt of the newest message with one.
  std::int64_t clock_skew_ms = 0;

  RebirthArbiter::Record rebirth;
  EdgeNodeCounts counts;
  Findings findings;
  /// Something of it is to be written to the store: values, its record.
  bool is_listed = false;
  bool is_record_dirty = false;

  /// Born in this session and still there.
  bool is_here() const {
    return state == NodeState::online || state == NodeState::reordering ||
           state == NodeState::out_of_sync;
  }
};

/// A device (tck-id-topic-structure-namespace-unique-device-id: within its edge node).
struct Device {
  NodeNumber node = no_node;
  std::string name;
  /// Without what became of the edge node: `EdgeNodes::device_state`.
  DeviceState state = DeviceState::unknown;
  MetricTable metrics;
  bool has_birth = false;
  WallTime online_since{};
  /// Milliseconds since 1970 UTC: of the DDEATH, or when its edge node was born without it.
  std::uint64_t stale_since = 0;
  std::uint64_t births = 0;
  bool is_listed = false;
};

/// What is counted over all edge nodes.
struct EdgeTotals {
  std::size_t nodes = 0;
  std::size_t nodes_here = 0;
  std::size_t devices = 0;
  std::size_t metrics = 0;
  std::size_t value_bytes = 0;
  std::size_t reorder_bytes = 0;
  std::array<std::uint64_t, rebirth_causes_size> rebirth_causes{};
};

}  // namespace lineshaft::sparkplug
