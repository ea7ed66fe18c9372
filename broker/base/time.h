#pragma once

#include <chrono>
#include <cstdint>

namespace lineshaft {

using Milliseconds = std::chrono::milliseconds;

/// Tag of the steady clock: only differences mean something.
struct SteadyTime {
  using rep = std::int64_t;
  using period = std::milli;
  using duration = Milliseconds;
};

/// Tag of the wall clock: milliseconds since 1970-01-01 UTC.
struct WallClockTime {
  using rep = std::int64_t;
  using period = std::milli;
  using duration = Milliseconds;
};

/// A moment for timers inside one run of the broker.
using Instant = std::chrono::time_point<SteadyTime, Milliseconds>;
/// A moment that keeps its meaning across restarts (expiry, Sparkplug timestamps).
using WallTime = std::chrono::time_point<WallClockTime, Milliseconds>;

/// Both clocks, read once per turn.
struct Now {
  Instant steady;
  WallTime wall;
};

/// The only way to learn the time; implemented by `broker/app/clock.cpp` and by the simulator.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now now() = 0;
};

}  // namespace lineshaft
