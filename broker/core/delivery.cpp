// From a routed message to a PUBLISH on the wire: window, redelivery (sections 4.3 to 4.9).
#include <algorithm>
#include <utility>

#include "broker/base/assert.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/mqtt/encoder.h"

namespace lineshaft::core {

void Core::offer(const Target& target, Publication& publication) {
  Session& session = *target.session;
  const auto identifiers = std::span<const std::uint32_t>(target_identifiers_)
                               .subspan(target.identifiers_begin, target.identifiers_size);
  if (sheds(target, publication)) return;
  if (target.qos == QoS::at_most_once) {
    // QoS 0 is not queued for an offline session.
    if (!session.connected) return;
    ConnectionState& connection = connection_of(session);
    // Behind QoS 0 that had to wait [MQTT-4.6.0-5].
    const bool overtakes =
        session.queue.qos0_waiting > 0 || overtakes_replay(session, publication.message->topic());
    if (connection.connack_sent && !waits_for(publication.hold_seq) && !overtakes) {
      if (target.limited && wait_for_rate(session, *publication.message) > Milliseconds{0}) {
        count(Counter::dropped_rate);
        return;
      }
      Recipient recipient;
      recipient.retain = target.retain;
      recipient.replay = target.wanted;
      deliver(connection, *publication.message, recipient, identifiers,
              publication.message->expiry_interval_s());
      return;
    }
  }
  QueueEntry entry;
  entry.message = kept(publication);
  entry.wait_seq = publication.hold_seq;
  entry.subscription_identifiers.assign(identifiers.begin(), identifiers.end());
  entry.share = target.share;
  entry.qos = target.qos;
  entry.retain = target.retain;
  entry.limited = target.limited;
  enqueue(session, std::move(entry));
}

/// A replay has queued something, or something of this topic is about to be sent: an older value
/// must not come after a newer one.
bool Core::overtakes_replay(const Session& session, std::string_view topic) const {
  const SessionQueue& queue = session.queue;
  return (!session.replays.empty() && queue.waiting() > 0) || queue.retained_waits() ||
         queue.unsent_retained(topic) != nullptr;
}

/// Sends what the window allows: first what a resumed session has in flight, then new messages, in
/// the order they came [MQTT-4.6.0-5], [MQTT-4.6.0-6].
void Core::pump(Session& session, std::uint64_t fresh_seq) {
  ConnectionState* const ready = ready_connection(session);
  if (ready == nullptr) return;
  ConnectionState& connection = *ready;
  SessionQueue& queue = session.queue;
  // What is committed goes first: a message behind it that need not wait any more must not
  // overtake.
  if (queue.awaiting_commit > 0) release_committed(session);
  if (queue.on_wire < queue.inflight.size()) resend(session, connection);
  if (queue.on_wire == queue.inflight.size()) {
    // When nothing is spilled between them the tail is next; no other event may come to send it.
    const auto has_next = [&queue] {
      if (queue.head.empty()) queue.join();
      return !queue.head.empty();
    };
    while (has_next() && start_next(session, connection, fresh_seq)) {
    }
  }
  refill(session);
}

/// [MQTT-4.4.0-1] in the original order with the original identifiers, as far as the receive
/// maximum of the new connection allows.
void Core::resend(Session& session, ConnectionState& connection) {
  SessionQueue& queue = session.queue;
  drop_expired_unsent(session);
  if (interceptor_) drop_denied_inflight(session);
  for (InflightEntry& inflight : queue.inflight) {
    if (inflight.on_wire) continue;
    if (queue.on_wire >= connection.window) return;
    inflight.on_wire = true;
    ++queue.on_wire;
    if (inflight.state == InflightState::released) {
      // [MQTT-4.3.3-6] PUBREL, never the PUBLISH again.
      acknowledge(
          connection,
          mqtt::AckPacket{mqtt::PacketType::pubrel, inflight.packet_id, ReasonCode::success, {}},
          inflight.entry.wait_seq);
    } else if (!inflight.awaiting_commit) {
      send_inflight(connection, inflight);
    }
  }
}

/// Starts the first waiting message; false when it has to wait.
bool Core::start_next(Session& session, ConnectionState& connection, std::uint64_t fresh_seq) {
  SessionQueue& queue = session.queue;
  if (session.rate_timer) return false;
  QueueEntry& front = queue.head.front();
  const std::uint32_t expiry_s = remaining_expiry_s(*front.message);
  if (drop_unsendable(session, connection, expiry_s, front.seq == fresh_seq)) return true;
  // A QoS 2 replay waits for its identifier; what is newer of its topic does not overtake it.
  if (const InflightEntry* const older = queue.unsent_retained(front.message->topic())) {
    front.wait_seq = std::max(front.wait_seq, older->entry.wait_seq);
  }
  if (std::min(front.qos, front.qos_max) == QoS::at_most_once) {
    return start_unacknowledged(session, connection, expiry_s);
  }
  // [MQTT-3.3.4-9] only QoS 1 and 2 wait for a place [MQTT-3.3.4-10], [MQTT-4.9.0-1],
  // [MQTT-4.9.0-3].
  if (queue.on_wire >= connection.window) return false;
  if (front.limited && has_to_wait(session, *front.message)) return false;
  InflightEntry inflight;
  inflight.entry = queue.head.pop_front();
  inflight.entry.qos = std::min(inflight.entry.qos, inflight.entry.qos_max);
  inflight.packet_id = queue.take_packet_id();  // [MQTT-4.3.2-1], [MQTT-4.3.3-1]
  inflight.on_wire = true;
  ++queue.on_wire;
  const bool exactly_once = inflight.entry.qos == QoS::exactly_once;
  if (session.stored) {
    if (inflight.entry.seq != fresh_seq) {
      inflight.recorded = true;
      record(InflightRecord{session.sid, Direction::out, inflight.packet_id, InflightState::sent,
                            inflight.entry.seq},
             exactly_once);
    }
    // An identifier of QoS 2 must be on disk before its PUBLISH is sent.
    if (exactly_once) inflight.entry.wait_seq = open_persist(true).seq;
  }
  inflight.awaiting_commit = waits_for(inflight.entry.wait_seq);
  if (inflight.awaiting_commit) {
    ++queue.awaiting_commit;
    awaiting_.push_back({inflight.entry.wait_seq, session.index, session.generation});
  } else {
    send_inflight(connection, inflight);
  }
  queue.inflight.push_back(std::move(inflight));
  return true;
}

/// The same for one that goes out with QoS 0: without identifier and DUP [MQTT-2.2.1-2],
/// [MQTT-4.3.1-1].
bool Core::start_unacknowledged(Session& session, ConnectionState& connection,
                                std::uint32_t expiry_s) {
  SessionQueue& queue = session.queue;
  const QueueEntry& front = queue.head.front();
  if (waits_for(front.wait_seq)) {
    awaiting_.push_back({front.wait_seq, session.index, session.generation});
    return false;
  }
  if (front.limited) {
    if (front.qos != QoS::at_most_once) {
      if (has_to_wait(session, *front.message)) return false;
    } else if (wait_for_rate(session, *front.message) > Milliseconds{0}) {
      count(Counter::dropped_rate);
      forget_entry(session, queue.head.pop_front());
      return true;
    }
  }
  const QueueEntry entry = queue.head.pop_front();
  Recipient recipient;
  recipient.retain = entry.shows_retain();
  deliver(connection, *entry.message, recipient, entry.subscription_identifiers, expiry_s);
  forget_entry(session, entry);
  return true;
}

/// Drops the first waiting message when it expired, is too large or is not allowed any more.
bool Core::drop_unsendable(Session& session, const ConnectionState& connection,
                           std::uint32_t expiry_s, bool is_fresh) {
  SessionQueue& queue = session.queue;
  QueueEntry& front = queue.head.front();
  const bool gone = expired(*front.message);
  const bool too_large =
      connection.packet_size_bytes_max != 0 && !fits(connection, front, expiry_s);
  // What has just come was asked about a moment ago.
  const bool denied = !gone && !too_large && !is_fresh && !may_leave_queue(session, front);
  if (!gone && !too_large && !denied) return false;
  // [MQTT-3.3.2-5] and [MQTT-3.1.2-25]: it counts as delivered.
  if (gone || too_large) count(gone ? Counter::dropped_expired : Counter::dropped_too_large);
  if (too_large && !session.too_large_logged) {
    session.too_large_logged = true;
    LINESHAFT_LOG(core, warn, "message_too_large", {"client_id", session.client_id},
                  {"topic", front.message->topic()},
                  {"packet_size_max", connection.packet_size_bytes_max});
  }
  forget_entry(session, queue.head.pop_front());
  return true;
}

void Core::send_inflight(ConnectionState& connection, InflightEntry& inflight) {
  Recipient recipient;
  recipient.packet_id = inflight.packet_id;
  recipient.qos = inflight.entry.qos;
  recipient.retain = inflight.entry.shows_retain();
  // [MQTT-3.3.1-1], [MQTT-4.3.2-2], [MQTT-4.3.3-2]; the publisher's DUP is its own [MQTT-3.3.1-3].
  recipient.dup = inflight.sent_before;
  inflight.sent_before = true;
  // [MQTT-4.3.3-7] what was started does not expire.
  deliver(connection, *inflight.entry.message, recipient, inflight.entry.subscription_identifiers,
          remaining_expiry_s(*inflight.entry.message));
}

/// Commits release what waited for them to the connection of this moment.
void Core::release_committed(Session& session) {
  SessionQueue& queue = session.queue;
  const std::size_t awaiting = std::exchange(queue.awaiting_commit, 0);
  for (InflightEntry& inflight : queue.inflight) {
    if (!inflight.awaiting_commit) continue;
    inflight.awaiting_commit = waits_for(inflight.entry.wait_seq);
    if (inflight.awaiting_commit) ++queue.awaiting_commit;
  }
  if (queue.awaiting_commit == awaiting) return;
  drop_expired_unsent(session);
  // The policy may be another one than when it was started.
  if (interceptor_) {
    drop_inflight_if(session, [this, &session](InflightEntry& inflight) {
      const bool starts = !inflight.sent_before && !inflight.awaiting_commit &&
                          inflight.state == InflightState::sent &&
                          inflight.entry.message != nullptr;
      return starts && !may_leave_queue(session, inflight.entry);
    });
  }
  if (!is_ready(session)) return;
  for (InflightEntry& inflight : queue.inflight) {
    const bool next = inflight.on_wire && !inflight.awaiting_commit && !inflight.sent_before;
    if (next && inflight.state == InflightState::sent) {
      send_inflight(connection_of(session), inflight);
    }
  }
}

/// QoS 0 that waited for CONNACK goes first: what comes from now on does not queue, and must not
/// overtake it [MQTT-4.6.0-6].
void Core::send_waiting_qos0(Session& session, ConnectionState& connection) {
  if (session.queue.retained_waits()) return;  // they may be older: each in its turn
  const auto send = [&](QueueEntry& entry) {
    if (entry.qos != QoS::at_most_once || waits_for(entry.wait_seq)) return false;
    if (session.queue.unsent_retained(entry.message->topic()) != nullptr) return false;
    const std::uint32_t expiry_s = remaining_expiry_s(*entry.message);
    // What cannot be delivered is dropped, and counted, when its turn comes.
    if (expired(*entry.message) || !may_leave_queue(session, entry)) return false;
    if (entry.limited) return false;
    if (connection.packet_size_bytes_max != 0 && !fits(connection, entry, expiry_s)) return false;
    Recipient recipient;
    recipient.retain = entry.shows_retain();
    deliver(connection, *entry.message, recipient, entry.subscription_identifiers, expiry_s);
    forget_entry(session, entry);
    return true;
  };
  session.queue.head.remove_if(send);
  session.queue.tail.remove_if(send);
}

/// What has an identifier but never went out can still expire [MQTT-3.3.2-5].
void Core::drop_expired_unsent(Session& session) {
  drop_inflight_if(session, [this](const InflightEntry& inflight) {
    const bool unsent = !inflight.sent_before && !inflight.awaiting_commit;
    if (!unsent || !expired(*inflight.entry.message)) return false;
    count(Counter::dropped_expired);
    return true;
  });
}

/// What the last connection left unacknowledged and this client may not receive any more is not
/// sent again: its packet identifier is free.
void Core::drop_denied_inflight(Session& session) {
  release_denied_inflight(session);
  drop_inflight_if(session, [&](InflightEntry& inflight) {
    const bool waits = !inflight.on_wire && inflight.entry.message != nullptr;
    return waits && !may_leave_queue(session, inflight.entry);
  });
}

template <class Drops>
void Core::drop_inflight_if(Session& session, Drops drops) {
  SessionQueue& queue = session.queue;
  for (std::size_t i = 0; i < queue.inflight.size();) {
    InflightEntry& inflight = queue.inflight[i];
    if (!drops(inflight)) {
      ++i;
      continue;
    }
    if (inflight.on_wire) --queue.on_wire;
    if (inflight.awaiting_commit) --queue.awaiting_commit;
    forget_entry(session, inflight.entry);
    if (session.stored && inflight.recorded) {
      record(InflightErase{session.sid, Direction::out, inflight.packet_id});
    }
    queue.inflight.erase(queue.inflight.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void Core::release_awaiting(Session& session) {
  release_committed(session);
  pump(session);
  continue_replays(session);
}

void Core::deliver(ConnectionState& connection, const Message& message, const Recipient& recipient,
                   std::span<const std::uint32_t> identifiers, std::uint32_t expiry_s) {
  if (watcher_) watcher_->on_deliver(connection.watched_as, message);
  ShardEffects& shard = effects_->shards[connection.id.shard];
  // Neighbours that get the same message share one effect.
  Deliver* last = shard.list.empty() ? nullptr : std::get_if<Deliver>(&shard.list.back());
  if (last == nullptr || last->message.get() != &message || last->expiry_s != expiry_s) {
    Deliver fresh;
    fresh.message = MessagePtr(&message);
    fresh.expiry_s = expiry_s;
    fresh.recipients_begin = static_cast<std::uint32_t>(shard.recipients.size());
    shard.list.push_back(std::move(fresh));
    last = std::get_if<Deliver>(&shard.list.back());
  }
  ++last->recipients_size;
  Recipient& one = shard.recipients.emplace_back(recipient);
  one.connection = connection.ref();
  if (identifiers.empty()) return;
  one.identifiers_begin = static_cast<std::uint32_t>(shard.subscription_identifiers.size());
  one.identifiers_size = static_cast<std::uint16_t>(identifiers.size());
  shard.subscription_identifiers.insert(shard.subscription_identifiers.end(), identifiers.begin(),
                                        identifiers.end());
}

bool Core::expired(const KeptMessage& message) const {
  return message.expires() && message.expires_at() <= now_.wall;
}

/// Whole seconds left, rounded down, but never 0 for what has not expired [MQTT-3.3.2-6].
std::uint32_t Core::remaining_expiry_s(const KeptMessage& message) const {
  if (!message.expires()) return no_expiry_s;
  const auto left = message.expires_at() - now_.wall;
  return left.count() < 1000 ? 1 : static_cast<std::uint32_t>(left.count() / 1000);
}

/// [MQTT-3.1.2-24] measured with the full Topic Name: a redelivery must carry it.
bool Core::fits(const ConnectionState& connection, const QueueEntry& entry,
                std::uint32_t expiry_s) const {
  if (connection.packet_size_bytes_max == 0) return true;
  mqtt::PublishHeader header;
  header.version = connection.version;
  header.qos = entry.qos;
  header.packet_id = 1;
  header.expiry_s = expiry_s;
  header.subscription_identifiers = entry.subscription_identifiers;
  return mqtt::publish_size_bytes(*entry.message, header) <= connection.packet_size_bytes_max;
}

}  // namespace lineshaft::core
