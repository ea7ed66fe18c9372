#include "auth/audit_ring.h"

#include <functional>
#include <utility>

#include "broker/base/metrics.h"

namespace lineshaft::auth {
namespace {

std::int64_t second_of(WallTime time) { return time.time_since_epoch().count() / 1000; }

std::size_t fold_hash(const AuditEntry& entry) {
  using enum AuditField;
  std::size_t hash = 0;
  for (const AuditField each : {type, identity, client, reason, rule}) {
    hash = hash * 31 + std::hash<std::string_view>{}(entry.field(each));
  }
  return hash;
}

}  // namespace

bool AuditRing::push(const AuditRecord& record, WallTime now) {
  AuditEntry entry(record, now);
  const std::lock_guard lock(mutex_);
  if (second_of(now) != second_) {
    close_second();
    second_ = second_of(now);
  }
  if (record.is_repeatable && fold(entry, now)) return !std::exchange(has_repeats_, true);
  const bool was_empty = entries_.empty();
  keep(std::move(entry));
  return was_empty;
}

void AuditRing::lose(std::uint64_t records) {
  const std::lock_guard lock(mutex_);
  lost_ += records;
  count(Counter::audit_records_lost, records);
}

bool AuditRing::has_repeats() {
  const std::lock_guard lock(mutex_);
  return has_repeats_;
}

AuditRing::Taken AuditRing::take(WallTime now, bool all) {
  Taken taken;
  const std::lock_guard lock(mutex_);
  if (all || second_of(now) != second_) close_second();
  taken.entries.swap(entries_);
  taken.lost = std::exchange(lost_, 0);
  bytes_ = 0;
  return taken;
}

void AuditRing::keep(AuditEntry&& entry) {
  if (entries_.size() >= setup_.entries_max || bytes_ + entry.size_bytes() > setup_.bytes_max) {
    // Not `lose`: the lock is held.
    lost_ += entry.count();
    count(Counter::audit_records_lost, entry.count());
    return;
  }
  bytes_ += entry.size_bytes();
  entries_.push_back(std::move(entry));
}

/// True: it is one more of those that the second has had already.
bool AuditRing::fold(const AuditEntry& entry, WallTime now) {
  const std::size_t hash = fold_hash(entry);
  const auto [begin, end] = folds_.equal_range(hash);
  for (auto each = begin; each != end; ++each) {
    if (!each->second.first.is_like(entry)) continue;
    ++each->second.repeats;
    each->second.last = now;
    count(Counter::audit_records_folded);
    return true;
  }
  if (folds_.size() < setup_.folds_max) folds_.emplace(hash, Fold{entry, 0, now});
  return false;
}

void AuditRing::close_second() {
  for (auto& [hash, fold] : folds_) {
    if (fold.repeats > 0) keep(fold.first.repeated(fold.repeats, fold.last));
  }
  folds_.clear();
  has_repeats_ = false;
}

}  // namespace lineshaft::auth
