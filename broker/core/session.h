#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/core/client_limits.h"
#include "broker/core/ids.h"
#include "broker/core/interceptor.h"
#include "broker/core/session_queue.h"
#include "broker/core/timers.h"
#include "broker/core/topic_trie.h"
#include "broker/mqtt/packets.h"

namespace lineshaft::core {

struct Subscription {
  mqtt::SubscriptionOptions options;
  std::uint32_t subscription_identifier = 0;
  /// Of a shared subscription, else 0.
  ShareId share = 0;
  bool replay_pending = false;
  /// One of the session's `replays` is its own.
  bool replaying = false;
  /// The policy under which the session was last looked at allows all it can match: nothing is
  /// asked per topic while the session's `related_epoch` is the policy's.
  bool covered = false;
  /// That policy allows nothing of it: it stays, and is there again when another one does, for what
  /// is published from then on.
  bool suspended = false;
};

/// A retained replay on its way: the cursor waits while the session's window is full.
struct Replay {
  std::string filter;
  FilterWalk walk;
  /// Starts after this SUBACK has left; 0 after a resume.
  std::uint16_t after_suback = 0;
  /// It has begun, and goes on as soon as the entry `behind_seq` of the queue was sent: the replay
  /// before it has left that there, and it may be older than what QoS 0 would send past it.
  bool started = false;
  std::uint64_t behind_seq = 0;
};

/// A QoS 2 PUBLISH that was taken and waits for its PUBREL.
struct IncomingQos2 {
  std::uint16_t packet_id = 0;
  /// Counts against our Receive Maximum on this connection.
  bool counted = false;
  /// The `Persist` that stores it; a repeated PUBLISH is answered only after it.
  std::uint64_t persist_seq = 0;
};

using SessionIndex = std::uint32_t;
inline constexpr SessionIndex no_session = 0xFFFFFFFF;

/// A Session (MQTT 5.0 section 4.1), connected or not.
struct Session {
  std::string client_id;
  SessionId sid = 0;
  SessionIndex index = no_session;
  std::uint32_t generation = 0;
  mqtt::Version version = mqtt::Version::v5;
  std::uint32_t expiry_interval_s = 0;
  /// Whose session it is: nobody else resumes it. Null when it was made with open access.
  PrincipalPtr owner;
  /// Of `owner` and `client_id` under the policy `policy_epoch`.
  PolicyClass policy_class = no_policy_class;
  std::uint32_t policy_epoch = 0;
  /// The policy under which all its subscriptions were looked at.
  std::uint32_t related_epoch = 0;
  /// How far that has come under another policy; null: not begun.
  struct RelateCursor {
    std::uint32_t epoch = 0;
    std::string last_filter;
  };
  std::unique_ptr<RelateCursor> relating;
  /// What the interceptor keeps about it, under the policy `policy_epoch`.
  std::unique_ptr<SubjectMemory> policy_memory;
  /// Its state is in the store (Session Expiry > 0, now or before).
  bool stored = false;
  /// Only its will is left, or its shared messages are moving to other members, perhaps since a
  /// start; nobody can resume it.
  bool ended = false;
  bool connected = false;
  bool overflow_logged = false;
  bool refusal_logged = false;
  bool subscribe_refusal_logged = false;
  bool too_large_logged = false;
  bool subscriptions_full_logged = false;
  bool slowed_logged = false;
  bool retained_full_logged = false;
  /// Of the listener its client came through last; null: the core's.
  const ClientLimits* limits = nullptr;
  /// Meaningful while `connected`.
  ConnectionId connection;
  /// How extensions know its last connection; 0: none since the start, or nobody asks.
  std::uint64_t connection_number = 0;
  WallTime disconnected_at{};
  /// Newest `Persist` of session, subscriptions or will: their acknowledgements wait for it.
  std::uint64_t state_seq = 0;
  /// Newest `Persist` that forgot an incoming packet identifier: PUBCOMP waits for it.
  std::uint64_t incoming_seq = 0;
  std::uint32_t acks_since_record = 0;
  /// Interned client identifier, 0 until it first publishes something that is kept.
  std::uint32_t publisher = 0;

  std::map<std::string, Subscription, std::less<>> subscriptions;
  std::vector<IncomingQos2> incoming;
  SessionQueue queue;
  std::vector<std::unique_ptr<Replay>> replays;
  /// A replay slice waits for `OutboxDrained`.
  bool replay_waits = false;
  std::unique_ptr<mqtt::Will> will;
  std::optional<TimerKey> expiry_timer;
  std::optional<TimerKey> will_timer;
  /// Runs while the first message of its queue waits for its rate.
  std::optional<TimerKey> rate_timer;
};

/// All sessions by index and by client identifier.
class SessionTable {
 public:
  Session* find(std::string_view client_id);
  Session& create(std::string client_id);
  /// Forgets it; its index gets a new generation.
  void erase(SessionIndex index);

  Session& at(SessionIndex index) { return *slots_[index].session; }
  /// Null when the place was given to another session meanwhile.
  Session* get(SessionIndex index, std::uint32_t generation);

  std::size_t size() const { return by_client_id_.size(); }
  /// All indexes are below.
  SessionIndex end_index() const { return static_cast<SessionIndex>(slots_.size()); }
  /// Null: nobody is there.
  Session* look_at(SessionIndex index) { return slots_[index].session.get(); }

  template <class Visit>
  void for_each(Visit visit) {
    for (auto& slot : slots_) {
      if (slot.session) visit(*slot.session);
    }
  }

 private:
  struct Slot {
    std::unique_ptr<Session> session;
    std::uint32_t generation = 1;
  };
  std::vector<Slot> slots_;
  std::vector<SessionIndex> free_;
  /// Keys point into the sessions.
  std::unordered_map<std::string_view, SessionIndex> by_client_id_;
};

}  // namespace lineshaft::core
