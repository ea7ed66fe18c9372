#include "broker/net/frame_cache.h"

#include <cstring>

namespace lineshaft::net {

void FrameCache::Frame::append_to(std::string& out, std::uint16_t packet_id) const {
  const std::size_t begin = out.size();
  out.append(bytes);
  if (packet_id_at == 0) return;
  out[begin + packet_id_at] = static_cast<char>(packet_id >> 8);
  out[begin + packet_id_at + 1] = static_cast<char>(packet_id & 0xFF);
}

const FrameCache::Frame& FrameCache::frame(const Message& message,
                                           const mqtt::PublishHeader& header) {
  const std::size_t is_v5 = header.version == mqtt::Version::v5 ? 1 : 0;
  const std::size_t variant =
      (is_v5 * 3 + static_cast<std::size_t>(header.qos)) * 2 + (header.retain ? 1 : 0);
  Frame& frame = frames_[variant];
  if (used_[variant]) return frame;
  used_[variant] = true;
  frame.bytes.clear();
  const std::size_t payload_size = message.payload().size();
  const bool by_reference = payload_size > copied_payload_bytes_max;
  if (by_reference) {
    mqtt::encode_publish_head(message, header, frame.bytes);
  } else {
    mqtt::encode_publish(message, header, frame.bytes);
  }
  frame.size_bytes = frame.bytes.size() + (by_reference ? payload_size : 0);
  frame.packet_id_at = 0;
  if (header.qos != QoS::at_most_once) {
    // Type byte, Remaining Length (its last byte has no continuation bit), Topic Name.
    std::size_t at = 1;
    while ((static_cast<unsigned char>(frame.bytes[at]) & 0x80u) != 0) ++at;
    frame.packet_id_at = at + 1 + 2 + message.topic().size();
  }
  return frame;
}

}  // namespace lineshaft::net
