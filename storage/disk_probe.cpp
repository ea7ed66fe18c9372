#include "storage/disk_probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "broker/base/log.h"
#include "storage/stopwatch.h"

namespace lineshaft::storage {
namespace {

constexpr std::size_t probes_max = 64;
constexpr std::uint64_t probe_time_us_max = 1'000'000;
constexpr std::uint64_t slow_p99_us = 20'000;
constexpr std::uint64_t volatile_p50_us = 20;

}  // namespace

DiskProbe probe_disk(const std::string& folder, const std::atomic<bool>& stop) {
  const std::string path = folder + "/probe.tmp";
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (descriptor < 0) return {};
  ::unlink(path.c_str());
  constexpr std::array<char, 4096> block{};
  std::vector<std::uint64_t> times;
  const Stopwatch total;
  while (times.size() < probes_max && !stop && total.elapsed_us() < probe_time_us_max) {
    if (::write(descriptor, block.data(), block.size()) != static_cast<ssize_t>(block.size()))
      break;
    const Stopwatch one;
    if (::fdatasync(descriptor) != 0) break;
    times.push_back(one.elapsed_us());
  }
  ::close(descriptor);
  DiskProbe probe;
  if (times.empty()) return probe;
  std::sort(times.begin(), times.end());
  probe.syncs = static_cast<std::uint32_t>(times.size());
  probe.p50_us = times[times.size() / 2];
  probe.p99_us = times[times.size() * 99 / 100];
  return probe;
}

void log_probe(const DiskProbe& probe) {
  if (probe.syncs == 0) return;
  if (probe.p99_us > slow_p99_us) {
    LINESHAFT_LOG(storage, warn, "disk_slow", {"fdatasync_p50_us", probe.p50_us},
                  {"fdatasync_p99_us", probe.p99_us},
                  {"why", "every acknowledgement waits so long"});
  } else if (probe.p50_us < volatile_p50_us) {
    LINESHAFT_LOG(storage, warn, "disk_cache_volatile", {"fdatasync_p50_us", probe.p50_us},
                  {"fdatasync_p99_us", probe.p99_us},
                  {"why", "too fast to be on stable storage: a power loss may lose data"});
  } else {
    LINESHAFT_LOG(storage, info, "disk_probed", {"fdatasync_p50_us", probe.p50_us},
                  {"fdatasync_p99_us", probe.p99_us});
  }
}

}  // namespace lineshaft::storage
