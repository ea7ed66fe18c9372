// The core's side of the journal: numbers, the open `Persist`, and everything that waits for a
// commit. An acknowledgement leaves only when what it promises is in the store.
#include <algorithm>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"

namespace lineshaft::core {

std::uint64_t Core::next_seq() {
  // A hybrid clock: it grows with the wall clock, and by one when that stands still or goes back.
  const auto wall_ms = static_cast<std::uint64_t>(now_.wall.time_since_epoch().count());
  last_seq_ = std::max(last_seq_ + 1, wall_ms << 20);
  if (effects_->persist) effects_->persist->last_seq = last_seq_;
  return last_seq_;
}

Persist& Core::open_persist(bool sync) {
  if (!effects_->persist) {
    const std::uint64_t seq = next_seq();
    effects_->persist.emplace();
    effects_->persist->seq = seq;
    effects_->persist->last_seq = seq;
  }
  effects_->persist->needs_sync |= sync;
  return *effects_->persist;
}

std::uint64_t Core::record_session(Session& session, bool sync) {
  std::uint64_t head_seq = session.queue.next_seq;
  const SessionQueue& queue = session.queue;
  if (!queue.tail.empty()) head_seq = queue.tail.front().seq;
  if (!queue.spilled.empty()) head_seq = queue.spilled.front().seq;
  if (!queue.head.empty()) head_seq = queue.head.front().seq;
  for (const auto& inflight : queue.inflight) head_seq = std::min(head_seq, inflight.entry.seq);
  session.acks_since_record = 0;
  SessionRecord change;
  change.client_id = session.client_id;
  change.sid = session.sid;
  change.version = session.version;
  change.expiry_interval_s = session.expiry_interval_s;
  change.connected = session.connected;
  change.disconnected_at = session.disconnected_at;
  change.head_seq = head_seq;
  change.owner = session.owner;
  const std::uint64_t seq = record(std::move(change), sync);
  if (sync) session.state_seq = seq;
  return seq;
}

void Core::acknowledge(ConnectionState& connection, OutPacket packet, std::uint64_t wait_seq,
                       bool frees_quota) {
  const bool waits = waits_for(wait_seq);
  if (!waits && connection.held.empty()) {
    emit(connection, std::move(packet), frees_quota);
    return;
  }
  connection.held.push_back({waits ? wait_seq : 0, std::move(packet), frees_quota});
  ++held_packets_;
  if (waits) held_order_.push_back({wait_seq, connection.id});
  const bool behind = store_state_.overloaded || connection.held.size() >= limits::held_packets_max;
  if (behind && !connection.paused_by_journal) {
    // It is the load: it stops until the journal has caught up.
    count(Counter::reading_paused_journal);
    pause_reading(connection, &ConnectionState::paused_by_journal, true);
  }
}

void Core::emit(ConnectionState& connection, OutPacket packet, bool frees_quota) {
  if (frees_quota && connection.unacknowledged > 0) --connection.unacknowledged;
  bool connack = false;
  std::uint16_t suback = 0;
  if (const auto* ack = std::get_if<std::unique_ptr<mqtt::ConnackPacket>>(&packet)) {
    connack = (*ack)->reason == ReasonCode::success;
  } else if (const auto* sub = std::get_if<std::unique_ptr<mqtt::SubackPacket>>(&packet)) {
    if ((*sub)->type == mqtt::PacketType::suback) suback = (*sub)->packet_id;
  }
  emit_effect(connection, Acknowledge{connection.ref(), std::move(packet)});
  if (connack) after_connack(connection);
  if (suback != 0) release_replays(sessions_.at(connection.session), suback);
}

void Core::flush_held(ConnectionState& connection) {
  while (!connection.held.empty() && !waits_for(connection.held.front().wait_seq)) {
    HeldPacket held = connection.held.pop_front();
    --held_packets_;
    emit(connection, std::move(held.packet), held.frees_quota);
  }
  if (!connection.held.empty()) return;
  if (connection.paused_by_journal && !store_state_.overloaded) {
    pause_reading(connection, &ConnectionState::paused_by_journal, false);
  }
  if (!connection.drains) return;
  // The broker stops: no will fires, sessions stay as they are in the store.
  if (connection.connack_sent && connection.version == mqtt::Version::v5) {
    auto packet = std::make_unique<mqtt::DisconnectPacket>();
    packet->reason = ReasonCode::server_shutting_down;
    emit_effect(connection, Acknowledge{connection.ref(), OutPacket{std::move(packet)}});
  }
  emit_effect(connection, Close{connection.ref(), ReasonCode::server_shutting_down});
  if (connection.accepted) {
    Session& session = sessions_.at(connection.session);
    session.connected = false;
    quotas_.disconnected(session.owner.get());
    --connected_;
  }
  connections_.close(connection.id);
}

void Core::drop_held(ConnectionState& connection) {
  held_packets_ -= connection.held.size();
  connection.held.clear();
}

void Core::on_committed(std::uint64_t seq) {
  committed_seq_ = std::max(committed_seq_, seq);
  while (!held_order_.empty() && held_order_.front().seq <= committed_seq_) {
    const auto waiting = held_order_.pop_front();
    if (auto* connection = connections_.find(waiting.connection)) flush_held(*connection);
  }
  while (!awaiting_.empty() && awaiting_.front().seq <= committed_seq_) {
    const auto waiting = awaiting_.pop_front();
    if (auto* session = sessions_.get(waiting.session, waiting.generation)) {
      release_awaiting(*session);
    }
  }
  while (!spilling_.empty() && spilling_.front().seq <= committed_seq_) {
    const auto waiting = spilling_.pop_front();
    if (auto* session = sessions_.get(waiting.session, waiting.generation)) {
      session->queue.spill_committed(committed_seq_);
      refill(*session);
    }
  }
  while (!policy_.held_replies.empty() && policy_.held_replies.front().seq <= committed_seq_) {
    effects_->replies.push_back(policy_.held_replies.pop_front().reply);
  }
  finish_drain();
}

void Core::on_store_state(const StoreStateChanged& state) {
  if (state.accepts_writes != store_state_.accepts_writes) {
    if (state.accepts_writes) {
      LINESHAFT_LOG(core, info, "store_accepts_writes");
    } else {
      LINESHAFT_LOG(core, error, "store_refuses_writes", {"reason", to_string(state.refusal)});
    }
  }
  store_state_ = state;
  if (state.overloaded) return;
  connections_.for_each([this](ConnectionState& connection) {
    if (!connection.paused_by_journal) return;
    pause_reading(connection, &ConnectionState::paused_by_journal, false);
  });
}

}  // namespace lineshaft::core
