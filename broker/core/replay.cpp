// Retained messages for a new subscription: in slices, paced by the client, never truncated.
#include <algorithm>
#include <utility>

#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/topic_name.h"

namespace lineshaft::core {

void Core::start_replay(Session& session, const std::string& filter, Subscription& subscription,
                        std::uint16_t after_suback) {
  drop_replay(session, filter, subscription);
  subscription.replay_pending = false;
  if (!has_wildcard(filter)) {
    const TopicIndex topic = topics_.find(filter);
    if (topic == no_topic || !topics_.at(topic).retained) return;
  } else if (topics_.retained() == 0) {
    return;
  }
  subscription.replay_pending = subscription.replaying = true;
  auto replay = std::make_unique<Replay>();
  replay->filter = filter;
  replay->walk = FilterWalk(topics_.values(), filter);
  replay->after_suback = after_suback;
  session.replays.push_back(std::move(replay));
}

void Core::drop_replay(Session& session, const std::string& filter, Subscription& subscription) {
  if (!std::exchange(subscription.replaying, false)) return;
  std::erase_if(session.replays,
                [&filter](const auto& replay) { return replay->filter == filter; });
}

/// The connection is gone. What was not finished stays pending and starts again at a resume.
void Core::drop_replays(Session& session) {
  for (const auto& replay : session.replays) {
    session.subscriptions.find(replay->filter)->second.replaying = false;
  }
  session.replays.clear();
  session.replay_waits = false;
}

/// The SUBACK has left: its replays may start (some clients need it first).
void Core::release_replays(Session& session, std::uint16_t suback) {
  for (auto& replay : session.replays) {
    if (replay->after_suback == suback) replay->after_suback = 0;
  }
  continue_replays(session);
}

/// One slice, if the client has taken the one before.
void Core::continue_replays(Session& session) {
  if (session.replays.empty() || session.replay_waits || !is_ready(session)) return;
  if (session.queue.waiting() > replay_queue_max(session))
    return;  // an acknowledgement calls again
  replay_slice(session, connection_of(session));
}

std::size_t Core::replay_queue_max(const Session& session) {
  // Below the queue's limit: a replay must not make its own messages overflow.
  return std::min<std::size_t>(connection_of(session).window, limits_of(session).queued_max - 1);
}

/// The first one, null while it has to wait. They come one after the other: two that take turns
/// could send the same topic past each other.
Replay* Core::next_replay(Session& session) {
  const auto ready = std::ranges::find_if(
      session.replays, [](const auto& replay) { return replay->after_suback == 0; });
  if (ready == session.replays.end()) return nullptr;
  std::rotate(session.replays.begin(), ready, std::next(ready));
  Replay& first = *session.replays.front();
  if (!std::exchange(first.started, true)) first.behind_seq = session.queue.retained_seq;
  return session.queue.waits_up_to(first.behind_seq) ? nullptr : &first;
}

void Core::replay_slice(Session& session, ConnectionState& connection) {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
  while (nodes < limits::slice && bytes < limits::replay_slice_bytes &&
         session.queue.waiting() <= replay_queue_max(session)) {
    Replay* const next = next_replay(session);
    if (next == nullptr) return;
    Replay& replay = *next;
    const auto subscription = session.subscriptions.find(replay.filter);
    constexpr std::size_t step = 16;
    nodes += step;
    const bool finished = replay.walk.advance(step, [&](std::uint32_t topic) {
      bytes += replay_one(session, connection, topic, subscription->second);
    });
    if (finished) finish_first_replay(session);
  }
  if (session.replays.empty()) return;
  session.replay_waits = true;
  emit_effect(connection, AwaitDrain{connection.ref()});
}

/// Sends one retained message; returns its size in bytes.
std::size_t Core::replay_one(Session& session, ConnectionState& connection, TopicIndex topic,
                             const Subscription& subscription) {
  const KeptMessagePtr message = topics_.at(topic).retained;
  if (!message || expired(*message)) return 0;  // [MQTT-3.3.2-5]
  if (subscription.suspended && is_related(session)) return 0;
  DeliverVerdict verdict = DeliverVerdict::all(true);
  if (interceptor_) verdict = ask_deliver(session, *message, topic);
  if (!verdict.allowed || (interceptor_ && !may_replay(*message))) return 0;
  const bool own = message->publisher() != 0 && publisher_of(session) == message->publisher();
  if (subscription.options.no_local && own) return 0;
  QueueEntry entry;
  entry.message = message;
  entry.qos = std::min({message->qos(), subscription.options.qos, verdict.qos_max});
  entry.retain = true;  // [MQTT-3.3.1-13] because of a new subscription
  entry.strips_retain = verdict.strips_retain;
  entry.limited = verdict.limited;
  if (subscription.subscription_identifier != 0) {
    entry.subscription_identifiers.push_back(subscription.subscription_identifier);
  }
  const std::size_t size = entry.size_bytes();
  if (entry.qos != QoS::at_most_once) {
    enqueue(session, std::move(entry));
    return size;
  }
  if (entry.limited && wait_for_rate(session, *message) > Milliseconds{0}) {
    count(Counter::dropped_rate);
    return 0;
  }
  Recipient recipient;
  recipient.retain = entry.shows_retain();
  recipient.replay = true;
  deliver(connection, *message, recipient, entry.subscription_identifiers,
          remaining_expiry_s(*message));
  return size;
}

void Core::finish_first_replay(Session& session) {
  const std::string& filter = session.replays.front()->filter;
  Subscription& subscription = session.subscriptions.find(filter)->second;
  subscription.replay_pending = subscription.replaying = false;
  if (session.stored) {
    record(SubscriptionRecord{session.sid, filter, subscription.options,
                              subscription.subscription_identifier, false});
  }
  session.replays.erase(session.replays.begin());
}

}  // namespace lineshaft::core
