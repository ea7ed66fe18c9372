#include <algorithm>

#include "tests/sim/model.h"

namespace lineshaft::sim {

using mqtt::PacketType;

std::shared_ptr<Answer> Model::expect(int index, PacketType type, std::uint16_t packet_id) {
  auto answer = std::make_shared<Answer>();
  answer->type = type;
  answer->packet_id = packet_id;
  answer->life = connections_.at(index).life;
  connections_.at(index).answers.push_back(answer);
  turn_answers_.push_back(answer);
  return answer;
}

void Model::sent(int index, Frame& frame, const Message* message, Now now) {
  wall_ = now.wall;
  const auto at = connections_.find(index);
  if (at == connections_.end()) {
    violated(Invariant::protocol_kept, "{} to connection {}, which is gone", text_of(frame), index);
  }
  Connection& c = at->second;
  if (c.disconnect_sent) {  // [MQTT-3.14.4-1]
    violated(Invariant::protocol_kept, "{} after DISCONNECT", text_of(frame));
  }
  if (frame.type == PacketType::disconnect) {
    // [MQTT-3.14.0-1]; 3.1.1 knows no DISCONNECT from a server.
    if (!c.connack_sent) violated(Invariant::answers_in_order, "DISCONNECT before CONNACK");
    if (c.version != mqtt::Version::v5) {
      violated(Invariant::protocol_kept, "DISCONNECT to a 3.x client");
    }
    c.disconnect_sent = true;
    return;
  }
  if (frame.type == PacketType::connack && is_failure(frame.reason)) {
    if (c.connect_refused) return;
    violated(Invariant::protocol_kept, "{} to {}", text_of(frame), c.client);
  }
  if (c.gone) {
    violated(Invariant::protocol_kept, "{} to connection {}, which is closed", text_of(frame),
             index);
  }
  if (frame.type != PacketType::connack && !c.connack_sent) {  // [MQTT-3.2.0-1]
    violated(Invariant::answers_in_order, "{} before CONNACK", text_of(frame));
  }
  if (frame.type == PacketType::publish) return sent_publish(index, frame, *message, now);
  if (frame.type == PacketType::pingresp) {
    if (--c.pings < 0) violated(Invariant::protocol_kept, "a PINGRESP nobody asked for");
    return;
  }
  sent_answer(index, frame);
}

void Model::sent_answer(int index, const Frame& frame) {
  Connection& c = connections_.at(index);
  Life& life = *life_of(index);
  const bool next = !c.answers.empty() && c.answers.front()->type == frame.type &&
                    c.answers.front()->packet_id == frame.packet_id;
  if (frame.type == PacketType::pubrel) {
    const auto flight = life.out.find(frame.packet_id);
    if (flight != life.out.end() && flight->second.released) {
      flight->second.pubrel_sent = true;
      if (life.durable() && sync()) {
        const auto& stored = journal_.synced().inflight;
        const auto at = stored.find({life.sid, core::Direction::out, frame.packet_id});
        if (at == stored.end() || at->second.state != core::InflightState::released) {
          violated(Invariant::acknowledged_after_commit, "PUBREL {} before its PUBREC is stored",
                   frame.packet_id);
        }
      }
    }
    if (!next) {
      // Sent again after a reconnect, once per connection [MQTT-4.4.0-1].
      if (flight == life.out.end() || !flight->second.released) {
        violated(Invariant::protocol_kept, "PUBREL {} without PUBREC", frame.packet_id);
      }
      if (!c.pubrels.insert(frame.packet_id).second) {
        violated(Invariant::protocol_kept, "PUBREL {} twice on one connection", frame.packet_id);
      }
      return;
    }
    c.pubrels.insert(frame.packet_id);
  }
  if (!next) {
    violated(Invariant::answers_in_order, "{} while {} is next", text_of(frame),
             c.answers.empty() ? std::string("nothing")
                               : fmt::format("type {} id {}", static_cast<int>(c.answers[0]->type),
                                             c.answers[0]->packet_id));
  }
  const auto answer = c.answers.front();
  c.answers.pop_front();
  answer->left = true;
  if (frame.type == PacketType::connack && frame.session_present != answer->session_present) {
    violated(Invariant::session_kept, "{}: Session Present {}, should be {}", life.client_id,
             frame.session_present, answer->session_present);
  }
  if (!answer->reasons.empty() && frame.reasons != answer->reasons) {
    violated(Invariant::protocol_kept, "{}: wrong reason codes", text_of(frame));
  }
  const bool refused = is_failure(frame.reason) && !answer->unknown;
  if (refused != answer->refused) {
    violated(Invariant::protocol_kept, "{}: {} expected", text_of(frame),
             answer->refused ? "a refusal" : "success");
  }
  if (answer->resolved && sync() && answer->required_seq > journal_.synced_seq()) {
    violated(Invariant::acknowledged_after_commit, "{} confirms {}, durable is {}", text_of(frame),
             answer->required_seq, journal_.synced_seq());
  }
  confirm(c, *answer);
}

void Model::confirm(Connection& c, Answer& answer) {
  Life& life = lives_[static_cast<std::size_t>(c.life)];
  switch (answer.type) {
    case PacketType::connack:
      c.connack_sent = true;
      life.acknowledged = true;
      for (WillModel& will : wills_[life.client_id]) {
        if (will.state == WillModel::State::armed) will.acknowledged = true;
      }
      return;
    case PacketType::suback:
    case PacketType::unsuback:
      return confirm_filters(life, answer);
    case PacketType::pubrec:
      if (!answer.refused && life.in.count(answer.packet_id) != 0) {
        life.in_acknowledged.insert(answer.packet_id);
      }
      break;
    case PacketType::puback:
      break;
    default:
      return;
  }
  if (answer.refused) return;
  Sent& sent = message(answer.message);
  sent.acknowledged = true;
  for (Life& other : lives_) {
    if (other.ended) continue;
    const auto owed = other.owed.find(sent.number);
    if (owed != other.owed.end() && !owed->second.waived) owed->second.required = true;
  }
  for (auto& [filter, group] : groups_) {
    const auto owed = group.owed.find(sent.number);
    if (owed != group.owed.end()) owed->second.required = true;
  }
  if (answer.retained_entry < 0) return;
  History& history = retained_[sent.topic];
  if (answer.retained_entry <= history.newest()) {
    history.entries[static_cast<std::size_t>(answer.retained_entry)].acknowledged = true;
  }
}

void Model::resolve(Answer& answer) {
  const Life& life = lives_[static_cast<std::size_t>(answer.life)];
  std::vector<std::string> keys = answer.keys;
  if (life.stored) {
    if (answer.type == PacketType::pubrec || answer.type == PacketType::pubcomp) {
      keys.push_back(in_key(life.sid, answer.packet_id));
    } else if (answer.type == PacketType::pubrel && !answer.unknown) {
      keys.push_back(out_key(life.sid, answer.packet_id));
    }
    for (const auto& [filter, version] : answer.filters) {
      // On disk already: the newest record may only say that its replay is done.
      const auto stored = journal_.synced().subscriptions.find({life.sid, filter});
      const auto now = life.filters.find(filter);
      const bool there = stored != journal_.synced().subscriptions.end() &&
                         now != life.filters.end() &&
                         stored->second.options == now->second.options &&
                         stored->second.subscription_identifier == now->second.identifier;
      if (!there) keys.push_back(sub_key(life.sid, filter));
    }
  }
  std::uint64_t required = 0;
  for (const auto& key : keys) required = std::max(required, journal_.touched(key));
  for (const int index : answer.owed_to) {
    const Life& other = lives_[static_cast<std::size_t>(index)];
    const std::uint64_t seq = journal_.touched(queue_key(other.sid, answer.message));
    if (seq == 0 && sync() && !answer.refused && config_.overflow == core::Overflow::drop_oldest &&
        !other.ended) {
      violated(Invariant::acknowledged_after_commit, "m{} for {} was never handed to the store",
               answer.message, other.client_id);
    }
    required = std::max(required, seq);
  }
  for (const auto& filter : answer.groups) {
    GroupOwed& owed = groups_[filter].owed[answer.message];
    for (const Life& other : lives_) {
      if (other.sid == 0 || other.ever.count(filter) == 0) continue;
      const std::uint64_t seq = journal_.touched(queue_key(other.sid, answer.message));
      if (seq != 0) owed.stored = true;
      required = std::max(required, seq);
    }
  }
  if (answer.message >= 0 && !answer.refused) {
    Sent& sent = message(answer.message);
    // A repeated PUBLISH confirms what the first one stored.
    required = std::max(required, sent.required_seq);
    if (sent.qos == QoS::exactly_once) {
      sent.required_seq = required;
      if (life.stored) sent.dedupe_seq = journal_.touched(in_key(life.sid, answer.packet_id));
    }
  }
  answer.required_seq = required;
  answer.resolved = true;
  if (!sync()) return;
  if (answer.left && required > journal_.synced_seq()) {
    violated(Invariant::acknowledged_after_commit,
             "type {} id {} left in the turn that made it true", static_cast<int>(answer.type),
             answer.packet_id);
  }
  if (turn_packets_ == 1 && !answer.refused) check_existence(answer);
}

// With one packet in the turn, the records handed to the store must show what it changed.
void Model::check_existence(const Answer& answer) const {
  constexpr auto committed = Invariant::acknowledged_after_commit;
  const Life& life = lives_[static_cast<std::size_t>(answer.life)];
  if (life.ended || !life.durable()) return;
  const StoredState& latest = journal_.latest();
  using core::Direction;
  switch (answer.type) {
    case PacketType::connack:
      if (life.connection >= 0 && latest.sessions.count(life.client_id) == 0) {
        violated(committed, "the session of {} is not stored", life.client_id);
      }
      return;
    case PacketType::suback:
    case PacketType::unsuback:
      for (const auto& [filter, version] : answer.filters) {
        const auto at = latest.subscriptions.find({life.sid, filter});
        const auto now = life.filters.find(filter);
        const bool same = (at != latest.subscriptions.end()) == (now != life.filters.end()) &&
                          (now == life.filters.end() || at->second.options == now->second.options);
        if (!same) violated(committed, "{}: {} is not stored as asked", life.client_id, filter);
      }
      return;
    case PacketType::pubrec:
      if (latest.inflight.count({life.sid, Direction::in, answer.packet_id}) == 0) {
        violated(committed, "{}: QoS 2 id {} is not stored", life.client_id, answer.packet_id);
      }
      return;
    case PacketType::pubcomp:
      if (latest.inflight.count({life.sid, Direction::in, answer.packet_id}) != 0) {
        violated(committed, "{}: QoS 2 id {} stays stored", life.client_id, answer.packet_id);
      }
      return;
    case PacketType::puback: {
      const Sent& sent = message(answer.message);
      if (!sent.retain || sent.qos == QoS::at_most_once) return;
      const auto at = latest.retained.find(sent.topic);
      const bool same = sent.payload.empty() ? at == latest.retained.end()
                                             : at != latest.retained.end() &&
                                                   number_of(*at->second.message) == sent.number;
      if (!same) violated(committed, "retained {} (m{}) is not stored", sent.topic, sent.number);
      return;
    }
    default:
      return;
  }
}

}  // namespace lineshaft::sim
