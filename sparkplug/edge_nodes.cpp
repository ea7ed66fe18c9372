// What comes in, and what time brings.
#include "sparkplug/edge_nodes.h"

#include <cstdlib>

#include "broker/base/metrics.h"
#include "sparkplug/well_known.h"

namespace lineshaft::sparkplug {
namespace {

/// Above it the room of a large birth is given back.
constexpr std::size_t changes_kept = 4096;

std::uint64_t magnitude(std::int64_t number) {
  return number < 0 ? ~static_cast<std::uint64_t>(number) + 1 : static_cast<std::uint64_t>(number);
}

}  // namespace

EdgeNodes::EdgeNodes(EdgeNodesConfig config)
    : config_(std::move(config)),
      arbiter_(config_.rebirth, config_.seed),
      hosts_(config_.limits.hosts),
      value_budget_{0, config_.limits.value_bytes} {}

void EdgeNodes::begin() {
  outcome_.actions.clear();
  outcome_.changes.clear();
  if (outcome_.changes.capacity() > changes_kept) outcome_.changes.shrink_to_fit();
  outcome_.kept_payloads.clear();
  outcome_.replaced.clear();
  outcome_.is_certificate = false;
  outcome_.is_malformed = false;
}

const Outcome& EdgeNodes::finish(Now now) {
  send_rebirths(now);
  return outcome_;
}

/// tck-id-operational-behavior-data-commands-ncmd-rebirth-verb, -name, -value are for the sender.
void EdgeNodes::send_rebirths(Now now) {
  while (const auto due = arbiter_.next_due(now.steady)) {
    EdgeNode& node = *nodes_[*due];
    const auto request = arbiter_.send(*due, node.rebirth, now);
    count(Counter::sparkplug_rebirths_requested);
    outcome_.actions.emplace_back(RequestRebirth{*due, request.causes});
    if (!request.is_last) continue;
    count(Counter::sparkplug_rebirths_unanswered);
    outcome_.actions.emplace_back(RebirthUnanswered{*due, node.rebirth.unanswered});
  }
}

void EdgeNodes::want_rebirth(NodeNumber number, RebirthCause cause, Instant now) {
  ++totals_.rebirth_causes[static_cast<std::size_t>(cause)];
  arbiter_.want(number, nodes_[number]->rebirth, cause, now);
}

void EdgeNodes::report_limit(EdgeLimit limit, NodeNumber node, Now now) {
  auto& last = limit_reported_[static_cast<std::size_t>(limit)];
  if (last && now.steady - *last < limits::sparkplug_limit_report) return;
  last = now.steady;
  outcome_.actions.emplace_back(LimitReached{limit, node});
}

const Outcome& EdgeNodes::on_connect(const Author& author, const DeathWill& will, Now now) {
  begin();
  if (will.topic.type != MessageType::ndeath || author.connection == 0) return outcome_;
  Session* session = session_for(author, no_node, now);
  if (session == nullptr) return outcome_;
  session->has_will = true;
  session->will_group = will.topic.group;
  session->will_node = will.topic.node;
  session->will_bd_seq.reset();
  FindingMask& found = session->will_findings;
  found = 0;
  if (will.qos != 1) found |= bit_of(Finding::will_qos);
  if (will.retain) found |= bit_of(Finding::will_retained);
  if (reader_.read(will.payload) != PayloadFault::none) {
    found |= bit_of(Finding::will_malformed);
    return outcome_;
  }
  session->will_bd_seq = bd_seq_of(reader_.payload());
  if (!session->will_bd_seq) found |= bit_of(Finding::will_no_bdseq);
  return outcome_;
}

const Outcome& EdgeNodes::on_publish(const Publication& message, Now now) {
  begin();
  switch (message.topic.type) {
    case MessageType::none:
      break;
    case MessageType::state:
      on_state(message, now);
      break;
    case MessageType::ncmd:
    case MessageType::dcmd:
      on_command(message, now);
      break;
    default:
      on_node_message(message, now);
  }
  return finish(now);
}

void EdgeNodes::on_state(const Publication& message, Now now) {
  switch (hosts_.on_state(message.topic.node, message.payload, message.retain, now.wall)) {
    case HostTable::Result::changed: {
      const HostTable::Host& host = *hosts_.find(message.topic.node);
      outcome_.actions.emplace_back(
          HostChanged{std::string(message.topic.node), host.is_online, host.timestamp});
      break;
    }
    case HostTable::Result::same:
      break;
    case HostTable::Result::late:
      count(Counter::sparkplug_states_late);
      break;
    case HostTable::Result::malformed:
      count(Counter::sparkplug_malformed);
      outcome_.is_malformed = true;
      break;
    case HostTable::Result::full:
      count(Counter::sparkplug_hosts_refused);
      report_limit(EdgeLimit::hosts, no_node, now);
      break;
  }
}

/// Another host's rebirth request counts as ours.
void EdgeNodes::on_command(const Publication& message, Now now) {
  if (reader_.read(message.payload) != PayloadFault::none) {
    count(Counter::sparkplug_malformed);
    outcome_.is_malformed = true;
    return;
  }
  if (message.topic.type != MessageType::ncmd || !asks_for_rebirth(reader_.payload())) return;
  const auto number = find_node(message.topic.group, message.topic.node);
  if (number) arbiter_.seen(*number, nodes_[*number]->rebirth, now);
}

void EdgeNodes::on_node_message(const Publication& message, Now now) {
  const MessageType type = message.topic.type;
  const bool is_empty_birth = is_birth(type) && message.payload.empty();
  if (is_empty_birth || reader_.read(message.payload) != PayloadFault::none) {
    // Plain MQTT: nothing is made, nothing moves.
    count(Counter::sparkplug_malformed);
    outcome_.is_malformed = true;
    const auto number = find_node(message.topic.group, message.topic.node);
    if (!number) return;
    ++nodes_[*number]->counts.malformed;
    nodes_[*number]->findings.note(is_empty_birth ? Finding::birth_empty : Finding::malformed,
                                   now.wall, message.topic.device);
    return;
  }
  outcome_.is_certificate = is_birth(type);
  if (type == MessageType::ndeath) {
    const auto known = find_node(message.topic.group, message.topic.node);
    if (known) on_ndeath(*known, message, reader_.payload(), now);
    return;
  }
  const NodeNumber number = node_for(message.topic, now);
  if (number == no_node) return;
  note_delivery(*nodes_[number], message, now);
  if (type == MessageType::nbirth) {
    on_nbirth(number, message, reader_.payload(), now);
  } else {
    on_sequenced(number, message, reader_.payload(), now);
  }
}

/// What can be said without the state: tck-id-topics-ndata-mqtt, -ddata-mqtt, -dbirth-mqtt,
/// -ddeath-mqtt, tck-id-payloads-timestamp-in-UTC.
void EdgeNodes::note_delivery(EdgeNode& node, const Publication& message, Now now) {
  FindingMask found = 0;
  if (message.qos != 0) found |= bit_of(Finding::qos);
  if (message.retain) found |= bit_of(Finding::retained);
  const PayloadView& payload = reader_.payload();
  if (!payload.has_timestamp) {
    found |= bit_of(Finding::timestamp_missing);
  } else {
    node.clock_skew_ms = static_cast<std::int64_t>(
        payload.timestamp - static_cast<std::uint64_t>(now.wall.time_since_epoch().count()));
    const auto skew_max = static_cast<std::uint64_t>(limits::sparkplug_clock_skew.count());
    if (magnitude(node.clock_skew_ms) > skew_max) found |= bit_of(Finding::clock_skew);
  }
  node.findings.note_all(found, now.wall);
}

const Outcome& EdgeNodes::on_disconnect(ConnectionNumber connection, ConnectionEnd end, Now now) {
  begin();
  const auto found = sessions_.find(connection);
  if (found == sessions_.end()) return finish(now);
  const Session session = std::move(found->second);
  sessions_.erase(found);
  for (const NodeNumber number : session.bound) {
    EdgeNode& node = *nodes_[number];
    node.connection = 0;
    const bool is_willed =
        session.has_will && session.will_node == node.name && session.will_group == node.group;
    if (end == ConnectionEnd::disconnected) {
      // tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath
      node.findings.note(Finding::ndeath_missing, now.wall, node.client_id);
      go_offline(number, OfflineReason::detached, now);
    } else if (end == ConnectionEnd::lost || !is_willed) {
      // Its will, if there was one, did not speak of this session.
      count(Counter::sparkplug_nodes_lost);
      go_offline(number, OfflineReason::lost, now);
    }
  }
  return finish(now);
}

const Outcome& EdgeNodes::on_link(ConnectionNumber connection, bool is_up, Now now) {
  begin();
  if (!is_up) {
    const auto found = sessions_.find(connection);
    if (found == sessions_.end()) return finish(now);
    const std::vector<NodeNumber> bound = found->second.bound;
    for (const NodeNumber number : bound) go_offline(number, OfflineReason::unreachable, now);
    return finish(now);
  }
  for (NodeNumber number = 0; number < nodes_.size(); ++number) {
    const EdgeNode* node = nodes_[number].get();
    if (node == nullptr || node->reason != OfflineReason::unreachable) continue;
    if (node->last_connection == connection) {
      want_rebirth(number, RebirthCause::link_up, now.steady);
    }
  }
  return finish(now);
}

const Outcome& EdgeNodes::on_time(Now now) {
  begin();
  expire_reorders(now);
  return finish(now);
}

/// tck-id-operational-behavior-host-reordering-rebirth
void EdgeNodes::expire_reorders(Now now) {
  while (!reorder_deadlines_.empty() && reorder_deadlines_.begin()->first <= now.steady) {
    lose_sync(reorder_deadlines_.begin()->second, now);
  }
}

const Outcome& EdgeNodes::ask_rebirth(NodeNumber number, Now now) {
  begin();
  if (node(number) != nullptr) want_rebirth(number, RebirthCause::operator_asked, now.steady);
  return finish(now);
}

const Outcome& EdgeNodes::forget(NodeNumber number) {
  begin();
  if (node(number) != nullptr) remove_node(number);
  return outcome_;
}

std::optional<Instant> EdgeNodes::next_timer() const {
  auto next = arbiter_.next_timer();
  if (reorder_deadlines_.empty()) return next;
  const Instant deadline = reorder_deadlines_.begin()->first;
  return next ? std::min(*next, deadline) : deadline;
}

void EdgeNodes::set_state(NodeNumber number, NodeState to, OfflineReason reason, WallTime at) {
  EdgeNode& node = *nodes_[number];
  const NodeState from = node.state;
  const bool was_live = is_live(number, no_device);
  const bool was_here = node.is_here();
  node.state = to;
  node.reason = reason;
  if (node.is_here() && !was_here) ++totals_.nodes_here;
  if (!node.is_here() && was_here) --totals_.nodes_here;
  const bool is_live_now = is_live(number, no_device);
  if (was_live && !is_live_now) {
    node.stale_since = static_cast<std::uint64_t>(at.time_since_epoch().count());
  }
  outcome_.actions.emplace_back(
      NodeChanged{number, from, to, reason, false, was_live != is_live_now, at});
  node.is_record_dirty = true;
  list_dirty({number, no_device});
}

}  // namespace lineshaft::sparkplug
