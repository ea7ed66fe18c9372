// SUBSCRIBE and UNSUBSCRIBE (sections 3.8 to 3.11).
#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/topic_name.h"
#include "broker/mqtt/encoder.h"

namespace lineshaft::core {
namespace {

/// One more than a session may have.
ReasonCode refuse_above_limit(Session& session, const std::string& filter, std::size_t limit) {
  count(Counter::subscriptions_refused_limit);
  if (!std::exchange(session.subscriptions_full_logged, true)) {
    LINESHAFT_LOG(core, warn, "subscription_refused", {"client_id", session.client_id},
                  {"filter", filter}, {"limit", limit},
                  {"effect", "this one and further ones get 0x97"});
  }
  return ReasonCode::quota_exceeded;
}

}  // namespace

/// An answer above the client's Maximum Packet Size may not be sent [MQTT-3.1.2-24], and a request
/// may not stay without one: the connection ends before anything of the request is done. Of our
/// answers only SUBACK and UNSUBACK can be larger than a CONNACK, by codes that must not be
/// missing.
bool Core::answer_fits(ConnectionState& connection, std::size_t codes) {
  const std::uint32_t size_max = connection.packet_size_bytes_max;
  if (size_max == 0) return true;
  mqtt::SubackPacket answer;
  answer.reasons.assign(codes, ReasonCode::success);
  std::string bytes;
  if (mqtt::encode(answer, {connection.version, size_max, false}, bytes)) return true;
  count(Counter::dropped_too_large);
  LINESHAFT_LOG(core, warn, "suback_too_large",
                {"client_id", sessions_.at(connection.session).client_id}, {"filters", codes},
                {"packet_size_max", size_max});
  close_with(connection, ReasonCode::packet_too_large);
  return false;
}

void Core::on_subscribe(ConnectionState& connection,
                        std::unique_ptr<mqtt::SubscribePacket> packet) {
  const std::size_t size = packet->items.size();
  if (!answer_fits(connection, size)) return;
  auto work = std::make_unique<UnfinishedSubscribe>();
  work->answer = std::make_unique<mqtt::SubackPacket>();
  work->answer->packet_id = packet->packet_id;  // [MQTT-3.8.4-2], [MQTT-2.2.1-6]
  work->answer->reasons.reserve(size);
  work->packet = std::move(packet);
  connection.subscribing = std::move(work);
  if (subscribe_some(connection)) {
    connection.subscribing.reset();
    return;
  }
  pause_reading(connection, &ConnectionState::paused_by_subscribe, true);
  policy_.subscribing.push_back(connection.id);
  effects_->again = true;
}

/// A slice of a SUBSCRIBE. True: all of it is done and answered, once [MQTT-3.8.4-6].
bool Core::subscribe_some(ConnectionState& connection) {
  UnfinishedSubscribe& work = *connection.subscribing;
  const std::size_t size = work.packet->items.size();
  for (std::size_t left = limits::slice; work.next < size; ++work.next, --left) {
    const bool waits = left == 0 || (interceptor_ && policy_.subscribe_work == 0);
    if (waits && !work.unjudged) return false;
    // [MQTT-3.8.4-5], [MQTT-3.8.4-6] as if each had come alone, one code for each in their order
    // [MQTT-3.9.3-1]
    work.answer->reasons.push_back(subscribe_next(connection, work));
  }
  Session& session = sessions_.at(connection.session);
  acknowledge(connection, std::move(work.answer), session.state_seq);  // [MQTT-3.8.4-1]
  return true;
}

ReasonCode Core::subscribe_next(ConnectionState& connection, UnfinishedSubscribe& work) {
  const mqtt::SubscribePacket::Item& item = work.packet->items[work.next];
  const auto again = work.done.find(item.filter);
  if (again != work.done.end() &&
      (is_failure(again->second.reason) || again->second.options == item.options)) {
    return again->second.reason;
  }
  Session& session = sessions_.at(connection.session);
  // What is granted is bounded by the session; of refusals and repeats there may be as many.
  const std::size_t subscriptions_max = limits_of(session).subscriptions_per_session_max;
  if (interceptor_ && work.unbounded >= subscriptions_max) {
    return refuse_above_limit(session, item.filter, subscriptions_max);
  }
  const ReasonCode reason = subscribe_one(session, *work.packet, item, work.unjudged);
  const bool was_judged =
      reason != ReasonCode::topic_filter_invalid && reason != ReasonCode::quota_exceeded;
  if (was_judged && (is_failure(reason) || again != work.done.end())) ++work.unbounded;
  if (work.packet->items.size() > 1) {
    work.done.insert_or_assign(item.filter, UnfinishedSubscribe::Done{item.options, reason});
  }
  const bool denied = reason == ReasonCode::not_authorized;
  if (watcher_ && denied) watcher_->on_deny(connection.watched_as);
  return reason;
}

/// The next turn of each SUBSCRIBE that one turn was too short for; they take turns, too.
void Core::continue_subscribes() {
  policy_.subscribe_work = limits::relate_slice;
  for (std::size_t i = policy_.subscribing.size(); i > 0; --i) {
    if (policy_.subscribe_work == 0) break;
    const ConnectionId id = policy_.subscribing.pop_front();
    ConnectionState* const connection = connections_.find(id);
    if (connection == nullptr || !connection->subscribing) continue;
    if (!subscribe_some(*connection)) {
      policy_.subscribing.push_back(id);
      continue;
    }
    auto behind = std::move(connection->subscribing->behind);
    connection->subscribing.reset();
    pause_reading(*connection, &ConnectionState::paused_by_subscribe, false);
    take_packets(id, behind);
  }
  if (!policy_.subscribing.empty()) effects_->again = true;
}

/// There are no further turns for it: whoever waits for the answer is gone. What is left of it
/// becomes a subscription, of which each topic is asked for, and is looked at in slices. `id` is a
/// copy: the session it may come from may be gone behind it.
void Core::end_subscribe(ConnectionId id) {
  for (;;) {
    ConnectionState* const connection = connections_.find(id);
    if (connection == nullptr || !connection->subscribing) return;
    connection->subscribing->unjudged = true;
    subscribe_some(*connection);
    relate_later(sessions_.at(connection->session));
    auto behind = std::move(connection->subscribing->behind);
    connection->subscribing.reset();
    take_packets(id, behind);
  }
}

ReasonCode Core::subscribe_one(Session& session, const mqtt::SubscribePacket& packet,
                               const mqtt::SubscribePacket::Item& item, bool unjudged) {
  const ClientLimits& limits = limits_of(session);
  if (item.filter.size() > limits.topic_size_bytes_max ||
      level_count(item.filter) > limits.topic_levels_max) {
    return ReasonCode::topic_filter_invalid;
  }
  const auto known = session.subscriptions.find(item.filter);
  const bool is_new = known == session.subscriptions.end();
  // Before the policy is asked: that is the expensive part.
  if (is_new && session.subscriptions.size() >= limits.subscriptions_per_session_max) {
    return refuse_above_limit(session, item.filter, limits.subscriptions_per_session_max);
  }
  const SubscribeVerdict verdict =
      unjudged ? SubscribeVerdict{} : ask_subscribe(session, item.filter);
  if (is_failure(verdict.reason)) return verdict.reason;
  if (session.stored && !store_state_.accepts_writes) return store_state_.refusal;
  // [MQTT-3.8.4-3] the same filter again replaces the whole record; queue and window do not notice,
  // so that nothing is lost or doubled by it [MQTT-3.8.4-4].
  Subscription& subscription = is_new ? session.subscriptions[item.filter] : known->second;
  const bool same = !is_new && subscription.options == item.options &&
                    subscription.subscription_identifier == packet.subscription_identifier;
  subscription.options = item.options;
  subscription.subscription_identifier = packet.subscription_identifier;
  subscription.covered = verdict.covers_all_topics;
  if (std::exchange(subscription.suspended, false)) --statistics_.subscriptions_suspended;
  if (is_new) ++statistics_.subscriptions;
  index_subscription(session, item.filter, subscription);
  if (!packet.user_properties.empty() && !extensions_.empty()) {
    show_subscription(session, packet, item.filter);
  }

  // [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11]; never for a shared subscription.
  const std::uint8_t handling = item.options.retain_handling;
  const bool replays = subscription.share == 0 && (handling == 0 || (handling == 1 && is_new));
  const bool was_pending = subscription.replay_pending;
  if (replays) start_replay(session, item.filter, subscription, packet.packet_id);
  if (session.stored && (!same || subscription.replay_pending != was_pending)) {
    session.state_seq = record(
        SubscriptionRecord{session.sid, item.filter, subscription.options,
                           subscription.subscription_identifier, subscription.replay_pending},
        true);
  }
  return static_cast<ReasonCode>(item.options.qos);  // [MQTT-3.8.4-7]
}

void Core::index_subscription(Session& session, const std::string& filter,
                              Subscription& subscription) {
  const ParsedShare parsed = parse_share(filter);
  if (parsed.syntax == ShareSyntax::shared) {
    const std::string_view inner = parsed.shared.filter;
    const auto joined =
        shared_.join(zone_of(session), filter,
                     {session.index, session.generation, subscription.options,
                      subscription.subscription_identifier, subscription.suspended});
    subscription.share = joined.share;
    if (joined.group_is_new) subscriptions_.set_group(inner, joined.share);
    topics_.subscription_changed(inner);
    return;
  }
  Subscriber subscriber;
  subscriber.session = session.index;
  subscriber.generation = session.generation;
  subscriber.subscription_id = subscription.subscription_identifier;
  subscriber.qos = static_cast<std::uint8_t>(subscription.options.qos);
  subscriber.no_local = subscription.options.no_local;
  subscriber.retain_as_published = subscription.options.retain_as_published;
  subscriber.covered = subscription.covered;
  subscriber.suspended = subscription.suspended;
  subscriptions_.set(filter, subscriber);
  topics_.subscription_changed(filter);
}

void Core::unindex_subscription(Session& session, const std::string& filter,
                                const Subscription& subscription) {
  --statistics_.subscriptions;
  if (subscription.suspended) --statistics_.subscriptions_suspended;
  if (subscription.share == 0) {
    subscriptions_.erase(filter, session.index);
    topics_.subscription_changed(filter);
    return;
  }
  leave_group(session, filter, subscription.share);
}

void Core::leave_group(Session& session, const std::string& filter, ShareId share) {
  const std::string_view inner = parse_share(filter).shared.filter;
  if (shared_.leave(share, session.index)) subscriptions_.erase_group(inner, share);
  topics_.subscription_changed(inner);
}

/// Its owner has come as a member of another zone, whose groups are others. What came through a
/// group before stays with the session.
void Core::change_groups(Session& session) {
  for (auto& [filter, subscription] : session.subscriptions) {
    if (subscription.share == 0) continue;
    leave_group(session, filter, subscription.share);
    index_subscription(session, filter, subscription);
  }
}

void Core::on_unsubscribe(ConnectionState& connection, const mqtt::UnsubscribePacket& packet) {
  if (!answer_fits(connection, packet.filters.size())) return;
  Session& session = sessions_.at(connection.session);
  auto unsuback = std::make_unique<mqtt::SubackPacket>();
  unsuback->type = mqtt::PacketType::unsuback;
  unsuback->packet_id = packet.packet_id;  // [MQTT-3.10.4-5]
  // [MQTT-3.10.4-6] one answer, a code for each filter in their order [MQTT-3.11.3-1].
  for (const std::string& filter : packet.filters) {
    // [MQTT-3.10.4-1] compared as text. What was queued is still delivered [MQTT-3.10.4-3].
    const auto known = session.subscriptions.find(filter);
    if (known == session.subscriptions.end()) {
      unsuback->reasons.push_back(ReasonCode::no_subscription_existed);
      continue;
    }
    drop_replay(session, filter, known->second);
    unindex_subscription(session, filter, known->second);  // [MQTT-3.10.4-2] nothing new
    session.subscriptions.erase(known);
    if (session.stored) {
      session.state_seq = record(SubscriptionErase{session.sid, filter}, true);
    }
    unsuback->reasons.push_back(ReasonCode::success);
  }
  acknowledge(connection, std::move(unsuback), session.state_seq);  // [MQTT-3.10.4-4]
}

}  // namespace lineshaft::core
