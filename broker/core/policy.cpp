// What the interceptor is asked, and what of its answers is remembered.
#include <algorithm>
#include <utility>

#include "broker/base/audit.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/peer_address.h"
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

/// Who, what and why not, for the audit log.
AuditRecord Core::denial(std::string_view type, std::string_view op, const Subject& subject,
                         std::string_view topic, ReasonCode reason, const Cause& cause) {
  AuditRecord record{type};
  record.zone = subject.principal.zone;
  record.identity = subject.principal.name;
  record.client = subject.client_id;
  const Session* const session = sessions_.find(subject.client_id);
  if (session != nullptr && session->connected) {
    const ConnectionState* const connection = connections_.find(session->connection);
    if (connection != nullptr && connection->peer) {
      record.address = address_without_port(connection->peer->address);
    }
  }
  record.op = op;
  record.topic = topic;
  record.reason = cause.reason.empty() ? to_string(reason) : cause.reason;
  record.rule = cause.rule;
  record.epoch = policy_epoch_;
  record.is_repeatable = true;
  return record;
}

/// A publish of `session`. A refusal that has something to say is asked for anew each time.
PublishVerdict Core::ask_publish(Session& session, const Message& message, TopicIndex topic) {
  const PolicyClass policy_class = policy_class_of(session);
  const bool remembers = topic != no_topic && policy_class < policy_classes_max;
  if (remembers) {
    const Verdicts& verdicts = topics_.verdicts(topic, policy_epoch_);
    const auto known = verdicts.find(policy_class, Verdicts::Right::publish);
    if (known && *known) return {};
    if (known) {
      // It was asked for somebody of the same class; who tries it now is another fact.
      audit(denial("publish_denied", "publish", subject_of(session), message.topic(),
                   ReasonCode::not_authorized, {}));
      return {ReasonCode::not_authorized};
    }
  }
  const Subject subject = subject_of(session);
  const PublishVerdict verdict = interceptor_->on_publish(subject, message);
  const bool refused = is_failure(verdict.reason);
  const bool plain = !refused || (verdict.reason == ReasonCode::not_authorized &&
                                  !verdict.disconnects && verdict.cause.reason.empty());
  if (remembers && plain && verdict.for_all_messages) {
    topics_.verdicts(topic, policy_epoch_)
        .remember(policy_class, Verdicts::Right::publish, !refused);
  }
  if (refused) {
    audit(denial("publish_denied", "publish", subject, message.topic(), verdict.reason,
                 verdict.cause));
  }
  return verdict;
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
    // Once per topic and class: a filter that is wider than the rights is no attack.
    if (!verdict.allowed) {
      audit(denial("deliver_denied", "deliver", subject_of(session), message.topic(),
                   ReasonCode::not_authorized, {}));
    }
  }
  return verdict;
}

/// What the policy says to a filter, and what it took of `budget` to find out: a class is asked
/// once.
SubscribeVerdict Core::judge_filter(Session& session, const std::string& filter,
                                    std::size_t& budget) {
  const std::string_view matched = matched_part(filter);
  const PolicyClass policy_class = policy_class_of(session);
  const bool remembers = policy_class < policy_classes_max;
  const auto charge = [&budget](std::size_t work) { budget -= std::min(budget, work); };
  if (remembers) {
    const auto* known = policy_.filters.find(policy_epoch_, policy_class, matched);
    if (known != nullptr) {
      charge(1);
      return *known;
    }
  }
  const SubscribeVerdict verdict = interceptor_->on_subscribe(subject_of(session), matched);
  charge(verdict.work);
  if (remembers) policy_.filters.remember(policy_epoch_, policy_class, matched, verdict);
  return verdict;
}

SubscribeVerdict Core::ask_subscribe(Session& session, const std::string& filter) {
  if (!interceptor_) return {};
  const SubscribeVerdict verdict = judge_filter(session, filter, policy_.subscribe_work);
  if (!is_failure(verdict.reason)) return verdict;
  count(Counter::subscriptions_denied);
  audit(denial("subscribe_denied", "subscribe", subject_of(session), filter, verdict.reason,
               verdict.cause));
  if (!std::exchange(session.subscribe_refusal_logged, true)) {
    LINESHAFT_LOG(core, warn, "subscribe_denied", {"client_id", session.client_id},
                  {"filter", filter}, {"reason", to_string(verdict.reason)},
                  {"why", verdict.cause.reason}, {"rule", verdict.cause.rule});
  }
  return verdict;
}

/// What waits in a queue was allowed when it came; it must still be when it leaves, and goes as it
/// may go now.
bool Core::may_leave_queue(Session& session, QueueEntry& entry) {
  if (!interceptor_) return true;
  const Message& message = *entry.message;
  const DeliverVerdict verdict = ask_deliver(session, message, topics_.find(message.topic()));
  if (!verdict.allowed) {
    count(Counter::deliveries_denied);
    return false;
  }
  entry.qos_max = verdict.qos_max;
  entry.strips_retain = verdict.strips_retain;
  entry.limited = verdict.limited;
  return true;
}

/// What a rate allows: 0, or the time until it does.
Milliseconds Core::wait_for_rate(Session& session, const Message& message) {
  return interceptor_ ? interceptor_->on_send(subject_of(session), message) : Milliseconds{0};
}

/// The first message of the queue waits until there is room for it in its rate; so does what is
/// behind it.
bool Core::has_to_wait(Session& session, const Message& message) {
  const Milliseconds wait = wait_for_rate(session, message);
  if (wait <= Milliseconds{0}) return false;
  session.rate_timer =
      TimerKey{now_.steady + wait, TimerKind::rate, session.index, session.generation};
  timers_.add(*session.rate_timer);
  return true;
}

/// A retained message is its author's, who may have lost the right to show it meanwhile.
bool Core::may_replay(const KeptMessage& message) {
  if (interceptor_->on_replay(author(message.publisher()), message)) return true;
  count(Counter::replays_denied);
  return false;
}

/// Of QoS 2 the client may know the identifier, and would take another message under it for a
/// repeat: PUBREL makes it forget.
void Core::release_denied_inflight(Session& session) {
  for (InflightEntry& inflight : session.queue.inflight) {
    const bool known = inflight.entry.qos == QoS::exactly_once && inflight.sent_before &&
                       !inflight.on_wire && inflight.state == InflightState::sent;
    if (!known || inflight.entry.message == nullptr) continue;
    if (!may_leave_queue(session, inflight.entry)) release_inflight(session, inflight);
  }
}

/// A will was allowed when it was stored; it must still be when it goes out.
bool Core::may_send_will(Session& session, const Message& message) {
  if (!interceptor_) return true;
  const Subject subject = subject_of(session);
  const PublishVerdict verdict =
      interceptor_->on_will(subject, message, Interceptor::WillMoment::due);
  if (!is_failure(verdict.reason)) return true;
  count(Counter::wills_denied);
  audit(denial("will_denied", "will", subject, message.topic(), verdict.reason, verdict.cause));
  LINESHAFT_LOG(core, warn, "will_denied", {"client_id", session.client_id},
                {"topic", message.topic()}, {"reason", to_string(verdict.reason)},
                {"why", verdict.cause.reason}, {"rule", verdict.cause.rule});
  return false;
}

}  // namespace lineshaft::core
