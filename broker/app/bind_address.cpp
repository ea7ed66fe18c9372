#include "broker/app/bind_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <charconv>

namespace lineshaft::app {
namespace {

constexpr std::string_view forms =
    R"(write "127.0.0.1:1883", "[::1]:1883" or "unix:/run/lineshaft/mqtt.sock")";

BindAddressParse problem(std::string_view what) {
  return {std::nullopt, fmt::format("{}; {}", what, forms)};
}

BindAddressParse parse_unix(std::string_view path) {
  // The kernel's buffer for the path, with its closing zero.
  constexpr std::size_t path_size_max = sizeof(sockaddr_un::sun_path) - 1;
  if (path.empty() || path.front() != '/') return problem("the path must begin with \"/\"");
  if (path.size() > path_size_max) return problem("the path is longer than 107 bytes");
  if (path.find('\0') != std::string_view::npos) return problem("the path has a zero byte");
  BindAddress address;
  address.kind = BindAddress::Kind::unix_socket;
  address.path = path;
  return {address, {}};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool is_ipv6_local(const std::string& host) {
  in6_addr address{};
  ::inet_pton(AF_INET6, host.c_str(), &address);
  if (IN6_IS_ADDR_LOOPBACK(&address)) return true;
  return IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127;
}

}  // namespace

std::string BindAddress::text() const {
  if (kind == Kind::unix_socket) return "unix:" + path;
  if (kind == Kind::ipv6) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

bool BindAddress::is_local() const {
  if (kind == Kind::unix_socket) return true;
  if (kind == Kind::ipv6) return is_ipv6_local(host);
  return host.starts_with("127.");
}

BindAddressParse parse_bind_address(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text.substr(5));
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return problem("there is no port");
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return problem("the port is not a number from 0 to 65535");

  BindAddress address;
  address.port = *port;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  address.kind = bracketed ? BindAddress::Kind::ipv6 : BindAddress::Kind::ipv4;
  address.host = host;

  in6_addr buffer{};
  const int family = bracketed ? AF_INET6 : AF_INET;
  const bool zero_byte = host.find('\0') != std::string_view::npos;
  if (!zero_byte && ::inet_pton(family, address.host.c_str(), &buffer) == 1) return {address, {}};
  if (host.empty() || host == "*") {
    return problem("every address is \"0.0.0.0\" (IPv4) or \"[::]\" (IPv6)");
  }
  if (host.find(':') != std::string_view::npos) return problem("an IPv6 address needs brackets");
  return problem("the address must be in digits, names are not looked up");
}

}  // namespace lineshaft::app
