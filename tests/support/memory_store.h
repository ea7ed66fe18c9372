#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "broker/core/input.h"
#include "broker/core/persist.h"

namespace lineshaft::test {

/// The store as conformance tests need it: it keeps every `Persist` in order, says "committed" when
/// it is told to, and after a crash only what was committed is left.
class MemoryStore {
 public:
  void persist(core::Persist persist, WallTime wall);

  /// Commits the oldest `count` waiting ones; returns the sequence number to report, 0 for none.
  std::uint64_t commit(std::size_t count);
  std::size_t waiting() const { return waiting_.size(); }
  const std::deque<core::Persist>& waiting_list() const { return waiting_; }

  core::QueueLoaded load(const core::LoadQueue& request) const;

  /// The power goes: what waits is lost.
  void crash() { waiting_.clear(); }

  /// All records in the order `Core::restore` wants them.
  std::vector<core::Change> records() const;
  core::RestoreSummary summary() const { return summary_; }
  /// As after an orderly stop.
  void stopped(WallTime wall);
  /// A crash leaves no such mark.
  void crashed() { summary_.clean = false; }

 private:
  using EntryKey = std::pair<core::SessionId, std::uint64_t>;
  using InflightKey = std::tuple<core::SessionId, core::Direction, std::uint16_t>;

  void apply(const core::Change& change);
  void erase_session(core::SessionId sid);

  std::deque<core::Persist> waiting_;
  std::map<std::string, core::SessionRecord> sessions_;
  std::map<std::pair<core::SessionId, std::string>, core::SubscriptionRecord> subscriptions_;
  std::map<EntryKey, core::QueueRecord> queue_;
  std::map<InflightKey, core::InflightRecord> inflight_;
  std::map<std::string, core::RetainedRecord> retained_;
  std::map<std::string, core::LastValueRecord> last_values_;
  std::map<std::string, core::WillRecord> wills_;
  std::map<std::uint32_t, core::NameRecord> names_;
  std::map<std::pair<std::string, std::string>, core::KeptItemRecord> items_;
  /// `store_id` of the messages that queues refer to.
  std::set<std::uint64_t> payloads_;
  core::RestoreSummary summary_;
};

}  // namespace lineshaft::test
