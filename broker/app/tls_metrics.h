#pragma once

#include <vector>

#include "broker/admin/metric_writer.h"
#include "broker/base/time.h"
#include "broker/net/tls_layer.h"

namespace lineshaft::app {

/// When certificates and lists of every listener end, and whether its files are in force.
void write_tls_metrics(const std::vector<net::TlsFacts>& listeners, WallTime now,
                       admin::MetricWriter& out);

}  // namespace lineshaft::app
