#include "auth/policy_report_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

namespace lineshaft::auth {
namespace {

std::string verdict_line(const PolicySnapshot& policy, const Decision& decision) {
  std::string line =
      fmt::format("{}: {}", decision.allow ? "allow" : "deny", to_string(decision.reason));
  if (decision.rule != no_rule) {
    const Rule& rule = policy.rule(decision.rule);
    line += fmt::format(" by {} \"{}\" ({})", to_string(rule.kind), rule.text,
                        policy.rule_text(decision.rule));
  }
  if (decision.monitored) line += ", monitored";
  if (decision.qos_max != QoS::exactly_once) {
    line += fmt::format(", QoS at most {}", static_cast<int>(decision.qos_max));
  }
  if (decision.strips_retain) line += ", not retained";
  return line;
}

std::string topic_line(const Explanation& why) {
  std::string line = fmt::format("topic: {}", why.topic);
  if (why.judged_topic != why.topic) line += fmt::format(", judged as {}", why.judged_topic);
  line += why.owner_zone.empty() ? ", nobody's" : fmt::format(", of zone {}", why.owner_zone);
  if (why.sparkplug != SparkplugType::none) {
    line += fmt::format(", Sparkplug {}", to_string(why.sparkplug));
  }
  if (why.is_command) line += ", a command";
  return line;
}

}  // namespace

std::string to_text(const PolicySnapshot& policy, const Explanation& why) {
  std::string text = fmt::format("operation: {}\n{}\n", to_string(why.op), topic_line(why));
  text +=
      fmt::format("zone: {}, strength {} of {}{}\n", why.zone.empty() ? "none" : why.zone,
                  why.strength, why.strength_required, why.is_quarantined ? ", in quarantine" : "");
  text += fmt::format("roles: {}\n", fmt::join(why.roles, ", "));
  for (const Explanation::ConsultedRule& one : why.rules) {
    const Rule& rule = policy.rule(one.rule);
    text += fmt::format("  {} {} \"{}\" of role {} ({})\n", one.matched ? "matches" : "no match",
                        to_string(rule.kind), rule.text, rule.owner, policy.rule_text(one.rule));
  }
  if (why.is_island) text += "conduits: none, the zone is an island\n";
  for (const Explanation::ConsideredConduit& one : why.conduits) {
    text += fmt::format("  conduit {} ({}): {}{}\n", policy.rule(one.rule).text,
                        policy.rule_text(one.rule), to_string(one.result),
                        one.is_monitor ? ", monitor" : "");
  }
  return text + verdict_line(policy, why.decision) + "\n";
}

nlohmann::json to_json(const PolicySnapshot& policy, const Explanation& why) {
  using nlohmann::json;
  const auto rule_json = [&](std::uint16_t number) {
    const Rule& rule = policy.rule(number);
    return json{{"kind", to_string(rule.kind)},
                {"text", rule.text},
                {"owner", rule.owner},
                {"pointer", rule.pointer},
                {"at", rule.at}};
  };
  json rules = json::array();
  for (const Explanation::ConsultedRule& one : why.rules) {
    rules.push_back(rule_json(one.rule));
    rules.back()["matched"] = one.matched;
  }
  json conduits = json::array();
  for (const Explanation::ConsideredConduit& one : why.conduits) {
    conduits.push_back(rule_json(one.rule));
    conduits.back()["result"] = to_string(one.result);
    conduits.back()["monitor"] = one.is_monitor;
  }
  const Decision& decision = why.decision;
  return json{{"allow", decision.allow},
              {"reason", to_string(decision.reason)},
              {"rule", decision.rule == no_rule ? json() : rule_json(decision.rule)},
              {"qos_max", static_cast<int>(decision.qos_max)},
              {"strips_retain", decision.strips_retain},
              {"monitored", decision.monitored},
              {"op", to_string(why.op)},
              {"topic", why.topic},
              {"judged_topic", why.judged_topic},
              {"sparkplug", to_string(why.sparkplug)},
              {"command", why.is_command},
              {"zone", why.zone},
              {"owner_zone", why.owner_zone},
              {"strength", why.strength},
              {"strength_required", why.strength_required},
              {"quarantined", why.is_quarantined},
              {"island", why.is_island},
              {"roles", why.roles},
              {"rules", std::move(rules)},
              {"conduits", std::move(conduits)}};
}

}  // namespace lineshaft::auth
