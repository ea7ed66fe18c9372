#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "broker/net/accepted.h"
#include "broker/net/server_options.h"

namespace lineshaft::net {

enum class ListenFault : std::uint8_t {
  /// Another program has the address or the socket file.
  in_use,
  permission,
  /// No interface of this machine has the address.
  not_available,
  /// Neither an address nor a name that can be resolved.
  bad_address,
  /// The path of a Unix socket is too long, leads nowhere, or something else is there.
  bad_path,
  other,
};

/// Why a listener did not open, for the operator: what, where, what now.
struct ListenError {
  ListenFault fault = ListenFault::other;
  std::string listener;
  /// "127.0.0.1:1883", "[::1]:1883" or the path.
  std::string address;
  /// The system's words.
  std::string why;

  /// Full sentences with the remedy.
  std::string message() const;
};

/// A bound, listening socket that does not block.
struct Endpoint {
  OwnedSocket socket;
  /// As in `ListenError`, with the actual port.
  std::string address;
  /// 0 for a Unix socket.
  std::uint16_t port = 0;
  bool is_unix = false;
};

/// Binds and listens. A socket file that nobody listens on any more is replaced; a living one is
/// never taken away.
std::variant<Endpoint, ListenError> open_endpoint(const ListenerOptions& options);

/// Why `open_endpoint` would fail now, if it would. Changes nothing: a stale socket file stays.
std::optional<ListenError> check_endpoint(const ListenerOptions& options);

/// "127.0.0.1:40312", "[::1]:40312" or "unix:uid=0" of a connected socket; "unknown" if it has
/// gone already.
std::string peer_address(int socket);

}  // namespace lineshaft::net
