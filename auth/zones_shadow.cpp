#include "auth/zones_shadow.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "auth/json_fields.h"
#include "auth/printable.h"
#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::auth {

void ZonesShadow::renew(const Overrides& overrides, WallTime now) {
  if (policy_ != nullptr) policy_ = policy_->with(overrides, now);
}

ZonesShadow::Said ZonesShadow::said(const PolicySnapshot& policy, const Decision& decision) {
  std::string verdict =
      decision.allow ? "allow" : fmt::format("deny {}", to_string(decision.reason));
  if (decision.allow && decision.qos_max != QoS::exactly_once) {
    verdict += fmt::format(", QoS at most {}", static_cast<int>(decision.qos_max));
  }
  if (decision.allow && decision.strips_retain) verdict += ", not retained";
  return {std::move(verdict), policy.rule_text(decision.rule)};
}

ZonesShadow::Said ZonesShadow::said(const core::SubscribeVerdict& verdict) {
  if (!is_failure(verdict.reason)) return {"allow", "-"};
  return {fmt::format("deny {}", verdict.cause.reason), "-"};
}

Decision ZonesShadow::compare(const PolicySnapshot& policy, const core::Subject& subject, Op op,
                              std::string_view topic, const MessageAttributes& attributes,
                              const Decision& decision) {
  const Decision then = policy_->check(subject.principal, subject.client_id, op, topic, attributes);
  const bool is_same = decision.allow == then.allow &&
                       (!then.allow || (decision.qos_max == then.qos_max &&
                                        decision.strips_retain == then.strips_retain));
  if (!is_same) {
    remember(subject, to_string(op), topic, said(policy, decision), said(*policy_, then));
  }
  return then;
}

void ZonesShadow::compare_filter(const core::Subject& subject, std::string_view filter,
                                 const core::SubscribeVerdict& now,
                                 const core::SubscribeVerdict& then) {
  if (is_failure(now.reason) == is_failure(then.reason)) return;
  remember(subject, "subscribe", filter, said(now), said(then));
}

void ZonesShadow::compare_place(const PolicySnapshot& policy, const core::Subject& subject) {
  const PolicyReason now = policy.may_connect(subject.principal);
  const PolicyReason then = policy_->may_connect(subject.principal);
  if ((now == PolicyReason::allowed) == (then == PolicyReason::allowed)) return;
  const auto words = [](PolicyReason reason) {
    const bool allow = reason == PolicyReason::allowed;
    return Said{allow ? "allow" : fmt::format("deny {}", to_string(reason)), "-"};
  };
  remember(subject, "connect", {}, words(now), words(then));
}

void ZonesShadow::remember(const core::Subject& subject, std::string_view op,
                           std::string_view topic, Said now, Said then) {
  count(Counter::shadow_differences);
  const core::Principal& who = subject.principal;
  std::string roles = fmt::format("{}", fmt::join(who.roles, ", "));
  const std::string key = fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", op, who.zone, roles,
                                      now.verdict, now.rule, then.verdict, then.rule);
  if (const auto known = differences_.find(key); known != differences_.end()) {
    ++known->second.count;
    return;
  }
  if (differences_.size() >= limits::shadow_differences_max) {
    count(Counter::shadow_differences_left_out);
    if (left_out_++ == 0) {
      LINESHAFT_LOG(auth, warn, "shadow_differences_full", {"max", limits::shadow_differences_max},
                    {"effect", "others are counted and not listed, until the next reload"});
    }
    return;
  }
  differences_[key] = {std::string(op),
                       std::move(now),
                       std::move(then),
                       who.zone,
                       roles,
                       who.name,
                       std::string(subject.client_id),
                       std::string(topic),
                       1};
}

nlohmann::json ZonesShadow::report() const {
  using nlohmann::json;
  json list = json::array();
  std::string text;
  for (const auto& [key, each] : differences_) {
    list.push_back({{"op", each.op},
                    {"zone", each.zone},
                    {"roles", each.roles},
                    {"identity", each.identity},
                    {"client", each.client_id},
                    {"topic", each.topic},
                    {"count", each.count},
                    {"now", {{"verdict", each.now.verdict}, {"rule", each.now.rule}}},
                    {"then", {{"verdict", each.then.verdict}, {"rule", each.then.rule}}}});
    text += printable(fmt::format("{} {}: {} as {} of zone {}, roles {}; asked {} times", each.op,
                                  each.topic, each.identity, each.client_id, each.zone, each.roles,
                                  each.count)) +
            fmt::format("\n  now:    {} ({})\n  shadow: {} ({})\n", each.now.verdict, each.now.rule,
                        each.then.verdict, each.then.rule);
  }
  if (policy_ == nullptr) text = "There is no shadow: policy.shadow names none.\n";
  if (policy_ != nullptr && list.empty()) text = "No difference.\n";
  if (left_out_ > 0) text += fmt::format("Others were {} times, and are not listed.\n", left_out_);
  return {{"configured", policy_ != nullptr},
          {"differences", std::move(list)},
          {"left_out", left_out_},
          {"text", std::move(text)}};
}

}  // namespace lineshaft::auth
