#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "broker/net/byte_stream.h"
#include "broker/net/websocket_codec.h"
#include "broker/net/websocket_upgrade.h"

namespace lineshaft::net {

/// MQTT over WebSocket: the upgrade, then frames both ways. What one flush offers leaves as one
/// binary frame. Holds no payload: what is read is unmasked where it lies, and a frame that the
/// socket took only a part of is gone on with.
class WebSocketLayer final : public Layer {
 public:
  /// `rules` outlive it.
  WebSocketLayer(std::unique_ptr<ByteStream> below, const WebSocketRules& rules);

  IoResult read(std::span<char> into) override;
  bool has_input() const override;
  IoResult write(std::span<const iovec> pieces) override;
  std::size_t unsent_bytes() const override;
  void close_because(ReasonCode reason) override;
  IoResult finish() override;
  Refusal refusal() const override;

 private:
  /// Takes the request off the front of `bytes`. Not `ok`: nothing follows it.
  IoState read_request(std::span<char>& bytes);
  IoResult end_of_frames();
  /// Sends our Close; when it has left, nothing is left to do.
  IoResult answer_close();
  IoResult send_own();
  IoResult send_frame(std::span<const iovec> pieces);
  bool upgraded() const { return upgrade_ == nullptr; }

  /// Until the request was answered.
  std::unique_ptr<WebSocketUpgrade> upgrade_;
  WebSocketReader reader_;
  /// Answer of the upgrade, frame heads, control frames.
  std::string unsent_;
  /// Payload the frame that was begun still announces: nothing else may come before it.
  std::size_t frame_left_ = 0;
  /// What our Close frame says, unless it answers the peer's.
  WebSocketStatus status_ = WebSocketStatus::normal;
  bool finished_ = false;
  /// The peer's Close came inside a frame of ours, which goes out first. Nothing more is read.
  bool answers_later_ = false;
  /// Of this layer; empty if one below refused.
  std::string_view why_refused_;
};

class WebSocketFactory final : public LayerFactory {
 public:
  explicit WebSocketFactory(WebSocketRules rules) : rules_(std::move(rules)) {}

  std::unique_ptr<ByteStream> wrap(std::unique_ptr<ByteStream> below, const core::Peer& peer,
                                   AddressCheck check) const override;

 private:
  const WebSocketRules rules_;
};

}  // namespace lineshaft::net
