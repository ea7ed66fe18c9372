#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace lineshaft::load {

/// What the measured processes have used up to one moment.
struct ProcessSample {
  std::uint64_t cpu_ns = 0;          ///< all threads, ended ones too, user and system
  std::uint64_t user_ns = 0;         ///< from /proc/PID/stat: steps of one clock tick (10 ms)
  std::uint64_t system_ns = 0;       ///< likewise
  std::uint64_t rss_bytes = 0;       ///< resident set now
  std::uint64_t peak_rss_bytes = 0;  ///< largest resident set so far
};

/// Samples all of `pids` and adds them up. Nullopt when one of them cannot be read (it ended).
///
/// `cpu_ns` comes from the process CPU clock when the kernel lets us read it, which resolves
/// nanoseconds, and else from /proc/PID/stat.
std::optional<ProcessSample> sample_processes(const std::vector<pid_t>& pids);

/// CPU time of this process so far, in nanoseconds.
std::uint64_t own_cpu_ns();

/// CPU time of the kernel's soft interrupt threads so far, in nanoseconds; 0 when they cannot be
/// seen. When these threads work, loopback TCP is charged to them instead of to the broker, and
/// a broker looks cheaper than it is.
std::uint64_t soft_interrupt_cpu_ns();

/// CPU time of everything on this machine so far, in nanoseconds, stolen time included.
std::uint64_t machine_cpu_ns();

/// Cores of this machine that are on line.
unsigned machine_cores();

}  // namespace lineshaft::load
