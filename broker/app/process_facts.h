#pragma once

#include <cstdint>

namespace lineshaft::app {

/// Memory of this process that is not swapped out; 0 where /proc is missing.
std::uint64_t resident_bytes();

/// Processor time of all threads of this process, user and system.
double cpu_seconds();

}  // namespace lineshaft::app
