#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/base/message.h"
#include "broker/mqtt/reader.h"

namespace lineshaft::mqtt {

/// MQTT 5.0 section 2.2.2.2, table 2-4.
enum class PropertyId : std::uint8_t {
  payload_format_indicator = 0x01,
  message_expiry_interval = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0B,
  session_expiry_interval = 0x11,
  assigned_client_identifier = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay_interval = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_subscription_available = 0x28,
  subscription_identifier_available = 0x29,
  shared_subscription_available = 0x2A,
};

/// Whose properties are read. A bit each: a property lists all its places in one number.
enum class PropertyScope : std::uint16_t {
  connect = 1 << 0,
  will = 1 << 1,
  connack = 1 << 2,
  publish_from_client = 1 << 3,
  publish_from_server = 1 << 4,
  /// PUBACK, PUBREC, PUBREL, PUBCOMP.
  acknowledgement = 1 << 5,
  subscribe = 1 << 6,
  /// SUBACK and UNSUBACK.
  suback = 1 << 7,
  unsubscribe = 1 << 8,
  disconnect_from_client = 1 << 9,
  disconnect_from_server = 1 << 10,
  auth = 1 << 11,
};

/// One property as found in a packet; views into the packet.
struct Property {
  PropertyId id{};
  /// The value of every numeric type.
  std::uint32_t number = 0;
  /// The value of strings and binary data.
  Octets text;
  /// The whole property, identifier included.
  Octets wire;
};

/// Walks the properties of one packet and checks what the table knows: identifier, place, type,
/// repetition, range. Faults go to the packet's reader.
class PropertyReader {
 public:
  /// Takes length and properties off `packet`. More than `user_properties_max` User Properties are
  /// `quota_exceeded`.
  PropertyReader(Reader& packet, PropertyScope scope, std::size_t user_properties_max)
      : packet_(packet),
        properties_(packet.take(packet.variable_byte_integer())),
        user_properties_left_(user_properties_max),
        scope_(scope) {}

  /// False at the end and after a fault.
  bool next(Property& property) {
    return properties_.left() != 0 && packet_.ok() && read(property);
  }

 private:
  bool read(Property& property);
  bool fail(ReasonCode reason, std::string_view clause);

  Reader& packet_;
  Reader properties_;
  std::uint64_t seen_ = 0;
  std::size_t user_properties_left_;
  PropertyScope scope_;
};

/// Appends one User Property in wire form, for the `user_properties` of a packet.
void append_user_property(std::string& out, Octets name, Octets value);

}  // namespace lineshaft::mqtt
