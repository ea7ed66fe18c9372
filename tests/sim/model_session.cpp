#include <algorithm>

#include "tests/sim/model.h"

namespace lineshaft::sim {

namespace {

WallTime deadline_after(WallTime end, std::uint32_t expiry_s) {
  if (expiry_s == 0xFFFFFFFF) return never;
  return end + Milliseconds{1000} * static_cast<std::int64_t>(expiry_s);
}

}  // namespace

Life& Model::new_life(const std::string& client_id, int client) {
  Life& life = lives_.emplace_back();
  life.index = static_cast<int>(lives_.size()) - 1;
  life.client = client;
  life.client_id = client_id;
  current_[client_id] = life.index;
  return life;
}

void Model::expire(Life& life, Now now) {
  if (!life.ended && life.connection < 0 && life.deadline <= now.wall) end_life(life, now);
}

// A message a group waits for is nobody's fault any more when its last member has gone, or when it
// was QoS 2 and had been sent to the one that goes [MQTT-4.8.2-5].
void Model::excuse_groups(const Life& life) {
  for (auto& [filter, group] : groups_) {
    if (life.ever.count(filter) == 0) continue;
    const bool left_before = life.filters.count(filter) == 0;
    const bool others = std::any_of(current_.begin(), current_.end(), [&](const auto& entry) {
      const Life& other = lives_[static_cast<std::size_t>(entry.second)];
      return other.index != life.index && group_member(other, filter);
    });
    const bool durable_others =
        std::any_of(current_.begin(), current_.end(), [&](const auto& entry) {
          const Life& other = lives_[static_cast<std::size_t>(entry.second)];
          return other.index != life.index && other.durable() && group_member(other, filter);
        });
    for (auto& [number, owed] : group.owed) {
      // From now on with a member whose session ends with the broker: there was no other.
      if (!durable_others) owed.stored = false;
      const bool sent_here =
          std::find(owed.sent_to.begin(), owed.sent_to.end(), life.index) != owed.sent_to.end();
      const bool exactly_once = message(number).qos == QoS::exactly_once;
      if (!others || left_before || (sent_here && exactly_once)) owed.excused = true;
    }
  }
}

void Model::end_life(Life& life, Now now) {
  if (life.ended) return;
  excuse_groups(life);
  life.ended = true;
  settle_pending_wills(life.client_id, false, now);
}

void Model::drop_connection(int index, Now now, bool will_cleared) {
  Connection& c = connections_.at(index);
  c.gone = true;
  c.answers.clear();
  Life* const life = life_of(index);
  if (life == nullptr || life->connection != index) return;
  life->connection = -1;
  will_on_close(*life, will_cleared, now);
  if (life->expiry_s == 0) {
    end_life(*life, now);
  } else {
    life->deadline = deadline_after(now.wall, life->expiry_s);
  }
}

void Model::take_over(Life& life, const mqtt::ConnectPacket& packet, Now now) {
  if (life.connection >= 0) {
    Connection& old = connections_.at(life.connection);
    old.close_expected = true;
    drop_connection(life.connection, now, false);
  }
  expire(life, now);
  if (packet.clean_start) end_life(life, now);
}

void Model::on_connect(int index, const mqtt::ConnectPacket& packet, Now now) {
  Connection& c = connections_.at(index);
  if (c.connect_seen) {  // [MQTT-3.1.0-2]
    c.close_expected = true;
    drop_connection(index, now, false);
    return;
  }
  c.connect_seen = true;
  c.version = packet.version;
  c.receive_maximum =
      std::min<std::uint16_t>(packet.version == mqtt::Version::v5 ? packet.receive_maximum : 65535,
                              config_.inflight_out_max);
  const auto at = current_.find(packet.client_id);
  Life* life = at == current_.end() ? nullptr : &lives_[static_cast<std::size_t>(at->second)];
  if (life != nullptr && life->connection < 0) expire(*life, now);
  // What must be stored cannot be promised now; who has a session may come back to it.
  const bool comes_back = life != nullptr && life->stored && !life->ended && !packet.clean_start;
  if (!accepts_writes_ && !comes_back && (packet.session_expiry_interval_s > 0 || packet.will)) {
    c.connect_refused = c.close_expected = c.gone = true;
    return;
  }
  if (life != nullptr) take_over(*life, packet, now);
  const bool resumed = life != nullptr && !life->ended;
  settle_pending_wills(packet.client_id, resumed, now);
  if (!resumed) life = &new_life(packet.client_id, c.client);
  // A replay whose SUBACK went down with the last connection starts again without one.
  for (Replay& replay : life->replays) replay.suback_sent = true;
  c.life = life->index;
  life->connection = index;
  life->version = packet.version;
  life->expiry_s = std::min(packet.session_expiry_interval_s, config_.session_expiry_s_max);
  life->stored = life->stored || life->durable();
  const auto answer = expect(index, mqtt::PacketType::connack, 0);
  answer->session_present = resumed;
  answer->keys = {"s:" + packet.client_id};
  if (packet.will) answer->keys.push_back("w:" + packet.client_id);
  store_will(*life, packet, now);
}

void Model::on_disconnect(int index, const mqtt::DisconnectPacket& packet, Now now) {
  Life& life = *life_of(index);
  if (packet.session_expiry_interval_s) {
    if (life.expiry_s == 0 && *packet.session_expiry_interval_s != 0) {
      connections_.at(index).close_expected = true;
      drop_connection(index, now, false);
      return;
    }
    life.expiry_s = std::min(*packet.session_expiry_interval_s, config_.session_expiry_s_max);
  }
  drop_connection(index, now, packet.reason == ReasonCode::success);
}

}  // namespace lineshaft::sim
