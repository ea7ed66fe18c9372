#include "auth/zones_interceptor.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "auth/json_fields.h"
#include "broker/base/limits.h"
#include "broker/base/metrics.h"

namespace lineshaft::auth {
namespace {

ReasonCode mqtt_reason(PolicyReason reason) {
  switch (reason) {
    case PolicyReason::conduit_qos:
      return ReasonCode::qos_not_supported;
    case PolicyReason::conduit_retain:
      return ReasonCode::retain_not_supported;
    case PolicyReason::conduit_rate:
    case PolicyReason::quota:
      return ReasonCode::quota_exceeded;
    case PolicyReason::clientid_bound:
      return ReasonCode::client_identifier_not_valid;
    default:
      return ReasonCode::not_authorized;
  }
}

void count_denial(PolicyReason reason) {
  constexpr auto first = static_cast<std::size_t>(PolicyReason::role_no_allow);
  constexpr auto last = static_cast<std::size_t>(PolicyReason::island);
  constexpr auto first_counter = static_cast<std::size_t>(Counter::denied_role_no_allow);
  static_assert(static_cast<std::size_t>(Counter::denied_island) - first_counter == last - first);
  const auto at = static_cast<std::size_t>(reason);
  if (at < first || at > last) return;
  count(static_cast<Counter>(first_counter + at - first));
}

MessageAttributes attributes_of(const Message& message) {
  return {message.qos(), message.retain(), static_cast<std::uint32_t>(message.payload().size())};
}

/// Some topic that the filter matches, to say why it is not allowed.
std::string example_of(std::string_view filter) {
  std::string topic(filter);
  for (char& c : topic) {
    if (c == '+' || c == '#') c = '_';
  }
  return topic;
}

/// Why nothing of the filter is allowed, as a topic it matches is told.
PolicyReason filter_refusal(const PolicySnapshot& policy, const core::Subject& subject,
                            std::string_view filter) {
  const Decision decision =
      policy.check(subject.principal, subject.client_id, Op::deliver, example_of(filter), {});
  return decision.allow ? PolicyReason::role_no_allow : decision.reason;
}

core::SubscribeVerdict subscribe_verdict(const PolicySnapshot& policy, const core::Subject& subject,
                                         std::string_view filter) {
  std::uint32_t steps = 0;
  const Relation relation = policy.relate(subject.principal, subject.client_id, filter, &steps);
  core::SubscribeVerdict verdict;
  verdict.work = 1 + steps / limits::relate_steps_easy;
  verdict.covers_all_topics = relation == Relation::subset;
  const ZoneFacts* const zone = policy.zone(subject.principal.zone);
  const bool is_part = relation == Relation::overlap;
  if (relation == Relation::subset) return verdict;
  if (is_part && zone != nullptr && zone->overlap == OverlapPolicy::filter) return verdict;
  verdict.reason = ReasonCode::not_authorized;
  verdict.disconnects = zone != nullptr && zone->on_revoke == OnRevoke::disconnect;
  verdict.cause.reason =
      is_part ? std::string_view("OVERLAP") : to_string(filter_refusal(policy, subject, filter));
  return verdict;
}

}  // namespace

/// Decisions about one subject that has rights of its own, by topic.
class ZonesInterceptor::Memory final : public core::SubjectMemory {
 public:
  struct Entry {
    std::string topic;
    Op op = Op::admin;
    Decision decision;
  };

  /// Null: the topic is too long to be remembered, or its client is not here.
  Entry* place(Op op, std::string_view topic) {
    // Who is away publishes nothing.
    if (op == Op::publish) is_away_ = false;
    if (is_away_ || topic.size() > topic_bytes_max) return nullptr;
    if (entries_ == nullptr) entries_ = std::make_unique<Entries>();
    const std::size_t hash = std::hash<std::string_view>{}(topic) + static_cast<std::size_t>(op);
    return &(*entries_)[hash % entries_->size()];
  }
  /// Its client is gone: a session that waits for it needs no answers by heart.
  void forget() {
    entries_.reset();
    is_away_ = true;
  }

 private:
  using Entries = std::array<Entry, 64>;
  static constexpr std::size_t topic_bytes_max = 256;

  std::unique_ptr<Entries> entries_;
  bool is_away_ = false;
};

ZonesInterceptor::ZonesInterceptor(PolicySnapshotPtr policy, IdentityRulesPtr identity,
                                   PolicySnapshotPtr shadow, std::shared_ptr<ZonesGauges> gauges)
    : policy_(std::move(policy)),
      identity_(std::move(identity)),
      shadow_(std::move(shadow)),
      gauges_(std::move(gauges)) {}

void ZonesInterceptor::on_install(core::Context& context) {
  context_ = &context;
  flows_.begin(context.now().wall);
  gauges_->quarantined = gauges_->islands = gauges_->lent_roles = 0;
  note_edge();
  arm();
}

/// The shadow changes with the time, too.
void ZonesInterceptor::note_edge() {
  edge_ = policy_->next_edge();
  const auto other = shadow_ ? shadow_.policy().next_edge() : std::nullopt;
  if (other) edge_ = std::min(*other, edge_.value_or(*other));
}

void ZonesInterceptor::arm() {
  const auto end = ends_.next();
  if (edge_ || end)
    context_->wake_at(std::min(edge_.value_or(WallTime::max()), end.value_or(WallTime::max())));
}

void ZonesInterceptor::saw(const core::Principal& principal) {
  const auto next = ends_.next();
  ends_.saw(principal, context_->now().wall);
  if (ends_.next() != next) arm();
}

void ZonesInterceptor::renew() {
  Overrides active = overrides_.active();
  gauges_->quarantined = active.quarantined.size();
  gauges_->islands = active.islands.size();
  gauges_->lent_roles = active.break_glass.size();
  policy_ = policy_->with(std::move(active), context_->now().wall);
  shadow_.renew(policy_->overrides(), context_->now().wall);
  note_edge();
  classes_.clear();
  arm();
}

void ZonesInterceptor::on_edge() {
  has_restored_ = false;
  overrides_.expire(context_->now().wall, *context_);
  ends_.look(context_->now().wall);
  renew();
  context_->policy_changed();
}

void ZonesInterceptor::on_clock_set_back() {
  if (!overrides_.end_lent(*context_)) return;
  renew();
  context_->policy_changed();
}

void ZonesInterceptor::on_restore(std::string_view family, std::string_view key,
                                  std::string_view value) {
  if (!overrides_.restore(family, key, value)) return;
  has_restored_ = true;
  // Until somebody asks: an alarm does not wait for that.
  ++(family == "island"       ? gauges_->islands
     : family == "quarantine" ? gauges_->quarantined
                              : gauges_->lent_roles);
}

/// They come one by one, and there may be ten thousand.
void ZonesInterceptor::take_restored() {
  if (std::exchange(has_restored_, false)) renew();
}

void ZonesInterceptor::on_disconnect(const core::Subject& subject) {
  if (subject.memory == nullptr || *subject.memory == nullptr) return;
  static_cast<Memory&>(**subject.memory).forget();
}

core::PolicyClass ZonesInterceptor::classify(const core::Subject& subject) {
  take_restored();
  auto [key, is_personal] = policy_->class_key(subject.principal, subject.client_id);
  if (shadow_) {
    // Who is alike for one policy may not be for the other: what is remembered hides no difference.
    const auto other = shadow_.policy().class_key(subject.principal, subject.client_id);
    key += "|" + other.key;
    is_personal |= other.is_personal;
  }
  if (is_personal) {
    if (subject.memory != nullptr) *subject.memory = std::make_unique<Memory>();
    return core::no_policy_class;
  }
  return classes_.of(std::move(key));
}

Decision ZonesInterceptor::ask(const core::Subject& subject, Op op, const Message& message) {
  const MessageAttributes attributes = attributes_of(message);
  Decision decision =
      policy_->check(subject.principal, subject.client_id, op, message.topic(), attributes);
  flows_.saw(*policy_, subject.principal, op, message.topic(), decision);
  if (!shadow_) return decision;
  const Decision then =
      shadow_.compare(*policy_, subject, op, message.topic(), attributes, decision);
  decision.attribute_sensitive |= then.attribute_sensitive;
  return decision;
}

Decision ZonesInterceptor::decide(const core::Subject& subject, Op op, const Message& message) {
  take_restored();
  if (subject.memory == nullptr || *subject.memory == nullptr) return ask(subject, op, message);
  Memory::Entry* const entry = static_cast<Memory&>(**subject.memory).place(op, message.topic());
  if (entry == nullptr) return ask(subject, op, message);
  if (entry->op == op && entry->topic == message.topic()) return entry->decision;
  const Decision decision = ask(subject, op, message);
  if (!decision.attribute_sensitive) *entry = {std::string(message.topic()), op, decision};
  return decision;
}

core::Cause ZonesInterceptor::cause_of(const Decision& decision) const {
  core::Cause cause{to_string(decision.reason), {}};
  if (decision.rule == no_rule) return cause;
  const Rule& rule = policy_->rule(decision.rule);
  cause.rule = rule.at.empty() ? rule.pointer : rule.at;
  return cause;
}

PolicyReason ZonesInterceptor::place_of(const core::Principal& principal) const {
  const PolicyReason reason = policy_->may_connect(principal);
  if (reason != PolicyReason::allowed || !identity_) return reason;
  return reverify(*identity_, principal, context_->now().wall).reason;
}

core::ConnectVerdict ZonesInterceptor::on_connect(const core::Subject& subject) {
  core::ConnectVerdict verdict;
  if (shadow_) shadow_.compare_place(*policy_, subject);
  // A login that began before a reload was found good under other rules.
  PolicyReason reason = place_of(subject.principal);
  if (reason == PolicyReason::allowed) {
    const ClientIdRule rule = identity_ ? client_id_rule(*identity_, subject.principal)
                                        : policy_->zone(subject.principal.zone)->client_id;
    const std::string& name = subject.principal.name;
    const bool fits = rule == ClientIdRule::equal    ? subject.client_id == name
                      : rule == ClientIdRule::prefix ? subject.client_id.starts_with(name + "-")
                                                     : true;
    if (!fits) reason = PolicyReason::clientid_bound;
    // With `free` the session of somebody else ends, unread: the identifier is nobody's.
    verdict.taken =
        rule == ClientIdRule::free ? ReasonCode::success : ReasonCode::client_identifier_not_valid;
  }
  if (reason != PolicyReason::allowed) {
    verdict.reason = mqtt_reason(reason);
    verdict.cause.reason = to_string(reason);
    return verdict;
  }
  saw(subject.principal);
  return verdict;
}

core::ConnectVerdict ZonesInterceptor::on_recheck(const core::Subject& subject) {
  const PolicyReason reason = place_of(subject.principal);
  if (reason == PolicyReason::allowed) {
    // A new interceptor knows of no certificate that ends: it is told here first.
    saw(subject.principal);
    return {};
  }
  return {ReasonCode::not_authorized, ReasonCode::not_authorized, {to_string(reason), {}}};
}

bool ZonesInterceptor::is_gone(const core::Principal& owner) const {
  return identity_ && auth::is_gone(*identity_, owner);
}

/// What is refused, or would be if its conduit were not only watched.
core::PublishVerdict ZonesInterceptor::publish_verdict(const core::Subject& subject,
                                                       const Decision& decision) {
  core::PublishVerdict verdict;
  verdict.for_all_messages = !decision.attribute_sensitive;
  if (decision.reason == PolicyReason::allowed) return verdict;
  count_denial(decision.reason);
  if (decision.allow) {
    count(Counter::policy_monitored);
    verdict.for_all_messages = false;
    return verdict;
  }
  const ZoneFacts* const zone = policy_->zone(subject.principal.zone);
  verdict.reason = mqtt_reason(decision.reason);
  verdict.disconnects = zone != nullptr && zone->on_deny == OnDeny::disconnect;
  verdict.cause = cause_of(decision);
  return verdict;
}

core::PublishVerdict ZonesInterceptor::on_publish(const core::Subject& subject,
                                                  const Message& message) {
  Decision decision = decide(subject, Op::publish, message);
  if (decision.allow && decision.bucket != no_bucket) {
    const BucketLimits& limits = policy_->buckets()[decision.bucket];
    const Milliseconds wait = rates_.take(decision.bucket, limits, subject.principal,
                                          message.payload().size(), context_->now().steady);
    if (wait > Milliseconds{0}) {
      decision.allow = decision.monitored;
      decision.reason = PolicyReason::conduit_rate;
      decision.rule = limits.rule;
    }
  }
  return publish_verdict(subject, decision);
}

core::PublishVerdict ZonesInterceptor::on_will(const core::Subject& subject, const Message& message,
                                               WillMoment moment) {
  const Decision decision = decide(subject, Op::will, message);
  if (moment == WillMoment::stored) return publish_verdict(subject, decision);
  // Its owner may be revoked since: that may be what sends it.
  const PolicyReason place = place_of(subject.principal);
  if (decision.allow && place == PolicyReason::allowed) return publish_verdict(subject, decision);
  // Hiding it would leave the values of who is gone Good.
  if (!subject.principal.is_anonymous() && is_death_certificate(message)) return {};
  if (place == PolicyReason::allowed) return publish_verdict(subject, decision);
  core::PublishVerdict verdict;
  verdict.reason = ReasonCode::not_authorized;
  verdict.for_all_messages = false;
  verdict.cause.reason = to_string(place);
  return verdict;
}

core::SubscribeVerdict ZonesInterceptor::on_subscribe(const core::Subject& subject,
                                                      std::string_view filter) {
  take_restored();
  core::SubscribeVerdict verdict = subscribe_verdict(*policy_, subject, filter);
  if (is_failure(verdict.reason)) {
    flows_.refused(*policy_, subject.principal, filter, example_of(filter),
                   filter_refusal(*policy_, subject, filter));
  }
  if (!shadow_) return verdict;
  const core::SubscribeVerdict then = subscribe_verdict(shadow_.policy(), subject, filter);
  shadow_.compare_filter(subject, filter, verdict, then);
  verdict.work += then.work;
  // What one of them allows in part only is asked for topic by topic.
  verdict.covers_all_topics = verdict.covers_all_topics && then.covers_all_topics;
  return verdict;
}

core::DeliverVerdict ZonesInterceptor::on_deliver(const core::Subject& subject,
                                                  const Message& message) {
  const Decision decision = decide(subject, Op::deliver, message);
  if (decision.reason != PolicyReason::allowed) count_denial(decision.reason);
  core::DeliverVerdict verdict;
  verdict.allowed = decision.allow;
  verdict.for_all_messages = !decision.attribute_sensitive;
  verdict.qos_max = decision.qos_max;
  verdict.strips_retain = decision.strips_retain;
  verdict.limited = decision.bucket != no_bucket;
  return verdict;
}

Milliseconds ZonesInterceptor::on_send(const core::Subject& subject, const Message& message) {
  const Decision decision = decide(subject, Op::deliver, message);
  if (!decision.allow || decision.bucket == no_bucket) return Milliseconds{0};
  const BucketLimits& limits = policy_->buckets()[decision.bucket];
  const Milliseconds wait = rates_.take(decision.bucket, limits, subject.principal,
                                        message.payload().size(), context_->now().steady);
  if (wait > Milliseconds{0}) count_denial(PolicyReason::conduit_rate);
  return decision.monitored ? Milliseconds{0} : wait;
}

bool ZonesInterceptor::on_replay(const core::Principal* author, const Message& message) {
  take_restored();
  // Only the broker itself publishes there.
  if (message.topic().starts_with('$')) return true;
  const ZoneFacts* const owner = policy_->zone(policy_->zone_of(message.topic()));
  if (owner == nullptr || !owner->checks_origin || is_death_certificate(message)) return true;
  if (author == nullptr || (identity_ && is_disowned(*identity_, *author))) return false;
  return policy_->check_author(*author, message.topic()) == PolicyReason::allowed;
}

bool is_death_certificate(const Message& message) {
  const SparkplugType type = classify_topic(message.topic());
  if (type == SparkplugType::ndeath) return true;
  if (type != SparkplugType::state) return false;
  if (message.topic().starts_with("STATE/")) return message.payload() == "OFFLINE";
  if (message.payload().size() > limits::state_payload_bytes_max) return false;
  const auto state = nlohmann::json::parse(message.payload(), nullptr, false);
  if (!state.is_object()) return false;
  const auto online = state.find("online");
  return online != state.end() && online->is_boolean() && !online->get<bool>();
}

}  // namespace lineshaft::auth
