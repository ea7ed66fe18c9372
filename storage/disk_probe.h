#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace lineshaft::storage {

/// What a sync of this disk costs, in us.
struct DiskProbe {
  /// 0: not measured.
  std::uint32_t syncs = 0;
  std::uint64_t p50_us = 0;
  std::uint64_t p99_us = 0;
};

/// Appends and syncs up to 64 blocks of 4 KiB in a scratch file of `folder`, for at most a second
/// or until `stop`. No result on any error: the journal reports those.
DiskProbe probe_disk(const std::string& folder, const std::atomic<bool>& stop);

/// Warns about a disk that is too slow for acknowledgements, or so fast that it cannot have
/// written anything (a volatile cache).
void log_probe(const DiskProbe& probe);

}  // namespace lineshaft::storage
