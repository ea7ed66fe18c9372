// A start: records come back in, then expiry and wills run on (storage section 8).
#include <algorithm>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/topic_name.h"

namespace lineshaft::core {

bool Core::restore(Now now, Change change) {
  now_ = now;
  return std::visit([this](auto& record) { return take(std::move(record)); }, change);
}

Session* Core::restored_session(SessionId sid) {
  const auto found = restoring_.find(sid);
  return found == restoring_.end() ? nullptr : &sessions_.at(found->second);
}

bool Core::take(KeptItemRecord record) {
  if (record.family.empty() || record.value.empty()) return false;
  if (take_extension_item(record)) return true;
  policy_.items.insert_or_assign({std::move(record.family), std::move(record.key)},
                                 std::move(record.value));
  return true;
}

bool Core::take(RetainedRecord record) {
  if (!record.message || !is_valid_topic_name(record.message->topic())) return false;
  const TopicIndex index = topics_.add(record.message->topic());
  initialise_topic(index);
  TopicEntry& entry = topics_.at(index);
  if (starts_with_dollar(entry.name()) && !entry.stored) {
    // Of an extension that is switched off: it stays in the store, unread.
    topics_.release_if_empty(index);
    return true;
  }
  entry.retained = std::move(record.message);
  entry.retained_stored = true;
  retained_changed(0, entry.retained->publisher());
  topics_.value_changed(index, false, false);
  arm_retained_expiry(index);
  return true;
}

bool Core::take(LastValueRecord record) {
  if (!record.message || !is_valid_topic_name(record.message->topic())) return false;
  const TopicIndex index = topics_.obtain(record.message->topic(), 0xFFFFFFFF);
  initialise_topic(index);
  TopicEntry& entry = topics_.at(index);
  entry.last_stored = true;
  // The newer of the two is the last value.
  if (entry.retained && entry.retained->seq() >= record.message->seq()) return true;
  const bool had_value = entry.has_value();
  entry.last = std::move(record.message);
  topics_.value_changed(index, entry.retained != nullptr, had_value);
  return true;
}

bool Core::take(SessionRecord record) {
  if (record.client_id.empty() || record.sid == 0) return false;
  if (sessions_.find(record.client_id) != nullptr || restoring_.contains(record.sid)) return false;
  Session& session = sessions_.create(std::move(record.client_id));
  session.sid = record.sid;
  session.version = record.version;
  session.expiry_interval_s = record.expiry_interval_s;
  session.stored = true;
  // It ended with its connection: only its will and its shared messages have somewhere to go.
  session.ended = record.expiry_interval_s == 0;
  session.owner = std::move(record.owner);
  quotas_.pass_session(nullptr, session.owner.get());
  session.disconnected_at = record.connected ? WallTime{} : record.disconnected_at;
  session.queue.next_seq = std::max<std::uint64_t>(record.head_seq, 1);
  restoring_.emplace(record.sid, session.index);
  return true;
}

bool Core::take(SubscriptionRecord record) {
  Session* const session = restored_session(record.sid);
  const ParsedShare parsed = parse_share(record.filter);
  if (session == nullptr || parsed.syntax == ShareSyntax::invalid) return false;
  if (parsed.syntax == ShareSyntax::not_shared && !is_valid_topic_filter(record.filter)) {
    return false;
  }
  const auto [place, is_new] = session->subscriptions.try_emplace(record.filter);
  if (!is_new) return false;
  place->second.options = record.options;
  place->second.subscription_identifier = record.subscription_identifier;
  place->second.replay_pending = record.replay_pending;
  ++statistics_.subscriptions;
  index_subscription(*session, place->first, place->second);
  return true;
}

bool Core::take(QueueRecord record) {
  Session* const session = restored_session(record.sid);
  if (session == nullptr || !record.message) return false;
  SessionQueue& queue = session->queue;
  std::uint16_t packet_id = record.packet_id;
  const auto sent = restoring_sent_.find({record.sid, record.seq});
  if (sent != restoring_sent_.end()) packet_id = sent->second;
  QueueEntry entry;
  entry.seq = record.seq;
  entry.persist_seq = 1;  // long committed
  entry.message = std::move(record.message);
  entry.subscription_identifiers = std::move(record.subscription_identifiers);
  entry.qos = record.qos;
  entry.retain = record.retain;
  if (!record.share.empty()) entry.share = shared_.find(zone_of(*session), record.share);
  queue.next_seq = std::max(queue.next_seq, entry.seq + 1);
  if (entry.retain) queue.retained_seq = entry.seq;
  queue.bytes += entry.size_bytes();
  ++statistics_.queued;
  statistics_.queued_bytes += entry.size_bytes();
  if (entry.message->store_id != 0) ++payload_references_[entry.message->store_id];
  if (packet_id != 0) {
    // It keeps its identifier, however many may be in flight now [MQTT-4.4.0-1].
    InflightEntry inflight;
    inflight.packet_id = packet_id;
    inflight.sent_before = true;
    inflight.recorded = sent != restoring_sent_.end();
    inflight.entry = std::move(entry);
    queue.inflight.push_back(std::move(inflight));
    if (sent != restoring_sent_.end()) restoring_sent_.erase(sent);
  } else if (queue.spilled.empty() && queue.tail.empty() &&
             queue.head.size() < config_.queue_window) {
    queue.head.push_back(std::move(entry));
  } else {
    queue.tail.push_back(std::move(entry));
    queue.spill_committed(1);
  }
  return true;
}

bool Core::take(InflightRecord record) {
  Session* const session = restored_session(record.sid);
  if (session == nullptr || record.packet_id == 0) return false;
  SessionQueue& queue = session->queue;
  if (record.direction == Direction::in) {
    session->incoming.push_back({record.packet_id, false, 0});
    return true;
  }
  queue.next_seq = std::max(queue.next_seq, record.seq + 1);
  if (record.state == InflightState::sent) {
    // Its message comes with the queue.
    return restoring_sent_.try_emplace({record.sid, record.seq}, record.packet_id).second;
  }
  InflightEntry inflight;
  inflight.packet_id = record.packet_id;
  inflight.state = record.state;
  inflight.sent_before = true;
  inflight.recorded = true;
  inflight.entry.seq = record.seq;
  inflight.entry.qos = QoS::exactly_once;
  queue.inflight.push_back(std::move(inflight));
  return true;
}

bool Core::take(WillRecord record) {
  if (record.client_id.empty() || !record.message) return false;
  Session* session = sessions_.find(record.client_id);
  if (session != nullptr && session->will) return false;
  if (session == nullptr) {
    // The session ended with the broker; only its will waits.
    session = &sessions_.create(std::move(record.client_id));
    session->ended = true;
    session->owner = std::move(record.owner);
    quotas_.pass_session(nullptr, session->owner.get());
  }
  session->will = std::make_unique<mqtt::Will>();
  session->will->message = std::move(record.message);
  session->will->delay_interval_s = session->ended ? 0 : record.delay_interval_s;
  if (session->ended) session->disconnected_at = record.disconnected_at;
  ++statistics_.wills;
  return true;
}

void Core::restored(Now now, const RestoreSummary& summary, Effects& effects) {
  wall_floor_ = summary.last_wall;
  last_seq_ = summary.last_seq;
  committed_seq_ = summary.last_seq;
  begin(now, effects);
  for (const auto& [entry, packet_id] : restoring_sent_) {
    // Its message was set aside as damaged: nothing is left to be sent again.
    LINESHAFT_LOG(core, error, "inflight_entry_missing", {"sid", entry.first},
                  {"seq", entry.second}, {"packet_id", packet_id});
    record(InflightErase{entry.first, Direction::out, packet_id});
  }
  restoring_.clear();
  restoring_sent_.clear();
  sessions_.for_each([&](Session& session) { resume_expiry(session, summary); });
  for (const auto& one : extensions_.list) one.extension->on_restored();
  if (interceptor_) {
    // It knows nothing yet of what was kept, and nobody has asked it about what is stored.
    restore_items();
    policy_.began = now_.steady;
    policy_.sweeps_sessions = effects_->again = true;
  }
  effects_ = nullptr;
}

/// The end of a crash counts as this start; wills wait at least a grace time, so that clients can
/// come back first.
void Core::resume_expiry(Session& session, const RestoreSummary& summary) {
  auto& inflight = session.queue.inflight;
  std::ranges::sort(inflight, {}, [](const InflightEntry& e) { return e.entry.seq; });
  session.queue.join();
  const bool was_connected = session.disconnected_at == WallTime{};
  if (was_connected) session.disconnected_at = summary.clean ? summary.stopped_at : now_.wall;
  const WallTime ended = session.disconnected_at;
  const WallTime grace = now_.wall + Milliseconds{1000} * std::int64_t{config_.will_grace_s};
  if (session.will) {
    const WallTime due = ended + Milliseconds{1000} * std::int64_t{session.will->delay_interval_s};
    session.will_timer = TimerKey{steady_of(std::max(due, grace)), TimerKind::will_delay,
                                  session.index, session.generation};
    timers_.add(*session.will_timer);
  }
  if (!session.stored) return;
  const std::uint32_t expiry_s = effective_expiry_s(session);
  if (expiry_s != 0xFFFFFFFF) {
    WallTime due = ended + Milliseconds{1000} * std::int64_t{expiry_s};
    if (session.will) due = std::max(due, grace);
    session.expiry_timer =
        TimerKey{steady_of(due), TimerKind::session_expiry, session.index, session.generation};
    timers_.add(*session.expiry_timer);
  }
  if (was_connected) record_session(session, false);
}

}  // namespace lineshaft::core
