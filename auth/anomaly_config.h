#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "auth/anomaly_rule.h"

namespace lineshaft::auth {

/// What is wrong with a rule; `pointer` says where in the document ("/anomaly/2/factor").
struct AnomalyFault {
  std::string pointer;
  std::string what;
  std::string remedy;
};

/// Reads the list `anomaly` of the configuration's document. What is wrong goes to `faults`; then
/// the rules are not to be used. `can_quarantine`: with zones.
std::vector<AnomalyRule> read_anomaly_rules(const nlohmann::json& document, bool can_quarantine,
                                            std::vector<AnomalyFault>& faults);

}  // namespace lineshaft::auth
