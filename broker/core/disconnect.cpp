// The ways a connection ends, and what becomes of its session.
#include <algorithm>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"

namespace lineshaft::core {

void Core::on_disconnect(ConnectionState& connection, const mqtt::DisconnectPacket& packet) {
  Session& session = sessions_.at(connection.session);
  if (packet.session_expiry_interval_s) {
    // [MQTT-3.14.2-1] it may not come from 0.
    if (session.expiry_interval_s == 0 && *packet.session_expiry_interval_s > 0) {
      violate(connection, {ReasonCode::protocol_error, "MQTT-3.14.2-1"});
      return;
    }
    session.expiry_interval_s =
        std::min(*packet.session_expiry_interval_s, limits_of(session).session_expiry_s_max);
  }
  // [MQTT-3.14.4-3] 0x00 discards the will, everything else publishes it.
  const bool discard =
      connection.version != mqtt::Version::v5 || packet.reason == ReasonCode::success;
  LINESHAFT_LOG(core, info, "client_disconnected", {"client_id", session.client_id},
                {"reason", to_string(packet.reason)});
  drop_connection(connection, ReasonCode::success);
  connection_ended(session, discard ? WillFate::discard : WillFate::publish);
}

void Core::on_lost(ConnectionState& connection, LostBecause because) {
  static constexpr const char* words[] = {"peer_closed", "network_error", "stalled_socket"};
  if (connection.subscribing && !draining_) {
    // What it has sent before it was lost counts; a DISCONNECT among it has ended it properly.
    const ConnectionId id = connection.id;
    end_subscribe(id);
    if (connections_.find(id) == nullptr) return;
  }
  if (!connection.accepted) {
    drop_held(connection);
    connections_.close(connection.id);
    return;
  }
  Session& session = sessions_.at(connection.session);
  LINESHAFT_LOG(core, info, "client_lost", {"client_id", session.client_id},
                {"because", words[static_cast<std::size_t>(because)]});
  timers_.cancel({connection.keep_alive_due, TimerKind::keep_alive, connection.id.slot,
                  connection.id.generation, connection.id.shard});
  drop_held(connection);
  connections_.close(connection.id);
  connection_ended(session, WillFate::publish);
  finish_drain();
}

/// [MQTT-4.13.1-1] the code, then the end.
void Core::violate(ConnectionState& connection, const Error& error) {
  count(error.reason == ReasonCode::malformed_packet ? Counter::malformed_packets
                                                     : Counter::protocol_errors);
  LINESHAFT_LOG(core, warn, "protocol_error",
                {"client_id", sessions_.at(connection.session).client_id},
                {"reason", to_string(error.reason)}, {"clause", error.clause});
  close_with(connection, error.reason);
}

void Core::close_with(ConnectionState& connection, ReasonCode reason) {
  Session& session = sessions_.at(connection.session);
  // [MQTT-3.14.0-1] no DISCONNECT before the CONNACK has left; 3.x knows none from a server.
  if (connection.connack_sent && connection.version == mqtt::Version::v5) {
    auto packet = std::make_unique<mqtt::DisconnectPacket>();
    packet->reason = reason;
    emit_effect(connection, Acknowledge{connection.ref(), OutPacket{std::move(packet)}});
  }
  drop_connection(connection, reason);
  connection_ended(session, WillFate::publish);
}

/// Closes the socket behind what was emitted; held packets are dropped with it. After a DISCONNECT
/// nothing follows [MQTT-3.14.4-1], [MQTT-3.14.4-2].
void Core::drop_connection(ConnectionState& connection, ReasonCode reason) {
  emit_effect(connection, Close{connection.ref(), reason});
  timers_.cancel({connection.keep_alive_due, TimerKind::keep_alive, connection.id.slot,
                  connection.id.generation, connection.id.shard});
  drop_held(connection);
  connections_.close(connection.id);
  finish_drain();
}

/// The session has no connection any more: nothing of it is on a wire.
void Core::detach(Session& session) {
  session.connected = false;
  quotas_.disconnected(session.owner.get());
  --connected_;
  session.disconnected_at = now_.wall;
  for (auto& inflight : session.queue.inflight) inflight.on_wire = false;
  session.queue.on_wire = 0;
  session.queue.moved_before_seq = 0;
  if (session.rate_timer) timers_.cancel(*session.rate_timer);
  session.rate_timer.reset();
  drop_replays(session);
  if (interceptor_) interceptor_->on_disconnect(subject_of(session));
  if (!extensions_.empty()) {
    extensions_.gone.push_back({session.connection_number, session.client_id, session.owner});
  }
}

void Core::connection_ended(Session& session, WillFate fate) {
  detach(session);
  if (fate == WillFate::discard) {
    if (!extensions_.empty()) extensions_.gone.back().in_order = true;
    clear_will(session);  // [MQTT-3.1.2-10]
  }
  // [MQTT-4.1.0-1] the state stays as long as the session's expiry says.
  if (session.expiry_interval_s == 0) {
    expire_session(session);  // [MQTT-4.1.0-2]; a will goes out with it
    return;
  }
  // QoS 0 does not wait for an offline session.
  const auto drop_qos0 = [&](const QueueEntry& entry) {
    if (entry.qos != QoS::at_most_once) return false;
    forget_entry(session, entry);
    return true;
  };
  session.queue.head.remove_if(drop_qos0);
  session.queue.tail.remove_if(drop_qos0);
  move_slice(session);
  const std::uint32_t expiry_s = effective_expiry_s(session);
  if (expiry_s != 0xFFFFFFFF) {
    session.expiry_timer = TimerKey{now_.steady + Milliseconds{1000} * std::int64_t{expiry_s},
                                    TimerKind::session_expiry, session.index, session.generation};
    timers_.add(*session.expiry_timer);
  }
  schedule_will(session);
  if (session.stored) record_session(session, false);
}

/// A 3.x session that holds nothing of value does not stay for a month.
std::uint32_t Core::effective_expiry_s(const Session& session) const {
  if (session.version == mqtt::Version::v5) return session.expiry_interval_s;
  const bool holds =
      !session.queue.empty() || std::ranges::any_of(session.subscriptions, [](const auto& item) {
        return item.second.options.qos != QoS::at_most_once;
      });
  return holds ? session.expiry_interval_s
               : std::min(session.expiry_interval_s, config_.idle_session_expiry_s);
}

void Core::end_session(Session& session) {
  if (session.will) publish_will(session);
  if (!session.ended) session.queue.moved_before_seq = 0;
  std::size_t all = ~std::size_t{0};
  move_shared(session, true, all);
  for (const auto& [filter, subscription] : session.subscriptions) {
    unindex_subscription(session, filter, subscription);
  }
  SessionQueue& queue = session.queue;
  if (session.stored) {
    // Entries of QoS 0 are not stored: they never took a reference.
    const auto release = [this](const QueueEntry& entry) {
      if (entry.message && entry.qos != QoS::at_most_once) release_payload(entry.message->store_id);
    };
    for (const InflightEntry& inflight : queue.inflight) release(inflight.entry);
    for (const QueueEntry& entry : queue.head) release(entry);
    for (const SpilledEntry& entry : queue.spilled) release_payload(entry.store_id);
    for (const QueueEntry& entry : queue.tail) release(entry);
    // Whoever is told that the session is gone (CONNACK with Session Present 0) waits for this.
    session_erase_seq_ = record(SessionErase{session.client_id, session.sid}, true);
  }
  const auto unreceived = std::ranges::count_if(
      queue.inflight, [](const InflightEntry& e) { return e.entry.message != nullptr; });
  statistics_.queued -= static_cast<std::size_t>(unreceived) + queue.waiting();
  statistics_.queued_bytes -= queue.bytes;
  statistics_.queue_drops -= queue.drops;
  if (session.expiry_timer) timers_.cancel(*session.expiry_timer);
  if (session.will_timer) timers_.cancel(*session.will_timer);
  quotas_.pass_session(session.owner.get(), nullptr);
  sessions_.erase(session.index);
}

/// Slow clients with `overflow = "disconnect"`: closed when the packet is through, not in the
/// middle of a delivery.
void Core::close_overflowed() {
  while (!overflowed_.empty()) {
    const Overflowed next = overflowed_.back();
    overflowed_.pop_back();
    ConnectionState* connection = connections_.find(next.connection);
    if (connection == nullptr || !connection->accepted) continue;
    count(Counter::slow_consumers_closed);
    LINESHAFT_LOG(core, warn, "slow_client_closed",
                  {"client_id", sessions_.at(connection->session).client_id});
    close_with(*connection, next.reason);
  }
}

}  // namespace lineshaft::core
