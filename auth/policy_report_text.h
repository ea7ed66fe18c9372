#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "auth/policy_snapshot.h"

/// An explanation for people and for programs; the same for `lineshaft explain` and `why`.
namespace lineshaft::auth {

/// Several lines: who asks for what, every rule and conduit that was looked at, and the verdict
/// with the place of the rule that decided.
std::string to_text(const PolicySnapshot& policy, const Explanation& explanation);

nlohmann::json to_json(const PolicySnapshot& policy, const Explanation& explanation);

}  // namespace lineshaft::auth
