#pragma once

#include <memory>

#include "broker/admin/metric_writer.h"
#include "broker/app/options.h"
#include "sparkplug/sparkplug_extension.h"

namespace lineshaft::app {

/// What `[sparkplug]` asks for; null when it is off. `seed`: chance, for hashes and jitter.
std::shared_ptr<sparkplug::SparkplugExtension> make_sparkplug(const Options& options,
                                                              std::uint64_t seed);

/// Edge nodes by state, devices, metrics; any thread.
void write_sparkplug_metrics(const sparkplug::SparkplugGauges& gauges, admin::MetricWriter& out);

}  // namespace lineshaft::app
