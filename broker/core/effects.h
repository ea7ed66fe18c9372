#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "broker/base/message.h"
#include "broker/core/persist.h"
#include "broker/core/principal.h"
#include "broker/core/request.h"
#include "broker/mqtt/packets.h"

/// What the core decided; rooms around it act. Effects of one connection are in decision order.
namespace lineshaft::core {

/// A connection on the shard whose list the effect stands in.
struct ConnectionRef {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
};

/// One receiver of a `Deliver`.
struct Recipient {
  ConnectionRef connection;
  std::uint16_t packet_id = 0;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  bool dup = false;
  /// Part of a paced replay: a full outbox takes it all the same.
  bool replay = false;
  std::uint16_t identifiers_size = 0;
  /// Into `ShardEffects::subscription_identifiers`.
  std::uint32_t identifiers_begin = 0;
};

/// A PUBLISH to one or many connections of this shard. QoS 0 may be dropped by a full outbox.
struct Deliver {
  MessagePtr message;
  /// Seconds left of its Message Expiry Interval.
  std::uint32_t expiry_s = no_expiry_s;
  /// Into `ShardEffects::recipients`.
  std::uint32_t recipients_begin = 0;
  std::uint32_t recipients_size = 0;
};

/// What the encoder and the outbox of a connection must know; precedes its CONNACK.
struct Configure {
  ConnectionRef connection;
  mqtt::Version version = mqtt::Version::v5;
  /// Client's Maximum Packet Size, 0 without limit.
  std::uint32_t packet_size_bytes_max = 0;
  bool problem_information = true;
  /// Aliases we may use towards the client.
  std::uint16_t topic_alias_maximum = 0;
};

/// Any packet but PUBLISH.
using OutPacket =
    std::variant<mqtt::AckPacket, mqtt::PingrespPacket, std::unique_ptr<mqtt::ConnackPacket>,
                 std::unique_ptr<mqtt::SubackPacket>, std::unique_ptr<mqtt::DisconnectPacket>,
                 std::unique_ptr<mqtt::AuthPacket>>;

struct Acknowledge {
  ConnectionRef connection;
  OutPacket packet;
};

/// An authentication of a client that is connected.
struct Reauthentication {
  std::string method;
  std::string client_id;
  PrincipalPtr principal;
};

/// Send what stands before it, then close. The core has forgotten the connection already; no
/// `ConnectionLost` is expected.
struct Close {
  ConnectionRef connection;
  /// Why, also for those whose version of MQTT has no word for it.
  ReasonCode reason = ReasonCode::success;
};

/// Throws away what is unsent: the client may not have it any more. Where a packet is cut by that
/// the socket is closed at once.
struct Discard {
  ConnectionRef connection;
};

/// Answer with `FencePassed` when everything before it has been done.
struct Fence {
  std::uint64_t number = 0;
};

/// Answer with `OutboxDrained` as soon as the connection's unsent bytes are below
/// `limits::outbox_drained_bytes` (at once if they are).
struct AwaitDrain {
  ConnectionRef connection;
};

/// The client authenticates again: ask the authenticator, challenge the client as often as it
/// wants, answer with `Reauthenticated` when it has decided.
struct Authenticate {
  ConnectionRef connection;
  /// Of the AUTH that has come.
  std::unique_ptr<std::string> data;
  /// Who it is now. Null: this AUTH goes on with what began.
  std::unique_ptr<Reauthentication> begins;
};

/// Stop or go on reading the socket: the journal is behind.
struct SetReading {
  ConnectionRef connection;
  bool paused = false;
};

using Effect = std::variant<Deliver, Acknowledge, Close, AwaitDrain, SetReading, Configure,
                            Authenticate, Discard, Fence>;

/// The effects for the connections of one shard.
struct ShardEffects {
  std::vector<Effect> list;
  std::vector<Recipient> recipients;
  std::vector<std::uint32_t> subscription_identifiers;

  std::span<const Recipient> recipients_of(const Deliver& deliver) const {
    return std::span(recipients).subspan(deliver.recipients_begin, deliver.recipients_size);
  }
  std::span<const std::uint32_t> identifiers_of(const Recipient& recipient) const {
    return std::span(subscription_identifiers)
        .subspan(recipient.identifiers_begin, recipient.identifiers_size);
  }
  void clear() {
    list.clear();
    recipients.clear();
    subscription_identifiers.clear();
  }
};

/// Everything one turn decided. A turn may call `Core::apply` several times with the same object:
/// all its changes then stand in one `Persist`. Whoever takes the content clears it.
struct Effects {
  explicit Effects(std::size_t shards_size) : shards(shards_size) {}

  std::vector<ShardEffects> shards;
  std::optional<Persist> persist;
  std::vector<LoadQueue> loads;
  std::vector<Reply> replies;
  /// More of a long work waits: apply `TimeAdvanced` again soon, after the sockets had their turn.
  bool again = false;

  void clear() {
    for (auto& shard : shards) shard.clear();
    persist.reset();
    loads.clear();
    replies.clear();
    again = false;
  }
};

}  // namespace lineshaft::core
