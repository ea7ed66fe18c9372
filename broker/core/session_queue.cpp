#include "broker/core/session_queue.h"

#include <algorithm>

namespace lineshaft::core {

InflightEntry* SessionQueue::find_inflight(std::uint16_t packet_id) {
  const auto found = std::ranges::find(inflight, packet_id, &InflightEntry::packet_id);
  return found == inflight.end() ? nullptr : &*found;
}

std::uint16_t SessionQueue::take_packet_id() {
  for (;;) {
    const std::uint16_t candidate = next_packet_id;
    next_packet_id = static_cast<std::uint16_t>(next_packet_id == 65535 ? 1 : next_packet_id + 1);
    if (find_inflight(candidate) == nullptr) return candidate;
  }
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
