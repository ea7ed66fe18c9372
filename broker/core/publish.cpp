// PUBLISH from a client: session rules first, then admission, then the router (section 3.3).
#include <algorithm>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/topic_name.h"

namespace lineshaft::core {

void Core::on_publish(ConnectionState& connection, mqtt::PublishPacket& packet) {
  const Message& message = *packet.message;
  Session& session = sessions_.at(connection.session);
  count(Counter::publish_received);
  count(Counter::publish_bytes_received, message.payload().size());
  if (overload_ != OverloadLevel::none) note_sent(connection, message.payload().size());
  if (message.qos() == QoS::exactly_once && is_repeat(connection, session, packet)) return;
  if (message.qos() != QoS::at_most_once) {
    ++connection.unacknowledged;
    if (connection.version == mqtt::Version::v5 &&
        connection.unacknowledged > connection.receive_maximum) {
      violate(connection, {ReasonCode::receive_maximum_exceeded, "MQTT-3.3.4-7"});
      return;
    }
  }
  if (message.qos() == QoS::exactly_once && session.incoming.size() >= limits::incoming_qos2_max) {
    violate(connection, {ReasonCode::quota_exceeded, "MQTT-3.3.4-7"});
    return;
  }
  if (starts_with_dollar(message.topic())) {
    refuse_publish(connection, packet, {ReasonCode::not_authorized});
    return;
  }
  Publication publication;
  publication.message = std::move(packet.message);
  publication.topic = topic_of(connection, message.topic());
  publication.publisher = &session;
  PublishVerdict verdict;
  if (interceptor_) verdict = ask_publish(session, message, publication.topic);
  if (!is_failure(verdict.reason)) verdict.reason = take_in(session, publication);
  if (is_failure(verdict.reason)) {
    packet.message = std::move(publication.message);
    refuse_publish(connection, packet, verdict);
    return;
  }
  // A known QoS 1 identifier says nothing: after its PUBACK it is a new message [MQTT-4.3.2-5].
  std::uint64_t wait_seq = 0;
  if (message.qos() == QoS::exactly_once) {
    IncomingQos2 incoming{packet.packet_id, true, 0};
    if (session.stored) {
      // In one `Persist` with all queue entries: the identifier and what it stands for.
      wait_seq = record(
          InflightRecord{session.sid, Direction::in, packet.packet_id, InflightState::received, 0},
          true);
      incoming.persist_seq = wait_seq;
      publication.hold_seq = wait_seq;
    } else {
      // Behind what its earlier, stored session sent: that waits for the disk [MQTT-4.6.0-5].
      publication.hold_seq = session.state_seq;
    }
    session.incoming.push_back(incoming);
  }
  const bool stored = message.qos() != QoS::at_most_once && reaches_store(publication);
  if (stored || (config_.qos1_always_sync && message.qos() != QoS::at_most_once)) {
    if (config_.has_store) wait_seq = open_persist(true).seq;
  }
  wait_seq = std::max(wait_seq, update_values(publication));
  if (config_.qos1_always_sync && message.qos() != QoS::at_most_once) {
    wait_seq = std::max(wait_seq, persist_topic(publication.topic, true));
  }
  if (watcher_ && watcher_->on_publish(connection.watched_as, message)) hold_back(connection);
  const bool nobody = targets_.empty();
  route(publication);
  packet.message = std::move(publication.message);
  acknowledge_publish(connection, packet,
                      nobody ? ReasonCode::no_matching_subscribers : ReasonCode::success, wait_seq);
}

/// A QoS 2 PUBLISH we have already: PUBREC again, no second delivery [MQTT-4.3.3-10].
bool Core::is_repeat(ConnectionState& connection, Session& session,
                     const mqtt::PublishPacket& packet) {
  const auto known =
      std::ranges::find(session.incoming, packet.packet_id, &IncomingQos2::packet_id);
  if (known == session.incoming.end()) return false;
  if (!known->counted) ++connection.unacknowledged;
  known->counted = true;
  acknowledge(connection,
              mqtt::AckPacket{mqtt::PacketType::pubrec, packet.packet_id, ReasonCode::success, {}},
              known->persist_seq);
  return true;
}

/// What the policy allows: who gets it, may it be taken, and what extensions make of it.
ReasonCode Core::take_in(Session& session, Publication& publication) {
  collect_targets(publication);
  const ReasonCode reason = admit(session, publication);
  if (is_failure(reason) || !topics_.at(publication.topic).is_claimed()) return reason;
  return show(publication);
}

/// Everything that can refuse a publish, before any effect of it.
ReasonCode Core::admit(Session& session, const Publication& publication) {
  const Message& message = *publication.message;
  const bool sets_retained = message.retain() && !message.payload().empty();
  if (sets_retained && !may_retain(publication)) return ReasonCode::quota_exceeded;
  if (message.qos() == QoS::at_most_once) return ReasonCode::success;
  const bool needs_store = reaches_store(publication) ||
                           (message.qos() == QoS::exactly_once && session.stored) ||
                           config_.qos1_always_sync;
  if (needs_store && config_.has_store && !store_state_.accepts_writes) {
    count(Counter::dropped_no_store);
    return store_state_.refusal;
  }
  if (config_.overflow == Overflow::reject_publisher) {
    // Every recipient is checked before the first one is changed.
    const std::size_t size =
        message.topic().size() + message.properties().size() + message.payload().size();
    const auto full = [this, size](const Target& target) {
      const SessionQueue& queue = target.session->queue;
      const ClientLimits& limits = limits_of(*target.session);
      return target.qos != QoS::at_most_once &&
             (queue.waiting() >= limits.queued_max || queue.bytes + size > limits.queued_bytes_max);
    };
    if (session.version == mqtt::Version::v5 && std::ranges::any_of(targets_, full)) {
      return ReasonCode::quota_exceeded;
    }
  }
  return ReasonCode::success;
}

void Core::refuse_publish(ConnectionState& connection, const mqtt::PublishPacket& packet,
                          const PublishVerdict& verdict) {
  const ReasonCode reason = verdict.reason;
  Session& session = sessions_.at(connection.session);
  count(Counter::publish_refused);
  if (!session.refusal_logged) {
    session.refusal_logged = true;
    LINESHAFT_LOG(core, warn, "publish_refused", {"client_id", session.client_id},
                  {"topic", packet.message->topic()}, {"reason", to_string(reason)},
                  {"why", verdict.cause.reason}, {"rule", verdict.cause.rule});
  }
  if (watcher_ && reason == ReasonCode::not_authorized) watcher_->on_deny(connection.watched_as);
  // A 3.x client cannot be told: what the store cannot take must not be acknowledged, so it is
  // closed; everything else is acknowledged and dropped.
  const bool no_store = !store_state_.accepts_writes && reason == store_state_.refusal;
  if (connection.version != mqtt::Version::v5 && no_store &&
      packet.message->qos() != QoS::at_most_once) {
    close_with(connection, reason);
    return;
  }
  // A PUBACK has no word for a QoS or a RETAIN that is not allowed [MQTT-3.4.2-1], [MQTT-3.5.2-1].
  const bool has_word =
      reason != ReasonCode::qos_not_supported && reason != ReasonCode::retain_not_supported;
  acknowledge_publish(connection, packet, has_word ? reason : ReasonCode::not_authorized, 0);
  // Here a DISCONNECT has.
  if (verdict.disconnects) close_with(connection, reason);
}

void Core::acknowledge_publish(ConnectionState& connection, const mqtt::PublishPacket& packet,
                               ReasonCode reason, std::uint64_t wait_seq) {
  // [MQTT-4.3.2-4], [MQTT-4.3.3-8] owned now, and stored when `wait_seq` is committed; the answer
  // echoes the identifier [MQTT-2.2.1-5].
  const QoS qos = packet.message->qos();
  if (qos == QoS::at_most_once) return;  // [MQTT-3.3.4-1]
  const auto type = qos == QoS::at_least_once ? mqtt::PacketType::puback : mqtt::PacketType::pubrec;
  // A PUBREC below 0x80 keeps its place until PUBCOMP [MQTT-4.3.3-9].
  const bool frees_quota = qos == QoS::at_least_once || is_failure(reason);
  acknowledge(connection, mqtt::AckPacket{type, packet.packet_id, reason, {}}, wait_seq,
              frees_quota);
}

/// The topic's entry: remembered from the last publish, or looked up, or made.
TopicIndex Core::topic_of(ConnectionState& connection, std::string_view name) {
  if (connection.memo != no_topic) {
    TopicEntry& entry = topics_.at(connection.memo);
    if (entry.used && entry.generation == connection.memo_generation && entry.name() == name) {
      entry.recent = true;
      return connection.memo;
    }
  }
  const TopicIndex index = topics_.obtain(name, config_.topic_entries_idle_max);
  initialise_topic(index);
  connection.memo = index;
  connection.memo_generation = topics_.at(index).generation;
  return index;
}

}  // namespace lineshaft::core
