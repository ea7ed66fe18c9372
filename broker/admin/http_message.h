#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lineshaft::admin {

enum class Method : std::uint8_t { get, head, post, other };

/// Who asks, as far as the transport can tell.
enum class Caller : std::uint8_t {
  /// Over the Unix socket: root, the broker's own user or a member of the socket's group.
  administrator,
  /// Over the Unix socket: anybody else.
  stranger,
  /// Over TCP from this machine: unknown.
  loopback,
};

struct HttpRequest {
  Method method = Method::other;
  /// Without the query.
  std::string path;
  /// The Host field; empty when there is none.
  std::string host;
  std::string body;
  Caller caller = Caller::stranger;
  /// Over the Unix socket: the peer's user by the kernel's word ("uid 1000"); else empty.
  std::string asker{};
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  /// Of a 405: the methods there are ("GET, HEAD").
  std::string allow;
};

/// An error as RFC 9457 wants it: status, its title, and `detail`, a sentence with the remedy.
/// `more`: further members as JSON text, `"problems":[...]`; may be empty.
HttpResponse problem(unsigned status, std::string_view detail, std::string_view more = {});

}  // namespace lineshaft::admin
