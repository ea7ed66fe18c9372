#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/base/limits.h"
#include "broker/core/client_limits.h"
#include "broker/net/byte_stream.h"

namespace lineshaft::net {

/// One place where clients connect.
struct ListenerOptions {
  /// Name in logs and policy.
  std::string name;
  /// Host name or address of an interface ("127.0.0.1", "::1", "0.0.0.0", "::"); IPv6 takes IPv6
  /// only. Ignored when `unix_path` is set.
  std::string address = "127.0.0.1";
  /// 0: any free port, see `Server::ports`.
  std::uint16_t port = 1883;
  /// Path of a Unix domain socket (mode 0660), instead of address and port.
  std::string unix_path;
  std::size_t connections_max = limits::connections_max;
  /// What stands between MQTT and the socket: PROXY header, TLS, WebSocket, in this order.
  Layers layers{};
  /// Clients accepted per second; further ones wait in the system's queue. 0: no limit.
  std::uint32_t connects_per_s_max = limits::connects_per_s_max;
  /// The same for one address; further ones are closed at once. 0: no limit.
  std::uint32_t connects_per_s_per_address_max = limits::connects_per_s_per_address_max;
  /// Open connections of one address; a further one is closed at once. 0: no limit.
  std::size_t connections_per_address_max = limits::connections_per_address_max;
  /// What one client may do here.
  core::ClientLimits limits{};
};

/// What every connection of a shard is held to.
struct ShardOptions {
  Milliseconds linger = limits::linger;
  /// How often the clock is looked at; deadlines have `limits::timer_tick` granularity anyway.
  Milliseconds tick = limits::timer_tick;
};

struct ServerOptions {
  std::vector<ListenerOptions> listeners;
  /// Threads with sockets; as given to the core.
  std::size_t shards = 1;
  ShardOptions shard;
  /// Longest time `Server::drain` takes.
  Milliseconds drain = limits::drain;
};

}  // namespace lineshaft::net
