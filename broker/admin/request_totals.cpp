#include "broker/admin/request_totals.h"

namespace lineshaft::admin {

void RequestTotals::write(MetricWriter& out) const {
  if (totals_.empty()) return;
  out.begin_counter("lineshaft_http_requests_total", "HTTP requests answered, by route and code.");
  for (const auto& [key, total] : totals_) {
    out.sample(total, {{"route", key.first}, {"code", std::to_string(key.second)}});
  }
}

}  // namespace lineshaft::admin
