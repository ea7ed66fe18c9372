#pragma once

#include <atomic>
#include <cstddef>

namespace lineshaft::auth {

/// How many of what operators switch for a time hold now; for metrics and alarms. Written inside
/// the core's turn, read by any thread.
struct ZonesGauges {
  std::atomic<std::size_t> quarantined{0};
  std::atomic<std::size_t> islands{0};
  std::atomic<std::size_t> lent_roles{0};
};

}  // namespace lineshaft::auth
