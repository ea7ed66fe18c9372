#include "broker/app/tls_metrics.h"

namespace lineshaft::app {

void write_tls_metrics(const std::vector<net::TlsFacts>& listeners, WallTime now,
                       admin::MetricWriter& out) {
  if (listeners.empty()) return;
  out.begin_gauge("lineshaft_tls_files_in_force",
                  "1 while the files on the disk are used, 0 after a reload that failed.");
  for (const net::TlsFacts& each : listeners) {
    out.sample(std::uint64_t{each.files_in_force}, {{"listener", each.listener}});
  }
  out.begin_gauge("lineshaft_tls_expiry_seconds",
                  "Time until a certificate or list ends, negative afterwards.");
  for (const net::TlsFacts& each : listeners) {
    for (const net::TlsExpiry& expiry : each.expiries) {
      out.sample(static_cast<double>((expiry.at - now).count()) / 1e3,
                 {{"listener", each.listener},
                  {"what", expiry.what},
                  {"file", expiry.file},
                  {"entry", std::to_string(expiry.entry)},
                  {"name", expiry.name}});
    }
  }
}

}  // namespace lineshaft::app
