#include <utility>

#include "broker/base/limits.h"
#include "broker/mqtt/decoder.h"
#include "broker/mqtt/message_properties.h"
#include "broker/mqtt/topic_check.h"

namespace lineshaft::mqtt {
namespace {

using enum ReasonCode;

/// Connect Flags (section 3.1.2.3).
constexpr unsigned reserved_flag = 0x01;
constexpr unsigned clean_start_flag = 0x02;
constexpr unsigned will_flag = 0x04;
constexpr unsigned will_retain_flag = 0x20;
constexpr unsigned password_flag = 0x40;
constexpr unsigned user_name_flag = 0x80;

constexpr unsigned will_qos(unsigned flags) { return flags >> 3 & 3; }

void check_flags(Reader& reader, unsigned flags, Version version) {
  if ((flags & reserved_flag) != 0) reader.fail(malformed_packet, "MQTT-3.1.2-3");
  if ((flags & will_flag) == 0) {
    if (will_qos(flags) != 0) reader.fail(malformed_packet, "MQTT-3.1.2-11");
    if ((flags & will_retain_flag) != 0) reader.fail(malformed_packet, "MQTT-3.1.2-13");
  }
  if (will_qos(flags) == 3) reader.fail(malformed_packet, "MQTT-3.1.2-12");
  const bool password_alone = (flags & password_flag) != 0 && (flags & user_name_flag) == 0;
  if (password_alone && version != Version::v5) {
    reader.fail(malformed_packet, "MQTT-3.1.2-22 of 3.1.1");
  }
}

}  // namespace

void Decoder::decode_connect(Reader& reader, std::vector<Packet>& packets) {
  auto packet = std::make_unique<ConnectPacket>();
  read_protocol(reader, *packet);
  const std::uint8_t flags = reader.u8();
  check_flags(reader, flags, packet->version);
  packet->clean_start = (flags & clean_start_flag) != 0;
  packet->keep_alive_s = reader.u16();
  if (packet->version == Version::v5) {
    read_connect_properties(reader, *packet);
  } else {
    packet->session_expiry_interval_s = packet->clean_start ? 0 : 0xFFFFFFFF;
  }
  read_client_id(reader, *packet);  // [MQTT-3.1.3-3] always there
  // [MQTT-3.1.2-9], [MQTT-3.1.2-16], [MQTT-3.1.2-17], [MQTT-3.1.2-18], [MQTT-3.1.2-19]. Each field
  // is there exactly when its flag says so: a missing one is cut off, an extra one behind the end.
  if ((flags & will_flag) != 0) packet->will = read_will(reader, flags);
  // [MQTT-3.1.3-12]
  if ((flags & user_name_flag) != 0) packet->user_name = reader.printable_text();
  if ((flags & password_flag) != 0) packet->password = reader.binary();
  reader.expect_end("MQTT-3.1.3-1");
  if (!reader.ok()) return;
  connected_ = true;
  packets.emplace_back(std::move(packet));
}

void Decoder::read_protocol(Reader& reader, ConnectPacket& packet) {
  const Octets name = reader.binary();
  const std::uint8_t level = reader.u8();
  if (!reader.ok()) return;
  if (name != "MQTT" && name != "MQIsdp") {
    return reader.fail(unsupported_protocol_version, "MQTT-3.1.2-1");
  }
  const bool known = name == "MQTT" ? level == 4 || level == 5 : level == 3;
  if (!known) return reader.fail(unsupported_protocol_version, "MQTT-3.1.2-2");
  packet.version = version_ = static_cast<Version>(level);
}

void Decoder::read_connect_properties(Reader& reader, ConnectPacket& packet) const {
  PropertyReader properties(reader, PropertyScope::connect, limits_.user_properties_max);
  Property property;
  bool has_data = false;
  while (properties.next(property)) {
    switch (property.id) {
      case PropertyId::session_expiry_interval:
        packet.session_expiry_interval_s = property.number;
        break;
      case PropertyId::receive_maximum:
        packet.receive_maximum = static_cast<std::uint16_t>(property.number);
        break;
      case PropertyId::maximum_packet_size:
        packet.maximum_packet_size = property.number;
        break;
      case PropertyId::topic_alias_maximum:
        packet.topic_alias_maximum = static_cast<std::uint16_t>(property.number);
        break;
      case PropertyId::request_response_information:
        packet.request_response_information = property.number != 0;
        break;
      case PropertyId::request_problem_information:
        packet.request_problem_information = property.number != 0;
        break;
      case PropertyId::authentication_method:
        packet.authentication_method = property.text;
        break;
      case PropertyId::authentication_data:
        packet.authentication_data = property.text;
        has_data = true;
        break;
      default:  // only User Properties are left in this place
        packet.user_properties += property.wire;
    }
  }
  if (has_data && !packet.authentication_method) reader.fail(protocol_error, "MQTT 3.1.2.11.10");
}

void Decoder::read_client_id(Reader& reader, ConnectPacket& packet) const {
  packet.client_id = reader.printable_text();  // [MQTT-3.1.3-4]; longer than [MQTT-3.1.3-5] asks
  if (packet.client_id.size() > limits_.client_id_size_bytes_max) {
    reader.fail(client_identifier_not_valid, "MQTT-3.1.3-8");
  }
  if (packet.client_id.empty() && !packet.clean_start && packet.version != Version::v5) {
    reader.fail(client_identifier_not_valid, "MQTT-3.1.3-8 of 3.1.1");
  }
}

Will Decoder::read_will(Reader& reader, std::uint8_t connect_flags) const {
  Will will;
  MessageFields fields;
  std::string gathered;
  fields.qos = static_cast<QoS>(will_qos(connect_flags));
  fields.retain = (connect_flags & will_retain_flag) != 0;
  if (version_ == Version::v5) {
    PropertyReader properties(reader, PropertyScope::will, limits_.user_properties_max);
    MessageProperties message(fields, gathered);
    Property property;
    while (properties.next(property)) {
      if (!message.take(property, reader)) will.delay_interval_s = property.number;
    }
  }
  fields.topic = reader.binary();
  fields.payload = reader.binary();
  if (!reader.ok()) return will;
  if (const auto fault = topic_name_fault(fields.topic, limits_.topic)) {  // [MQTT-3.1.3-11]
    reader.fail(*fault);
    return will;
  }
  will.message = KeptMessage::make(fields, KeepInfo{});
  return will;
}

}  // namespace lineshaft::mqtt
