#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lineshaft::net {

/// Status codes of a Close frame that this broker sends by itself (RFC 6455 section 7.4.1).
enum class WebSocketStatus : std::uint16_t {
  /// A Close frame without a code.
  none = 0,
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  /// A text frame [MQTT-6.0.0-1].
  unsupported_data = 1003,
  too_big = 1009,
};

/// The client's side of a WebSocket: frames in, the MQTT byte stream out.
///
/// Frames and packets need not agree: a packet may be split over frames and a frame may hold many
/// [MQTT-6.0.0-2]. A frame's payload is handed on as it comes, so the length it claims costs no
/// memory. Pure computation; owned by the connection.
class WebSocketReader {
 public:
  /// Takes what the socket gave, cut anywhere. The payload of data frames is unmasked and moved to
  /// the front of `bytes`; returns its size. Behind the end (`ended`) everything is thrown away.
  std::size_t feed(std::span<char> bytes);

  /// A Close frame or a violation was read: a Close frame with `status` is due, then the end.
  bool ended() const { return ended_; }
  /// The peer's code, to be sent back (RFC 6455 section 5.5.1), or the one of its fault.
  WebSocketStatus status() const { return status_; }
  /// What a violation breaks ("RFC 6455 5.1", "MQTT-6.0.0-1"); empty after a Close frame. Static
  /// storage.
  std::string_view fault() const { return fault_; }

  /// A Ping wants its Pong. Of several that came before it is sent only the last is answered, as
  /// RFC 6455 section 5.5.3 allows: a flood of them costs no memory.
  bool pong_due() const { return pong_due_; }
  /// Writes the Pong frame behind `out`; it is not due any more.
  void take_pong(std::string& out);

 private:
  enum class Opcode : std::uint8_t { continuation, text, binary, close = 8, ping, pong };

  /// The header's bytes that are there; false: more are needed, or it is refused.
  bool take_header(std::span<char>& bytes);
  bool check_header();
  bool start_payload();
  void end_frame();
  void end_by_peer();
  bool fail(WebSocketStatus status, std::string_view fault);
  bool is_control() const { return (header_[0] & 0x08) != 0; }
  Opcode opcode() const { return static_cast<Opcode>(header_[0] & 0x0F); }

  std::uint64_t payload_left_ = 0;
  std::array<char, 14> header_{};
  std::uint8_t header_size_ = 0;
  std::uint8_t header_needed_ = 2;
  /// Turned so that its front belongs to the next byte.
  std::array<char, 4> mask_{};
  bool in_payload_ = false;
  bool in_message_ = false;
  bool pong_due_ = false;
  bool ended_ = false;
  WebSocketStatus status_ = WebSocketStatus::none;
  std::string_view fault_;
  /// Payload of the control frame that is being read, at most 125 bytes.
  std::string control_;
  std::string pong_;
};

/// The head of a frame from server to client: complete message, not masked.
struct WebSocketFrameHead {
  std::array<char, 10> bytes;
  std::uint8_t size_bytes;

  std::string_view view() const { return {bytes.data(), size_bytes}; }
};

/// In front of `payload_size_bytes` of MQTT.
WebSocketFrameHead binary_frame_head(std::uint64_t payload_size_bytes);

/// A whole Close frame.
std::string close_frame(WebSocketStatus status);

}  // namespace lineshaft::net
