#include "broker/net/websocket_codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "broker/mqtt/utf8.h"

namespace lineshaft::net {
namespace {

constexpr std::uint8_t final_bit = 0x80;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_bits = 0x7F;
/// Values of the length field that announce a longer one.
constexpr std::uint8_t length_in_2_bytes = 126;
constexpr std::uint8_t length_in_8_bytes = 127;
constexpr std::uint64_t control_size_bytes_max = 125;

std::uint64_t big_endian(std::span<const char> bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

/// `to` may lie before `from` in the same buffer: eight bytes are read before they are written.
void unmask(const char* from, char* to, std::size_t size, std::array<char, 4>& mask) {
  std::array<char, 8> pattern;
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = mask[i % mask.size()];
  std::uint64_t key = 0;
  std::memcpy(&key, pattern.data(), sizeof key);
  std::size_t at = 0;
  for (; at + sizeof key <= size; at += sizeof key) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + at, sizeof word);
    word ^= key;
    std::memcpy(to + at, &word, sizeof word);
  }
  for (; at < size; ++at) to[at] = static_cast<char>(from[at] ^ pattern[at % pattern.size()]);
  std::rotate(mask.begin(), mask.begin() + size % mask.size(), mask.end());
}

/// Those that may stand in a Close frame: RFC 6455 section 7.4 and IANA's registry.
bool may_be_sent(std::uint64_t status) {
  if (status >= 3000) return status <= 4999;
  return (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014);
}

/// Unlike MQTT, WebSocket allows U+0000 in text.
bool is_utf8(std::string_view text) { return mqtt::text_fault(text) != "MQTT-1.5.4-1"; }

void append_control(unsigned opcode, std::string_view payload, std::string& out) {
  out += static_cast<char>(final_bit | opcode);
  out += static_cast<char>(payload.size());
  out += payload;
}

}  // namespace

std::size_t WebSocketReader::feed(std::span<char> bytes) {
  char* const front = bytes.data();
  char* out = front;
  while (!bytes.empty() && !ended_) {
    if (!in_payload_ && !take_header(bytes)) continue;
    const std::span<char> part =
        bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size())));
    if (is_control()) {
      unmask(part.data(), part.data(), part.size(), mask_);
      control_.append(part.data(), part.size());
    } else {
      unmask(part.data(), out, part.size(), mask_);
      out += part.size();
    }
    payload_left_ -= part.size();
    bytes = bytes.subspan(part.size());
    if (payload_left_ == 0) end_frame();
  }
  return static_cast<std::size_t>(out - front);
}

bool WebSocketReader::take_header(std::span<char>& bytes) {
  const std::size_t size =
      std::min<std::size_t>(bytes.size(), header_needed_ - std::size_t{header_size_});
  std::memcpy(header_.data() + header_size_, bytes.data(), size);
  header_size_ = static_cast<std::uint8_t>(header_size_ + size);
  bytes = bytes.subspan(size);
  if (header_size_ < header_needed_) return false;
  return header_size_ == 2 ? check_header() : start_payload();
}

/// The first two bytes say whether the frame is wanted at all. Returns false: the rest is needed.
bool WebSocketReader::check_header() {
  const auto first = static_cast<std::uint8_t>(header_[0]);
  const auto second = static_cast<std::uint8_t>(header_[1]);
  const std::uint8_t length = second & length_bits;
  const bool is_final = (first & final_bit) != 0;
  // No extension was agreed on.
  if ((first & 0x70) != 0) return fail(WebSocketStatus::protocol_error, "RFC 6455 5.2");
  switch (opcode()) {
    case Opcode::text:
      return fail(WebSocketStatus::unsupported_data, "MQTT-6.0.0-1");
    case Opcode::continuation:
    case Opcode::binary:
      if ((opcode() == Opcode::continuation) != in_message_) {
        return fail(WebSocketStatus::protocol_error, "RFC 6455 5.4");
      }
      break;
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      if (!is_final || length > control_size_bytes_max) {
        return fail(WebSocketStatus::protocol_error, "RFC 6455 5.5");
      }
      break;
    default:
      return fail(WebSocketStatus::protocol_error, "RFC 6455 5.2");
  }
  if ((second & mask_bit) == 0) return fail(WebSocketStatus::protocol_error, "RFC 6455 5.1");
  header_needed_ = 2 + 4;
  if (length == length_in_2_bytes) header_needed_ += 2;
  if (length == length_in_8_bytes) header_needed_ += 8;
  return false;
}

bool WebSocketReader::start_payload() {
  const std::span<const char> longer{header_.data() + 2, header_needed_ - std::size_t{6}};
  payload_left_ = static_cast<std::uint8_t>(header_[1]) & length_bits;
  if (!longer.empty()) {
    payload_left_ = big_endian(longer);
    const std::uint64_t shorter_max = longer.size() == 2 ? control_size_bytes_max : 0xFFFF;
    if (payload_left_ <= shorter_max || payload_left_ >> 63 != 0) {
      return fail(WebSocketStatus::protocol_error, "RFC 6455 5.2");
    }
  }
  std::copy_n(header_.begin() + header_needed_ - 4, 4, mask_.begin());
  control_.clear();
  in_payload_ = true;
  if (payload_left_ == 0) end_frame();
  return in_payload_;
}

void WebSocketReader::end_frame() {
  const bool is_final = (static_cast<std::uint8_t>(header_[0]) & final_bit) != 0;
  in_payload_ = false;
  header_size_ = 0;
  header_needed_ = 2;
  switch (opcode()) {
    case Opcode::close:
      return end_by_peer();
    case Opcode::ping:
      pong_ = control_;
      pong_due_ = true;
      return;
    case Opcode::pong:
      return;
    default:
      in_message_ = !is_final;
  }
}

void WebSocketReader::end_by_peer() {
  ended_ = true;
  if (control_.empty()) return;
  if (control_.size() == 1) {
    fail(WebSocketStatus::protocol_error, "RFC 6455 5.5.1");
    return;
  }
  const std::uint64_t status = big_endian(std::span(control_).first(2));
  if (!may_be_sent(status)) {
    fail(WebSocketStatus::protocol_error, "RFC 6455 7.4");
  } else if (!is_utf8(std::string_view(control_).substr(2))) {
    fail(WebSocketStatus::protocol_error, "RFC 6455 5.5.1");
  } else {
    status_ = static_cast<WebSocketStatus>(status);
  }
}

bool WebSocketReader::fail(WebSocketStatus status, std::string_view fault) {
  ended_ = true;
  status_ = status;
  fault_ = fault;
  return false;
}

void WebSocketReader::take_pong(std::string& out) {
  pong_due_ = false;
  append_control(static_cast<unsigned>(Opcode::pong), pong_, out);
  std::string{}.swap(pong_);
}

WebSocketFrameHead binary_frame_head(std::uint64_t payload_size_bytes) {
  WebSocketFrameHead head{};
  const auto add = [&head](std::uint64_t byte) {
    head.bytes[head.size_bytes++] = static_cast<char>(byte & 0xFF);
  };
  add(final_bit | 0x02U);
  int shift = 0;
  if (payload_size_bytes <= control_size_bytes_max) {
    add(payload_size_bytes);
  } else if (payload_size_bytes <= 0xFFFF) {
    add(length_in_2_bytes);
    shift = 16;
  } else {
    add(length_in_8_bytes);
    shift = 64;
  }
  while (shift > 0) {
    shift -= 8;
    add(payload_size_bytes >> shift);
  }
  return head;
}

std::string close_frame(WebSocketStatus status) {
  const auto code = static_cast<std::uint16_t>(status);
  std::string payload;
  if (status != WebSocketStatus::none) {
    payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  }
  std::string out;
  append_control(8, payload, out);
  return out;
}

}  // namespace lineshaft::net
