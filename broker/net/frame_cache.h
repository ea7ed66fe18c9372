#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/base/message.h"
#include "broker/mqtt/encoder.h"

namespace lineshaft::net {

/// Larger payloads are not copied into outboxes but sent by reference.
inline constexpr std::size_t copied_payload_bytes_max = 4096;

/// The frames of the message that is just being handed out, encoded once per variant of version,
/// QoS and retain flag. Receivers with a topic alias or subscription identifiers have their own.
///
/// One per shard. Nothing survives `begin`: the next message may live at the same address.
class FrameCache {
 public:
  struct Frame {
    /// The whole packet, or only its head when the payload goes by reference.
    std::string bytes;
    /// Where the two bytes of the Packet Identifier stand; 0 for QoS 0.
    std::size_t packet_id_at = 0;
    /// Whole packet.
    std::size_t size_bytes = 0;

    /// Appends the frame with this receiver's Packet Identifier.
    void append_to(std::string& out, std::uint16_t packet_id) const;
  };

  void begin() { used_.fill(false); }

  /// `header` without Packet Identifier, DUP, alias and identifiers; the message and expiry must
  /// be the same for all calls after one `begin`.
  const Frame& frame(const Message& message, const mqtt::PublishHeader& header);

 private:
  static constexpr std::size_t variants_size = 2 * 3 * 2;
  std::array<Frame, variants_size> frames_;
  std::array<bool, variants_size> used_{};
};

}  // namespace lineshaft::net
