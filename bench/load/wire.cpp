#include "bench/load/wire.h"

namespace lineshaft::load {
namespace {

constexpr std::uint8_t property_session_expiry = 0x11;
constexpr std::uint8_t property_receive_maximum = 0x21;
/// Long enough for any run; the session is still there for a look afterwards.
constexpr std::uint32_t session_expiry_s = 3'600;

std::uint16_t read_u16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>((at[0] << 8) | at[1]);
}

class Writer {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(value); }
  void u16(std::uint16_t value) {
    u8(static_cast<std::uint8_t>(value >> 8));
    u8(static_cast<std::uint8_t>(value & 0xff));
  }
  void u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value >> 16));
    u16(static_cast<std::uint16_t>(value & 0xffff));
  }
  void length(std::size_t value) {
    do {
      const auto low = static_cast<std::uint8_t>(value & 0x7f);
      value >>= 7;
      u8(static_cast<std::uint8_t>(low | (value > 0 ? 0x80 : 0)));
    } while (value > 0);
  }
  void text(std::string_view value) {
    u16(static_cast<std::uint16_t>(value.size()));
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }
  void raw(const std::vector<std::uint8_t>& more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
  }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::vector<std::uint8_t> bytes_;
};

void put_packet(ByteQueue& out, std::uint8_t first, const Writer& body) {
  Writer packet;
  packet.u8(first);
  packet.length(body.size());
  packet.raw(body.bytes());
  out.append(packet.bytes());
}

/// Reads a variable byte integer at the front and removes it.
bool take_length(std::span<const std::uint8_t>& bytes, std::size_t& value) {
  value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i >= bytes.size()) return false;
    value |= static_cast<std::size_t>(bytes[i] & 0x7f) << (7 * i);
    if (bytes[i] & 0x80) continue;
    bytes = bytes.subspan(i + 1);
    return true;
  }
  return false;
}

/// Size of a property's value in bytes, for those a CONNACK may hold; 0 for unknown ones.
std::size_t property_size(std::uint8_t id, std::span<const std::uint8_t> value) {
  const auto text = [&](std::size_t from) -> std::size_t {
    return value.size() < from + 2 ? value.size() : from + 2 + read_u16(value.data() + from);
  };
  switch (id) {
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2a:
      return 1;
    case 0x13:
    case 0x21:
    case 0x22:
      return 2;
    case 0x11:
    case 0x27:
      return 4;
    case 0x12:
    case 0x15:
    case 0x16:
    case 0x1a:
    case 0x1c:
    case 0x1f:
      return text(0);
    case 0x26:
      return text(text(0));
    default:
      return 0;
  }
}

}  // namespace

Frame next_frame(std::span<const std::uint8_t> bytes) {
  Frame frame;
  if (bytes.size() < 2) return frame;
  std::size_t length = 0;
  auto rest = bytes.subspan(1);
  if (!take_length(rest, length)) {
    if (bytes.size() >= 5) frame.state = FrameState::malformed;
    return frame;
  }
  if (rest.size() < length) return frame;
  frame.state = FrameState::complete;
  frame.first = bytes[0];
  frame.body = rest.first(length);
  frame.size_bytes = bytes.size() - rest.size() + length;
  return frame;
}

void put_connect(ByteQueue& out, const ConnectRequest& request) {
  Writer body;
  body.text("MQTT");
  body.u8(request.mqtt);
  body.u8(request.clean ? 0x02 : 0x00);
  body.u16(request.keep_alive_s);
  if (request.mqtt == 5) {
    Writer properties;
    if (!request.clean) {
      properties.u8(property_session_expiry);
      properties.u32(session_expiry_s);
    }
    if (request.receive_maximum > 0) {
      properties.u8(property_receive_maximum);
      properties.u16(request.receive_maximum);
    }
    body.length(properties.size());
    body.raw(properties.bytes());
  }
  body.text(request.client_id);
  put_packet(out, 0x10, body);
}

void put_subscribe(ByteQueue& out, std::uint8_t mqtt, std::uint16_t packet_id,
                   std::string_view filter, std::uint8_t qos) {
  Writer body;
  body.u16(packet_id);
  if (mqtt == 5) body.length(0);
  body.text(filter);
  body.u8(qos);
  put_packet(out, 0x82, body);
}

void put_acknowledge(ByteQueue& out, PacketType type, std::uint16_t packet_id) {
  std::uint8_t* at = out.extend(4);
  const int flags = type == PacketType::pubrel ? 2 : 0;
  at[0] = static_cast<std::uint8_t>((static_cast<int>(type) << 4) | flags);
  at[1] = 2;
  at[2] = static_cast<std::uint8_t>(packet_id >> 8);
  at[3] = static_cast<std::uint8_t>(packet_id & 0xff);
}

void put_empty(ByteQueue& out, PacketType type) {
  std::uint8_t* at = out.extend(2);
  at[0] = static_cast<std::uint8_t>(static_cast<int>(type) << 4);
  at[1] = 0;
}

PublishTemplate make_publish(std::uint8_t mqtt, std::string_view topic, std::uint8_t qos,
                             bool retain, std::size_t payload_bytes) {
  Writer body;
  body.text(topic);
  const std::size_t packet_id_in_body = body.size();
  if (qos > 0) body.u16(0);
  if (mqtt == 5) body.length(0);
  const std::size_t payload_in_body = body.size();

  Writer packet;
  packet.u8(static_cast<std::uint8_t>(0x30 | (qos << 1) | (retain ? 1 : 0)));
  packet.length(payload_in_body + payload_bytes);
  const std::size_t head = packet.size();
  packet.raw(body.bytes());

  PublishTemplate made;
  made.frame = packet.bytes();
  made.frame.resize(head + payload_in_body + payload_bytes, std::uint8_t{'x'});
  made.packet_id_at = qos > 0 ? head + packet_id_in_body : 0;
  made.payload_at = head + payload_in_body;
  return made;
}

void put_publish(ByteQueue& out, const PublishTemplate& from, std::uint16_t packet_id,
                 const PayloadHead& head) {
  std::uint8_t* at = out.extend(from.frame.size());
  std::memcpy(at, from.frame.data(), from.frame.size());
  if (from.packet_id_at > 0) {
    at[from.packet_id_at] = static_cast<std::uint8_t>(packet_id >> 8);
    at[from.packet_id_at + 1] = static_cast<std::uint8_t>(packet_id & 0xff);
  }
  std::memcpy(at + from.payload_at, &head, sizeof head);
}

bool read_publish(const Frame& frame, std::uint8_t mqtt, PublishView& view) {
  auto rest = frame.body;
  if (rest.size() < 2) return false;
  const std::size_t topic_bytes = read_u16(rest.data());
  if (rest.size() < 2 + topic_bytes) return false;
  view.topic = {reinterpret_cast<const char*>(rest.data()) + 2, topic_bytes};
  rest = rest.subspan(2 + topic_bytes);
  view.qos = (frame.first >> 1) & 3;
  view.retain = (frame.first & 1) != 0;
  view.duplicate = (frame.first & 8) != 0;
  view.packet_id = 0;
  if (view.qos > 0) {
    if (rest.size() < 2) return false;
    view.packet_id = read_u16(rest.data());
    rest = rest.subspan(2);
  }
  if (mqtt == 5) {
    std::size_t properties = 0;
    if (!take_length(rest, properties) || rest.size() < properties) return false;
    rest = rest.subspan(properties);
  }
  view.payload = rest;
  return true;
}

bool read_acknowledge(const Frame& frame, AcknowledgeView& view) {
  if (frame.body.size() < 2) return false;
  view.packet_id = read_u16(frame.body.data());
  view.reason = frame.body.size() > 2 ? frame.body[2] : std::uint8_t{0};
  return true;
}

bool read_connack(const Frame& frame, std::uint8_t mqtt, ConnackView& view) {
  if (frame.body.size() < 2) return false;
  view = ConnackView{};
  view.reason = frame.body[1];
  if (mqtt != 5) return true;
  auto rest = frame.body.subspan(2);
  std::size_t length = 0;
  if (!take_length(rest, length) || rest.size() < length) return false;
  rest = rest.first(length);
  while (!rest.empty()) {
    const std::uint8_t id = rest[0];
    rest = rest.subspan(1);
    const std::size_t size = property_size(id, rest);
    if (size == 0 || size > rest.size()) return false;
    if (id == property_receive_maximum) view.receive_maximum = read_u16(rest.data());
    rest = rest.subspan(size);
  }
  return true;
}

}  // namespace lineshaft::load
