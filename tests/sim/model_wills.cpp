#include <algorithm>

#include "broker/core/topic_name.h"
#include "tests/sim/model.h"

namespace lineshaft::sim {

using State = WillModel::State;

namespace {

WallTime after(WallTime from, std::uint32_t seconds) {
  if (seconds == 0xFFFFFFFF) return never;
  return from + Milliseconds{1000} * static_cast<std::int64_t>(seconds);
}

}  // namespace

void Model::store_will(Life& life, const mqtt::ConnectPacket& packet, Now now) {
  if (!packet.will) return;
  WillModel will;
  will.message = number_of(*packet.will->message);
  will.delay_s = packet.version == mqtt::Version::v5 ? packet.will->delay_interval_s : 0;
  will.due = now.wall;
  wills_[life.client_id].push_back(will);
}

void Model::will_on_close(const Life& life, bool cleared, Now now) {
  for (WillModel& will : wills_[life.client_id]) {
    if (will.state != State::armed) continue;
    // Nothing was promised to a client whose CONNACK never left.
    will.unsure = will.unsure || !will.acknowledged;
    will.expiry_s = life.expiry_s;
    if (cleared) {
      will.state = State::gone;
      continue;
    }
    const std::uint32_t delay = std::min(will.delay_s, life.expiry_s);
    will.due = after(now.wall, delay);
    will.late_after = will.due;
    will.state = delay == 0 ? State::must_fire : State::pending;
  }
}

// The session was resumed or has ended [MQTT-3.1.2-8], [MQTT-3.1.3-9].
void Model::settle_pending_wills(const std::string& client_id, bool resumed, Now now) {
  for (WillModel& will : wills_[client_id]) {
    if (will.state != State::pending) continue;
    if (!resumed) {
      will.state = State::must_fire;
      will.due = std::min(will.due, now.wall);
    } else {
      // Due, but the tick that sends it had not come: both are right.
      if (will.due <= now.wall) will.unsure = true;
      will.state = State::gone;
    }
  }
}

void Model::will_seen(int number, Now now) {
  for (auto& [client_id, wills] : wills_) {
    for (WillModel& will : wills) {
      if (will.message != number || will.fired) continue;
      const bool due =
          will.state == State::must_fire || (will.state == State::pending && will.due <= now.wall);
      if (!due && !will.unsure) {
        violated(Invariant::wills_on_time, "will m{} of {} sent {}", number, client_id,
                 will.state == State::pending ? "before it was due" : "though nobody died");
      }
      will.fired = true;
      will.state = State::gone;
      Sent& sent = message(number);
      sent.taken = 1;
      sent.taken_at = now.wall;
      // An unsure one may be a redelivery: its record says when it is retained.
      if (sent.retain && due) retain(sent.topic, number);
      for (auto& [filter, group] : groups_) {
        if (core::topic_matches_filter(sent.topic, group.filter)) group.owed[number];
      }
    }
  }
}

void Model::wills_persisted(const core::Persist& persist, Now now) {
  for (const core::Change& change : persist.changes) {
    const KeptMessage* kept = nullptr;
    if (const auto* entry = std::get_if<core::QueueRecord>(&change)) kept = entry->message.get();
    if (const auto* value = std::get_if<core::RetainedRecord>(&change)) kept = value->message.get();
    const int number = kept == nullptr ? -1 : number_of(*kept);
    if (number < 0 || !message(number).will) continue;
    will_seen(number, now);
    if (!std::holds_alternative<core::RetainedRecord>(change)) continue;
    const std::string& topic = message(number).topic;
    if (retained_[topic].entries.back().message != number) retain(topic, number);
  }
  for (const core::Change& change : persist.changes) {
    const auto* erase = std::get_if<core::WillErase>(&change);
    if (erase == nullptr) continue;
    for (WillModel& will : wills_[erase->client_id]) {
      if (will.fired || (will.state != State::must_fire && will.state != State::pending)) continue;
      const bool due = will.state == State::must_fire || will.due <= now.wall;
      const bool visible = monitor_ >= 0 && config_.queued_max == limits::queued_max &&
                           message(will.message).qos > QoS::at_most_once;
      if ((!due || visible) && !will.unsure) {
        violated(Invariant::wills_on_time, "will m{} of {} erased without being sent", will.message,
                 erase->client_id);
      }
      will.fired = due;
      will.state = State::gone;
    }
  }
}

void Model::wills_turn_over(Now now) {
  if (draining_) return;
  for (auto& [client_id, wills] : wills_) {
    for (WillModel& will : wills) {
      if (will.fired || will.unsure) continue;
      if (will.state == State::must_fire) {
        violated(Invariant::wills_on_time, "will m{} of {} was due now and not sent", will.message,
                 client_id);
      }
      const WallTime latest = std::max(will.due, will.late_after);
      if (turn_advanced_ && will.state == State::pending && latest != never &&
          latest + limits::timer_tick <= now.wall) {
        violated(Invariant::wills_on_time, "will m{} of {} is late", will.message, client_id);
      }
    }
    std::erase_if(wills, [](const WillModel& will) {
      return will.unsure && will.state == State::must_fire && !will.acknowledged;
    });
  }
}

void Model::wills_restarted(Now now, bool clean, WallTime stopped_at) {
  const WallTime grace = after(now.wall, config_.will_grace_s);
  const WallTime end = clean ? stopped_at : now.wall;
  for (auto& [client_id, wills] : wills_) {
    const auto at = journal_.latest().wills.find(client_id);
    const int stored = at == journal_.latest().wills.end() ? -1 : number_of(*at->second.message);
    for (WillModel& will : wills) {
      const bool live = !will.fired && will.state != State::gone;
      if (stored != will.message) {
        if (live && will.acknowledged && !will.unsure && sync()) {
          violated(Invariant::wills_on_time, "will m{} of {} did not survive", will.message,
                   client_id);
        }
        will.state = State::gone;
        // It may be that neither the will nor its going out had reached the disk.
        if (!will.acknowledged) {
          will.fired = false;
          will.unsure = true;
        }
        continue;
      }
      // Sent, cleared or cancelled, but that was not on disk yet: it may go out (again).
      if (!live) will.unsure = true;
      will.fired = false;
      will.state = State::pending;
      const core::WillRecord& record = at->second;
      const std::uint32_t delay =
          std::min(record.delay_interval_s, record.session_expiry_interval_s);
      // The session's record, when there is one, is the newer of the two.
      WallTime left = record.disconnected_at;
      const auto session = journal_.latest().sessions.find(client_id);
      if (session != journal_.latest().sessions.end() && session->second.expiry_interval_s > 0) {
        left = session->second.connected ? WallTime{} : session->second.disconnected_at;
      }
      const bool was_connected = left == WallTime{};
      will.due = after(was_connected ? end : left, delay);
      if (was_connected) will.due = std::max(will.due, grace);
      will.late_after = std::max(will.due, grace);
    }
  }
}

}  // namespace lineshaft::sim
