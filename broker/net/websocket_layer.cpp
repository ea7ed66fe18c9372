#include "broker/net/websocket_layer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "broker/base/limits.h"
#include "broker/base/metrics.h"

namespace lineshaft::net {
namespace {

/// What an outbox offers at once, and the head in front of it.
constexpr std::size_t frame_pieces_max = 65;

/// What MQTT's reason becomes in a Close frame, for clients that see only that.
WebSocketStatus status_of(ReasonCode reason) {
  switch (reason) {
    case ReasonCode::packet_too_large:
      return WebSocketStatus::too_big;
    case ReasonCode::server_shutting_down:
    case ReasonCode::use_another_server:
    case ReasonCode::server_moved:
      return WebSocketStatus::going_away;
    case ReasonCode::malformed_packet:
    case ReasonCode::protocol_error:
    case ReasonCode::receive_maximum_exceeded:
    case ReasonCode::topic_alias_invalid:
    case ReasonCode::payload_format_invalid:
      return WebSocketStatus::protocol_error;
    default:
      return WebSocketStatus::normal;
  }
}

std::size_t sum_of(std::span<const iovec> pieces) {
  std::size_t sum = 0;
  for (const iovec& piece : pieces) sum += piece.iov_len;
  return sum;
}

}  // namespace

WebSocketLayer::WebSocketLayer(std::unique_ptr<ByteStream> below, const WebSocketRules& rules)
    : Layer(std::move(below)), upgrade_(std::make_unique<WebSocketUpgrade>(rules)) {}

IoResult WebSocketLayer::read(std::span<char> into) {
  // The payload in front of the end was handed on by the read before.
  if (reader_.ended() && !answers_later_) return end_of_frames();
  const IoResult got = below().read(into);
  // Behind a Close frame there is nothing [RFC 6455 section 5.5.1].
  if (answers_later_) return {got.state == IoState::ok ? IoState::blocked : got.state, 0};
  if (got.state == IoState::refused) finished_ = true;
  if (got.state != IoState::ok) return got;
  std::span<char> bytes = into.first(got.size);
  if (!upgraded()) {
    const IoState state = read_request(bytes);
    if (state != IoState::ok) return {state, 0};
    std::memmove(into.data(), bytes.data(), bytes.size());
    bytes = into.first(bytes.size());
  }
  const std::size_t size = reader_.feed(bytes);
  if (size > 0) return {IoState::ok, size};
  return reader_.ended() ? end_of_frames() : IoResult{IoState::blocked, 0};
}

IoState WebSocketLayer::read_request(std::span<char>& bytes) {
  bytes = bytes.subspan(upgrade_->feed(bytes));
  if (upgrade_->state() == WebSocketUpgrade::State::needs_more) return IoState::blocked;
  unsent_ = upgrade_->answer();
  if (upgrade_->state() == WebSocketUpgrade::State::accepted) {
    upgrade_.reset();
    return IoState::ok;
  }
  count(Counter::websocket_upgrades_refused);
  why_refused_ = upgrade_->why();
  return IoState::refused;
}

IoResult WebSocketLayer::end_of_frames() {
  why_refused_ = reader_.fault();
  if (!why_refused_.empty()) {
    count(Counter::websocket_violations);
    finish();
    return {IoState::refused, 0};
  }
  if (frame_left_ > 0) {
    answers_later_ = true;
    return {IoState::blocked, 0};
  }
  // Nobody waits for anything but our Close frame now: it leaves if the socket takes it.
  finish();
  return {IoState::ended, 0};
}

bool WebSocketLayer::has_input() const {
  return (reader_.ended() && !finished_ && !answers_later_) || below().has_input();
}

IoResult WebSocketLayer::write(std::span<const iovec> pieces) {
  if (answers_later_ && frame_left_ == 0) return answer_close();
  for (;;) {
    const IoResult own = send_own();
    if (own.state != IoState::ok) return own;
    // Nothing follows a Close frame.
    if (finished_) return {pieces.empty() ? IoState::ok : IoState::failed, 0};
    if (frame_left_ == 0 && reader_.pong_due()) {
      reader_.take_pong(unsent_);
      continue;
    }
    if (pieces.empty() || !upgraded()) return {};
    const IoResult sent = send_frame(pieces);
    if (answers_later_ && frame_left_ == 0) return {answer_close().state, sent.size};
    // It may have taken no more than the frame's head.
    if (sent.size > 0 || sent.state != IoState::ok) return sent;
  }
}

IoResult WebSocketLayer::answer_close() {
  const IoResult sent = finish();
  return {sent.state == IoState::ok ? IoState::failed : sent.state, 0};
}

/// Sends `unsent_`; `ok` when nothing is left of it.
IoResult WebSocketLayer::send_own() {
  while (!unsent_.empty()) {
    const iovec piece{unsent_.data(), unsent_.size()};
    const IoResult sent = below().write(std::span(&piece, 1));
    unsent_.erase(0, sent.size);
    if (sent.state != IoState::ok) return {sent.state, 0};
    if (unsent_.empty()) std::string{}.swap(unsent_);
  }
  // The layer below may have something of its own.
  return {below().write({}).state, 0};
}

IoResult WebSocketLayer::send_frame(std::span<const iovec> pieces) {
  std::array<iovec, frame_pieces_max> out;
  std::size_t used = 0;
  WebSocketFrameHead head{};
  if (frame_left_ == 0) {
    frame_left_ = std::min(sum_of(pieces), limits::websocket_frame_bytes_max);
    head = binary_frame_head(frame_left_);
    out[used++] = {head.bytes.data(), head.size_bytes};
  }
  std::size_t left = frame_left_;
  for (const iovec& piece : pieces) {
    if (left == 0 || used == out.size()) break;
    out[used++] = {piece.iov_base, std::min(piece.iov_len, left)};
    left -= out[used - 1].iov_len;
  }
  const IoResult sent = below().write(std::span(out).first(used));
  if (sent.size < head.size_bytes) {
    unsent_ = head.view().substr(sent.size);
    return {sent.state, 0};
  }
  const std::size_t taken = sent.size - head.size_bytes;
  frame_left_ -= taken;
  return {sent.state, taken};
}

std::size_t WebSocketLayer::unsent_bytes() const {
  const std::size_t pong = reader_.pong_due() && !finished_ ? 1 : 0;
  return unsent_.size() + pong + below().unsent_bytes();
}

void WebSocketLayer::close_because(ReasonCode reason) { status_ = status_of(reason); }

IoResult WebSocketLayer::finish() {
  // Inside a frame that was begun, a Close frame would be taken for its payload.
  if (!std::exchange(finished_, true) && upgraded() && frame_left_ == 0) {
    unsent_ += close_frame(reader_.ended() ? reader_.status() : status_);
  }
  const IoResult sent = send_own();
  return sent.state == IoState::ok ? below().finish() : sent;
}

Refusal WebSocketLayer::refusal() const {
  if (why_refused_.empty()) return below().refusal();
  return {"ws", std::string(why_refused_)};
}

std::unique_ptr<ByteStream> WebSocketFactory::wrap(std::unique_ptr<ByteStream> below,
                                                   const core::Peer&, AddressCheck) const {
  return std::make_unique<WebSocketLayer>(std::move(below), rules_);
}

}  // namespace lineshaft::net
