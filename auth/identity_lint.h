#pragma once

#include "auth/identity_config.h"
#include "auth/policy_spec.h"

namespace lineshaft::auth {

/// What the tables about identities and those about rights mean together: names that clients could
/// choose, and roles that too many may vouch for.
void check_identity(const IdentityConfig& config, const PolicySnapshot& policy,
                    PolicyReport& report);

}  // namespace lineshaft::auth
