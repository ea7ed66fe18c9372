#pragma once

#include <cstdint>
#include <ctime>

namespace lineshaft::load {

/// Nanoseconds of the machine's monotonic clock. The same clock stamps a message and reads the
/// stamp, so a latency never compares two clocks.
inline std::uint64_t monotonic_ns() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return static_cast<std::uint64_t>(at.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(at.tv_nsec);
}

}  // namespace lineshaft::load
