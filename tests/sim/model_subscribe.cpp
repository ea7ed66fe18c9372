#include <algorithm>

#include "broker/core/topic_name.h"
#include "tests/sim/model.h"

namespace lineshaft::sim {

using core::topic_matches_filter;

void Model::change_filter(Life& life, const std::string& filter, const FilterChange& change) {
  if (change.subscribed) {
    life.filters[filter] = change;
    life.ever.insert(filter);
    if (change.identifier != 0) life.ever_identifiers.insert(change.identifier);
    if (is_shared(filter)) {
      Group& group = groups_[filter];
      group.filter = inner_filter(filter);
    }
  } else {
    life.filters.erase(filter);
  }
  life.changes[filter].push_back(change);
}

void Model::on_subscribe(int index, const mqtt::SubscribePacket& packet, Now now) {
  Life& life = *life_of(index);
  const auto answer = expect(index, mqtt::PacketType::suback, packet.packet_id);
  for (const auto& item : packet.items) {
    if (life.stored && !accepts_writes_) {
      answer->reasons.push_back(ReasonCode::quota_exceeded);
      continue;
    }
    const bool fresh = life.filters.count(item.filter) == 0;
    FilterChange change{true, item.options, packet.subscription_identifier, ++versions_};
    change_filter(life, item.filter, change);
    answer->filters.emplace_back(item.filter, change.version);
    answer->reasons.push_back(static_cast<ReasonCode>(item.options.qos));
    // A replay that is under way goes on with the new options.
    waive_own(life);
    // [MQTT-3.3.1-9] to [MQTT-3.3.1-11]; never for a shared subscription.
    const int handling = life.version == mqtt::Version::v5 ? item.options.retain_handling : 0;
    if (is_shared(item.filter) || handling == 2 || (handling == 1 && !fresh)) continue;
    expect_replay(life, item.filter, now);
    life.replays.back().version = change.version;
  }
}

void Model::on_unsubscribe(int index, const mqtt::UnsubscribePacket& packet) {
  Life& life = *life_of(index);
  const auto answer = expect(index, mqtt::PacketType::unsuback, packet.packet_id);
  for (const std::string& filter : packet.filters) {
    const bool had = life.filters.count(filter) != 0;
    if (life.version == mqtt::Version::v5) {
      answer->reasons.push_back(had ? ReasonCode::success : ReasonCode::no_subscription_existed);
    }
    FilterChange change;
    change.version = ++versions_;
    change_filter(life, filter, change);
    answer->filters.emplace_back(filter, change.version);
    if (!had) continue;
    std::erase_if(life.replays, [&](const Replay& replay) { return replay.filter == filter; });
    // What has not been sent may or may not be [MQTT-3.10.4-2], [MQTT-3.10.4-3].
    for (auto& [number, owed] : life.owed) {
      if (owed.sent == 0 && topic_matches_filter(message(number).topic, filter)) {
        owed.required = false;
        owed.waived = true;
      }
    }
    if (is_shared(filter)) {
      for (auto& [number, owed] : groups_[filter].owed) owed.excused = true;
    }
  }
}

// No Local: whether its own retained messages come back is the broker's choice. A replay may have
// passed them already, so that no later SUBSCRIBE without No Local brings them back.
void Model::waive_own(Life& life) {
  for (Replay& replay : life.replays) {
    const auto filter = life.filters.find(replay.filter);
    if (filter == life.filters.end() || !filter->second.options.no_local) continue;
    std::erase_if(replay.expected, [&](const auto& expected) {
      const int number = retained_.at(expected.first).entries.back().message;
      return number >= 0 && message(number).publisher == life.client;
    });
  }
}

// The core took it, -1: a deletion.
void Model::retain(const std::string& topic, int number) {
  retained_[topic].entries.push_back({number, false});
  for (Life& life : lives_) waive_own(life);
}

void Model::expect_replay(Life& life, const std::string& filter, Now now) {
  std::erase_if(life.replays, [&](const Replay& replay) { return replay.filter == filter; });
  life.replays_asked.push_back(filter);
  Replay& replay = life.replays.emplace_back();
  replay.filter = filter;
  for (const auto& [topic, history] : retained_) {
    const int number = history.entries.back().message;
    if (number < 0 || !topic_matches_filter(topic, filter)) continue;
    if (!expired(message(number), now.wall)) replay.expected[topic] = history.newest();
  }
  waive_own(life);
}

void Model::sent_replay(Connection& c, Life& life, Frame& frame) {
  constexpr auto complete = Invariant::replay_complete;
  const Sent& sent = message(frame.message);
  frame.replay = true;
  const int place = retained_[sent.topic].place_of(frame.message);
  if (place < 0) violated(complete, "m{} was never retained, yet replayed", frame.message);
  int& seen = c.seen.try_emplace(sent.topic, -1).first->second;
  if (place < seen) {
    violated(complete, "{}: m{} replayed after a newer value", sent.topic, frame.message);
  }
  seen = place;
  const bool only =
      std::count_if(life.replays_asked.begin(), life.replays_asked.end(), [&](const auto& filter) {
        return topic_matches_filter(sent.topic, filter);
      }) == 1;
  bool allowed = false;
  bool too_early = false;
  for (Replay& replay : life.replays) {
    if (!topic_matches_filter(sent.topic, replay.filter)) continue;
    if (!replay.suback_sent) {
      too_early = true;
      continue;
    }
    allowed = true;
    const auto expected = replay.expected.find(sent.topic);
    if (expected == replay.expected.end()) continue;
    if (place < expected->second && only) {
      violated(complete, "{}: m{} replayed, a newer value was there at SUBSCRIBE", sent.topic,
               frame.message);
    }
    if (frame.qos == QoS::at_most_once && place >= expected->second) {
      replay.expected.erase(expected);
    }
  }
  if (frame.qos > sent.qos) {
    violated(Invariant::protocol_kept, "m{} replayed with QoS {}", frame.message,
             static_cast<int>(frame.qos));
  }
  if (allowed || (!too_early && life.revived)) return;
  if (too_early && only) violated(complete, "m{} replayed before the SUBACK", frame.message);
  const bool once = std::any_of(life.ever.begin(), life.ever.end(), [&](const auto& filter) {
    return topic_matches_filter(sent.topic, filter);
  });
  if (!once) violated(complete, "m{} replayed, nobody had asked", frame.message);
}

void Model::confirm_filters(Life& life, const Answer& answer) {
  for (const auto& [filter, version] : answer.filters) {
    life.acknowledged_version[filter] = version;
    auto& changes = life.changes[filter];
    const auto at = std::find_if(changes.begin(), changes.end(),
                                 [v = version](const auto& c) { return c.version == v; });
    if (at != changes.end()) changes.erase(changes.begin(), at);
    for (Replay& replay : life.replays) {
      if (replay.filter == filter) replay.suback_sent = true;
    }
  }
}

void Model::check_replays(const Life& life, std::uint64_t drops, std::uint64_t& missing) const {
  for (const Replay& replay : life.replays) {
    for (const auto& [topic, place] : replay.expected) {
      const History& history = retained_.at(topic);
      const int number = history.entries.back().message;
      if (number < 0 || expired(message(number), wall_)) continue;
      if (++missing <= drops) continue;
      violated(Invariant::replay_complete, "{}: {} never got the retained {} (m{})", life.client_id,
               replay.filter, topic, number);
    }
  }
}

bool Model::group_member(const Life& life, const std::string& filter) const {
  return !life.ended && life.filters.count(filter) != 0;
}

}  // namespace lineshaft::sim
