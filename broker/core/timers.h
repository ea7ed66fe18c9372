#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>

#include "broker/base/time.h"

namespace lineshaft::core {

enum class TimerKind : std::uint8_t {
  keep_alive,
  session_expiry,
  will_delay,
  retained_expiry,
  rate
};

/// Whose timer: connection, session or topic entry, with the generation of its place.
struct TimerKey {
  Instant due{};
  TimerKind kind = TimerKind::keep_alive;
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  std::uint32_t shard = 0;

  auto operator<=>(const TimerKey&) const = default;
};

/// All timers of the core, ordered by due time. Nothing fires early.
class Timers {
 public:
  void add(const TimerKey& key) { keys_.insert(key); }
  void cancel(const TimerKey& key) { keys_.erase(key); }

  /// Takes the first timer that is due.
  std::optional<TimerKey> pop_due(Instant now) {
    if (keys_.empty() || keys_.begin()->due > now) return std::nullopt;
    const TimerKey key = *keys_.begin();
    keys_.erase(keys_.begin());
    return key;
  }

  std::size_t size() const { return keys_.size(); }

 private:
  std::set<TimerKey> keys_;
};

}  // namespace lineshaft::core
