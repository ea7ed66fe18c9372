#include <algorithm>

#include "broker/core/topic_name.h"
#include "tests/sim/model.h"

namespace lineshaft::sim {

using core::topic_matches_filter;

bool Model::owe(Life& life, Sent& sent) {
  bool matched = false;
  Owed found;
  for (const auto& [filter, change] : life.filters) {
    if (is_shared(filter) || !topic_matches_filter(sent.topic, filter)) continue;
    // [MQTT-3.8.3-3]; any other matching subscription still delivers it.
    if (change.options.no_local && sent.publisher == life.client) continue;
    matched = true;
    found.qos = std::max(found.qos, change.options.qos);
    found.retain = found.retain || (change.options.retain_as_published && sent.retain);
    if (change.identifier != 0) found.identifiers.push_back(change.identifier);
  }
  if (!matched) return false;
  found.qos = std::min(found.qos, sent.qos);
  if (found.qos == QoS::at_most_once && life.connection < 0) return false;
  std::sort(found.identifiers.begin(), found.identifiers.end());
  Owed& owed = life.owed[sent.number];
  // What was promised with QoS 0 was no promise.
  if (owed.qos == QoS::at_most_once) owed.required = false;
  owed.qos = found.qos;
  owed.retain = found.retain || (sent.taken > 1 && owed.retain);
  owed.identifiers = found.identifiers;
  owed.waived = false;
  return found.qos > QoS::at_most_once;
}

void Model::take(Sent& sent, int publisher_client, Now now, Answer* answer) {
  ++sent.taken;
  sent.taken_at = now.wall;
  sent.publisher = publisher_client;
  for (const auto& [id, index] : current_) {
    Life& life = lives_[static_cast<std::size_t>(index)];
    if (life.ended || !owe(life, sent)) continue;
    if (answer != nullptr && life.durable()) answer->owed_to.push_back(life.index);
  }
  for (auto& [filter, group] : groups_) {
    if (!topic_matches_filter(sent.topic, group.filter)) continue;
    const bool members = std::any_of(current_.begin(), current_.end(), [&](const auto& entry) {
      return group_member(lives_[static_cast<std::size_t>(entry.second)], filter);
    });
    if (!members) continue;
    group.owed[sent.number].excused = false;
    if (answer != nullptr) answer->groups.push_back(filter);
  }
  if (!sent.retain) return;
  retain(sent.topic, sent.payload.empty() ? -1 : sent.number);
  if (sent.payload.empty()) {
    // Nothing is left to replay, whatever a crash brings back.
    for (Life& life : lives_) waive_replay(life, sent.topic);
  }
  if (answer == nullptr) return;
  answer->retained_entry = retained_[sent.topic].newest();
  answer->keys.push_back("r:" + sent.topic);
}

bool Model::needs_disk(const Sent& sent, const Life& publisher) const {
  if (sent.qos == QoS::at_most_once) return false;
  if (sent.retain || (sent.qos == QoS::exactly_once && publisher.stored)) return true;
  for (const auto& [id, index] : current_) {
    const Life& life = lives_[static_cast<std::size_t>(index)];
    if (life.ended || !life.stored) continue;
    for (const auto& [filter, change] : life.filters) {
      if (change.options.qos == QoS::at_most_once) continue;
      if (change.options.no_local && sent.publisher == life.client) continue;
      if (topic_matches_filter(sent.topic, inner_filter(filter))) return true;
    }
  }
  return false;
}

void Model::on_publish(int index, const mqtt::PublishPacket& packet, Now now) {
  Connection& c = connections_.at(index);
  Life& life = *life_of(index);
  Sent& sent = message(number_of(*packet.message));
  if (sent.qos == QoS::at_most_once) return take(sent, c.client, now, nullptr);
  const bool twice = sent.qos == QoS::exactly_once;
  const bool repeat = twice && life.in.count(packet.packet_id) != 0;
  if (!repeat && !accepts_writes_ && needs_disk(sent, life)) {
    sent.loose = true;
    if (c.version != mqtt::Version::v5) {
      c.close_expected = true;
      return drop_connection(index, now, false);
    }
    const auto refusal = expect(index, twice ? mqtt::PacketType::pubrec : mqtt::PacketType::puback,
                                packet.packet_id);
    refusal->refused = true;
    refusal->message = sent.number;
    return;
  }
  const auto answer =
      expect(index, twice ? mqtt::PacketType::pubrec : mqtt::PacketType::puback, packet.packet_id);
  answer->message = sent.number;
  answer->life = life.index;
  if (repeat) return;
  if (sent.life >= 0 && sent.life != life.index) sent.loose = true;
  sent.life = life.index;
  if (twice) life.in[packet.packet_id] = sent.number;
  take(sent, c.client, now, answer.get());
}

void Model::on_ack(int index, const mqtt::AckPacket& packet) {
  Life& life = *life_of(index);
  Connection& c = connections_.at(index);
  const auto flight = life.out.find(packet.packet_id);
  switch (packet.type) {
    case mqtt::PacketType::puback:
      if (flight == life.out.end() || flight->second.qos != QoS::at_least_once) return;
      if (flight->second.sent_on == index) --c.inflight;
      life.out.erase(flight);
      return;
    case mqtt::PacketType::pubrec:
      return on_pubrec(index, packet);
    case mqtt::PacketType::pubcomp:
      if (flight == life.out.end() || !flight->second.released) return;
      if (flight->second.sent_on == index) --c.inflight;
      life.out.erase(flight);
      return;
    default:
      break;
  }
  // PUBREL
  const auto answer = expect(index, mqtt::PacketType::pubcomp, packet.packet_id);
  answer->unknown = life.in.erase(packet.packet_id) == 0;
  answer->life = life.index;
  life.in_acknowledged.erase(packet.packet_id);
}

void Model::on_pubrec(int index, const mqtt::AckPacket& packet) {
  Life& life = *life_of(index);
  const auto flight = life.out.find(packet.packet_id);
  const bool known = flight != life.out.end() && flight->second.qos == QoS::exactly_once;
  if (known && is_failure(packet.reason)) {
    if (flight->second.sent_on == index) --connections_.at(index).inflight;
    life.out.erase(flight);
    return;
  }
  if (is_failure(packet.reason)) return;
  const auto answer = expect(index, mqtt::PacketType::pubrel, packet.packet_id);
  answer->unknown = !known;
  answer->life = life.index;
  if (known) flight->second.released = true;
}

}  // namespace lineshaft::sim
