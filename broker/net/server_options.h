#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/base/limits.h"
#include "broker/mqtt/decoder.h"
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
};

/// What every connection of a shard is held to.
struct ShardOptions {
  mqtt::DecoderLimits decoder{limits::packet_size_bytes_max, limits::connect_size_bytes_max,
                              limits::topic_alias_in_max, limits::user_properties_max};
  Milliseconds connect_deadline = limits::connect_deadline;
  Milliseconds stalled_socket = limits::stalled_socket;
  Milliseconds linger = limits::linger;
  std::size_t outbox_bytes_max = limits::outbox_bytes_max;
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
