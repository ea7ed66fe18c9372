#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lineshaft::net {

/// Reads the PROXY header, version 1 or 2, with which a load balancer says who the client is.
///
/// Strict: whoever may send one and does not, or not exactly, is refused. Holds at most the 232
/// bytes that matter; attachments (TLVs) are skipped as they come. Pure computation; owned by the
/// connection until it is complete. Specification: haproxy.org, proxy-protocol.txt, sections 2.1
/// and 2.2.
class ProxyHeaderReader {
 public:
  enum class State : unsigned char { needs_more, complete, malformed };

  /// Takes bytes of the header and returns how many belong to it: those behind are the client's.
  std::size_t feed(std::span<const char> bytes);

  State state() const { return state_; }
  /// Once complete: "192.0.2.7:40312", "[2001:db8::7]:40312" or "unix:" and a path; empty when the
  /// connection is the proxy's own (a health check) or the proxy does not know.
  const std::string& address() const { return address_; }
  /// What is wrong; static storage.
  std::string_view fault() const { return fault_; }

 private:
  std::span<const char> held() const { return std::span(bytes_).first(size_); }
  void read_version();
  void look_at_version_1();
  void look_at_version_2();
  void finish_version_2();
  void complete(std::string address);
  void fail(std::string_view fault);

  /// Of version 2: fixed part and the longest addresses (two paths of Unix sockets).
  static constexpr std::size_t held_bytes_max = 16 + 216;

  State state_ = State::needs_more;
  /// 0 while it is not known.
  unsigned version_ = 0;
  std::size_t size_ = 0;
  /// Bytes that have to be held before the next look.
  std::size_t needed_ = 1;
  /// Attachments that follow and are thrown away.
  std::size_t skip_ = 0;
  std::array<char, held_bytes_max> bytes_{};
  std::string address_;
  std::string_view fault_;
};

}  // namespace lineshaft::net
