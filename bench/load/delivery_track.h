#pragma once

#include <cstdint>
#include <map>

namespace lineshaft::load {

/// What one subscriber has got from one publisher, whose messages are numbered from 0.
class DeliveryTrack {
 public:
  /// What one arrival meant. The messages `[passed_from, passed_end)` are now behind us: the
  /// arrived one and those it overtook.
  struct Arrival {
    std::uint64_t passed_from = 0;
    std::uint64_t passed_end = 0;
    bool is_duplicate = false;
    bool is_reordered = false;
  };

  Arrival arrive(std::uint64_t sequence) {
    Arrival arrival;
    if (sequence >= next_) {
      if (sequence > next_) add_gap(next_, sequence);
      arrival.passed_from = next_;
      arrival.passed_end = sequence + 1;
      next_ = sequence + 1;
      return arrival;
    }
    const bool was_missing = fill_gap(sequence);
    arrival.is_reordered = was_missing;
    arrival.is_duplicate = !was_missing;
    return arrival;
  }

  /// Of the first `sent` messages, how many never came.
  std::uint64_t lost(std::uint64_t sent) const {
    return missing_ + (sent > next_ ? sent - next_ : 0);
  }

 private:
  void add_gap(std::uint64_t from, std::uint64_t end) {
    gaps_[from] = end;
    missing_ += end - from;
  }

  bool fill_gap(std::uint64_t sequence) {
    auto gap = gaps_.upper_bound(sequence);
    if (gap == gaps_.begin()) return false;
    --gap;
    const auto [from, end] = *gap;
    if (sequence >= end) return false;
    gaps_.erase(gap);
    if (from < sequence) gaps_[from] = sequence;
    if (sequence + 1 < end) gaps_[sequence + 1] = end;
    --missing_;
    return true;
  }

  std::uint64_t next_ = 0;
  std::uint64_t missing_ = 0;
  std::map<std::uint64_t, std::uint64_t> gaps_;  ///< start to end (exclusive)
};

}  // namespace lineshaft::load
