#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "broker/base/limits.h"
#include "broker/base/time.h"

namespace lineshaft::net {

/// Coarse deadlines of one shard: nothing fires early, and at most one tick late.
///
/// An entry is a few bytes in a slot, not a timer. It cannot be cancelled: whoever gets it looks
/// whether the deadline still holds and adds it again if not. Owned by its shard.
template <class Entry>
class Wheel {
 public:
  explicit Wheel(Instant start) : at_(tick_of(start)) {}

  void add(Instant deadline, Entry entry) {
    // Rounded up; a deadline in the past comes with the next tick.
    std::int64_t tick = tick_of(deadline + limits::timer_tick - Milliseconds{1});
    if (tick <= at_) tick = at_ + 1;
    slots_[index_of(tick)].push_back({tick, std::move(entry)});
  }

  /// Calls `fire(entry)` for everything due at `now`; it may add.
  template <class Fire>
  void advance(Instant now, Fire fire) {
    const std::int64_t until = tick_of(now);
    // After a long sleep one round visits every slot; more would find nothing new.
    if (until - at_ > size) at_ = until - size;
    while (at_ < until) {
      ++at_;
      // The slot comes round once in 100 s: after a storm it must not keep its memory until then.
      auto& slot = slots_[index_of(at_)];
      auto due = std::exchange(slot, {});
      for (Item& item : due) {
        if (item.tick <= at_) {
          fire(item.entry);
        } else {
          slot.push_back(std::move(item));
        }
      }
    }
  }

 private:
  struct Item {
    std::int64_t tick;
    Entry entry;
  };
  static constexpr std::int64_t size = 1024;

  static std::int64_t tick_of(Instant instant) {
    return instant.time_since_epoch() / limits::timer_tick;
  }
  static std::size_t index_of(std::int64_t tick) { return static_cast<std::size_t>(tick % size); }

  std::int64_t at_;
  std::array<std::vector<Item>, size> slots_;
};

}  // namespace lineshaft::net
