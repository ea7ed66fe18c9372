#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

/// How long the disk takes. Measurements are shown and logged; no record depends on them.
namespace lineshaft::storage {

/// Microseconds since its construction.
class Stopwatch {
 public:
  Stopwatch();
  std::uint64_t elapsed_us() const;

 private:
  std::uint64_t started_ns_;
};

/// Counts durations in powers of two of a microsecond. Any thread may add and read.
class LatencyHistogram {
 public:
  void add(std::uint64_t duration_us);
  std::uint64_t count() const;
  /// Upper bound of the bucket that holds the `percent`-th percentile, in us; 0 while empty.
  std::uint64_t percentile_us(unsigned percent) const;

 private:
  static constexpr std::size_t buckets_size = 40;
  std::array<std::atomic<std::uint64_t>, buckets_size> buckets_{};
};

}  // namespace lineshaft::storage
