#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/core/config.h"
#include "broker/core/ids.h"
#include "broker/core/overload.h"
#include "broker/core/persist.h"
#include "broker/core/principal.h"
#include "broker/core/request.h"
#include "broker/mqtt/packets.h"

/// What the core is told.
namespace lineshaft::core {

/// The certificate a client has shown, verified against the listener's CA.
struct PeerCertificate {
  std::string der;
  /// SHA-256 of the SubjectPublicKeyInfo of the CA that has signed it directly: 32 raw bytes.
  std::string issuer_spki;
};

/// What TLS has proved about a client.
struct PeerTls {
  /// "TLSv1.3"; static storage.
  std::string_view version;
  /// Null when it has shown none.
  std::unique_ptr<const PeerCertificate> certificate;
  /// The identity whose pre-shared key it knows; empty without TLS-PSK.
  std::string psk_identity;
};

/// Where a connection comes from; for logs, limits and policy.
struct Peer {
  std::string listener;
  /// "127.0.0.1:40312", "[::1]:40312" or "unix:uid=0".
  std::string address;
  /// Null when the connection is not encrypted.
  std::shared_ptr<const PeerTls> tls{};
  /// What the net room holds the connection to, from its first byte on; null: the defaults.
  std::shared_ptr<const ClientLimits> limits{};

  bool encrypted() const { return tls != nullptr; }
};

/// The end of an authentication.
struct Admission {
  /// A failure: CONNACK gets this Reason Code and nothing else of this counts.
  ReasonCode reason = ReasonCode::success;
  PrincipalPtr principal;
  /// Authentication Data of the CONNACK, or of the AUTH that ends a re-authentication.
  std::string data;
};

/// Precedes the first packets of a connection.
struct ConnectionOpened {
  ConnectionId connection;
  std::shared_ptr<const Peer> peer;
  /// Null with open access: nobody asked who it is.
  std::unique_ptr<Admission> admission = nullptr;
};

/// How the authentication ended that an `Authenticate` began.
struct Reauthenticated {
  ConnectionId connection;
  std::unique_ptr<Admission> admission;
};

/// Decoded packets of one connection in the order of the stream. The first one of a connection is
/// CONNECT or a `Violation`: the decoder lets nothing else through.
struct PacketsArrived {
  ConnectionId connection;
  std::vector<mqtt::Packet> packets;
};

enum class LostBecause : std::uint8_t {
  peer_closed,
  network_error,
  stalled_socket,
};

/// The socket is gone; nothing more can be sent.
struct ConnectionLost {
  ConnectionId connection;
  LostBecause because = LostBecause::peer_closed;
};

/// The net room stopped or resumed reading by itself: keep alive stands still meanwhile.
struct ReadingPaused {
  ConnectionId connection;
  bool paused = false;
};

/// Answer to `AwaitDrain`.
struct OutboxDrained {
  ConnectionId connection;
};

/// Time passes: every `limits::timer_tick`, from shard 0.
struct TimeAdvanced {};

enum class StoreSource : std::uint8_t { journal = 0 };

/// Everything up to `seq` is as durable as the configuration promises.
struct StoreCommitted {
  StoreSource source = StoreSource::journal;
  std::uint64_t seq = 0;
};

struct StoreStateChanged {
  /// False: new publishes that need the disk are refused before any effect.
  bool accepts_writes = true;
  /// Why not: `quota_exceeded` (no space) or `unspecified_error`.
  ReasonCode refusal = ReasonCode::unspecified_error;
  /// The journal's queue is above its mark.
  bool overloaded = false;
};

/// A page of a session's queue; shorter than asked means there is no more up to `last_seq`.
struct QueueLoaded {
  SessionId sid = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::vector<QueueRecord> entries;
  /// The store could not read it; the core asks again.
  bool failed = false;
};

struct Reconfigured {
  CoreConfig config;
};

class Interceptor;

/// Other rules from now on, for everybody. The object is used inside the core's turn only.
struct PolicyChanged {
  std::shared_ptr<Interceptor> interceptor;
  /// Whom to tell with `PolicyInForce` when every shard has done what was decided before; 0:
  /// nobody.
  std::uint64_t request_id = 0;
};

/// Answer of one shard to a `Fence`.
struct FencePassed {
  std::uint64_t number = 0;
};

/// Memory is short, or not any more.
struct OverloadChanged {
  OverloadLevel level = OverloadLevel::none;
};

using Input = std::variant<PacketsArrived, ConnectionOpened, ConnectionLost, ReadingPaused,
                           OutboxDrained, TimeAdvanced, StoreCommitted, StoreStateChanged,
                           QueueLoaded, Request, Reconfigured, PolicyChanged, Reauthenticated,
                           OverloadChanged, FencePassed>;

}  // namespace lineshaft::core
