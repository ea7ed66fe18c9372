// What becomes of the messages a member of a shared subscription leaves behind (section 4.8.2).
#include <utility>

#include "broker/base/metrics.h"
#include "broker/core/core.h"

namespace lineshaft::core {

/// Unsent messages go to other members: to connected ones when the member only disconnects, to any
/// that keeps them when its session ends. Then also QoS 1 ones that were sent and not acknowledged;
/// QoS 2 ones that were started never [MQTT-4.8.2-4], [MQTT-4.8.2-5].
void Core::move_shared(Session& from, bool session_ends) {
  SessionQueue& queue = from.queue;
  const bool any = [&] {
    for (const auto& [filter, subscription] : from.subscriptions) {
      if (subscription.share != 0) return true;
    }
    return false;
  }();
  if (!any) return;
  if (session_ends) {
    for (InflightEntry& inflight : queue.inflight) {
      const bool movable = inflight.entry.share != 0 && inflight.entry.message &&
                           (inflight.entry.qos == QoS::at_least_once || !inflight.sent_before);
      if (!movable || !move_entry(from, inflight.entry, false)) continue;
      if (from.stored && inflight.recorded) {
        record(InflightErase{from.sid, Direction::out, inflight.packet_id});
      }
      inflight.packet_id = 0;
    }
    queue.inflight.remove_if([](const InflightEntry& e) { return e.packet_id == 0; });
  }
  const auto moved = [&](QueueEntry& entry) {
    return entry.share != 0 && move_entry(from, entry, !session_ends);
  };
  queue.head.remove_if(moved);
  queue.tail.remove_if(moved);
  queue.join();
}

/// One `Persist`: deleted here, put there.
bool Core::move_entry(Session& from, QueueEntry& entry, bool connected_only) {
  SharedGroup* const group = shared_.find(entry.share);
  if (group == nullptr) return false;
  auto* const member = pick_member(*group, entry.message->qos(), from.index, connected_only);
  if (member == nullptr) return false;
  Session& to = sessions_.at(member->session);
  QueueEntry copy;
  copy.message = entry.message;
  copy.wait_seq = entry.wait_seq;
  copy.share = entry.share;
  copy.retain = entry.retain;
  copy.qos = std::min(member->options.qos, entry.message->qos());
  if (member->subscription_identifier != 0) {
    copy.subscription_identifiers.push_back(member->subscription_identifier);
  }
  count(Counter::shared_moved);
  // The new owner first: a payload they share keeps a reference all the time.
  enqueue(to, std::move(copy));
  forget_entry(from, entry);
  return true;
}

}  // namespace lineshaft::core
