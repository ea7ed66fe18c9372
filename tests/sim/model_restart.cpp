#include <algorithm>

#include "tests/sim/model.h"

namespace lineshaft::sim {

using core::Direction;
using core::InflightState;

namespace {

// RETAIN is set because of a subscription, not by Retain As Published.
bool is_replay(const Life& life, const core::QueueRecord& record) {
  const auto owed = life.owed.find(number_of(*record.message));
  return record.retain && (owed == life.owed.end() || !owed->second.retain);
}

}  // namespace

// Everything the model believes is cut back to what the disk kept; what had been acknowledged must
// be among it.
void Model::restarted(Now now, bool clean, WallTime stopped_at) {
  wall_ = now.wall;
  ++crashes_;
  draining_ = false;
  accepts_writes_ = true;
  connections_.clear();
  turn_answers_.clear();
  turn_qos2_.clear();
  turn_packets_ = 0;
  turn_advanced_ = false;
  restart_retained();
  restart_lives(now, clean, stopped_at);
  restart_groups();
  wills_restarted(now, clean, stopped_at);
}

void Model::restart_lives(Now now, bool clean, WallTime stopped_at) {
  const auto& stored = journal_.latest().sessions;
  for (auto& [client_id, index] : current_) {
    Life& life = lives_[static_cast<std::size_t>(index)];
    life.connection = -1;
    const auto at = stored.find(client_id);
    const bool on_disk = at != stored.end() && at->second.sid == life.sid;
    if (on_disk && at->second.expiry_interval_s > 0) continue;
    // It is over, but what it had for its groups goes to other members.
    if (on_disk) restart_flights(life);
    if (!life.ended && life.durable() && life.acknowledged && sync()) {
      violated(Invariant::session_kept, "the session of {} did not survive", client_id);
    }
    if (!life.ended) excuse_groups(life);
    life.ended = true;
  }
  for (const auto& [client_id, record] : stored) {
    if (record.expiry_interval_s == 0) continue;
    const auto at = std::find_if(lives_.begin(), lives_.end(), [&r = record](const Life& life) {
      return life.sid == r.sid && life.client_id == r.client_id;
    });
    if (at == lives_.end()) {
      violated(Invariant::restored_same, "session {} of {} was never made", record.sid, client_id);
    }
    Life& life = *at;
    current_[client_id] = life.index;
    // It had ended, but its end was not on disk yet; nobody relies on it.
    if (life.ended) life.revived = true;
    life.ended = false;
    life.connection = -1;
    restart_life(life, record);
    const WallTime end =
        record.connected ? (clean ? stopped_at : now.wall) : record.disconnected_at;
    life.deadline =
        record.expiry_interval_s == 0xFFFFFFFF
            ? never
            : end + Milliseconds{1000} * static_cast<std::int64_t>(record.expiry_interval_s);
    // A session with a will stays until the grace is over, or its will could not wait so long.
    const bool has_will = journal_.latest().wills.count(client_id) != 0;
    const WallTime grace = now.wall + Milliseconds{1000} * std::int64_t{config_.will_grace_s};
    if (has_will) life.deadline = std::max(life.deadline, grace);
  }
}

void Model::restart_life(Life& life, const core::SessionRecord& record) {
  life.expiry_s = record.expiry_interval_s;
  restart_filters(life);
  restart_flights(life);
  restart_owed(life);
  // A full queue's drops need not be on disk: what was dropped comes back, behind what came after.
  if (config_.queued_max != limits::queued_max) life.order.clear();
  for (Replay& replay : life.replays) {
    replay.suback_sent = true;
    for (auto& [topic, place] : replay.expected) {
      place = std::min(place, retained_.at(topic).newest());
    }
  }
  waive_own(life);  // the crash may have taken what replaced it, or the newest options
}

void Model::restart_filters(Life& life) {
  const auto& stored = journal_.latest().subscriptions;
  std::map<std::string, FilterChange> filters;
  for (auto& [filter, changes] : life.changes) {
    const auto at = stored.find({life.sid, filter});
    const bool there = at != stored.end();
    const int promised = life.acknowledged_version[filter];
    // The newest change that agrees with the disk.
    const FilterChange* match = nullptr;
    for (const FilterChange& change : changes) {
      if (change.subscribed != there) continue;
      if (there && (change.options != at->second.options ||
                    change.identifier != at->second.subscription_identifier)) {
        continue;
      }
      match = &change;
    }
    const bool untouched = !there && promised == 0;
    if (match == nullptr && !untouched && !life.revived && sync()) {
      violated(Invariant::session_kept, "{}: {} is {} after the restart", life.client_id, filter,
               there ? "subscribed otherwise" : "lost");
    }
    if (there) {
      filters[filter] = match != nullptr ? *match
                                         : FilterChange{true, at->second.options,
                                                        at->second.subscription_identifier, 0};
    }
    const FilterChange now = there ? filters[filter] : FilterChange{};
    changes.assign(1, now);
    changes.front().version = promised;
  }
  life.filters = std::move(filters);
  // A replay whose SUBSCRIBE was not acknowledged may be lost with it.
  std::erase_if(life.replays, [&](const Replay& replay) {
    const auto at = life.filters.find(replay.filter);
    return at == life.filters.end() || at->second.version != replay.version ||
           life.acknowledged_version[replay.filter] < replay.version;
  });
}

void Model::restart_flights(Life& life) {
  const StoredState& stored = journal_.latest();
  std::map<std::uint16_t, int> in;
  std::map<std::uint16_t, OutFlight> out;
  for (auto at = stored.inflight.lower_bound({life.sid, Direction::in, 0});
       at != stored.inflight.end() && std::get<0>(at->first) == life.sid; ++at) {
    const core::InflightRecord& record = at->second;
    if (record.direction == Direction::in) {
      const auto known = life.in.find(record.packet_id);
      in[record.packet_id] = known == life.in.end() ? -1 : known->second;
      continue;
    }
    OutFlight flight;
    flight.released = record.state == InflightState::released;
    flight.qos = QoS::exactly_once;
    const auto before = life.out.find(record.packet_id);
    const auto entry = stored.queue.find({life.sid, record.seq});
    if (entry != stored.queue.end()) {
      flight.message = number_of(*entry->second.message);
      flight.qos = entry->second.qos;
      flight.replay = is_replay(life, entry->second);
    } else if (before != life.out.end()) {
      flight.message = before->second.message;
    }
    out[record.packet_id] = flight;
  }
  for (auto at = stored.queue.lower_bound({life.sid, 0});
       at != stored.queue.end() && at->first.first == life.sid; ++at) {
    const core::QueueRecord& record = at->second;
    if (record.packet_id == 0 || out.count(record.packet_id) != 0) continue;
    OutFlight flight;
    flight.message = number_of(*record.message);
    flight.qos = record.qos;
    flight.replay = is_replay(life, record);
    out[record.packet_id] = flight;
  }
  for (const std::uint16_t id : life.in_acknowledged) {
    if (in.count(id) == 0 && sync() && !life.revived) {
      violated(Invariant::qos2_exactly_once, "{}: QoS 2 id {} was acknowledged and is forgotten",
               life.client_id, id);
    }
  }
  for (const auto& [id, flight] : life.out) {
    const auto now = out.find(id);
    if (flight.pubrel_sent && now != out.end() && !now->second.released && sync()) {
      violated(Invariant::qos2_exactly_once, "{}: PUBREL {} was sent and is forgotten",
               life.client_id, id);
    }
  }
  for (const auto& [id, flight] : out) {
    // Its identifier was on disk before it was sent: nobody can tell now whether it was, so it does
    // not move on when its session ends [MQTT-4.8.2-5].
    if (flight.qos != QoS::exactly_once) continue;
    for (auto& [filter, group] : groups_) {
      const auto owed = group.owed.find(flight.message);
      const bool member = owed != group.owed.end() && life.ever.count(filter) != 0;
      if (member) owed->second.sent_to.push_back(life.index);
    }
  }
  life.in = std::move(in);
  life.out = std::move(out);
  std::erase_if(life.in_acknowledged, [&](std::uint16_t id) { return life.in.count(id) == 0; });
}

void Model::restart_owed(Life& life) {
  for (auto& [number, owed] : life.owed) {
    // What nobody had been promised may be gone; taken again, it is owed again.
    owed.required = owed.required && !life.revived;
    owed.waived = !owed.required;
  }
}

void Model::restart_groups() {
  for (auto& [filter, group] : groups_) {
    const bool members = std::any_of(current_.begin(), current_.end(), [&](const auto& entry) {
      return group_member(lives_[static_cast<std::size_t>(entry.second)], filter);
    });
    for (auto& [number, owed] : group.owed) {
      // Held only by a member without a stored session: gone with the crash, as that session is.
      if (!owed.stored || !owed.required || !members) owed.excused = true;
    }
  }
}

void Model::restart_retained() {
  const auto& stored = journal_.latest().retained;
  for (const auto& [topic, record] : stored) {
    if (retained_.count(topic) == 0) {
      violated(Invariant::retained_newest, "{} is retained after the restart", topic);
    }
  }
  for (auto& [topic, history] : retained_) {
    const auto at = stored.find(topic);
    int place = -1;
    for (int i = history.newest(); i >= 0 && place < 0; --i) {
      const int number = history.entries[static_cast<std::size_t>(i)].message;
      const int kept = at == stored.end() ? -1 : number_of(*at->second.message);
      if (number == kept) place = i;
    }
    if (sync() && place < history.newest_acknowledged()) {
      violated(Invariant::retained_newest, "{} is older after the restart than acknowledged (m{})",
               topic,
               history.entries[static_cast<std::size_t>(history.newest_acknowledged())].message);
    }
    history.entries.resize(static_cast<std::size_t>(std::max(place, 0)) + 1);
    history.entries.back().acknowledged = true;
  }
}

std::map<std::string, int> Model::retained_now() const {
  std::map<std::string, int> values;
  for (const auto& [topic, history] : retained_) {
    const int number = history.entries.back().message;
    if (number >= 0) values[topic] = number;
  }
  return values;
}

}  // namespace lineshaft::sim
