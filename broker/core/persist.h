#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "broker/base/message.h"
#include "broker/base/quality.h"
#include "broker/base/time.h"
#include "broker/core/ids.h"
#include "broker/core/principal.h"
#include "broker/mqtt/packets.h"

/// What the core wants to survive. The same records come back at start through `Core::restore`.
namespace lineshaft::core {

/// A session that outlives its connection.
struct SessionRecord {
  std::string client_id;
  SessionId sid = 0;
  mqtt::Version version = mqtt::Version::v5;
  std::uint32_t expiry_interval_s = 0;
  bool connected = false;
  /// When the connection ended; meaningful while not `connected`.
  WallTime disconnected_at{};
  /// Oldest entry the queue may still hold: reads seek from here.
  std::uint64_t head_seq = 0;
  /// Whose it is; null when it was made with open access.
  PrincipalPtr owner = nullptr;
};
/// The session with everything that hangs on its `sid`: subscriptions, queue, inflight.
struct SessionErase {
  std::string client_id;
  SessionId sid = 0;
};

struct SubscriptionRecord {
  SessionId sid = 0;
  /// As the client wrote it, `$share/...` included.
  std::string filter;
  mqtt::SubscriptionOptions options;
  std::uint32_t subscription_identifier = 0;
  /// Its retained messages have not all been sent: the replay starts again at resume.
  bool replay_pending = false;
};
struct SubscriptionErase {
  SessionId sid = 0;
  std::string filter;
};

/// One entry of a session's queue. Stored with the message inline, or by `message->store_id` when
/// that is not 0 (then a `PayloadRecord` of the same or an earlier `Persist` holds the message).
struct QueueRecord {
  SessionId sid = 0;
  /// Order within the session.
  std::uint64_t seq = 0;
  KeptMessagePtr message;
  /// Quality of service of the delivery.
  QoS qos = QoS::at_least_once;
  bool retain = false;
  /// 0: not sent yet, or an `InflightRecord` has it.
  std::uint16_t packet_id = 0;
  std::vector<std::uint32_t> subscription_identifiers;
  /// The shared subscription it came through ("$share/..."), empty if none.
  std::string share;
};
struct QueueErase {
  SessionId sid = 0;
  std::uint64_t seq = 0;
};

enum class Direction : std::uint8_t { in = 0, out = 1 };
enum class InflightState : std::uint8_t {
  /// in: a QoS 2 PUBLISH was taken, its PUBREL has not come.
  received = 0,
  /// out: the queue entry `seq` was sent with this packet identifier.
  sent = 1,
  /// out: PUBREC has come, PUBCOMP has not; the queue entry is gone, `seq` keeps its order.
  released = 2,
};

struct InflightRecord {
  SessionId sid = 0;
  Direction direction = Direction::in;
  std::uint16_t packet_id = 0;
  InflightState state = InflightState::received;
  std::uint64_t seq = 0;
};
struct InflightErase {
  SessionId sid = 0;
  Direction direction = Direction::in;
  std::uint16_t packet_id = 0;
};

/// A message that several queues refer to by `message->store_id`.
struct PayloadRecord {
  KeptMessagePtr message;
};
struct PayloadErase {
  std::uint64_t store_id = 0;
};

struct RetainedRecord {
  KeptMessagePtr message;
  Quality quality = Quality::good;
};
struct RetainedErase {
  std::string topic;
};
/// The last value of a topic whose newest message was not retained.
struct LastValueRecord {
  KeptMessagePtr message;
  Quality quality = Quality::good;
};
struct LastValueErase {
  std::string topic;
};

struct WillRecord {
  std::string client_id;
  KeptMessagePtr message;
  std::uint32_t delay_interval_s = 0;
  /// Expiry of its session: the will goes out at whichever ends first.
  std::uint32_t session_expiry_interval_s = 0;
  /// When the connection ended; 0 while it is open.
  WallTime disconnected_at{};
  /// Who published it; null with open access.
  PrincipalPtr owner = nullptr;
};
struct WillErase {
  std::string client_id;
};

/// An interned author: a client identifier, and who used it. Numbers are never used twice.
struct NameRecord {
  std::uint32_t number = 0;
  std::string client_id;
  /// Null with open access.
  PrincipalPtr owner = nullptr;
};

/// What an interceptor keeps (`Context::persist`).
struct KeptItemRecord {
  std::string family;
  std::string key;
  std::string value;
};
struct KeptItemErase {
  std::string family;
  std::string key;
};

using Change =
    std::variant<SessionRecord, SessionErase, SubscriptionRecord, SubscriptionErase, QueueRecord,
                 QueueErase, InflightRecord, InflightErase, PayloadRecord, PayloadErase,
                 RetainedRecord, RetainedErase, LastValueRecord, LastValueErase, WillRecord,
                 WillErase, NameRecord, KeptItemRecord, KeptItemErase>;

/// The changes of one turn: all of them become durable, or none.
struct Persist {
  /// Node-wide sequence, strictly growing: max(last + 1, wall clock in ms << 20).
  std::uint64_t seq = 0;
  /// The newest sequence number used inside; stored with the batch so that none is used twice.
  std::uint64_t last_seq = 0;
  /// Somebody waits: fsync before `StoreCommitted`.
  bool needs_sync = false;
  /// Applied in this order (a later change of the same key wins).
  std::vector<Change> changes;
};

/// Asks the store for a page of a session's queue: entries with first_seq <= seq <= last_seq,
/// oldest first, at most `entries_max`. Answered by one `QueueLoaded`.
struct LoadQueue {
  SessionId sid = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::size_t entries_max = 0;
};

/// What the store knows about the end of the last run, when all records have been restored.
struct RestoreSummary {
  /// Stopped in order; else a crash, whose end is taken to be this start.
  bool clean = false;
  WallTime stopped_at{};
  /// Newest `Persist::last_seq` stored.
  std::uint64_t last_seq = 0;
  /// Newest wall time stored: the clock may be behind it (no battery).
  WallTime last_wall{};
};

}  // namespace lineshaft::core
