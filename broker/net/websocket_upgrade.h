#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lineshaft::net {

/// What a listener for WebSocket asks of an upgrade request.
struct WebSocketRules {
  /// Exact paths, without query.
  std::vector<std::string> paths{"/mqtt"};
  /// Origins of web pages that may connect ("https://grafana.plant.example"), "*" for all. One that
  /// names the host the request was sent to, and none at all, is always welcome (see `over_tls`).
  std::vector<std::string> origins;
  /// There is TLS below. Then a page of the same site came over https; one that came over http was
  /// perhaps changed on its way. Without TLS here it may come over either, for a proxy in front may
  /// have taken it off.
  bool over_tls = false;
};

/// Reads the HTTP request that opens a WebSocket and says what to answer.
///
/// Holds what has come of the request, at most `limits::websocket_request_bytes_max`. Pure
/// computation; owned by the connection until the answer is sent.
class WebSocketUpgrade {
 public:
  enum class State : unsigned char { needs_more, accepted, refused };

  /// `rules` outlive it.
  explicit WebSocketUpgrade(const WebSocketRules& rules) : rules_(rules) {}

  /// Takes bytes of the request and returns how many belong to it: those behind are frames.
  std::size_t feed(std::span<const char> bytes);

  State state() const { return state_; }
  /// The bytes to send, once the state is known: 101, or a refusal after which to close.
  const std::string& answer() const { return answer_; }
  /// HTTP's, 0 while more is needed.
  unsigned http_status() const { return http_status_; }
  /// Why it was refused, a sentence for the log; static storage.
  std::string_view why() const { return why_; }
  std::size_t received_bytes() const { return request_.size(); }

 private:
  void decide();
  void refuse(unsigned http_status, std::string_view why);

  const WebSocketRules& rules_;
  State state_ = State::needs_more;
  unsigned http_status_ = 0;
  std::string request_;
  std::string answer_;
  std::string_view why_;
};

}  // namespace lineshaft::net
