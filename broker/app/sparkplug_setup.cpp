#include "broker/app/sparkplug_setup.h"

namespace lineshaft::app {

std::shared_ptr<sparkplug::SparkplugExtension> make_sparkplug(const Options& options,
                                                              std::uint64_t seed) {
  if (!options.sparkplug.enabled) return nullptr;
  sparkplug::SparkplugConfig config = options.sparkplug.config;
  config.nodes.seed = seed;
  config.has_sys = options.sys_interval_s > 0;
  return std::make_shared<sparkplug::SparkplugExtension>(std::move(config));
}

void write_sparkplug_metrics(const sparkplug::SparkplugGauges& gauges, admin::MetricWriter& out) {
  out.begin_gauge("lineshaft_sparkplug_nodes", "Sparkplug edge nodes by state.");
  for (std::size_t i = 0; i < gauges.nodes.size(); ++i) {
    out.sample(std::uint64_t{gauges.nodes[i].load(std::memory_order_relaxed)},
               {{"state", to_string(static_cast<sparkplug::NodeState>(i))}});
  }
  const auto gauge = [&out](std::string_view name, std::string_view help,
                            const std::atomic<std::size_t>& value) {
    out.gauge(name, help, std::uint64_t{value.load(std::memory_order_relaxed)});
  };
  gauge("lineshaft_sparkplug_devices", "Sparkplug devices that are known.", gauges.devices);
  gauge("lineshaft_sparkplug_metrics", "Sparkplug metrics with a last value.", gauges.metrics);
  gauge("lineshaft_sparkplug_value_bytes", "Bytes of last values that are no numbers.",
        gauges.value_bytes);
}

}  // namespace lineshaft::app
