// A policy document: whatever stands in it, it is refused with a reason or means something that
// holds together.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "auth/policy_snapshot.h"
#include "auth/policy_values.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_error(const Diagnostic& one) { return one.severity == Diagnostic::Severity::error; }

/// A topic the filter might match.
std::string topic_of(std::string_view filter) {
  std::string topic(filter);
  std::ranges::replace(topic, '+', 'p');
  std::ranges::replace(topic, '#', 'h');
  return topic;
}

void ask(const PolicySnapshot& policy, const core::Principal& who, const std::string& filter) {
  const std::string topic = topic_of(filter);
  for (const Op op : {Op::publish, Op::will, Op::deliver, Op::admin}) {
    const Decision decision = policy.check(who, "c", op, topic, {});
    require(decision.allow || decision.reason != PolicyReason::allowed);
    require(policy.explain(who, "c", op, topic, {}).decision == decision);
    require(!decision.allow || (op != Op::admin && policy.zone(who.zone) != nullptr));
  }
  if (!core::is_valid_topic_filter(filter)) return;
  const Relation relation = policy.relate(who, "c", filter);
  if (!core::topic_matches_filter(topic, filter)) return;
  const bool allowed = policy.check(who, "c", Op::deliver, topic, {}).allow;
  require(relation == Relation::overlap || allowed == (relation == Relation::subset));
}

void check_values(std::string_view text) {
  const auto window = parse_window(text);
  const auto time = parse_time(text);
  if (window && time) std::abort();
  if (window) {
    const WallTime edge = window->next_edge(WallTime{});
    require(edge > WallTime{});
    require(window->contains(edge) || window->contains(edge - Milliseconds{1}));
  }
  parse_duration(text);
  parse_rate(text);
  parse_byte_rate(text);
}

}  // namespace
}  // namespace lineshaft::auth

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lineshaft::auth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_values(text);
  const CompiledPolicy compiled = compile_policy_text(text, Positions{}, lineshaft::WallTime{});
  const bool has_errors = std::ranges::any_of(compiled.diagnostics, is_error);
  require((compiled.policy == nullptr) == has_errors);
  for (const Diagnostic& one : compiled.diagnostics) {
    require(!one.message.empty() && !one.advice.empty() && !to_string(one).empty());
  }
  if (compiled.policy == nullptr) return 0;
  lineshaft::core::Principal who;
  who.name = "n";
  who.strength = 4;
  who.tls = 13;
  const std::size_t rules = std::min<std::size_t>(compiled.policy->rule_count(), 40);
  for (std::uint16_t i = 0; i < rules; ++i) {
    const Rule& rule = compiled.policy->rule(i);
    if (rule.kind == RuleKind::role) who.roles.push_back(rule.text);
  }
  for (const ZoneFacts& zone : compiled.policy->zones()) {
    who.zone = zone.name;
    for (std::uint16_t i = 0; i < rules; ++i)
      ask(*compiled.policy, who, compiled.policy->rule(i).text);
    ask(*compiled.policy, who, "$lkv/a/b");
    ask(*compiled.policy, who, "#");
  }
  compiled.policy->chains();
  compiled.policy->next_edge();
  return 0;
}
