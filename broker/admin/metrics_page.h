#pragma once

#include "broker/admin/backend.h"
#include "broker/admin/metric_writer.h"

namespace lineshaft::admin {

/// Every counter of base/metrics.h as lineshaft_<name>_total, and the gauges of `facts` and of the
/// core; `statistics` is null when the core did not answer, and its gauges are then missing.
void write_broker_metrics(const BrokerFacts& facts, const core::Statistics* statistics,
                          MetricWriter& out);

}  // namespace lineshaft::admin
