#pragma once

#include <cstdint>
#include <string>

namespace lineshaft {

/// The memory this process may use: its control group's limit (version 2 or 1, the smallest from
/// its own group upwards) or the machine's, whichever is less; 0 when nothing can be found out.
/// Reads files: for the start. `root` stands before every path (tests).
std::uint64_t memory_limit_bytes(const std::string& root = {});

}  // namespace lineshaft
