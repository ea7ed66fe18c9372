#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "broker/core/effects.h"

namespace lineshaft::net {

/// Connections that wait for something a loop turn does only so much of: to be read, to be sent.
///
/// Listeners take turns, each with as much as the others, so that a flood on one leaves the rest
/// their share; connections of one listener wait in the order they came. Deficit round robin: a
/// listener that took more than its share sits out until the others have had theirs, if they want
/// it. Owned by a shard; only its thread calls it.
class FairQueue {
 public:
  /// `share`: what a listener may take before it is another one's turn.
  explicit FairQueue(std::int64_t share) : share_(share) {}

  void push(std::size_t listener, core::ConnectionRef who);
  bool empty() const { return size_ == 0; }
  /// Whose turn it is. Not when it is empty.
  core::ConnectionRef pop();
  /// What the one popped last has taken, in the unit of `share`.
  void charge(std::size_t cost) { lines_[at_].credit -= static_cast<std::int64_t>(cost); }

 private:
  struct Line {
    std::deque<core::ConnectionRef> waiting;
    /// Below zero: it has taken more than its share.
    std::int64_t credit = 0;
  };

  const std::int64_t share_;
  /// By listener.
  std::vector<Line> lines_;
  std::size_t at_ = 0;
  std::size_t size_ = 0;
};

}  // namespace lineshaft::net
