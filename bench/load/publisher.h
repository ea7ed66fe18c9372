#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "bench/load/loop.h"
#include "bench/load/wire.h"

namespace lineshaft::load {

/// One publishing connection and its window: a message is on the way until the broker has
/// acknowledged it (QoS 1 and 2) and every subscriber has got it. That closes the loop: a broker
/// can never queue more than the window.
class Publisher {
 public:
  Publisher(Connection& connection, PublishTemplate message, std::uint32_t index,
            std::uint32_t window, std::uint32_t receivers)
      : connection_(&connection),
        message_(std::move(message)),
        index_(index),
        receivers_(receivers),
        slots_(window) {}

  Connection& connection() { return *connection_; }
  bool window_open() const { return next_ - base_ < slots_.size(); }
  bool all_done() const { return base_ == next_; }
  std::uint64_t sent() const { return next_; }
  std::uint64_t last_progress_ns() const { return last_progress_ns_; }

  /// Queues the next message; the window must be open.
  void send(std::uint64_t stamp_ns, std::uint64_t at_ns, std::uint32_t run) {
    const std::size_t slot = next_ % slots_.size();
    const bool with_acknowledge = message_.packet_id_at > 0;
    if (all_done()) last_progress_ns_ = at_ns;
    slots_[slot] = Slot{receivers_, with_acknowledge};
    const auto packet_id = static_cast<std::uint16_t>(slot + 1);
    put_publish(connection_->out(), message_, packet_id, {stamp_ns, next_, index_, run});
    ++next_;
  }

  /// One subscriber has got, or passed by, this message.
  void delivered(std::uint64_t sequence, std::uint64_t at_ns) {
    if (sequence < base_ || sequence >= next_) return;
    Slot& slot = slots_[sequence % slots_.size()];
    if (slot.receivers_left > 0) --slot.receivers_left;
    advance(at_ns);
  }

  /// The broker's acknowledgement. False when nothing with this identifier was on the way.
  bool settled(std::uint16_t packet_id, std::uint64_t at_ns) {
    if (packet_id == 0 || packet_id > slots_.size()) return false;
    Slot& slot = slots_[packet_id - 1u];
    if (!slot.acknowledge_left) return false;
    slot.acknowledge_left = false;
    advance(at_ns);
    return true;
  }

  /// Stops waiting for what is on the way.
  void give_up(std::uint64_t at_ns) {
    base_ = next_;
    last_progress_ns_ = at_ns;
  }

  std::uint64_t due = 0;        ///< scheduled and not yet sent
  std::uint64_t scheduled = 0;  ///< of which the next to send has this number
  bool is_ready = false;        ///< stands in the list of publishers to look at

 private:
  struct Slot {
    std::uint32_t receivers_left = 0;
    bool acknowledge_left = false;
  };

  void advance(std::uint64_t at_ns) {
    const std::uint64_t before = base_;
    while (base_ < next_) {
      const Slot& slot = slots_[base_ % slots_.size()];
      if (slot.receivers_left > 0 || slot.acknowledge_left) break;
      ++base_;
    }
    if (base_ != before) last_progress_ns_ = at_ns;
  }

  Connection* connection_;
  PublishTemplate message_;
  std::uint32_t index_;
  std::uint32_t receivers_;
  std::vector<Slot> slots_;
  std::uint64_t base_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t last_progress_ns_ = 0;
};

}  // namespace lineshaft::load
