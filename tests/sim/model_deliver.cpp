#include <algorithm>

#include "broker/core/topic_name.h"
#include "tests/sim/model.h"

namespace lineshaft::sim {

using core::topic_matches_filter;

void Model::check_bytes(const Frame& frame, const Message& message, Now now) const {
  constexpr auto protocol = Invariant::protocol_kept;
  const Sent& sent = this->message(frame.message);
  if (message.topic() != sent.topic || message.payload() != sent.payload ||
      message.properties() != sent.properties) {
    violated(protocol, "m{}: its bytes have changed", frame.message);
  }
  if (sent.expiry_s == no_expiry_s) {
    if (frame.expiry_s != no_expiry_s) violated(protocol, "m{} has no expiry", frame.message);
    return;
  }
  if (frame.expiry_s == 0) violated(protocol, "m{} with expiry 0", frame.message);
  if (frame.dup || sent.taken > 1) return;
  // [MQTT-3.3.2-5], [MQTT-3.3.2-6]: whole seconds, never more than are left.
  const auto waited = (now.wall - sent.taken_at).count();
  const auto left = static_cast<std::int64_t>(sent.expiry_s) * 1000 - waited;
  if (left <= 0) violated(protocol, "m{} delivered {} ms after it expired", frame.message, -left);
  const auto seconds = static_cast<std::int64_t>(frame.expiry_s);
  if (seconds < left / 1000 || seconds > (left + 999) / 1000) {
    violated(protocol, "m{}: expiry {} s, {} ms are left", frame.message, seconds, left);
  }
}

void Model::check_flight(int index, Life& life, const Frame& frame) {
  constexpr auto protocol = Invariant::protocol_kept;
  Connection& c = connections_.at(index);
  if (frame.packet_id == 0) violated(protocol, "m{} without identifier", frame.message);
  const auto [at, fresh] = life.out.try_emplace(frame.packet_id);
  OutFlight& flight = at->second;
  if (!fresh) {
    if (flight.released) {  // [MQTT-4.3.3-6]
      violated(Invariant::qos2_exactly_once, "PUBLISH id {} again after its PUBREC",
               frame.packet_id);
    }
    if (flight.message != frame.message) {  // [MQTT-2.2.1-4]
      violated(protocol, "id {} of m{} used for m{} too", frame.packet_id, flight.message,
               frame.message);
    }
    if (flight.sent_on == index) violated(protocol, "m{} sent twice", frame.message);
    if (!frame.dup) violated(protocol, "m{} sent again without DUP", frame.message);
  } else if (frame.dup && crashes_ == 0) {
    violated(protocol, "m{} sent for the first time with DUP", frame.message);
  }
  flight.message = frame.message;
  flight.qos = frame.qos;
  flight.sent_on = index;
  if (++c.inflight > c.receive_maximum) {  // [MQTT-3.3.4-9]
    violated(protocol, "{} messages in flight, Receive Maximum is {}", c.inflight,
             c.receive_maximum);
  }
}

// The identifier stands in a record of its own or in the queue record.
bool Model::stored_flight(const StoredState& state, const Life& life, const Frame& frame) {
  const auto flight = state.inflight.find({life.sid, core::Direction::out, frame.packet_id});
  if (flight != state.inflight.end()) {
    const auto entry = state.queue.find({life.sid, flight->second.seq});
    return entry != state.queue.end() && number_of(*entry->second.message) == frame.message;
  }
  for (auto at = state.queue.lower_bound({life.sid, 0});
       at != state.queue.end() && at->first.first == life.sid; ++at) {
    if (at->second.packet_id != frame.packet_id) continue;
    return number_of(*at->second.message) == frame.message;
  }
  return false;
}

void Model::check_stored(const Life& life, const Frame& frame) const {
  if (!life.durable() || !sync()) return;
  if (!stored_flight(journal_.synced(), life, frame)) {
    violated(Invariant::acknowledged_after_commit,
             "QoS 2 m{} sent to {} before its identifier {} is stored", frame.message,
             life.client_id, frame.packet_id);
  }
}

void Model::check_order(Connection& c, Life& life, const Frame& frame, bool first) {
  const Sent& sent = message(frame.message);
  if (sent.will) return;
  const std::tuple key{sent.publisher, sent.topic, static_cast<int>(sent.qos),
                       static_cast<int>(frame.qos)};
  const auto invariant = life.spilled ? Invariant::spill_complete : Invariant::order_kept;
  int& last = c.order[key];
  // A QoS 1 message its publisher sent again may come again, anywhere behind its first.
  // With Retain As Published a replay cannot be told from the live message after a restart.
  const bool again =
      sent.loose || frame.retain || (sent.taken > 1 && sent.qos == QoS::at_least_once);
  if (frame.message <= last && !again) {
    violated(invariant, "{}: m{} after m{} on one connection", sent.topic, frame.message, last);
  }
  last = std::max(last, frame.message);
  if (!first) return;
  int& newest = life.order[key];
  if (frame.message < newest && !again) {
    violated(invariant, "{}: m{} for the first time after m{}", sent.topic, frame.message, newest);
  }
  newest = std::max(newest, frame.message);
}

void Model::sent_live(Connection& c, Life& life, Frame& frame, Owed& owed) {
  constexpr auto protocol = Invariant::protocol_kept;
  const Sent& sent = message(frame.message);
  // With DUP it may have gone out before a crash, as far as the store can tell.
  const bool first = ++owed.sent == 1 && !frame.dup;
  if (!frame.dup) ++owed.sent_fresh;
  check_order(c, life, frame, first);
  if (sent.qos == QoS::exactly_once && frame.qos == QoS::at_most_once && owed.sent > 1 &&
      !sent.loose) {
    violated(Invariant::qos2_exactly_once, "m{} twice to {}", frame.message, life.client_id);
  }
  if (sent.retain) {
    const History& history = retained_[sent.topic];
    const int place = history.place_of(frame.message);
    int& seen = c.seen.try_emplace(sent.topic, -1).first->second;
    // Published twice, with others between: this may be the copy of the first time.
    seen = std::max(seen, history.first_place_of(frame.message));
    for (Replay& replay : life.replays) {
      const auto at = replay.expected.find(sent.topic);
      if (at != replay.expected.end() && place >= at->second) replay.expected.erase(at);
    }
  }
  if (crashes_ > 0 || life.revived) return;
  if (owed.sent_fresh > sent.taken) {
    violated(protocol, "m{} {} times to {}, published {} times", frame.message, owed.sent_fresh,
             life.client_id, sent.taken);
  }
  // With Retain As Published it may be the replay of another subscription.
  if (sent.taken > 1 || (frame.retain && owed.retain)) return;
  std::vector<std::uint32_t> identifiers = frame.identifiers;
  std::sort(identifiers.begin(), identifiers.end());
  const bool v5 = life.version == mqtt::Version::v5;
  if (v5 && identifiers != owed.identifiers) {  // [MQTT-3.3.4-3], [MQTT-3.3.4-4]
    violated(protocol, "m{}: wrong subscription identifiers", frame.message);
  }
  if (frame.qos != owed.qos) {  // [MQTT-3.3.4-2], [MQTT-3.8.4-8]
    violated(protocol, "m{} with QoS {}, should be {}", frame.message, static_cast<int>(frame.qos),
             static_cast<int>(owed.qos));
  }
  if (frame.retain != owed.retain) {  // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
    violated(protocol, "m{}: wrong RETAIN flag", frame.message);
  }
}

// As many copies go out as there are groups that match; a client that is a member of several gets
// one through each.
bool Model::sent_shared(Life& life, const Frame& frame) {
  Sent& sent = message(frame.message);
  std::size_t groups = 0;
  bool member = false;
  bool moved_on = crashes_ > 0;
  for (auto& [filter, group] : groups_) {
    const auto at = group.owed.find(sent.number);
    if (at == group.owed.end()) continue;
    ++groups;
    for (const int index : at->second.sent_to) {
      moved_on = moved_on || lives_[static_cast<std::size_t>(index)].ended;
    }
    if (life.ever.count(filter) == 0) continue;
    member = true;
    at->second.sent_to.push_back(life.index);
  }
  if (!member || frame.dup) return member;
  // QoS 1 moves on when its session ends; a crash may forget that it moved.
  sent.shared_qos1 = sent.shared_qos1 || frame.qos == QoS::at_least_once;
  const bool may = sent.shared_qos1 && moved_on;
  if (++sent.shared_copies > groups && sent.taken == 1 && !may) {
    violated(Invariant::shared_once, "m{}: {} copies for {} shared subscriptions, the last for {}",
             frame.message, sent.shared_copies, groups, life.client_id);
  }
  return true;
}

void Model::sent_publish(int index, Frame& frame, const Message& bytes, Now now) {
  Connection& c = connections_.at(index);
  Life& life = *life_of(index);
  if (frame.message < 0) return;  // the broker's own ($SYS)
  const Sent& sent = message(frame.message);
  check_bytes(frame, bytes, now);
  if (sent.will) will_seen(frame.message, now);
  const auto known = life.out.find(frame.packet_id);
  const bool again = frame.qos > QoS::at_most_once && known != life.out.end();
  const auto owed = life.owed.find(frame.message);
  bool replay = frame.retain;
  bool either = false;
  if (again) {
    replay = known->second.replay;
  } else if (frame.retain && owed != life.owed.end() && owed->second.retain) {
    // Retain As Published: the QoS tells, or the first one is the live one, a later one either.
    const bool other = frame.qos != owed->second.qos;
    either = sent.taken > 1 || (!other && owed->second.sent > 0);
    replay = either || other;
  } else if (frame.retain && sent.will) {
    either = std::any_of(life.filters.begin(), life.filters.end(), [](const auto& filter) {
      return filter.second.options.retain_as_published;
    });
  }
  if (frame.qos > QoS::at_most_once) {
    check_flight(index, life, frame);
    life.out[frame.packet_id].replay = replay;
  }
  if (frame.qos == QoS::exactly_once) check_stored(life, frame);
  if (replay) {
    frame.replay = true;
    if (!again && !either) sent_replay(c, life, frame);
    if (either && frame.qos == QoS::at_most_once) waive_replay(life, sent.topic);
    return;
  }
  if (sent.qos == QoS::exactly_once && sync() && !sent.will && !sent.loose && !frame.retain) {
    turn_qos2_.push_back(frame.message);
  }
  if (owed != life.owed.end() && !sent.will) return sent_live(c, life, frame, owed->second);
  if (sent_shared(life, frame)) return;
  const bool wanted = std::any_of(life.ever.begin(), life.ever.end(), [&](const auto& filter) {
    return topic_matches_filter(sent.topic, inner_filter(filter));
  });
  if (wanted && (sent.will || life.revived)) return;
  violated(Invariant::protocol_kept, "{} to {}, to which it was not owed", text_of(frame),
           life.client_id);
}

void Model::waive_replay(Life& life, const std::string& topic) {
  for (Replay& replay : life.replays) {
    if (topic_matches_filter(topic, replay.filter)) replay.expected.erase(topic);
  }
}

// What the client's application sees: a QoS 2 identifier it holds already is no new message.
void Model::received(int index, const Frame& frame) {
  const auto at = connections_.find(index);
  if (at == connections_.end() || at->second.life < 0) return;
  Life& life = lives_[static_cast<std::size_t>(at->second.life)];
  if (frame.type == mqtt::PacketType::pubrel) {
    life.client_in.erase(frame.packet_id);
    return;
  }
  if (frame.type != mqtt::PacketType::publish || frame.message < 0) return;
  const Sent& sent = message(frame.message);
  if (frame.qos == QoS::exactly_once) {
    const auto [known, fresh] = life.client_in.try_emplace(frame.packet_id, frame.message);
    if (!fresh && known->second != frame.message) {
      violated(Invariant::protocol_kept, "id {} carries m{} and m{}", frame.packet_id,
               known->second, frame.message);
    }
    if (!fresh) return;
  }
  if (frame.replay) {
    waive_replay(life, sent.topic);
    if (sent.will) life.owed[frame.message].received = 1;
    const auto live = life.owed.find(frame.message);
    if (live != life.owed.end() && live->second.retain && live->second.received == 0 &&
        live->second.qos == frame.qos) {
      live->second.received = 1;
    }
    return;
  }
  const auto owed = life.owed.find(frame.message);
  if (owed == life.owed.end()) {
    for (auto& [filter, group] : groups_) {
      const auto shared = group.owed.find(frame.message);
      if (shared != group.owed.end() && life.ever.count(filter) != 0) ++shared->second.received;
    }
    if (sent.will) ++life.owed[frame.message].received;
    return;
  }
  if (++owed->second.received > 1 && frame.qos == QoS::exactly_once && !sent.will && !sent.loose &&
      !frame.retain) {
    violated(Invariant::qos2_exactly_once, "m{} received twice by {}", frame.message,
             life.client_id);
  }
}

}  // namespace lineshaft::sim
