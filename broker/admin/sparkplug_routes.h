#pragma once

#include <vector>

#include "broker/admin/backend.h"
#include "broker/admin/router.h"

namespace lineshaft::admin {

/// POST /api/v1/sparkplug:VERB for what the Sparkplug extension knows and does; the body is a JSON
/// object with "group", "node" and "device" where the verb needs them.
std::vector<Route> sparkplug_routes(Backend& backend);

}  // namespace lineshaft::admin
