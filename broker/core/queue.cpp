// A session's queue: what goes in, what it costs, what is read back from the store.
#include <algorithm>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"

namespace lineshaft::core {

/// A message we own goes into the state of the session [MQTT-4.5.0-1].
void Core::enqueue(Session& session, QueueEntry&& entry) {
  SessionQueue& queue = session.queue;
  if (!make_room(session, entry)) return;
  entry.seq = queue.next_seq++;
  queue.bytes += entry.size_bytes();
  ++statistics_.queued;
  statistics_.queued_bytes += entry.size_bytes();
  if (entry.qos == QoS::at_most_once) ++queue.qos0_waiting;
  if (entry.retain) queue.retained_seq = entry.seq;
  const bool stored = session.stored && entry.qos != QoS::at_most_once;
  std::size_t change = 0;
  if (stored) {
    entry.persist_seq = open_persist(false).seq;
    change = store_entry(session, entry);
  }
  const std::uint64_t seq = entry.seq;
  const bool behind_spill = !queue.spilled.empty() || !queue.tail.empty();
  const bool window_full = stored && queue.head.size() >= config_.queue_window;
  if (window_full || behind_spill) {
    if (stored) spilling_.push_back({entry.persist_seq, session.index, session.generation});
    queue.tail.push_back(std::move(entry));
  } else {
    queue.head.push_back(std::move(entry));
  }
  pump(session, seq);
  // With its packet identifier, when the window was open: one record instead of two.
  const auto& inflight = queue.inflight;
  if (stored && !inflight.empty() && inflight.back().entry.seq == seq) {
    std::get<QueueRecord>(effects_->persist->changes[change]).packet_id = inflight.back().packet_id;
  }
}

/// Returns the place of its `QueueRecord` among the changes of the open `Persist`.
std::size_t Core::store_entry(Session& session, const QueueEntry& entry) {
  QueueRecord change;
  change.sid = session.sid;
  change.seq = entry.seq;
  change.message = entry.message;
  change.qos = entry.qos;
  change.retain = entry.retain;
  change.subscription_identifiers = entry.subscription_identifiers;
  if (entry.share != 0) {
    if (const SharedGroup* group = shared_.find(entry.share)) change.share = group->filter;
  }
  const std::uint64_t store_id = entry.message->store_id;
  // A retained message may come to queues again long after the first ones let go of it.
  if (store_id != 0 && ++payload_references_[store_id] == 1) record(PayloadRecord{entry.message});
  const std::size_t place = open_persist(false).changes.size();
  record(std::move(change));
  return place;
}

/// The entry will not be delivered any more, or has been: it leaves the store and the counts.
void Core::forget_entry(Session& session, const QueueEntry& entry) {
  session.queue.bytes -= entry.size_bytes();
  if (entry.qos == QoS::at_most_once) --session.queue.qos0_waiting;
  --statistics_.queued;
  statistics_.queued_bytes -= entry.size_bytes();
  if (!session.stored || entry.qos == QoS::at_most_once) return;
  record(QueueErase{session.sid, entry.seq});
  release_payload(entry.message->store_id);
}

void Core::release_payload(std::uint64_t store_id) {
  if (store_id == 0) return;
  const auto found = payload_references_.find(store_id);
  if (found == payload_references_.end() || --found->second > 0) return;
  payload_references_.erase(found);
  record(PayloadErase{store_id});
}

/// Applies the overflow policy; false: the new message is not taken (and counted).
bool Core::make_room(Session& session, const QueueEntry& entry) {
  if (has_room(session, entry)) return true;
  log_overflow(session);
  SessionQueue& queue = session.queue;
  // QoS 0 that had to wait never costs another message its place.
  if (config_.overflow == Overflow::drop_oldest && entry.qos != QoS::at_most_once) {
    const ClientLimits& limits = limits_of(session);
    const auto full = [&] {
      return queue.waiting() >= limits.queued_max ||
             queue.bytes + entry.size_bytes() > limits.queued_bytes_max;
    };
    while (queue.waiting() > 0 && full()) drop_oldest(session);
    if (!full()) return true;
  }
  if (config_.overflow == Overflow::disconnect && session.connected &&
      entry.qos != QoS::at_most_once) {
    overflowed_.push_back({session.connection, ReasonCode::quota_exceeded});
  }
  count_drop(session);
  return false;
}

void Core::count_drop(Session& session) {
  count(Counter::dropped_queue_full);
  ++session.queue.drops;
  ++statistics_.queue_drops;
}

/// The oldest that was not sent yet; what is in flight is never dropped.
void Core::drop_oldest(Session& session) {
  SessionQueue& queue = session.queue;
  count_drop(session);
  if (!queue.head.empty()) {
    forget_entry(session, queue.head.pop_front());
  } else if (!queue.spilled.empty()) {
    const SpilledEntry spilled = queue.spilled.pop_front();
    queue.bytes -= spilled.size_bytes;
    --statistics_.queued;
    statistics_.queued_bytes -= spilled.size_bytes;
    record(QueueErase{session.sid, spilled.seq});
    release_payload(spilled.store_id);
  } else {
    forget_entry(session, queue.tail.pop_front());
  }
  queue.join();
}

/// Asks for the next page when little is left in RAM, and joins the parts when all is there.
void Core::refill(Session& session) {
  SessionQueue& queue = session.queue;
  if (queue.spilled.empty() && queue.tail.empty()) return;
  queue.join();
  if (queue.spilled.empty() || queue.loading || !session.connected) return;
  if (queue.head.size() > config_.queue_page / 2) return;
  queue.loading = true;
  loading_[session.sid] = {0, session.index, session.generation};
  effects_->loads.push_back(
      {session.sid, queue.spilled.front().seq, queue.spilled.back().seq, config_.queue_page});
}

void Core::on_queue_loaded(QueueLoaded input) {
  const auto asked = loading_.find(input.sid);
  if (asked == loading_.end()) return;
  Session* const session = sessions_.get(asked->second.session, asked->second.generation);
  if (input.failed) {
    reload_.push_back(asked->second);  // at the next tick
    loading_.erase(asked);
    return;
  }
  loading_.erase(asked);
  if (session == nullptr) return;
  SessionQueue& queue = session->queue;
  queue.loading = false;
  for (QueueRecord& record : input.entries) {
    skip_missing(*session, record.seq);
    // Dropped meanwhile by the overflow policy.
    if (queue.spilled.empty() || record.seq < queue.spilled.front().seq) continue;
    queue.spilled.pop_front();
    QueueEntry entry;
    entry.seq = record.seq;
    entry.persist_seq = committed_seq_;
    entry.message = std::move(record.message);
    entry.subscription_identifiers = std::move(record.subscription_identifiers);
    entry.qos = record.qos;
    entry.retain = record.retain;
    queue.head.push_back(std::move(entry));
  }
  if (input.entries.size() < config_.queue_page) skip_missing(*session, input.last_seq + 1);
  pump(*session);
  continue_replays(*session);
}

/// Entries the store no longer has (a damaged record was set aside): counted, never waited for.
void Core::skip_missing(Session& session, std::uint64_t before_seq) {
  SessionQueue& queue = session.queue;
  while (!queue.spilled.empty() && queue.spilled.front().seq < before_seq) {
    const SpilledEntry missing = queue.spilled.pop_front();
    queue.bytes -= missing.size_bytes;
    --statistics_.queued;
    statistics_.queued_bytes -= missing.size_bytes;
    count_drop(session);
    LINESHAFT_LOG(core, error, "queue_entry_missing", {"client_id", session.client_id},
                  {"seq", missing.seq});
  }
}

}  // namespace lineshaft::core
