#pragma once

#include <vector>

#include "broker/admin/backend.h"
#include "broker/admin/router.h"

namespace lineshaft::admin {

/// POST /api/v1/policy:VERB for what the access policy can be asked and told while it is in force;
/// the body is a JSON object, `client` in it names a session. What goes on has the asker's user as
/// `by`, whatever the body said.
std::vector<Route> policy_routes(Backend& backend);

}  // namespace lineshaft::admin
