#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "auth/audit_record.h"
#include "broker/base/audit.h"
#include "broker/base/time.h"

namespace lineshaft::auth {

/// Records between those who hand them in and the writer: bounded, and what repeats within one
/// second becomes one record with a number.
///
/// Any thread. The lock is held to move records, never while something is written.
class AuditRing {
 public:
  struct Setup {
    std::size_t entries_max;
    std::size_t bytes_max;
    /// Different records of one second whose repetitions are folded.
    std::size_t folds_max;
  };
  explicit AuditRing(Setup setup) : setup_(setup) {}

  /// The first of its kind in a second is kept at once, so that a crash does not take it along;
  /// further ones follow as one record when the second is over. What does not fit is lost and
  /// counted. True: there is something for the writer that was not there before.
  bool push(const AuditRecord& record, WallTime now);

  /// Records that could not even be made.
  void lose(std::uint64_t records);

  struct Taken {
    std::vector<AuditEntry> entries;
    /// Lost behind them.
    std::uint64_t lost = 0;
  };
  /// Are there repetitions that wait for their second to end?
  bool has_repeats();
  /// All there is; the repetitions of the second that runs stay, unless `all`.
  Taken take(WallTime now, bool all = false);

 private:
  struct Fold {
    AuditEntry first;
    std::uint64_t repeats = 0;
    WallTime last{};
  };

  void keep(AuditEntry&& entry);
  bool fold(const AuditEntry& entry, WallTime now);
  void close_second();

  const Setup setup_;
  std::mutex mutex_;
  std::vector<AuditEntry> entries_;
  std::size_t bytes_ = 0;
  std::uint64_t lost_ = 0;
  /// Of the second `second_`, by the hash of what makes records alike.
  std::unordered_multimap<std::size_t, Fold> folds_;
  std::int64_t second_ = 0;
  bool has_repeats_ = false;
};

}  // namespace lineshaft::auth
