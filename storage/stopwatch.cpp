#include "storage/stopwatch.h"

#include <rocksdb/system_clock.h>

#include <algorithm>
#include <bit>

namespace lineshaft::storage {

Stopwatch::Stopwatch() : started_ns_(rocksdb::SystemClock::Default()->NowNanos()) {}

std::uint64_t Stopwatch::elapsed_us() const {
  return (rocksdb::SystemClock::Default()->NowNanos() - started_ns_) / 1000;
}

void LatencyHistogram::add(std::uint64_t duration_us) {
  const auto bucket = static_cast<std::size_t>(std::bit_width(duration_us));
  buckets_[std::min(bucket, buckets_size - 1)].fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t LatencyHistogram::count() const {
  std::uint64_t sum = 0;
  for (const auto& bucket : buckets_) sum += bucket.load(std::memory_order_relaxed);
  return sum;
}

std::uint64_t LatencyHistogram::percentile_us(unsigned percent) const {
  const std::uint64_t total = count();
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_size; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (total > 0 && seen * 100 >= total * percent) return std::uint64_t{1} << i;
  }
  return 0;
}

}  // namespace lineshaft::storage
