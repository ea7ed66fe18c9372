// Why a decision is what it is: the same questions, all of them, not only the first decisive one.
#include <algorithm>
#include <vector>

#include "auth/policy_evaluation.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

bool is_about(RuleKind kind, Op op) {
  if (kind == RuleKind::deny) return op != Op::admin;
  return kind == (is_publish(op) ? RuleKind::publish : RuleKind::subscribe) && op != Op::admin;
}

}  // namespace

/// Gathers what an explanation has beyond the decision.
class PolicyExplainer {
 public:
  PolicyExplainer(const PolicyBody& body, const PolicyEvaluation& who, Explanation& explanation)
      : body_(body), who_(who), explanation_(explanation) {}

  void explain(const MessageAttributes& attributes) {
    for (std::size_t i = 0; i < body_.roles.size(); ++i) {
      if (has_bit(who_.roles(), i)) explanation_.roles.push_back(body_.roles[i].name);
    }
    const bool is_valid = core::is_valid_topic_name(explanation_.judged_topic);
    if (is_valid) judge();
    explain_rules();
    if (is_valid) explain_conduits(attributes);
  }

 private:
  void judge() {
    who_.judge(explanation_.judged_topic, judged_);
    explanation_.sparkplug = judged_.type;
    explanation_.is_command = judged_.is_command;
    if (judged_.owner != no_zone) explanation_.owner_zone = body_.zones[judged_.owner].name;
    if (explanation_.judged_topic != explanation_.topic) {
      body_.trie.match(explanation_.topic, who_.variables(), outer_);
    }
  }

  bool has_matched(const Rule& rule) const {
    bool matched = false;
    const auto look = [&](std::uint32_t slot) { matched |= body_.trie.filter(slot) == rule.text; };
    judged_.slots.for_each(look);
    if (rule.kind == RuleKind::deny) outer_.for_each(look);
    const bool unsafe = rule.kind == RuleKind::deny && expand(rule.text, who_.variables()).empty();
    return matched || unsafe;
  }

  void explain_rules() {
    for (std::size_t i = 0; i < body_.rules.size(); ++i) {
      const Rule& rule = body_.rules[i];
      if (!is_about(rule.kind, explanation_.op)) continue;
      if (std::ranges::find(explanation_.roles, rule.owner) == explanation_.roles.end()) continue;
      explanation_.rules.push_back({static_cast<std::uint16_t>(i), has_matched(rule)});
    }
  }

  PolicyReason result_of(std::size_t index, const MessageAttributes& attributes) const {
    const CompiledConduit& conduit = body_.conduits[index];
    const ConduitSpec& spec = conduit.spec;
    const bool via = is_publish(explanation_.op) ? spec.via_publish : spec.via_subscribe;
    if (!via) return PolicyReason::conduit_via;
    const auto matches = [&](const FilterSpec& filter) {
      const std::string expanded = expand(filter.text, who_.variables());
      return !expanded.empty() && core::topic_matches_filter(judged_.topic, expanded);
    };
    const bool has_topic = std::ranges::any_of(spec.topics, matches) &&
                           std::ranges::none_of(spec.except, matches) &&
                           !who_.is_excepted_everywhere(conduit);
    if (!has_topic) return PolicyReason::conduit_topic;
    const PolicyReason condition =
        who_.conduit_condition(conduit, explanation_.op, judged_, attributes);
    if (condition != PolicyReason::allowed) return condition;
    return who_.is_active(index) ? PolicyReason::allowed : PolicyReason::conduit_time;
  }

  void explain_conduits(const MessageAttributes& attributes) {
    const bool crosses = judged_.owner != no_zone && judged_.owner != who_.zone();
    if (!crosses || who_.zone() == no_zone || explanation_.op == Op::admin) return;
    const bool publishes = is_publish(explanation_.op);
    const std::uint8_t from = publishes ? who_.zone() : judged_.owner;
    const std::uint8_t to = publishes ? judged_.owner : who_.zone();
    explanation_.is_island = who_.is_island(from) || who_.is_island(to);
    const ConduitRange range = body_.conduits_between(from, to);
    for (std::uint32_t i = range.begin; i < range.end; ++i) {
      const CompiledConduit& conduit = body_.conduits[i];
      explanation_.conduits.push_back(
          {conduit.rule, result_of(i, attributes), conduit.spec.is_monitor});
    }
  }

  const PolicyBody& body_;
  const PolicyEvaluation& who_;
  Explanation& explanation_;
  PolicyEvaluation::Judged judged_;
  SlotList outer_;
};

Explanation PolicySnapshot::explain(const core::Principal& principal, std::string_view client_id,
                                    Op op, std::string_view topic,
                                    const MessageAttributes& attributes) const {
  const PolicyEvaluation who(*this, principal, client_id);
  Explanation explanation;
  explanation.decision = who.decide(op, topic, attributes);
  explanation.op = op;
  explanation.topic = topic;
  explanation.judged_topic = judged_topic(topic);
  explanation.zone = principal.zone;
  explanation.strength = principal.strength;
  explanation.is_quarantined = is_quarantined(principal);
  if (const ZoneFacts* facts = zone(principal.zone)) explanation.strength_required = facts->sl_t;
  PolicyExplainer(*body_, who, explanation).explain(attributes);
  return explanation;
}

}  // namespace lineshaft::auth
