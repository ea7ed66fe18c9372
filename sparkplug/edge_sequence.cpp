// Messages with a seq: what is in order, what waits, what is lost.
#include <utility>

#include "broker/base/metrics.h"
#include "sparkplug/edge_nodes.h"

namespace lineshaft::sparkplug {

/// Also over the type and the device: the same bytes for another device are another message.
std::uint64_t EdgeNodes::digest_of(const Message& message) const {
  const std::uint64_t what = hash_bytes(message.device, config_.seed);
  const std::uint64_t seed = config_.seed + static_cast<std::uint64_t>(message.type);
  return what << 32 | hash_bytes(message.bytes, seed);
}

/// NDATA, DDATA, DBIRTH, DDEATH: one counter per edge node over all its topics, +1 modulo 256.
///
/// tck-id-payloads-sequence-num-incrementing, tck-id-topics-ndata-seq-num,
/// tck-id-topics-ddata-seq-num, tck-id-topics-dbirth-seq, tck-id-topics-ddeath-seq-num
void EdgeNodes::on_sequenced(NodeNumber number, const Publication& publication,
                             const PayloadView& payload, Now now) {
  EdgeNode& node = *nodes_[number];
  const Message message{publication.topic.type, publication.topic.device, payload,
                        publication.payload, now.wall};
  const bool is_in_sync = node.state == NodeState::online || node.state == NodeState::reordering;
  if (!is_in_sync) {
    // tck-id-principles-birth-certificates-order,
    // tck-id-message-flow-device-birth-publish-nbirth-wait
    const bool is_lost = node.state == NodeState::out_of_sync;
    if (!is_lost) node.findings.note(Finding::not_born, now.wall, publication.topic.device);
    ++node.counts.rejected;
    count(Counter::sparkplug_rejected);
    want_rebirth(number, is_lost ? RebirthCause::out_of_sync : RebirthCause::node_not_born,
                 now.steady);
    return;
  }
  if (!payload.has_seq) {
    // tck-id-payloads-sequence-num-always-included: nothing to order it by.
    node.findings.note(Finding::seq_missing, now.wall, publication.topic.device);
    if (node.state == NodeState::online) return apply(number, message, now);
    ++node.counts.rejected;
    count(Counter::sparkplug_rejected);
    return;
  }
  if (!node.next_seq) node.next_seq = static_cast<std::uint8_t>(payload.seq);
  if (payload.seq == *node.next_seq) {
    apply_in_sequence(number, message, now);
    if (node.early != nullptr) drain(number, now);
  } else if (is_repetition(node, message)) {
    ++node.counts.duplicates;
    node.findings.note(Finding::duplicate, now.wall, publication.topic.device);
    count(Counter::sparkplug_duplicates);
  } else {
    on_gap(number, message, publication.author.may_reorder, now);
  }
}

bool EdgeNodes::is_repetition(const EdgeNode& node, const Message& message) const {
  if (message.payload.seq > 255) return false;
  const auto seq = static_cast<std::uint8_t>(message.payload.seq);
  if (node.recent.contains(seq, digest_of(message))) return true;
  const EarlyMessage* early = node.early == nullptr ? nullptr : node.early->find(seq);
  return early != nullptr && early->type == message.type && early->device == message.device &&
         early->payload == message.bytes;
}

/// Whatever becomes of its content, its seq is used.
void EdgeNodes::apply_in_sequence(NodeNumber number, const Message& message, Now now) {
  EdgeNode& node = *nodes_[number];
  node.recent.add(*node.next_seq, digest_of(message));
  node.next_seq = static_cast<std::uint8_t>(*node.next_seq + 1);
  apply(number, message, now);
}

void EdgeNodes::apply(NodeNumber number, const Message& message, Now now) {
  EdgeNode& node = *nodes_[number];
  ++node.counts.messages;
  count(Counter::sparkplug_messages_applied);
  switch (message.type) {
    case MessageType::ndata:
      return on_data({number, no_device}, message, now);
    case MessageType::dbirth:
      return on_dbirth(number, message, now);
    case MessageType::ddeath:
      return on_ddeath(number, message, now);
    default:
      break;
  }
  const auto child = find_device(number, message.device);
  if (child && devices_[*child]->state == DeviceState::online) {
    return on_data({number, *child}, message, now);
  }
  ++node.counts.rejected;
  count(Counter::sparkplug_rejected);
  const bool is_full = !child && (totals_.devices >= config_.limits.devices ||
                                  node.devices.size() >= config_.limits.devices_per_node);
  // Its DBIRTH would be refused once more: asking for it leads nowhere.
  if (is_full) return;
  node.findings.note(Finding::device_not_born, now.wall, message.device);
  want_rebirth(number, RebirthCause::device_not_born, now.steady);
}

/// tck-id-operational-behavior-host-reordering-success
void EdgeNodes::drain(NodeNumber number, Now now) {
  EdgeNode& node = *nodes_[number];
  while (auto early = node.early->take(*node.next_seq)) {
    totals_.reorder_bytes -= early->bytes();
    outcome_.kept_payloads.push_back(std::move(early->payload));
    const std::string& bytes = outcome_.kept_payloads.back();
    early_reader_.read(bytes);
    apply_in_sequence(
        number, {early->type, early->device, early_reader_.payload(), bytes, early->received}, now);
  }
  if (node.early->empty()) {
    drop_early(number);
    set_state(number, NodeState::online, OfflineReason::none, now.wall);
    return;
  }
  // Another one is missing: it has its own time.
  reorder_deadlines_.erase({node.early->deadline(), number});
  node.early->restart(now.steady);
  reorder_deadlines_.emplace(node.early->deadline(), number);
}

/// tck-id-operational-behavior-host-reordering-start
void EdgeNodes::on_gap(NodeNumber number, const Message& message, bool may_reorder, Now now) {
  EdgeNode& node = *nodes_[number];
  if (node.state == NodeState::online) {
    ++node.counts.gaps;
    count(Counter::sparkplug_gaps);
    node.findings.note(Finding::seq_gap, now.wall, message.device);
  }
  if (message.payload.seq > 255) node.findings.note(Finding::seq_range, now.wall, message.device);
  const Milliseconds timeout =
      may_reorder ? config_.reorder_timeout : config_.reorder_timeout_direct;
  const bool waits = timeout > Milliseconds{0} && message.payload.seq <= 255 &&
                     keep_early(number, message, timeout, now);
  if (!waits) return lose_sync(number, now);
  if (node.state == NodeState::online) {
    set_state(number, NodeState::reordering, OfflineReason::none, now.wall);
  }
}

bool EdgeNodes::keep_early(NodeNumber number, const Message& message, Milliseconds timeout,
                           Now now) {
  EdgeNode& node = *nodes_[number];
  EarlyMessage early{message.type, std::string(message.device), std::string(message.bytes),
                     message.received};
  const std::size_t bytes = early.bytes();
  const std::size_t waiting = node.early == nullptr ? 0 : node.early->bytes();
  const std::size_t messages = node.early == nullptr ? 0 : node.early->size();
  if (messages >= config_.limits.reorder_messages ||
      waiting + bytes > config_.limits.reorder_bytes ||
      totals_.reorder_bytes + bytes > config_.limits.reorder_bytes_total) {
    count(Counter::sparkplug_reorder_refused);
    report_limit(EdgeLimit::reorder, number, now);
    return false;
  }
  if (node.early == nullptr) {
    node.early = std::make_unique<ReorderBuffer>(now.steady, timeout);
    reorder_deadlines_.emplace(node.early->deadline(), number);
  }
  // Another message with this seq: one of them will never be in order.
  if (!node.early->add(static_cast<std::uint8_t>(message.payload.seq), std::move(early))) {
    return false;
  }
  totals_.reorder_bytes += bytes;
  return true;
}

/// Aliases may have been redefined in what is lost: nothing can be trusted until the next NBIRTH.
void EdgeNodes::lose_sync(NodeNumber number, Now now) {
  drop_early(number);
  set_state(number, NodeState::out_of_sync, OfflineReason::none, now.wall);
  want_rebirth(number, RebirthCause::gap, now.steady);
}

void EdgeNodes::drop_early(NodeNumber number) {
  EdgeNode& node = *nodes_[number];
  if (node.early == nullptr) return;
  reorder_deadlines_.erase({node.early->deadline(), number});
  totals_.reorder_bytes -= node.early->bytes();
  node.early.reset();
}

}  // namespace lineshaft::sparkplug
