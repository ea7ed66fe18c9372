// What the interceptor is asked, what of its answers is remembered, and what a new policy changes
// for those who are here already.
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/topic_name.h"

namespace lineshaft::core {
namespace {

const Principal nobody;

}  // namespace

/// Sessions made with open access belong to nobody in particular. What was found out about it under
/// another policy, or for an owner that has come with other claims since, is forgotten here.
Subject Core::subject_of(Session& session) {
  const Subject subject{session.owner ? *session.owner : nobody, session.client_id,
                        &session.policy_memory};
  if (session.policy_epoch != policy_epoch_) {
    session.policy_epoch = policy_epoch_;
    session.policy_memory.reset();
    session.policy_class = interceptor_->classify(subject);
  }
  return subject;
}

PolicyClass Core::policy_class_of(Session& session) {
  if (session.policy_epoch != policy_epoch_) subject_of(session);
  return session.policy_class;
}

/// A publish of `session`, its will included.
ReasonCode Core::ask_publish(Session& session, const Message& message, TopicIndex topic) {
  const PolicyClass policy_class = policy_class_of(session);
  const bool remembers = topic != no_topic && policy_class < policy_classes_max;
  if (remembers) {
    const Verdicts& verdicts = topics_.verdicts(topic, policy_epoch_);
    const auto known = verdicts.find(policy_class, Verdicts::Right::publish);
    if (known) return *known ? ReasonCode::success : ReasonCode::not_authorized;
  }
  const auto verdict = interceptor_->on_publish(subject_of(session), message);
  const bool plain = !is_failure(verdict.reason) || verdict.reason == ReasonCode::not_authorized;
  if (remembers && plain && verdict.for_all_messages) {
    topics_.verdicts(topic, policy_epoch_)
        .remember(policy_class, Verdicts::Right::publish, !is_failure(verdict.reason));
  }
  return verdict.reason;
}

/// `topic` may be `no_topic`: then nothing is remembered.
DeliverVerdict Core::ask_deliver(Session& session, const Message& message, TopicIndex topic) {
  const PolicyClass policy_class = policy_class_of(session);
  if (policy_class >= policy_classes_max || topic == no_topic) {
    return interceptor_->on_deliver(subject_of(session), message);
  }
  Verdicts& verdicts = topics_.verdicts(topic, policy_epoch_);
  if (const auto known = verdicts.find(policy_class, Verdicts::Right::deliver)) {
    return DeliverVerdict::all(*known);
  }
  const DeliverVerdict verdict = interceptor_->on_deliver(subject_of(session), message);
  if (verdict.is_plain()) {
    verdicts.remember(policy_class, Verdicts::Right::deliver, verdict.allowed);
  }
  return verdict;
}

ReasonCode Core::ask_subscribe(Session& session, const mqtt::SubscribePacket::Item& item) {
  if (!interceptor_) return ReasonCode::success;
  const ParsedShare parsed = parse_share(item.filter);
  const std::string_view filter =
      parsed.syntax == ShareSyntax::shared ? parsed.shared.filter : std::string_view(item.filter);
  const ReasonCode reason = interceptor_->on_subscribe(subject_of(session), filter).reason;
  if (!is_failure(reason)) return reason;
  count(Counter::subscriptions_denied);
  if (!std::exchange(session.subscribe_refusal_logged, true)) {
    LINESHAFT_LOG(core, warn, "subscribe_denied", {"client_id", session.client_id},
                  {"filter", item.filter}, {"reason", to_string(reason)});
  }
  return reason;
}

/// What waits in a queue was allowed when it came; it must still be when it leaves.
bool Core::may_leave_queue(Session& session, const Message& message) {
  if (!interceptor_) return true;
  const bool allowed = ask_deliver(session, message, topics_.find(message.topic())).allowed;
  if (!allowed) count(Counter::deliveries_denied);
  return allowed;
}

/// Of QoS 2 the client may know the identifier, and would take another message under it for a
/// repeat: PUBREL makes it forget.
void Core::release_denied_inflight(Session& session) {
  for (InflightEntry& inflight : session.queue.inflight) {
    const bool known = inflight.entry.qos == QoS::exactly_once && inflight.sent_before &&
                       !inflight.on_wire && inflight.state == InflightState::sent;
    if (!known || inflight.entry.message == nullptr) continue;
    if (!may_leave_queue(session, *inflight.entry.message)) release_inflight(session, inflight);
  }
}

/// A will was allowed when it was stored; it must still be when it goes out.
bool Core::may_send_will(Session& session, const Message& message) {
  if (!interceptor_) return true;
  const ReasonCode reason = ask_publish(session, message, topics_.find(message.topic()));
  if (!is_failure(reason)) return true;
  count(Counter::wills_denied);
  LINESHAFT_LOG(core, warn, "will_denied", {"client_id", session.client_id},
                {"topic", message.topic()}, {"reason", to_string(reason)});
  return false;
}

void Core::change_policy(std::shared_ptr<Interceptor> interceptor) {
  interceptor_ = std::move(interceptor);
  ++policy_epoch_;
  // Who must go is looked for in slices; what a client may do is asked anew from now on.
  policy_sweep_ = interceptor_ ? std::optional<ConnectionId>(ConnectionId{}) : std::nullopt;
  sweep_policy();
}

/// Closes connections that the policy of today would not let in.
void Core::sweep_policy() {
  if (!policy_sweep_) return;
  const bool over = connections_.walk(*policy_sweep_, limits::slice, [this](ConnectionState& c) {
    if (!c.accepted) return;
    Session& session = sessions_.at(c.session);
    const ReasonCode reason = interceptor_->on_recheck(subject_of(session)).reason;
    if (!is_failure(reason)) return;
    count(Counter::connections_revoked);
    LINESHAFT_LOG(core, warn, "connection_revoked", {"client_id", session.client_id},
                  {"user", subject_of(session).principal.name}, {"reason", to_string(reason)});
    close_with(c, reason);
  });
  if (over) {
    policy_sweep_.reset();
  } else {
    effects_->again = true;
  }
}

}  // namespace lineshaft::core
