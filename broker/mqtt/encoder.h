#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "broker/base/message.h"
#include "broker/mqtt/packets.h"

namespace lineshaft::mqtt {

/// What the peer can take.
struct EncodeOptions {
  Version version = Version::v5;
  /// Largest packet the peer accepts, 0 without limit. Reason String and User Properties are left
  /// out of a packet that would exceed it [MQTT-3.2.2-19].
  std::uint32_t packet_size_bytes_max = 0;
  /// Request Problem Information was not 0 [MQTT-3.1.2-29].
  bool problem_information = true;
};

/// Appends a packet to `out`. Each returns false, with `out` unchanged, when the packet has no form
/// in this version (AUTH or a server's DISCONNECT in 3.1.1) or exceeds the peer's limit.
bool encode(const ConnectPacket& packet, const EncodeOptions& options, std::string& out);
bool encode(const ConnackPacket& packet, const EncodeOptions& options, std::string& out);
bool encode(const AckPacket& packet, const EncodeOptions& options, std::string& out);
bool encode(const SubscribePacket& packet, const EncodeOptions& options, std::string& out);
bool encode(const SubackPacket& packet, const EncodeOptions& options, std::string& out);
bool encode(const UnsubscribePacket& packet, const EncodeOptions& options, std::string& out);
bool encode(const PingreqPacket& packet, const EncodeOptions& options, std::string& out);
bool encode(const PingrespPacket& packet, const EncodeOptions& options, std::string& out);
bool encode(const DisconnectPacket& packet, const EncodeOptions& options, std::string& out);
bool encode(const AuthPacket& packet, const EncodeOptions& options, std::string& out);

/// How one PUBLISH goes to one receiver.
struct PublishHeader {
  Version version = Version::v5;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  bool dup = false;
  std::uint16_t packet_id = 0;
  /// Seconds left of the Message Expiry Interval; `no_expiry_s` writes none [MQTT-3.3.2-6].
  std::uint32_t expiry_s = no_expiry_s;
  /// 0: none.
  std::uint16_t topic_alias = 0;
  /// Send an empty Topic Name: the receiver knows the alias.
  bool topic_by_alias = false;
  std::span<const std::uint32_t> subscription_identifiers;
};

/// Size of the whole packet in bytes.
std::size_t publish_size_bytes(const Message& message, const PublishHeader& header);

/// Appends everything in front of the payload: a gathered write sends it by reference.
void encode_publish_head(const Message& message, const PublishHeader& header, std::string& out);

/// Appends the whole packet.
void encode_publish(const Message& message, const PublishHeader& header, std::string& out);

/// A decoded PUBLISH back to bytes (tests, load generator).
bool encode(const PublishPacket& packet, const EncodeOptions& options, std::string& out);

}  // namespace lineshaft::mqtt
