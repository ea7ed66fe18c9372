#include "auth/policy_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "auth/policy_body.h"
#include "auth/policy_evaluation.h"
#include "broker/base/assert.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {

namespace {

const std::string& by_name(const Overrides::Quarantine& one) { return one.who.name; }

}  // namespace

std::string_view to_string(Op op) {
  switch (op) {
    case Op::publish:
      return "publish";
    case Op::will:
      return "will";
    case Op::deliver:
      return "deliver";
    case Op::admin:
      return "admin";
  }
  return "unknown";
}

std::string_view to_string(RuleKind kind) {
  switch (kind) {
    case RuleKind::zone:
      return "zone";
    case RuleKind::owns:
      return "owns";
    case RuleKind::command_topic:
      return "command_topic";
    case RuleKind::role:
      return "role";
    case RuleKind::publish:
      return "publish";
    case RuleKind::subscribe:
      return "subscribe";
    case RuleKind::deny:
      return "deny";
    case RuleKind::conduit:
      return "conduit";
  }
  return "unknown";
}

PolicySnapshot::PolicySnapshot(std::shared_ptr<const PolicyBody> body, Overrides overrides,
                               WallTime now)
    : body_(std::move(body)), overrides_(std::move(overrides)), now_(now) {
  std::ranges::sort(overrides_.quarantined, {}, by_name);
  active_.resize((body_->conduits.size() + 63) / 64);
  for (std::size_t i = 0; i < body_->conduits.size(); ++i) {
    if (body_->conduits[i].spec.is_active(now_)) set_bit(active_, i);
  }
  islands_.resize(ZoneBits{}.size());
  for (const std::string& name : overrides_.islands) {
    const std::uint8_t zone = body_->find_zone(name);
    if (zone != no_zone) set_bit(islands_, zone);
  }
}

PolicySnapshot::~PolicySnapshot() = default;

Decision PolicySnapshot::check(const core::Principal& principal, std::string_view client_id, Op op,
                               std::string_view topic, const MessageAttributes& attributes) const {
  return PolicyEvaluation(*this, principal, client_id).decide(op, topic, attributes);
}

bool PolicySnapshot::is_quarantined(const core::Principal& principal) const {
  const auto same_name =
      std::ranges::equal_range(overrides_.quarantined, principal.name, {}, by_name);
  return std::ranges::any_of(same_name, [&](const Overrides::Quarantine& one) {
    return now_ < one.until && one.who.matches(principal);
  });
}

bool PolicySnapshot::is_island(std::string_view zone) const {
  const std::uint8_t index = body_->find_zone(std::string(zone));
  return index != no_zone && has_bit(islands_, index);
}

bool PolicySnapshot::has_role(std::string_view name) const {
  return body_->find_role(std::string(name)) >= 0;
}

std::vector<RoleFacts> PolicySnapshot::roles() const {
  std::vector<RoleFacts> all;
  for (std::size_t i = 0; i < body_->roles.size(); ++i) {
    const CompiledRole& role = body_->roles[i];
    RoleFacts facts{role.name, (role.uses & uses_client_id) != 0, role.sys != 0};
    for (const SparkplugType type : {SparkplugType::ncmd, SparkplugType::dcmd}) {
      facts.is_powerful |= has_bit(body_->publishers[static_cast<std::size_t>(type)], i);
    }
    all.push_back(std::move(facts));
  }
  return all;
}

PolicyReason PolicySnapshot::may_connect(const core::Principal& principal) const {
  const std::uint8_t zone = body_->find_zone(principal.zone);
  if (zone == no_zone) return PolicyReason::no_zone_claim;
  if (principal.strength < body_->zones[zone].sl_t) return PolicyReason::strength;
  return PolicyReason::allowed;
}

PolicySnapshot::ClassKey PolicySnapshot::class_key(const core::Principal& principal,
                                                   std::string_view client_id) const {
  const PolicyEvaluation evaluation(*this, principal, client_id);
  const std::uint8_t zone = evaluation.zone();
  // All who may do nothing for the same reason are alike; their zone says what becomes of them.
  if (evaluation.refusal() != PolicyReason::allowed) {
    return {fmt::format("-{}.{}", zone, static_cast<int>(evaluation.refusal())), false};
  }
  ClassKey result{fmt::format("{}.{}.{}", zone, principal.strength, principal.tls), false};
  unsigned uses = body_->zone_uses[zone];
  for (std::size_t i = 0; i < body_->roles.size(); ++i) {
    if (!has_bit(evaluation.roles(), i)) continue;
    uses |= body_->roles[i].uses;
    result.key += fmt::format(".{}", i);
  }
  // Lengths keep two values from being read as others.
  if ((uses & uses_name) != 0) {
    result.key += fmt::format("n{}:{}", principal.name.size(), principal.name);
  }
  if ((uses & uses_client_id) != 0) {
    result.key += fmt::format("c{}:{}", client_id.size(), client_id);
  }
  result.is_personal = uses != 0;
  return result;
}

const ZoneFacts* PolicySnapshot::zone(std::string_view name) const {
  const std::uint8_t index = body_->find_zone(std::string(name));
  return index == no_zone ? nullptr : &body_->zones[index];
}

const std::vector<ZoneFacts>& PolicySnapshot::zones() const { return body_->zones; }

TopicFacts PolicySnapshot::facts_of(std::string_view topic) const {
  const std::string_view inner = judged_topic(topic);
  if (!core::is_valid_topic_name(inner)) return {};
  PolicyEvaluation::Judged judged;
  const core::Principal nobody;
  PolicyEvaluation(*this, nobody, {}).judge(inner, judged);
  if (judged.owner == no_zone) return {};
  return {body_->zones[judged.owner].name, judged.is_command};
}

const std::vector<BucketLimits>& PolicySnapshot::buckets() const { return body_->buckets; }

const Rule& PolicySnapshot::rule(std::uint16_t number) const {
  LINESHAFT_ASSERT(number < body_->rules.size());
  return body_->rules[number];
}

std::size_t PolicySnapshot::rule_count() const { return body_->rules.size(); }

std::string PolicySnapshot::rule_text(std::uint16_t number) const {
  if (number >= body_->rules.size()) return "-";
  const Rule& found = body_->rules[number];
  return found.at.empty() ? found.pointer : found.at;
}

PolicySnapshotPtr PolicySnapshot::with(Overrides overrides, WallTime now) const {
  return std::make_shared<const PolicySnapshot>(body_, std::move(overrides), now);
}

std::optional<WallTime> PolicySnapshot::next_edge() const {
  WallTime next = WallTime::max();
  const auto consider = [&](WallTime edge) {
    if (edge > now_) next = std::min(next, edge);
  };
  for (const CompiledConduit& conduit : body_->conduits) {
    const ConduitSpec& spec = conduit.spec;
    if (spec.until && *spec.until <= now_) continue;
    if (spec.until) consider(*spec.until);
    for (const WeekWindow& window : spec.hours) consider(window.next_edge(now_));
  }
  for (const Overrides::Quarantine& one : overrides_.quarantined) consider(one.until);
  for (const Overrides::BreakGlass& one : overrides_.break_glass) consider(one.until);
  if (next == WallTime::max()) return std::nullopt;
  return next;
}

CompiledPolicy compile_policy(const nlohmann::json& document, const Positions& positions,
                              WallTime now) {
  PolicyReport report(positions);
  const PolicySpec spec = read_policy(document, report);
  if (!report.has_errors()) check_meaning(spec, now, report);
  CompiledPolicy compiled;
  if (!report.has_errors()) {
    auto body = std::make_shared<const PolicyBody>(spec, positions);
    compiled.policy = std::make_shared<const PolicySnapshot>(std::move(body), Overrides{}, now);
  }
  compiled.diagnostics = report.take();
  return compiled;
}

CompiledPolicy compile_policy_text(std::string_view text, const Positions& positions,
                                   WallTime now) {
  PolicyReport report(positions);
  if (text.size() > limits::policy_document_size_bytes_max) {
    report.error("", fmt::format("{} bytes", text.size()),
                 fmt::format("at most {} are read", limits::policy_document_size_bytes_max));
    return {nullptr, report.take()};
  }
  // The parser would take the last of equal keys, and a reader might see the first.
  std::vector<std::set<std::string>> open;
  std::string duplicate;
  constexpr int depth_max = 16;
  bool is_deep = false;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    is_deep |= depth > depth_max;
    if (event == Event::object_start) open.emplace_back();
    if (event == Event::object_end) open.pop_back();
    if (event == Event::key && !open.back().insert(value.get<std::string>()).second) {
      duplicate = value.get<std::string>();
    }
    return depth <= depth_max;
  };
  const nlohmann::json document = nlohmann::json::parse(text, watch, false);
  if (document.is_discarded()) {
    report.error("", "this is not JSON", "an empty or cut off document opens nothing");
  } else if (is_deep) {
    report.error("", fmt::format("more than {} levels", depth_max), "take tables apart");
  } else if (!duplicate.empty()) {
    report.error("", fmt::format("the key \"{}\" stands there twice", duplicate),
                 "keep one of the two");
  }
  if (report.has_errors()) return {nullptr, report.take()};
  return compile_policy(document, positions, now);
}

}  // namespace lineshaft::auth
