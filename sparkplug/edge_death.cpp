// NDEATH, DDEATH, and edge nodes that are gone without a word.
#include "broker/base/metrics.h"
#include "sparkplug/edge_nodes.h"
#include "sparkplug/well_known.h"

namespace lineshaft::sparkplug {

/// tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline,
/// -node-tags-stale, -devices-offline, -devices-tags-stale: at the broker's time, and one flip.
void EdgeNodes::on_ndeath(NodeNumber number, const Publication& message, const PayloadView& payload,
                          Now now) {
  EdgeNode& node = *nodes_[number];
  // Published and as the will: the second one is the same death.
  if (!node.is_here()) return;
  const auto bd_seq = bd_seq_of(payload);
  FindingMask found = 0;
  // tck-id-payloads-ndeath-seq, tck-id-topics-ndeath-seq, tck-id-payloads-ndeath-bdseq
  if (payload.has_seq) found |= bit_of(Finding::ndeath_seq);
  if (!bd_seq) found |= bit_of(Finding::ndeath_no_bdseq);
  // Equal or not, never older or newer: counters start again with their process.
  const bool is_its_author =
      message.author.connection != 0 && message.author.connection == node.last_connection;
  const bool is_this_session = bd_seq && node.bd_seq ? *bd_seq == *node.bd_seq : is_its_author;
  if (!is_this_session) {
    found |= bit_of(Finding::ndeath_stale);
    ++node.counts.stale_deaths;
    count(Counter::sparkplug_deaths_stale);
  }
  node.findings.note_all(found, now.wall);
  if (!is_this_session) return;
  ++node.counts.deaths;
  count(Counter::sparkplug_deaths);
  go_offline(number, OfflineReason::death, now);
}

/// tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline,
/// -ddeath-devices-tags-stale: at the payload's time.
void EdgeNodes::on_ddeath(NodeNumber number, const Message& message, Now now) {
  const auto child = find_device(number, message.device);
  if (!child) {
    nodes_[number]->findings.note(Finding::device_not_born, now.wall, message.device);
    return;
  }
  Device& device = *devices_[*child];
  const DeviceState from = device.state;
  if (from != DeviceState::online && from != DeviceState::stale) return;
  const WallTime at = message.payload.has_timestamp
                          ? WallTime{Milliseconds{static_cast<std::int64_t>(
                                message.payload.timestamp & 0x7FFF'FFFF'FFFF'FFFFu)}}
                          : message.received;
  device.state = DeviceState::offline;
  if (from == DeviceState::online) {
    device.stale_since = static_cast<std::uint64_t>(at.time_since_epoch().count());
  }
  count(Counter::sparkplug_device_deaths);
  outcome_.actions.emplace_back(DeviceChanged{number, *child, from, DeviceState::offline, at});
}

void EdgeNodes::go_offline(NodeNumber number, OfflineReason reason, Now now) {
  EdgeNode& node = *nodes_[number];
  drop_early(number);
  arbiter_.cancel(number, node.rebirth);
  unbind(number);
  node.offline_since = now.wall;
  set_state(number, NodeState::offline, reason, now.wall);
}

}  // namespace lineshaft::sparkplug
