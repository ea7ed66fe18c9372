#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "broker/base/message.h"
#include "broker/core/persist.h"
#include "broker/core/ring_queue.h"

namespace lineshaft::core {

/// Names a shared subscription; never used twice, 0 none.
using ShareId = std::uint32_t;

/// A message that waits for its turn in one session.
struct QueueEntry {
  /// Order within the session.
  std::uint64_t seq = 0;
  /// The `Persist` that stores it, 0 if it is not stored.
  std::uint64_t persist_seq = 0;
  /// The `Persist` it must wait for before it is sent, 0 none.
  std::uint64_t wait_seq = 0;
  KeptMessagePtr message;
  std::vector<std::uint32_t> subscription_identifiers;
  ShareId share = 0;
  QoS qos = QoS::at_least_once;
  /// The policy's, when it was last asked: a lower one than `qos` is what it goes out with.
  QoS qos_max = QoS::exactly_once;
  bool retain = false;
  /// The same for RETAIN: it goes out with 0. `retain` still says that it comes from a replay.
  bool strips_retain = false;
  /// Counts against a rate when it goes out.
  bool limited = false;

  bool shows_retain() const { return retain && !strips_retain; }

  std::size_t size_bytes() const {
    return message->topic().size() + message->properties().size() + message->payload().size();
  }
};

/// A message with a packet identifier: sent, or about to be as soon as its `Persist` is committed.
struct InflightEntry {
  QueueEntry entry;
  std::uint16_t packet_id = 0;
  InflightState state = InflightState::sent;
  /// Waits for `entry.wait_seq`: not sent by a resume, released by the commit.
  bool awaiting_commit = false;
  /// Went out on some connection: a further time is a redelivery with DUP.
  bool sent_before = false;
  /// Went out on this connection and takes a place in its window.
  bool on_wire = false;
  /// An `InflightRecord` of its own holds the packet identifier.
  bool recorded = false;
};

/// What is known in RAM of an entry whose message is only on disk.
struct SpilledEntry {
  std::uint64_t seq = 0;
  std::uint64_t store_id = 0;
  std::uint32_t size_bytes = 0;
};

/// The outgoing side of a session: what is in flight and what waits, in order.
///
/// Waiting entries stand in three parts: `head` in RAM, `spilled` on disk only, `tail` in RAM until
/// its commit. While anything is spilled, new entries go behind it; `tail` is evicted to `spilled`
/// only when committed, so a page read never misses an uncommitted entry.
struct SessionQueue {
  RingQueue<InflightEntry> inflight;
  RingQueue<QueueEntry> head;
  RingQueue<SpilledEntry> spilled;
  RingQueue<QueueEntry> tail;
  std::uint64_t next_seq = 1;
  std::size_t bytes = 0;
  /// Waiting entries of QoS 0: a later one must not overtake them.
  std::size_t qos0_waiting = 0;
  std::uint64_t drops = 0;
  /// Newest entry with RETAIN, most likely one of a replay: nothing newer of its topic may overtake
  /// it while it waits.
  std::uint64_t retained_seq = 0;
  /// While shared messages move to other members: those before it have been looked at.
  std::uint64_t moved_before_seq = 0;
  std::uint16_t next_packet_id = 1;
  /// Identifiers from `next_packet_id` on that are known to be free.
  std::uint16_t free_packet_ids = 0;
  /// Entries of `inflight` that are on the wire.
  std::uint16_t on_wire = 0;
  /// Entries of `inflight` that wait for a commit, at most.
  std::uint16_t awaiting_commit = 0;
  bool loading = false;

  std::size_t waiting() const { return head.size() + spilled.size() + tail.size(); }
  /// Of the first that waits; there must be one.
  std::uint64_t first_waiting_seq() const;
  bool empty() const { return inflight.empty() && waiting() == 0; }

  /// An entry up to `seq` waits, or has an identifier and was not sent yet.
  bool waits_up_to(std::uint64_t seq) const;
  /// An entry with RETAIN may be among those that wait for their turn.
  bool retained_waits() const { return waiting() > 0 && first_waiting_seq() <= retained_seq; }
  /// A message of this topic with RETAIN has an identifier and was not sent yet; null if none.
  const InflightEntry* unsent_retained(std::string_view topic) const;
  InflightEntry* find_inflight(std::uint16_t packet_id);
  /// Free in this session; there are always fewer in flight than identifiers [MQTT-2.2.1-4].
  std::uint16_t take_packet_id();
  /// Moves `tail` to `head` when nothing is spilled between them.
  void join();
  /// Entries at the front of `tail` that are stored up to `committed` become spilled; stops at an
  /// entry of a shared subscription, which must stay ready to be moved.
  void spill_committed(std::uint64_t committed);
};

}  // namespace lineshaft::core
