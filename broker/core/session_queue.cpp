#include "broker/core/session_queue.h"

#include <algorithm>
#include <utility>

namespace lineshaft::core {
namespace {

std::uint16_t packet_id_after(std::uint16_t id) {
  return static_cast<std::uint16_t>(id == 65535 ? 1 : id + 1);  // [MQTT-2.2.1-3]
}

}  // namespace

std::uint64_t SessionQueue::first_waiting_seq() const {
  if (!head.empty()) return head.front().seq;
  return spilled.empty() ? tail.front().seq : spilled.front().seq;
}

bool SessionQueue::waits_up_to(std::uint64_t seq) const {
  if (waiting() > 0 && first_waiting_seq() <= seq) return true;
  if (awaiting_commit == 0 && on_wire == inflight.size()) return false;
  return std::ranges::any_of(inflight, [seq](const InflightEntry& each) {
    return !each.sent_before && each.state == InflightState::sent && each.entry.seq <= seq;
  });
}

const InflightEntry* SessionQueue::unsent_retained(std::string_view topic) const {
  if (awaiting_commit == 0 && on_wire == inflight.size()) return nullptr;
  // The newest: it waits longest.
  for (std::size_t i = inflight.size(); i-- > 0;) {
    const InflightEntry& each = inflight[i];
    const bool unsent = !each.sent_before && each.state == InflightState::sent;
    if (unsent && each.entry.retain && each.entry.message->topic() == topic) return &each;
  }
  return nullptr;
}

InflightEntry* SessionQueue::find_inflight(std::uint16_t packet_id) {
  const auto found = std::ranges::find(inflight, packet_id, &InflightEntry::packet_id);
  return found == inflight.end() ? nullptr : &*found;
}

std::uint16_t SessionQueue::take_packet_id() {
  while (free_packet_ids == 0) {
    // Up to the next one that is in flight, or to the end of the range; only we take any.
    std::uint32_t used = 65536;
    for (const InflightEntry& each : inflight) {
      if (each.packet_id >= next_packet_id) used = std::min<std::uint32_t>(used, each.packet_id);
    }
    free_packet_ids = static_cast<std::uint16_t>(used - next_packet_id);
    if (free_packet_ids == 0) next_packet_id = packet_id_after(next_packet_id);
  }
  --free_packet_ids;
  return std::exchange(next_packet_id, packet_id_after(next_packet_id));
}

void SessionQueue::join() {
  if (!spilled.empty()) return;
  while (!tail.empty()) head.push_back(tail.pop_front());
}

void SessionQueue::spill_committed(std::uint64_t committed) {
  while (!tail.empty()) {
    const QueueEntry& entry = tail.front();
    const bool stored = entry.persist_seq != 0 && entry.persist_seq <= committed;
    if (!stored || entry.share != 0) return;
    spilled.push_back(
        {entry.seq, entry.message->store_id, static_cast<std::uint32_t>(entry.size_bytes())});
    tail.pop_front();
  }
}

}  // namespace lineshaft::core
