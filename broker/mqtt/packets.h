#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/base/message.h"
#include "broker/base/result.h"

namespace lineshaft::mqtt {

/// Protocol Version byte of CONNECT. 3 is MQTT 3.1 ("MQIsdp"), treated like 3.1.1.
enum class Version : std::uint8_t { v3_1 = 3, v3_1_1 = 4, v5 = 5 };

/// MQTT Control Packet types (MQTT 5.0 section 2.1.2).
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
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
  auth = 15,
};

/// Reason String and User Properties a packet may carry besides its content.
struct Notes {
  std::string reason_string;
  /// In wire form, properties 0x26 one after the other.
  std::string user_properties;
};

struct Will {
  KeptMessagePtr message;
  std::uint32_t delay_interval_s = 0;
};

/// CONNECT (section 3.1). Absent v5 properties have the specification's default.
struct ConnectPacket {
  Version version = Version::v5;
  bool clean_start = true;
  std::uint16_t keep_alive_s = 0;
  std::string client_id;
  std::optional<Will> will;
  std::optional<std::string> user_name;
  std::optional<std::string> password;
  /// v5 property; for 3.x the decoder leaves 0 with Clean Session 1 and 0xFFFFFFFF with 0.
  std::uint32_t session_expiry_interval_s = 0;
  std::uint16_t receive_maximum = 65535;
  /// 0: the client set no limit.
  std::uint32_t maximum_packet_size = 0;
  std::uint16_t topic_alias_maximum = 0;
  bool request_response_information = false;
  bool request_problem_information = true;
  std::optional<std::string> authentication_method;
  std::string authentication_data;
  std::string user_properties;
};

/// CONNACK (section 3.2). Properties equal to the specification's default are not written.
struct ConnackPacket {
  bool session_present = false;
  ReasonCode reason = ReasonCode::success;
  std::optional<std::uint32_t> session_expiry_interval_s;
  std::uint16_t receive_maximum = 65535;
  QoS maximum_qos = QoS::exactly_once;
  bool retain_available = true;
  /// 0: not limited.
  std::uint32_t maximum_packet_size = 0;
  std::string assigned_client_identifier;
  std::uint16_t topic_alias_maximum = 0;
  bool wildcard_subscription_available = true;
  bool subscription_identifiers_available = true;
  bool shared_subscription_available = true;
  std::optional<std::uint16_t> server_keep_alive_s;
  std::string response_information;
  std::string server_reference;
  std::optional<std::string> authentication_method;
  std::string authentication_data;
  Notes notes;
};

/// PUBLISH as received (section 3.3). Its Topic Alias is already resolved: `message` always has
/// the full topic name.
struct PublishPacket {
  MessagePtr message;
  /// 0 for QoS 0.
  std::uint16_t packet_id = 0;
  bool dup = false;
  /// The alias that came with it, 0 none; a hint for look-ups.
  std::uint16_t topic_alias = 0;
  /// Only in packets a server sends; a client's is refused by the decoder [MQTT-3.3.4-6].
  std::vector<std::uint32_t> subscription_identifiers;
};

/// PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4 to 3.7).
struct AckPacket {
  PacketType type = PacketType::puback;
  std::uint16_t packet_id = 0;
  ReasonCode reason = ReasonCode::success;
  /// Shared, so that the common packet stays small. Null when there are none.
  std::shared_ptr<const Notes> notes;
};

/// Subscription Options (section 3.8.3.1).
struct SubscriptionOptions {
  QoS qos = QoS::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint8_t retain_handling = 0;

  bool operator==(const SubscriptionOptions&) const = default;
};

struct SubscribePacket {
  struct Item {
    std::string filter;
    SubscriptionOptions options;
  };
  std::uint16_t packet_id = 0;
  /// 0: none.
  std::uint32_t subscription_identifier = 0;
  std::vector<Item> items;
  std::string user_properties;
};

/// SUBACK and UNSUBACK (sections 3.9 and 3.11).
struct SubackPacket {
  PacketType type = PacketType::suback;
  std::uint16_t packet_id = 0;
  std::vector<ReasonCode> reasons;
  Notes notes;
};

struct UnsubscribePacket {
  std::uint16_t packet_id = 0;
  std::vector<std::string> filters;
};

struct PingreqPacket {};
struct PingrespPacket {};

struct DisconnectPacket {
  ReasonCode reason = ReasonCode::success;
  std::optional<std::uint32_t> session_expiry_interval_s;
  std::string server_reference;
  Notes notes;
};

struct AuthPacket {
  ReasonCode reason = ReasonCode::success;
  std::string authentication_method;
  std::string authentication_data;
  Notes notes;
};

/// Stands where a packet broke the rules: everything before it was fine, nothing comes after it.
struct Violation {
  Error error;
  /// The stream's version; MQTT 3.1.1 until CONNECT tells: a refusal in that form all can read.
  Version version = Version::v3_1_1;
};

/// A decoded packet, either direction. Large ones are held by pointer to keep the variant small.
using Packet = std::variant<PublishPacket, AckPacket, PingreqPacket, PingrespPacket,
                            std::unique_ptr<ConnectPacket>, std::unique_ptr<ConnackPacket>,
                            std::unique_ptr<SubscribePacket>, std::unique_ptr<SubackPacket>,
                            std::unique_ptr<UnsubscribePacket>, std::unique_ptr<DisconnectPacket>,
                            std::unique_ptr<AuthPacket>, Violation>;

}  // namespace lineshaft::mqtt
