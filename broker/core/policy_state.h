#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/base/limits.h"
#include "broker/base/message.h"
#include "broker/base/time.h"
#include "broker/core/ids.h"
#include "broker/core/interceptor.h"
#include "broker/core/principal.h"
#include "broker/core/request.h"
#include "broker/core/ring_queue.h"
#include "broker/core/session.h"

namespace lineshaft::core {

/// A session named in a list, and the `Persist` it waits for there, if any.
struct WaitingSession {
  std::uint64_t seq = 0;
  SessionIndex session = no_session;
  std::uint32_t generation = 0;
};

/// A change of policy that some shards have not met yet.
struct PolicyFence {
  std::uint64_t number = 0;
  std::uint64_t request_id = 0;
  std::size_t shards_left = 0;
  std::uint32_t epoch = 0;
  Instant began{};
};

/// A message an interceptor has made, and whose it is.
struct AddedMessage {
  MessagePtr message;
  PrincipalPtr principal;
};

/// An answer that promises what the store has not committed yet.
struct HeldReply {
  std::uint64_t seq = 0;
  Reply reply;
};

/// What a policy has said to Topic Filters, by policy class.
class FilterVerdicts {
 public:
  /// Null: nobody has asked yet. Valid until the next call of `remember`.
  const SubscribeVerdict* find(std::uint32_t epoch, PolicyClass policy_class,
                               std::string_view filter);
  void remember(std::uint32_t epoch, PolicyClass policy_class, std::string_view filter,
                const SubscribeVerdict& verdict);

 private:
  const std::string& key(PolicyClass policy_class, std::string_view filter);

  std::uint32_t epoch_ = 0;
  std::unordered_map<std::string, SubscribeVerdict> known_;
  std::string key_;
};

/// What the core knows about its policy beside the interceptor: work that goes on in slices, and
/// what it does for the interceptor.
struct PolicyState {
  /// The interceptor answers otherwise, and nobody was looked at yet.
  bool changed = false;
  Instant began{};
  /// Who must go, and which subscriptions stay.
  bool sweeps_connections = false;
  bool sweeps_sessions = false;
  ConnectionId next_connection{};
  SessionIndex next_session = 0;
  /// Sessions whose subscriptions are to be looked at out of order.
  RingQueue<WaitingSession> unrelated;
  /// What new subscriptions may still take of this turn, and who goes on in the next one.
  std::size_t subscribe_work = limits::relate_slice;
  RingQueue<ConnectionId> subscribing;
  FilterVerdicts filters;

  std::vector<PolicyFence> fences;
  std::uint64_t last_fence = 0;

  std::optional<WallTime> wake_at;
  std::vector<AddedMessage> added;
  /// A message of `added` is being asked about.
  bool judges_added = false;
  /// By family and key.
  std::map<std::pair<std::string, std::string>, std::string> items;
  /// The `Persist` that holds what was kept last, and answers that wait for theirs.
  std::uint64_t kept_seq = 0;
  RingQueue<HeldReply> held_replies;
};

}  // namespace lineshaft::core
