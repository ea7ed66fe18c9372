// Who gets a message: matching subscriptions merged per session, one member of each shared one.
#include <algorithm>
#include <tuple>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"

namespace lineshaft::core {

/// One copy per client at the highest QoS with all identifiers [MQTT-3.3.4-2], [MQTT-3.3.4-3],
/// [MQTT-3.3.4-4]. Only who matches is in the list [MQTT-3.3.2-3].
void Core::collect_targets(const Publication& publication) {
  targets_.clear();
  target_identifiers_.clear();
  const Matches& matches = topics_.matches(publication.topic);
  const QoS published = publication.message->qos();
  const bool retain = publication.message->retain();
  const bool always_shows = retain && topics_.at(publication.topic).shows_retain;
  const bool asks = interceptor_ != nullptr;
  for (const Subscriber& subscriber : matches.subscribers) {
    Session* const session = sessions_.get(subscriber.session, subscriber.generation);
    if (session == nullptr || session->ended) continue;
    if (subscriber.no_local && session == publication.publisher) continue;  // [MQTT-3.8.3-3]
    // [MQTT-3.8.4-8] the lower of published and granted.
    QoS qos = std::min(static_cast<QoS>(subscriber.qos), published);
    // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
    bool shows_retain = retain && (subscriber.retain_as_published || always_shows);
    bool limited = false;
    const bool is_looked_at = asks && is_related(*session);
    if (is_looked_at && subscriber.suspended) {
      count(Counter::deliveries_denied);
      continue;
    }
    if (asks && !(is_looked_at && subscriber.covered)) {
      const DeliverVerdict verdict = ask_deliver(*session, *publication.message, publication.topic);
      if (!verdict.allowed) {
        count(Counter::deliveries_denied);
        continue;
      }
      qos = std::min(qos, verdict.qos_max);
      shows_retain &= !verdict.strips_retain;
      limited = verdict.limited;
    }
    // Subscriptions of one session stand next to each other.
    if (targets_.empty() || targets_.back().session != session) {
      Target& fresh = targets_.emplace_back();
      fresh.session = session;
      fresh.identifiers_begin = static_cast<std::uint32_t>(target_identifiers_.size());
    }
    Target& target = targets_.back();
    target.qos = std::max(target.qos, qos);
    target.retain |= shows_retain;
    target.limited |= limited;
    if (subscriber.subscription_id != 0) {
      target_identifiers_.push_back(subscriber.subscription_id);
      ++target.identifiers_size;
    }
  }
  for (const std::uint32_t share : matches.groups) collect_group(share, publication);
}

void Core::collect_group(ShareId share, const Publication& publication) {
  SharedGroup* const group = shared_.find(share);
  if (group == nullptr) return;
  const auto* member =
      pick_member(*group, *publication.message, publication.topic, no_session, Takers::any);
  if (member == nullptr) return;
  Target target;
  target.session = &sessions_.at(member->session);
  target.share = share;
  target.qos = std::min(member->options.qos, publication.message->qos());  // [MQTT-4.8.2-3]
  target.retain = publication.message->retain() && (member->options.retain_as_published ||
                                                    topics_.at(publication.topic).shows_retain);
  if (interceptor_) {
    const DeliverVerdict verdict =
        ask_deliver(*target.session, *publication.message, publication.topic);
    target.qos = std::min(target.qos, verdict.qos_max);
    target.retain &= !verdict.strips_retain;
    target.limited = verdict.limited;
  }
  target.identifiers_begin = static_cast<std::uint32_t>(target_identifiers_.size());
  if (member->subscription_identifier != 0) {
    target_identifiers_.push_back(member->subscription_identifier);
    target.identifiers_size = 1;
  }
  targets_.push_back(target);
}

bool Core::has_room(const Session& session, const QueueEntry& entry) const {
  const SessionQueue& queue = session.queue;
  const ClientLimits& limits = limits_of(session);
  return queue.waiting() == 0 || (queue.waiting() < limits.queued_max &&
                                  queue.bytes + entry.size_bytes() <= limits.queued_bytes_max);
}

void Core::log_overflow(Session& session) {
  if (session.overflow_logged) return;
  session.overflow_logged = true;
  LINESHAFT_LOG(core, warn, "queue_full", {"client_id", session.client_id},
                {"queued", session.queue.waiting()}, {"bytes", session.queue.bytes});
}

/// Round robin over connected members that can take it now. What has to wait does so with a member
/// whose session survives a crash, if there is one: the shortest queue. Who may not receive the
/// topic is no candidate: it must not swallow what another member may have.
SharedGroup::Member* Core::pick_member(SharedGroup& group, const Message& message, TopicIndex topic,
                                       SessionIndex except, Takers takers,
                                       const QueueEntry* moving) {
  const std::size_t size = group.members.size();
  const bool connected_only =
      takers == Takers::connected || takers == Takers::connected_and_durable;
  const bool durable_only = takers == Takers::durable || takers == Takers::connected_and_durable;
  SharedGroup::Member* best = nullptr;
  // Smaller is better: not durable, waiting messages, not connected.
  std::tuple<bool, std::size_t, bool> best_rank;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t at = (group.next + i) % size;
    SharedGroup::Member& member = group.members[at];
    if (member.session == except) continue;
    Session& session = sessions_.at(member.session);
    if (session.ended || (member.suspended && is_related(session))) continue;
    QoS qos = std::min(member.options.qos, message.qos());
    if (interceptor_) {
      const DeliverVerdict verdict = ask_deliver(session, message, topic);
      if (!verdict.allowed) continue;
      qos = std::min(qos, verdict.qos_max);
    }
    if (moving != nullptr && !has_room(session, *moving)) continue;
    const SessionQueue& queue = session.queue;
    const bool durable =
        session.stored && session.expiry_interval_s > 0 && qos != QoS::at_most_once;
    if (durable_only && !durable) continue;
    if (session.connected) {
      const bool has_quota =
          queue.waiting() == 0 && queue.inflight.size() < connection_of(session).window;
      if (qos == QoS::at_most_once || has_quota) {
        group.next = (at + 1) % size;
        return &member;
      }
    } else if (connected_only || qos == QoS::at_most_once) {
      continue;
    }
    const std::tuple rank{!durable, queue.waiting(), !session.connected};
    if (best != nullptr && rank >= best_rank) continue;
    best = &member;
    best_rank = rank;
  }
  return best;
}

/// The publish is a promise that must be on disk before it is acknowledged.
bool Core::reaches_store(const Publication& publication) const {
  if (!config_.has_store) return false;
  if (publication.message->retain()) return true;
  return std::ranges::any_of(targets_, [](const Target& target) {
    return target.qos != QoS::at_most_once && target.session->stored;
  });
}

const KeptMessagePtr& Core::kept(Publication& publication) {
  if (!publication.kept) {
    KeepInfo info;
    info.received = now_.wall;
    info.seq = next_seq();
    info.publisher = author_number(publication);
    publication.kept = KeptMessage::keep(*publication.message, info);
  }
  return publication.kept;
}

/// A larger message that several stored queues hold is stored once.
void Core::share_payload(Publication& publication) {
  if (!config_.has_store || publication.message->qos() == QoS::at_most_once) return;
  const Message& message = *publication.message;
  if (message.payload().size() + message.properties().size() <= config_.inline_bytes_max) return;
  const auto queues = std::ranges::count_if(targets_, [](const Target& target) {
    return target.qos != QoS::at_most_once && target.session->stored;
  });
  if (queues < 2) return;
  const KeptMessagePtr& shared = kept(publication);
  // The record itself is written with the first entry that refers to it.
  if (shared->store_id == 0) shared->store_id = shared->seq();
}

void Core::route(Publication& publication) {
  if (publication.message->expiry_interval_s() == 0) {
    // It has expired the moment it came [MQTT-3.3.2-5].
    count(Counter::dropped_expired, targets_.size());
    return;
  }
  share_payload(publication);
  for (const Target& target : targets_) offer(target, publication);
}

/// A message of the broker's own making (wills, $SYS): same path, nobody waits for it.
void Core::publish_now(Publication publication) {
  publication.own = true;
  publication.topic = topics_.obtain(publication.message->topic(), config_.topic_entries_idle_max);
  initialise_topic(publication.topic);
  if (topics_.at(publication.topic).is_claimed() && is_failure(show(publication))) {
    count(Counter::publish_refused);
    return;
  }
  collect_targets(publication);
  const bool sets_retained =
      publication.message->retain() && !publication.message->payload().empty();
  if (!sets_retained || may_retain(publication)) {
    update_values(publication);
  }
  // The scratch lists are this publication's own while it is routed: offers do not publish.
  route(publication);
}

}  // namespace lineshaft::core
