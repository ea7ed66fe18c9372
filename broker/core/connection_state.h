#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/core/effects.h"
#include "broker/core/ids.h"
#include "broker/core/input.h"
#include "broker/core/ring_queue.h"
#include "broker/core/session.h"
#include "broker/core/topic_entry.h"

namespace lineshaft::core {

/// A packet that waits until the store has what it promises.
struct HeldPacket {
  /// 0: ready, but behind one that is not.
  std::uint64_t wait_seq = 0;
  OutPacket packet;
  /// Ends a message that counts against our Receive Maximum.
  bool frees_quota = false;
};

/// A SUBSCRIBE on its way: one with many filters takes several turns. What the client has sent
/// behind it waits with it.
struct UnfinishedSubscribe {
  /// The same filter with the same options again changes nothing: it is not judged again.
  struct Done {
    mqtt::SubscriptionOptions options;
    ReasonCode reason = ReasonCode::success;
  };

  std::unique_ptr<mqtt::SubscribePacket> packet;
  std::unique_ptr<mqtt::SubackPacket> answer;
  /// The first item that is still to be done.
  std::size_t next = 0;
  std::unordered_map<std::string_view, Done> done;
  /// Judged without becoming a subscription: those a session's limit does not bound.
  std::size_t unbounded = 0;
  /// The connection is lost: the rest is taken as it is, and judged like what a policy finds there
  /// when it comes.
  bool unjudged = false;
  std::vector<mqtt::Packet> behind;
};

/// The core's view of one network connection.
struct ConnectionState {
  ConnectionId id;
  bool open = false;
  /// Its CONNECT was accepted; `session` is valid.
  bool accepted = false;
  /// CONNACK has left: now anything may follow [MQTT-3.2.0-1].
  bool connack_sent = false;
  bool paused_by_net = false;
  bool paused_by_journal = false;
  bool paused_by_memory = false;
  bool paused_by_watcher = false;
  bool paused_by_subscribe = false;
  bool problem_information = true;
  /// The broker stops: DISCONNECT 0x8B follows the last held packet.
  bool drains = false;
  mqtt::Version version = mqtt::Version::v5;
  std::uint32_t packet_size_bytes_max = 0;
  /// QoS 1 and 2 messages we may have unacknowledged towards it.
  std::uint16_t window = 0;
  /// Our Receive Maximum as its CONNACK said: a reload does not change it.
  std::uint16_t receive_maximum = 0;
  /// Messages of it that we have not acknowledged (v5 only) [MQTT-3.3.4-7].
  std::uint32_t unacknowledged = 0;
  SessionIndex session = no_session;
  std::shared_ptr<const Peer> peer;
  /// How its authentication ended; null with open access, and once CONNACK has told.
  std::unique_ptr<Admission> admission;
  /// Who it is; null with open access.
  PrincipalPtr principal;
  /// Authentication Method its CONNECT named; empty without.
  std::string authentication_method;
  /// How the watcher calls it; 0 without one.
  std::uint32_t watched_as = 0;
  /// Between AUTH 0x19 and its outcome.
  bool reauthenticates = false;
  /// Of its listener; null when that has none of its own. The core's configuration owns them.
  const ClientLimits* limits = nullptr;

  /// 1.5 times the keep alive; 0 without.
  Milliseconds silence_max{0};
  Instant last_packet{};
  Instant keep_alive_due{};

  /// Bytes it published in the round of this number; only while memory is short.
  std::uint32_t overload_round = 0;
  std::uint64_t round_bytes = 0;

  /// Null: none is on its way.
  std::unique_ptr<UnfinishedSubscribe> subscribing;
  RingQueue<HeldPacket> held;
  /// The topic it published to last.
  TopicIndex memo = no_topic;
  std::uint32_t memo_generation = 0;

  ConnectionRef ref() const { return {id.slot, id.generation}; }
};

/// A connection that waits for a `Persist`.
struct WaitingConnection {
  std::uint64_t seq = 0;
  ConnectionId connection;
};

/// A connection that is not read while memory is short.
struct SlowedSender {
  ConnectionId connection;
  std::uint32_t until_round = 0;
};

/// A connection that is to be closed behind the running packet.
struct Overflowed {
  ConnectionId connection;
  ReasonCode reason;
};

/// All connections by shard and slot.
class ConnectionTable {
 public:
  explicit ConnectionTable(std::size_t shards) : shards_(shards) {}

  ConnectionState& open(ConnectionOpened opened) {
    const ConnectionId& id = opened.connection;
    auto& shard = shards_[id.shard];
    if (id.slot >= shard.size()) shard.resize(id.slot + std::size_t{1});
    auto& place = shard[id.slot];
    place = std::make_unique<ConnectionState>();
    place->id = id;
    place->open = true;
    place->peer = std::move(opened.peer);
    place->admission = std::move(opened.admission);
    return *place;
  }

  /// Null when it is closed or its place belongs to a later generation.
  ConnectionState* find(const ConnectionId& id) {
    auto& shard = shards_[id.shard];
    if (id.slot >= shard.size() || !shard[id.slot] || shard[id.slot]->id != id) return nullptr;
    return shard[id.slot].get();
  }

  void close(const ConnectionId& id) { shards_[id.shard][id.slot].reset(); }

  /// Visits at most `places_max` places from `next` on and moves it; true when all were visited.
  template <class Visit>
  bool walk(ConnectionId& next, std::size_t places_max, Visit visit) {
    for (; next.shard < shards_.size(); ++next.shard, next.slot = 0) {
      auto& shard = shards_[next.shard];
      for (; next.slot < shard.size(); ++next.slot) {
        if (places_max-- == 0) return false;
        if (shard[next.slot]) visit(*shard[next.slot]);
      }
    }
    return true;
  }

  template <class Visit>
  void for_each(Visit visit) {
    for (auto& shard : shards_) {
      for (std::size_t i = 0; i < shard.size(); ++i) {
        if (shard[i]) visit(*shard[i]);
      }
    }
  }

 private:
  std::vector<std::vector<std::unique_ptr<ConnectionState>>> shards_;
};

}  // namespace lineshaft::core
