#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lineshaft::load {

/// First byte of a control packet, shifted right by four.
enum class PacketType : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
};

/// Bytes waiting to be sent or parsed. Keeps its capacity.
class ByteQueue {
 public:
  bool empty() const { return head_ == bytes_.size(); }
  std::span<const std::uint8_t> data() const { return std::span(bytes_).subspan(head_); }

  /// Appends `size` bytes for the caller to fill in; valid until the next call.
  std::uint8_t* extend(std::size_t size) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + size);
    return bytes_.data() + at;
  }

  void append(std::span<const std::uint8_t> more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
  }

  void consume(std::size_t size) {
    head_ += size;
    if (head_ < bytes_.size()) return;
    bytes_.clear();
    head_ = 0;
  }

  /// Gives the memory back; for connections that stay idle.
  void release() { *this = ByteQueue{}; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t head_ = 0;
};

/// What a CONNECT says.
struct ConnectRequest {
  std::uint8_t mqtt = 4;
  std::string client_id;
  bool clean = true;
  std::uint16_t keep_alive_s = 0;
  std::uint16_t receive_maximum = 0;  ///< MQTT 5; 0: property not sent
};

/// Where the changing fields of a PUBLISH frame are. The frame is built once per publisher and
/// copied for each message.
struct PublishTemplate {
  std::vector<std::uint8_t> frame;
  std::size_t packet_id_at = 0;  ///< 0 with QoS 0
  std::size_t payload_at = 0;
};

/// The head of every payload; the rest is filler.
struct PayloadHead {
  std::uint64_t sent_ns;
  std::uint64_t sequence;
  std::uint32_t publisher;
  std::uint32_t run;  ///< sorts out messages that are not of this run
};
inline constexpr std::size_t payload_head_bytes = sizeof(PayloadHead);
static_assert(payload_head_bytes == 24);

struct PublishView {
  std::uint8_t qos = 0;
  bool retain = false;
  bool duplicate = false;
  std::uint16_t packet_id = 0;
  std::string_view topic;
  std::span<const std::uint8_t> payload;
};

struct AcknowledgeView {
  std::uint16_t packet_id = 0;
  std::uint8_t reason = 0;  ///< MQTT 5 reason code; 0 with 3.1.1
};

struct ConnackView {
  std::uint8_t reason = 0;
  std::uint16_t receive_maximum = 65'535;
};

enum class FrameState { incomplete, complete, malformed };

/// The first control packet of some bytes.
struct Frame {
  FrameState state = FrameState::incomplete;
  std::uint8_t first = 0;
  std::span<const std::uint8_t> body;
  std::size_t size_bytes = 0;  ///< header and body

  PacketType type() const { return static_cast<PacketType>(first >> 4); }
};

Frame next_frame(std::span<const std::uint8_t> bytes);

void put_connect(ByteQueue& out, const ConnectRequest& request);
void put_subscribe(ByteQueue& out, std::uint8_t mqtt, std::uint16_t packet_id,
                   std::string_view filter, std::uint8_t qos);
void put_acknowledge(ByteQueue& out, PacketType type, std::uint16_t packet_id);
void put_empty(ByteQueue& out, PacketType type);

PublishTemplate make_publish(std::uint8_t mqtt, std::string_view topic, std::uint8_t qos,
                             bool retain, std::size_t payload_bytes);
/// Appends one message made from `from`.
void put_publish(ByteQueue& out, const PublishTemplate& from, std::uint16_t packet_id,
                 const PayloadHead& head);

/// These return false when the packet is too short for its own fields.
bool read_publish(const Frame& frame, std::uint8_t mqtt, PublishView& view);
bool read_acknowledge(const Frame& frame, AcknowledgeView& view);
bool read_connack(const Frame& frame, std::uint8_t mqtt, ConnackView& view);

}  // namespace lineshaft::load
