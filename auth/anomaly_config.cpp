#include "auth/anomaly_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "auth/anomaly.h"

namespace lineshaft::auth {
namespace {

using Json = nlohmann::json;

/// What holds where a rule says nothing.
void set_defaults(AnomalyRule& rule) {
  switch (rule.kind) {
    case AnomalyKind::spike:
      rule.min = rule.measure == AnomalyMeasure::bytes      ? 1'000'000
                 : rule.measure == AnomalyMeasure::connects ? 10
                                                            : 100;
      break;
    case AnomalyKind::silence:
      rule.min = 1;
      break;
    case AnomalyKind::new_topic_burst:
      rule.min = 50;
      break;
    case AnomalyKind::deny_burst:
      rule.min = 20;
      break;
    case AnomalyKind::exfil:
      rule.factor = 10;
      rule.min = 1'000'000;
      break;
    default:
      break;
  }
}

/// One table of the list, key by key.
class RuleReader {
 public:
  RuleReader(const Json& json, std::string pointer, std::vector<AnomalyFault>& faults)
      : json_(json), pointer_(std::move(pointer)), faults_(faults) {}

  AnomalyRule read(bool can_quarantine) {
    AnomalyRule rule;
    if (!json_.is_object()) {
      fault("", "an anomaly rule is a table", "Write [[anomaly]] and its keys below.");
      return rule;
    }
    check_names();
    if (!json_.contains("rule")) {
      fault("", "the anomaly does not say its rule",
            fmt::format("Write rule = one of: {}.", fmt::join(anomaly_kind_names, ", ")));
      return rule;
    }
    rule.kind = choice("rule", anomaly_kind_names, rule.kind);
    rule.measure = choice("of", anomaly_spike_names, rule.measure);
    set_defaults(rule);
    rule.name = text("name", std::string(anomaly_kind_names[static_cast<std::size_t>(rule.kind)]));
    rule.zone = text("zone", "");
    rule.identity = text("identity", "");
    rule.factor = number("factor", rule.factor, 0, 1e6);
    rule.min = number("min", rule.min, 0, 1e15);
    rule.windows = static_cast<std::uint32_t>(number("windows", rule.windows, 1, 10'000));
    rule.action = choice("action", anomaly_action_names, rule.action);
    rule.ttl = Milliseconds{static_cast<std::int64_t>(number("ttl_s", 600, 1, 86'400) * 1000)};
    if (rule.action == AnomalyAction::quarantine && !can_quarantine) {
      fault("action", "only authorization = \"zones\" knows a quarantine",
            "Write action = \"alert\" or \"throttle\".");
    }
    return rule;
  }

 private:
  void check_names() {
    constexpr std::array<std::string_view, 10> known = {
        "rule", "of", "name", "zone", "identity", "factor", "min", "windows", "action", "ttl_s"};
    for (const auto& [name, value] : json_.items()) {
      if (std::ranges::find(known, name) != known.end()) continue;
      fault(name, fmt::format("an anomaly rule has no \"{}\"", name),
            fmt::format("There is: {}.", fmt::join(known, ", ")));
    }
  }

  void fault(const std::string& name, std::string what, std::string remedy) {
    faults_.push_back(
        {name.empty() ? pointer_ : pointer_ + "/" + name, std::move(what), std::move(remedy)});
  }

  std::string text(const char* name, std::string fallback) {
    const auto found = json_.find(name);
    if (found == json_.end()) return fallback;
    if (found->is_string()) return found->get<std::string>();
    fault(name, fmt::format("\"{}\" is a string", name), "Put it in quotes.");
    return fallback;
  }

  double number(const char* name, double fallback, double min, double max) {
    const auto found = json_.find(name);
    if (found == json_.end()) return fallback;
    if (found->is_number()) {
      const double value = found->get<double>();
      if (value >= min && value <= max) return value;
    }
    fault(name, fmt::format("\"{}\" is a number from {} to {}", name, min, max), "");
    return fallback;
  }

  template <class Enum, std::size_t size>
  Enum choice(const char* name, const std::array<std::string_view, size>& names, Enum fallback) {
    const auto found = json_.find(name);
    if (found == json_.end()) return fallback;
    const std::string value = found->is_string() ? found->get<std::string>() : "";
    const auto at = std::ranges::find(names, value);
    if (at != names.end()) return static_cast<Enum>(at - names.begin());
    fault(name, fmt::format("there is no {} \"{}\"", name, value),
          fmt::format("There is: {}.", fmt::join(names, ", ")));
    return fallback;
  }

  const Json& json_;
  const std::string pointer_;
  std::vector<AnomalyFault>& faults_;
};

}  // namespace

std::vector<AnomalyRule> read_anomaly_rules(const Json& document, bool can_quarantine,
                                            std::vector<AnomalyFault>& faults) {
  std::vector<AnomalyRule> rules;
  const auto list = document.find("anomaly");
  if (list == document.end()) return rules;
  if (!list->is_array()) {
    faults.push_back({"/anomaly", "anomaly is a list of tables",
                      "Write [[anomaly]] in two brackets, once for each rule."});
    return rules;
  }
  if (list->size() > limits::anomaly_rules_max) {
    faults.push_back({"/anomaly",
                      fmt::format("there are {} anomaly rules, {} are possible", list->size(),
                                  limits::anomaly_rules_max),
                      ""});
    return rules;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    RuleReader reader((*list)[i], fmt::format("/anomaly/{}", i), faults);
    rules.push_back(reader.read(can_quarantine));
  }
  return rules;
}

}  // namespace lineshaft::auth
