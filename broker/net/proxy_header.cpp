#include "broker/net/proxy_header.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "broker/base/limits.h"

namespace lineshaft::net {
namespace {

constexpr std::string_view signature_v1 = "PROXY ";
constexpr std::string_view signature_v2{"\r\n\r\n\0\r\nQUIT\n", 12};
/// With its line end.
constexpr std::size_t line_bytes_max = 107;
constexpr std::size_t fixed_bytes = 16;

/// Address family and transport, the 14th byte of version 2.
constexpr std::uint8_t tcp_over_ipv4 = 0x11;
constexpr std::uint8_t tcp_over_ipv6 = 0x21;
constexpr std::uint8_t unix_stream = 0x31;
constexpr std::uint8_t unspecified = 0x00;

unsigned byte_at(std::span<const char> bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

unsigned two_bytes_at(std::span<const char> bytes, std::size_t at) {
  return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}

/// The address as the system writes it, so that one client has one name.
std::string written(const in_addr& address, unsigned port) {
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address, text.data(), text.size());
  return fmt::format("{}:{}", text.data(), port);
}

/// A proxy that listens on both families at once may forward `::ffff:192.0.2.7`: that is IPv4, and
/// must not share a /64 with every other client of it.
std::string written(const in6_addr& address, unsigned port) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    in_addr mapped{};
    std::memcpy(&mapped, address.s6_addr + 12, sizeof mapped);
    return written(mapped, port);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &address, text.data(), text.size());
  return fmt::format("[{}]:{}", text.data(), port);
}

std::optional<unsigned> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool sound = error == std::errc{} && end == text.data() + text.size() && port <= 0xFFFF;
  const bool padded = text.size() > 1 && text.front() == '0';
  return sound && !padded ? std::optional(port) : std::nullopt;
}

/// Empty: it is no address of the family.
template <class Address>
std::string parse_and_write(int family, std::string_view text, unsigned port) {
  Address address{};
  if (::inet_pton(family, std::string(text).c_str(), &address) != 1) return {};
  return written(address, port);
}

std::string parse_ip(bool is_ipv4, std::string_view text, unsigned port) {
  return is_ipv4 ? parse_and_write<in_addr>(AF_INET, text, port)
                 : parse_and_write<in6_addr>(AF_INET6, text, port);
}

/// The text up to the next space, which is cut off from `line` with it.
std::string_view next_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

}  // namespace

std::size_t ProxyHeaderReader::feed(std::span<const char> bytes) {
  std::size_t taken = 0;
  while (state_ == State::needs_more && taken < bytes.size()) {
    const std::span<const char> rest = bytes.subspan(taken);
    if (skip_ > 0) {
      const std::size_t skipped = std::min(skip_, rest.size());
      taken += skipped;
      skip_ -= skipped;
      if (skip_ == 0) finish_version_2();
      continue;
    }
    // Never more than is needed for sure: what follows the header is the client's.
    const std::size_t size = std::min(rest.size(), needed_ - size_);
    std::memcpy(bytes_.data() + size_, rest.data(), size);
    size_ += size;
    taken += size;
    if (size_ < needed_) continue;
    if (version_ == 0) read_version();
    if (version_ == 1) look_at_version_1();
    if (version_ == 2) look_at_version_2();
  }
  return taken;
}

/// Byte by byte: who sends something else is refused at the first that does not fit.
void ProxyHeaderReader::read_version() {
  const std::string_view seen(bytes_.data(), size_);
  if (seen == signature_v1.substr(0, size_)) {
    if (size_ == signature_v1.size()) version_ = 1;
  } else if (seen == signature_v2.substr(0, size_)) {
    if (size_ == signature_v2.size()) version_ = 2;
  } else {
    return fail("it does not begin with a PROXY header");
  }
  if (version_ == 0) ++needed_;
}

void ProxyHeaderReader::look_at_version_1() {
  const std::string_view seen(bytes_.data(), size_);
  if (!seen.ends_with("\r\n")) {
    if (size_ == line_bytes_max) return fail("the line is longer than 107 bytes");
    ++needed_;
    return;
  }
  std::string_view line = seen.substr(0, size_ - 2);
  line.remove_prefix(signature_v1.size());
  // inet_pton would stop at a NUL and not see what stands behind it.
  if (!is_printable(line)) return fail("the line has bytes that do not belong into it");
  const std::string_view family = next_word(line);
  if (family == "UNKNOWN") return complete({});
  const bool is_ipv4 = family == "TCP4";
  if (!is_ipv4 && family != "TCP6") return fail("neither TCP4 nor TCP6 nor UNKNOWN");
  const std::string_view source = next_word(line);
  const std::string_view destination = next_word(line);
  const auto source_port = parse_port(next_word(line));
  // The rest of the line: nothing may follow it.
  const auto destination_port = parse_port(line);
  if (!source_port || !destination_port) return fail("a port is not a number up to 65535");
  std::string address = parse_ip(is_ipv4, source, *source_port);
  if (address.empty() || parse_ip(is_ipv4, destination, 0).empty()) {
    return fail("an address is not one of its family");
  }
  complete(std::move(address));
}

void ProxyHeaderReader::look_at_version_2() {
  if (size_ < fixed_bytes) {
    needed_ = fixed_bytes;
    return;
  }
  const std::size_t length = two_bytes_at(held(), 14);
  const std::size_t held_length = std::min(length, held_bytes_max - fixed_bytes);
  if (size_ == fixed_bytes) {
    if (byte_at(held(), 12) >> 4 != 2) return fail("the version is not 2");
    if ((byte_at(held(), 12) & 15U) > 1) return fail("the command is neither LOCAL nor PROXY");
    if (fixed_bytes + length > limits::proxy_header_bytes_max) return fail("it is too long");
    needed_ = fixed_bytes + held_length;
    if (held_length > 0) return;
  }
  skip_ = length - held_length;
  if (skip_ == 0) finish_version_2();
}

void ProxyHeaderReader::finish_version_2() {
  const bool is_local = (byte_at(held(), 12) & 15U) == 0;
  // A health check of the proxy itself; whatever stands behind is to be ignored.
  if (is_local) return complete({});
  const std::span<const char> body = held().subspan(fixed_bytes);
  const auto family = static_cast<std::uint8_t>(byte_at(held(), 13));
  if (family == unspecified) return complete({});
  if (family == tcp_over_ipv4 && body.size() >= 12) {
    in_addr address{};
    std::memcpy(&address, body.data(), sizeof address);
    return complete(written(address, two_bytes_at(body, 8)));
  }
  if (family == tcp_over_ipv6 && body.size() >= 36) {
    in6_addr address{};
    std::memcpy(&address, body.data(), sizeof address);
    return complete(written(address, two_bytes_at(body, 32)));
  }
  if (family == unix_stream && body.size() >= 216) {
    const std::string_view field(body.data(), 108);
    const std::string_view path = field.substr(0, field.find('\0'));
    if (!is_printable(path)) return fail("the path of the Unix socket is not printable");
    return complete(fmt::format("unix:{}", path));
  }
  fail("address family, transport and length do not belong together");
}

void ProxyHeaderReader::complete(std::string address) {
  state_ = State::complete;
  address_ = std::move(address);
}

void ProxyHeaderReader::fail(std::string_view fault) {
  state_ = State::malformed;
  fault_ = fault;
}

}  // namespace lineshaft::net
