#include <algorithm>

#include "tests/sim/model.h"

namespace lineshaft::sim {

void Model::finish_life(const Life& life, std::uint64_t drops, std::uint64_t& missing) const {
  for (const auto& [number, owed] : life.owed) {
    if (!owed.required || owed.received > 0 || owed.qos == QoS::at_most_once) continue;
    if (expired(message(number), wall_)) continue;
    if (++missing <= drops) continue;
    violated(life.spilled ? Invariant::spill_complete : Invariant::acknowledged_not_lost,
             "m{} ({}) was acknowledged and never reached {}", number, message(number).topic,
             life.client_id);
  }
  check_replays(life, drops, missing);
  if (!life.out.empty()) {
    violated(Invariant::protocol_kept, "{}: id {} (m{}) never completed", life.client_id,
             life.out.begin()->first, life.out.begin()->second.message);
  }
}

void Model::finish_groups(std::uint64_t drops, std::uint64_t& missing) const {
  for (const auto& [filter, group] : groups_) {
    for (const auto& [number, owed] : group.owed) {
      if (!owed.required || owed.excused || owed.received > 0) continue;
      if (message(number).qos == QoS::at_most_once || expired(message(number), wall_)) continue;
      // It may wait for a member that did not come back.
      const bool waits =
          std::any_of(lives_.begin(), lives_.end(), [&, n = number](const Life& life) {
            return !life.ended && life.connection < 0 &&
                   journal_.latest().queued(life.sid, n) != nullptr;
          });
      if (waits || ++missing <= drops) continue;
      violated(Invariant::shared_once, "m{} of {} reached no member", number, filter);
    }
  }
}

void Model::finish(const core::Statistics& statistics, std::uint64_t drops) const {
  std::uint64_t missing = 0;
  std::size_t alive = 0;
  // Only a queue that can be full may lose, and what it loses is counted.
  if (drops > 0 && config_.queued_max == limits::queued_max) {
    violated(Invariant::spill_complete, "{} messages dropped, no queue was full", drops);
  }
  for (const auto& [client_id, index] : current_) {
    const Life& life = lives_[static_cast<std::size_t>(index)];
    if (life.ended) continue;
    ++alive;
    if (life.connection >= 0 && !life.revived) finish_life(life, drops, missing);
  }
  finish_groups(drops, missing);
  for (const auto& [index, c] : connections_) {
    if (c.gone || !c.connect_seen) continue;
    if (!c.answers.empty()) {
      violated(Invariant::answers_in_order, "connection {}: type {} id {} was never answered",
               index, static_cast<int>(c.answers.front()->type), c.answers.front()->packet_id);
    }
    if (c.pings > 0) violated(Invariant::answers_in_order, "PINGREQ was never answered");
  }
  if (monitor_ >= 0 && drops == 0) {
    const Life* monitor = life_of_client(monitor_);
    for (const auto& [client_id, wills] : wills_) {
      for (const WillModel& will : wills) {
        if (!will.fired || message(will.message).qos == QoS::at_most_once) continue;
        const auto at = monitor->owed.find(will.message);
        if (at != monitor->owed.end() && at->second.received > 0) continue;
        violated(Invariant::wills_on_time, "will m{} was sent and never arrived", will.message);
      }
    }
  }
  if (statistics.held_acknowledgements != 0) {
    violated(Invariant::answers_in_order, "{} acknowledgements are still held",
             statistics.held_acknowledgements);
  }
  for (const auto& [client_id, wills] : wills_) {
    // A will whose session ended with the broker waits in a session of its own.
    const auto at = current_.find(client_id);
    const bool ended = at == current_.end() || lives_[static_cast<std::size_t>(at->second)].ended;
    const bool waits = std::any_of(wills.begin(), wills.end(), [](const WillModel& will) {
      return will.state == WillModel::State::pending;
    });
    if (ended && waits) ++alive;
  }
  if (statistics.sessions != alive) {
    violated(Invariant::session_kept, "{} sessions, should be {}", statistics.sessions, alive);
  }
  if (statistics.retained != retained_now().size()) {
    violated(Invariant::retained_newest, "{} retained messages, should be {}", statistics.retained,
             retained_now().size());
  }
}

}  // namespace lineshaft::sim
