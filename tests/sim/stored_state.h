#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "broker/core/persist.h"

namespace lineshaft::sim {

/// The message of a record, nullptr if its kind has none.
KeptMessagePtr* message_of(core::Change& change);

/// A copy of the bytes: what a disk would hold, whatever happens to the original.
KeptMessagePtr copy_of(const KeptMessage& message);

/// A change whose messages are copies.
core::Change copy_of(const core::Change& change);

/// The stored records, keyed like the column families of the store.
class StoredState {
 public:
  using QueueKey = std::pair<core::SessionId, std::uint64_t>;
  using InflightKey = std::tuple<core::SessionId, core::Direction, std::uint16_t>;

  /// Applies all changes of one `Persist`. Violates `restored_same` if the result makes no sense: a
  /// record of an unknown session, an inflight entry without its message, a missing payload.
  void apply(const core::Persist& persist);

  /// Everything in the order `Core::restore` wants it, payloads put back into queue records.
  std::vector<core::Change> records() const;

  /// The queue record of `sid` that holds the message, by its number; nullptr if there is none.
  const core::QueueRecord* queued(core::SessionId sid, int message) const;

  std::map<std::string, core::SessionRecord> sessions;
  std::map<std::pair<core::SessionId, std::string>, core::SubscriptionRecord> subscriptions;
  std::map<QueueKey, core::QueueRecord> queue;
  std::map<InflightKey, core::InflightRecord> inflight;
  std::map<std::uint64_t, KeptMessagePtr> payloads;
  std::map<std::string, core::RetainedRecord> retained;
  std::map<std::string, core::LastValueRecord> last_values;
  std::map<std::string, core::WillRecord> wills;
  std::map<std::uint32_t, core::NameRecord> names;
  std::uint64_t last_seq = 0;
  WallTime last_wall{};

 private:
  void apply(const core::Change& change);
  void erase_session(core::SessionId sid);
  bool has_session(core::SessionId sid) const { return sids_.count(sid) != 0; }
  void check(const core::Persist& persist) const;

  std::map<core::SessionId, std::string> sids_;
};

/// The number a simulated message carries in its properties; -1 if it is none of ours.
int number_of(const Message& message);

/// The properties that carry it: one User Property.
std::string properties_for(int number);

}  // namespace lineshaft::sim
