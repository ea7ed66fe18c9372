#include "sparkplug/well_known.h"

namespace lineshaft::sparkplug {

std::optional<std::uint64_t> bd_seq_of(const PayloadView& payload) {
  for (const MetricView& metric : payload.metrics) {
    if (metric.name != bd_seq_name) continue;
    const bool is_number =
        metric.value.slot == ValueSlot::int_value || metric.value.slot == ValueSlot::long_value;
    if (metric.is_null || !is_number) return std::nullopt;
    return metric.value.number;
  }
  return std::nullopt;
}

bool asks_for_rebirth(const PayloadView& payload) {
  for (const MetricView& metric : payload.metrics) {
    if (metric.name != rebirth_name) continue;
    return metric.value.slot == ValueSlot::boolean_value && metric.value.number != 0;
  }
  return false;
}

}  // namespace lineshaft::sparkplug
