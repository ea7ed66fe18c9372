#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lineshaft::app {

/// Where a listener listens.
struct BindAddress {
  enum class Kind : std::uint8_t { ipv4, ipv6, unix_socket };

  Kind kind = Kind::ipv4;
  /// IP address in digits, without brackets.
  std::string host;
  /// 0 lets the system choose one.
  std::uint16_t port = 0;
  /// Of a Unix socket.
  std::string path;

  /// "127.0.0.1:1883", "[::1]:1883" or "unix:/run/lineshaft.sock".
  std::string text() const;

  /// Nobody outside this machine can reach it.
  bool is_local() const;

  bool operator==(const BindAddress&) const = default;
};

/// A parsed address, or the sentence that says what is wrong with it.
struct BindAddressParse {
  std::optional<BindAddress> address;
  std::string problem;
};
BindAddressParse parse_bind_address(std::string_view text);

}  // namespace lineshaft::app
