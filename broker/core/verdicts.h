#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "broker/core/interceptor.h"

namespace lineshaft::core {

/// What an interceptor said about one topic: a bit per policy class, so that a fan-out asks it once
/// and not once per message. Verdicts of another policy count as none.
class Verdicts {
 public:
  enum class Right : std::uint8_t { publish, deliver };

  /// Forgets what another policy said.
  void begin(std::uint32_t policy_epoch) {
    if (policy_epoch == policy_epoch_) return;
    policy_epoch_ = policy_epoch;
    words_.clear();
  }

  /// nullopt: not asked yet.
  std::optional<bool> find(PolicyClass policy_class, Right right) const {
    const std::size_t word = policy_class / bits;
    if (word >= words_.size()) return std::nullopt;
    const Word& one = words_[word][static_cast<std::size_t>(right)];
    const std::uint64_t bit = std::uint64_t{1} << policy_class % bits;
    if ((one.known & bit) == 0) return std::nullopt;
    return (one.allowed & bit) != 0;
  }

  void remember(PolicyClass policy_class, Right right, bool allowed) {
    const std::size_t word = policy_class / bits;
    if (word >= words_.size()) words_.resize(word + 1);
    Word& one = words_[word][static_cast<std::size_t>(right)];
    const std::uint64_t bit = std::uint64_t{1} << policy_class % bits;
    one.known |= bit;
    if (allowed) one.allowed |= bit;
  }

 private:
  static constexpr std::size_t bits = 64;
  struct Word {
    std::uint64_t known = 0;
    std::uint64_t allowed = 0;
  };

  /// By 64 classes, then by right.
  std::vector<std::array<Word, 2>> words_;
  std::uint32_t policy_epoch_ = 0;
};

}  // namespace lineshaft::core
