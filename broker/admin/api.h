#pragma once

#include <string>
#include <vector>

#include "broker/admin/backend.h"
#include "broker/admin/metric_writer.h"
#include "broker/admin/router.h"

namespace lineshaft::admin {

/// What the HTTP server serves: /healthz, /readyz, /metrics, /api/v1. `backend` outlives the
/// routes. `sources` add to /metrics what `write_broker_metrics` does not know.
std::vector<Route> api_routes(Backend& backend, std::vector<MetricsSource> sources);

}  // namespace lineshaft::admin
