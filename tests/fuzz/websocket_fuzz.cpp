// A WebSocket from strangers: the upgrade request and the frames behind it. The first byte says
// whether the stream begins with a request, and how it is cut. Whatever comes: cutting changes
// nothing but which pings are answered, the payload is what a plain second reading of RFC 6455
// gives, an answer is a whole HTTP response, and what we send back are sound frames.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "broker/base/limits.h"
#include "broker/net/websocket_codec.h"
#include "broker/net/websocket_upgrade.h"

using namespace lineshaft::net;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  std::string answer;
  unsigned http_status = 0;
  std::string payload;
  std::string last_pong;
  bool ended = false;
  WebSocketStatus status = WebSocketStatus::none;
  std::string_view fault;

  bool operator==(const Outcome&) const = default;
};

/// Takes the request off `stream`. False: no frames follow.
bool read_upgrade(std::string_view& stream, std::size_t piece, Outcome& outcome) {
  static const WebSocketRules rules{{"/mqtt", "/"}, {"https://a.example"}};
  WebSocketUpgrade upgrade(rules);
  while (!stream.empty() && upgrade.state() == WebSocketUpgrade::State::needs_more) {
    const std::string_view part = stream.substr(0, piece);
    const std::size_t taken = upgrade.feed(part);
    require(taken <= part.size());
    stream.remove_prefix(taken);
  }
  require(upgrade.received_bytes() <= lineshaft::limits::websocket_request_bytes_max);
  outcome.answer = upgrade.answer();
  outcome.http_status = upgrade.http_status();
  const bool decided = upgrade.state() != WebSocketUpgrade::State::needs_more;
  require(decided == (outcome.answer.find("\r\n\r\n") != std::string::npos));
  require(decided == outcome.answer.starts_with("HTTP/1.1 "));
  return upgrade.state() == WebSocketUpgrade::State::accepted;
}

void read_frames(std::string_view stream, std::size_t piece, Outcome& outcome) {
  WebSocketReader reader;
  while (!stream.empty()) {
    // Its own allocation, so that a sanitizer sees every byte beyond it.
    std::string part(stream.substr(0, piece));
    const std::size_t size = reader.feed(part);
    require(size <= part.size());
    outcome.payload.append(part, 0, size);
    if (reader.pong_due()) {
      std::string pong;
      reader.take_pong(pong);
      require(pong.size() >= 2 && pong.size() <= 127 && pong[0] == '\x8A');
      require(static_cast<std::size_t>(pong[1]) == pong.size() - 2);
      outcome.last_pong = pong;
    }
    stream.remove_prefix(part.size());
  }
  outcome.ended = reader.ended();
  outcome.status = reader.status();
  outcome.fault = reader.fault();
  const std::string goodbye = close_frame(outcome.status);
  require(goodbye.size() == (outcome.status == WebSocketStatus::none ? 2 : 4));
}

Outcome read(std::string_view stream, std::size_t piece, bool with_upgrade) {
  Outcome outcome;
  if (with_upgrade && !read_upgrade(stream, piece, outcome)) return outcome;
  read_frames(stream, piece, outcome);
  return outcome;
}

/// The payload of data frames, read frame by frame and byte by byte, until one is not sound.
std::string plain_payload(std::string_view stream) {
  std::string payload;
  bool in_message = false;
  const auto byte = [&stream](std::size_t at) { return static_cast<unsigned char>(stream[at]); };
  while (stream.size() >= 6) {
    const unsigned opcode = byte(0) & 0x0FU;
    const bool is_control = opcode >= 8;
    const bool is_final = (byte(0) & 0x80U) != 0;
    std::uint64_t size = byte(1) & 0x7FU;
    if ((byte(0) & 0x70U) != 0 || (byte(1) & 0x80U) == 0) break;
    if (opcode == 8 || (opcode != 0 && opcode != 2 && opcode != 9 && opcode != 10)) break;
    if (is_control && (size > 125 || !is_final)) break;
    if (!is_control && (opcode == 0) != in_message) break;
    std::size_t mask_at = 2;
    if (size >= 126) {
      mask_at += size == 126 ? 2 : 8;
      if (stream.size() < mask_at + 4) break;
      const std::uint64_t least = size == 126 ? 126 : 0x10000;
      size = 0;
      for (std::size_t i = 2; i < mask_at; ++i) size = size << 8 | byte(i);
      if (size < least || size >> 63 != 0) break;
    }
    const std::string_view mask = stream.substr(mask_at, 4);
    stream.remove_prefix(mask_at + 4);
    for (std::size_t i = 0; i < size && i < stream.size() && !is_control; ++i) {
      payload += static_cast<char>(stream[i] ^ mask[i % 4]);
    }
    if (size >= stream.size()) break;
    stream.remove_prefix(static_cast<std::size_t>(size));
    if (!is_control) in_message = !is_final;
  }
  return payload;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes == 0) return 0;
  const bool with_upgrade = (data[0] & 1) != 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size_bytes - 1);
  if (stream.empty()) return 0;
  const Outcome whole = read(stream, stream.size(), with_upgrade);
  require(whole == read(stream, 1 + (data[0] >> 1) % 23U, with_upgrade));
  if (!with_upgrade) require(whole.payload == plain_payload(stream));
  return 0;
}
