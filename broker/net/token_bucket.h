#pragma once

#include <algorithm>
#include <cstdint>

#include "broker/base/time.h"

namespace lineshaft::net {

/// Lets so many through per second, and at most as many at once. Full at first.
class TokenBucket {
 public:
  /// `per_s` > 0.
  TokenBucket(std::uint32_t per_s, Instant now)
      : per_s_(per_s), level_(std::int64_t{per_s} * token), filled_(now) {}

  /// How long until there is one; 0 when there is.
  Milliseconds wait(Instant now) {
    fill(now);
    if (level_ >= token) return Milliseconds{0};
    return Milliseconds{(token - level_ + per_s_ - 1) / per_s_};
  }
  /// Takes one if there is one.
  bool take(Instant now) {
    if (wait(now).count() > 0) return false;
    level_ -= token;
    return true;
  }
  /// Nobody could tell it from a new one.
  bool full(Instant now) const { return level_at(now) == per_s_ * token; }

 private:
  /// In thousandths, so that every millisecond adds a whole number.
  static constexpr std::int64_t token = 1000;

  std::int64_t level_at(Instant now) const {
    // Longer than a second fills it anyway, and nothing can overflow.
    const std::int64_t elapsed_ms = std::clamp<std::int64_t>((now - filled_).count(), 0, 1000);
    return std::min(level_ + elapsed_ms * per_s_, per_s_ * token);
  }
  void fill(Instant now) {
    level_ = level_at(now);
    filled_ = std::max(filled_, now);
  }

  std::int64_t per_s_;
  std::int64_t level_;
  Instant filled_;
};

}  // namespace lineshaft::net
