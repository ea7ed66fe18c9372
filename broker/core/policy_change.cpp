// Another policy: what it changes for those who are here already, and when all have met it.
#include <algorithm>
#include <utility>

#include "broker/base/audit.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/topic_name.h"

namespace lineshaft::core {
namespace {

std::uint64_t ms_between(Instant from, Instant to) {
  return static_cast<std::uint64_t>((to - from).count());
}

/// Everybody who must go was told so. The shards do everything that was decided before first: the
/// answer comes when all have.
void set_fences(PolicyState& policy, Effects& effects) {
  for (PolicyFence& fence : policy.fences) {
    if (fence.number != 0) continue;
    fence.number = ++policy.last_fence;
    for (ShardEffects& shard : effects.shards) shard.list.push_back(Fence{fence.number});
  }
}

}  // namespace

const std::string& FilterVerdicts::key(PolicyClass policy_class, std::string_view filter) {
  key_.assign(reinterpret_cast<const char*>(&policy_class), sizeof policy_class);
  return key_.append(filter);
}

const SubscribeVerdict* FilterVerdicts::find(std::uint32_t epoch, PolicyClass policy_class,
                                             std::string_view filter) {
  if (epoch != epoch_) return nullptr;
  const auto found = known_.find(key(policy_class, filter));
  return found == known_.end() ? nullptr : &found->second;
}

void FilterVerdicts::remember(std::uint32_t epoch, PolicyClass policy_class,
                              std::string_view filter, const SubscribeVerdict& verdict) {
  if (epoch != epoch_ || known_.size() >= limits::filter_verdicts_max) known_.clear();
  epoch_ = epoch;
  known_.insert_or_assign(key(policy_class, filter), verdict);
}

/// The part of a subscription that topics are compared with.
std::string_view Core::matched_part(std::string_view filter) {
  const ParsedShare parsed = parse_share(filter);
  return parsed.syntax == ShareSyntax::shared ? parsed.shared.filter : filter;
}

void Core::change_policy(PolicyChanged input) {
  interceptor_ = std::move(input.interceptor);
  policy_.wake_at.reset();
  if (interceptor_) {
    interceptor_->on_install(*context_);
    restore_items();
  }
  begin_policy();
  if (input.request_id != 0) {
    policy_.fences.push_back(
        {0, input.request_id, effects_->shards.size(), policy_epoch_, now_.steady});
  }
  if (draining_) {
    answer_fences();
    return;
  }
  sweep_policy();
  if (!interceptor_) set_fences(policy_, *effects_);
}

/// The broker stops: nobody does anything any more, under whatever policy, and the shards may be
/// gone before they pass another fence.
void Core::answer_fences() {
  for (const PolicyFence& fence : std::exchange(policy_.fences, {})) {
    effects_->replies.push_back({fence.request_id, PolicyInForce{fence.epoch}});
  }
}

/// From here on every remembered verdict is void, and everybody is looked at again: who must go,
/// and what each subscription may still match. What a client does is asked anew at once.
void Core::begin_policy() {
  ++policy_epoch_;
  policy_.changed = false;
  policy_.began = now_.steady;
  policy_.sweeps_connections = policy_.sweeps_sessions = interceptor_ != nullptr;
  policy_.next_connection = {};
  policy_.next_session = 0;
  count(Counter::policy_changes);
}

void Core::on_fence_passed(std::uint64_t number) {
  auto& fences = policy_.fences;
  const auto fence = std::ranges::find(fences, number, &PolicyFence::number);
  if (fence == fences.end() || --fence->shards_left > 0) return;
  statistics_.policy_fence_ms = ms_between(fence->began, now_.steady);
  effects_->replies.push_back({fence->request_id, PolicyInForce{fence->epoch}});
  fences.erase(fence);
}

/// One slice of the look at everybody: first who must go, then the subscriptions.
void Core::sweep_policy() {
  if (!interceptor_) return;
  if (policy_.sweeps_connections) {
    const bool over =
        connections_.walk(policy_.next_connection, limits::relate_slice,
                          [this](ConnectionState& connection) { recheck(connection); });
    policy_.sweeps_connections = !over;
    if (!over) {
      effects_->again = true;
      return;
    }
    set_fences(policy_, *effects_);
  }
  std::size_t budget = limits::relate_slice;
  while (!policy_.unrelated.empty() && budget > 0) {
    const WaitingSession next = policy_.unrelated.front();
    Session* const session = sessions_.get(next.session, next.generation);
    if (session != nullptr && !relate_some(*session, budget)) break;
    policy_.unrelated.pop_front();
  }
  while (policy_.sweeps_sessions && budget > 0) {
    if (policy_.next_session >= sessions_.end_index()) {
      policy_.sweeps_sessions = false;
      statistics_.policy_sweep_ms = ms_between(policy_.began, now_.steady);
      break;
    }
    --budget;
    Session* const session = sessions_.look_at(policy_.next_session);
    if (session == nullptr || relate_some(*session, budget)) ++policy_.next_session;
  }
  if (policy_.sweeps_sessions || !policy_.unrelated.empty()) effects_->again = true;
}

/// Would it be let in today? If not it ends; its session stays, locked to its owner.
bool Core::recheck(ConnectionState& connection) {
  if (!connection.accepted) return true;
  Session& session = sessions_.at(connection.session);
  const Subject subject = subject_of(session);
  const ConnectVerdict verdict = interceptor_->on_recheck(subject);
  if (!is_failure(verdict.reason)) return true;
  count(Counter::connections_revoked);
  LINESHAFT_LOG(core, warn, "connection_revoked", {"client_id", session.client_id},
                {"user", subject.principal.name}, {"reason", to_string(verdict.reason)},
                {"why", verdict.cause.reason}, {"rule", verdict.cause.rule});
  audit(denial("connection_revoked", "connect", subject, {}, verdict.reason, verdict.cause));
  revoke(connection, verdict.reason);
  return false;
}

/// Nothing more reaches it, not even what was on its way already.
void Core::revoke(ConnectionState& connection, ReasonCode reason) {
  emit_effect(connection, Discard{connection.ref()});
  close_with(connection, reason);
}

/// The session's owner has come with other claims, or it comes from the store: its subscriptions
/// are looked at in slices. Until then each topic is asked for.
void Core::relate_later(Session& session) {
  session.related_epoch = session.subscriptions.empty() ? policy_epoch_ : 0;
  if (!interceptor_ || session.subscriptions.empty()) return;
  policy_.unrelated.push_back({0, session.index, session.generation});
  effects_->again = true;
}

/// Looks at the session's subscriptions under the policy of today. False: there are more, the next
/// call goes on behind the last one.
bool Core::relate_some(Session& session, std::size_t& budget) {
  if (session.ended || session.related_epoch == policy_epoch_) return true;
  auto& subscriptions = session.subscriptions;
  auto at = subscriptions.begin();
  if (session.relating && session.relating->epoch == policy_epoch_) {
    at = subscriptions.upper_bound(session.relating->last_filter);
  }
  bool disconnects = false;
  std::string_view last;
  const std::size_t suspended_before = statistics_.subscriptions_suspended;
  for (; at != subscriptions.end() && budget > 0; ++at) {
    disconnects |= relate(session, at->first, at->second, budget);
    last = at->first;
  }
  if (statistics_.subscriptions_suspended != suspended_before) {
    LINESHAFT_LOG(core, info, "subscriptions_related", {"client_id", session.client_id},
                  {"all_suspended", statistics_.subscriptions_suspended});
  }
  const bool over = at == subscriptions.end();
  if (over) {
    session.relating.reset();
    session.related_epoch = policy_epoch_;
  } else if (!last.empty()) {
    session.relating = std::make_unique<Session::RelateCursor>();
    session.relating->epoch = policy_epoch_;
    session.relating->last_filter = last;
  }
  // It may end with its connection: nothing of it is touched behind this.
  if (disconnects && session.connected) {
    revoke(connection_of(session), ReasonCode::not_authorized);
    return true;
  }
  return over;
}

/// True: the connection is to end.
bool Core::relate(Session& session, const std::string& filter, Subscription& subscription,
                  std::size_t& budget) {
  const SubscribeVerdict verdict = judge_filter(session, filter, budget);
  const bool suspends = is_failure(verdict.reason);
  const bool covered = !suspends && verdict.covers_all_topics;
  const bool was_covered = std::exchange(subscription.covered, covered);
  const bool was_suspended = std::exchange(subscription.suspended, suspends);
  if (was_covered != covered || was_suspended != suspends) {
    index_subscription(session, filter, subscription);
  }
  if (was_suspended == suspends) return false;
  statistics_.subscriptions_suspended += suspends ? 1 : std::size_t(-1);
  if (suspends) count(Counter::subscriptions_revoked);
  audit(denial(suspends ? "subscription_suspended" : "subscription_active", "subscribe",
               subject_of(session), filter, verdict.reason, verdict.cause));
  return suspends && verdict.disconnects;
}

}  // namespace lineshaft::core
