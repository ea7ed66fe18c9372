#pragma once

#include <cstddef>
#include <cstdint>

namespace lineshaft::sim {

/// Everything a run decides by chance comes from one of these (splitmix64): a seed is a run.
class Chance {
 public:
  explicit Chance(std::uint64_t seed)
      : state_(seed * 0x9E3779B97F4A7C15ULL + 0x632BE59BD9B4E019ULL) {
    next();
  }

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  /// 0 <= result < `bound`; `bound` is not 0.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  bool percent(std::size_t share) { return below(100) < share; }

 private:
  std::uint64_t state_;
};

}  // namespace lineshaft::sim
