// What becomes of the messages a member of a shared subscription leaves behind (section 4.8.2).
#include <algorithm>
#include <tuple>
#include <utility>

#include "broker/base/metrics.h"
#include "broker/core/core.h"

namespace lineshaft::core {

/// Unsent messages go to other members: to connected ones when the member only disconnects, to any
/// that keeps them when its session ends. Then also QoS 1 ones that were sent and not acknowledged;
/// QoS 2 ones that were started never [MQTT-4.8.2-4], [MQTT-4.8.2-5].
bool Core::move_shared(Session& from, bool session_ends, std::size_t& budget) {
  SessionQueue& queue = from.queue;
  const bool any = [&] {
    for (const auto& [filter, subscription] : from.subscriptions) {
      if (subscription.share != 0) return true;
    }
    return false;
  }();
  if (!any) return true;
  if (session_ends) {
    for (InflightEntry& inflight : queue.inflight) {
      const bool movable = inflight.entry.share != 0 && inflight.entry.message &&
                           (inflight.entry.qos == QoS::at_least_once || !inflight.sent_before);
      if (!movable || !move_entry(from, inflight.entry, true)) continue;
      if (from.stored && inflight.recorded) {
        record(InflightErase{from.sid, Direction::out, inflight.packet_id});
      }
      inflight.packet_id = 0;
    }
    queue.inflight.remove_if([](const InflightEntry& e) { return e.packet_id == 0; });
  }
  bool done = true;
  // Whom nobody takes the first of, nobody takes the next of either.
  std::tuple<ShareId, QoS, QoS> stays{};
  const auto moved = [&](QueueEntry& entry) {
    if (entry.share == 0 || !done || entry.seq < queue.moved_before_seq) return false;
    const std::tuple kind{entry.share, entry.message->qos(), entry.qos};
    // With topics that only some may have, that says nothing about the next one.
    if (kind == stays && interceptor_ == nullptr) return false;
    if (budget == 0) {
      queue.moved_before_seq = entry.seq;
      done = false;
      return false;
    }
    // Who asks everybody in vain has walked, too.
    --budget;
    if (move_entry(from, entry, session_ends)) return true;
    stays = kind;
    return false;
  };
  queue.head.remove_if(moved);
  queue.tail.remove_if(moved);
  queue.join();
  if (done) queue.moved_before_seq = queue.next_seq;
  return done;
}

/// More than a slice of messages moves over several turns. Until the last one has gone they belong
/// to the session they are leaving: a crash in between finds each of them in one of the two.
void Core::move_slice(Session& from) {
  if (move_shared(from, false, move_budget_)) return;
  moving_.push_back({0, from.index, from.generation});
  effects_->again = true;
}

/// All of them share what one turn may walk.
void Core::move_on() {
  move_budget_ = limits::slice;
  for (std::size_t i = moving_.size(); i > 0 && move_budget_ > 0; --i) {
    const WaitingSession waiting = moving_.pop_front();
    Session* const session = sessions_.get(waiting.session, waiting.generation);
    if (session == nullptr) continue;
    if (session->ended) {
      expire_session(*session);
    } else if (!session->connected) {  // back again, it keeps what is left
      move_slice(*session);
    }
  }
  if (!moving_.empty()) effects_->again = true;
}

/// A session that is over ends for good when its shared messages have moved. Meanwhile it gets
/// nothing and nobody can come back to it; its will has gone out.
void Core::expire_session(Session& session) {
  if (session.will) publish_will(session);
  const bool first = !std::exchange(session.ended, true);
  if (first) session.queue.moved_before_seq = 0;
  if (!move_shared(session, true, move_budget_)) {
    // A DISCONNECT may have set the expiry to 0: a crash must not bring it back alive.
    if (first && session.stored) record_session(session, false);
    moving_.push_back({0, session.index, session.generation});
    effects_->again = true;
    return;
  }
  end_session(session);
}

/// One `Persist`: deleted here, put there. What the store holds stays in the store: it was perhaps
/// acknowledged to its publisher for that. Only when a session ends and no other member keeps
/// messages, those who do not get them. A member that is full gets nothing: it would drop it, or
/// one of its own, where the owner may still come back. False: it stays.
bool Core::move_entry(Session& from, QueueEntry& entry, bool session_ends) {
  SharedGroup* const group = shared_.find(entry.share);
  if (group == nullptr) return false;
  const TopicIndex topic =
      interceptor_ ? topics_.obtain(entry.message->topic(), config_.topic_entries_idle_max)
                   : no_topic;
  const bool stored = from.stored && entry.qos != QoS::at_most_once;
  const auto pick = [&](Takers takers, const QueueEntry* moving) {
    return pick_member(*group, *entry.message, topic, from.index, takers, moving);
  };
  SharedGroup::Member* member = nullptr;
  if (!session_ends) {
    member = pick(stored ? Takers::connected_and_durable : Takers::connected, &entry);
  } else {
    if (stored) member = pick(Takers::durable, &entry);
    if (member == nullptr) member = pick(Takers::any, &entry);
  }
  if (member == nullptr) {
    SharedGroup::Member* const full = session_ends ? pick(Takers::any, nullptr) : nullptr;
    if (full == nullptr) return false;
    // It ends here, and would not if this queue were not full.
    log_overflow(sessions_.at(full->session));
    count_drop(sessions_.at(full->session));
    forget_entry(from, entry);
    return true;
  }
  Session& to = sessions_.at(member->session);
  QueueEntry copy;
  copy.message = entry.message;
  copy.wait_seq = entry.wait_seq;
  copy.share = entry.share;
  copy.retain = entry.retain;
  copy.qos = std::min(member->options.qos, entry.message->qos());
  if (interceptor_) {
    const DeliverVerdict verdict = ask_deliver(to, *entry.message, topic);
    copy.qos = std::min(copy.qos, verdict.qos_max);
    copy.strips_retain = verdict.strips_retain;
    copy.limited = verdict.limited;
  }
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
