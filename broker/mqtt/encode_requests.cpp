// What clients send: for tests, simulators and the load generator.
#include "broker/mqtt/encoder.h"
#include "broker/mqtt/packet_writer.h"
#include "broker/mqtt/wire.h"

namespace lineshaft::mqtt {
namespace {

std::uint8_t connect_flags(const ConnectPacket& packet) {
  unsigned flags = packet.clean_start ? 0x02 : 0;
  if (packet.will) {
    flags |= 0x04U | static_cast<unsigned>(packet.will->message->qos()) << 3;
    if (packet.will->message->retain()) flags |= 0x20;
  }
  if (packet.password) flags |= 0x40;
  if (packet.user_name) flags |= 0x80;
  return static_cast<std::uint8_t>(flags);
}

void append_connect_properties(std::string& to, const ConnectPacket& packet) {
  if (packet.session_expiry_interval_s != 0) {
    append_property(to, PropertyId::session_expiry_interval, packet.session_expiry_interval_s);
  }
  if (packet.receive_maximum != 65535) {
    append_property(to, PropertyId::receive_maximum, packet.receive_maximum);
  }
  if (packet.maximum_packet_size != 0) {
    append_property(to, PropertyId::maximum_packet_size, packet.maximum_packet_size);
  }
  if (packet.topic_alias_maximum != 0) {
    append_property(to, PropertyId::topic_alias_maximum, packet.topic_alias_maximum);
  }
  if (packet.request_response_information) {
    append_property(to, PropertyId::request_response_information, std::uint8_t{1});
  }
  if (!packet.request_problem_information) {
    append_property(to, PropertyId::request_problem_information, std::uint8_t{0});
  }
  if (packet.authentication_method) {
    append_property(to, PropertyId::authentication_method, Octets{*packet.authentication_method});
  }
  if (!packet.authentication_data.empty()) {
    append_property(to, PropertyId::authentication_data, Octets{packet.authentication_data});
  }
  to += packet.user_properties;
}

void append_will(std::string& to, const Will& will, Version version) {
  const KeptMessage& message = *will.message;
  if (version == Version::v5) {
    std::string properties;
    if (will.delay_interval_s != 0) {
      append_property(properties, PropertyId::will_delay_interval, will.delay_interval_s);
    }
    if (message.expires()) {
      append_property(properties, PropertyId::message_expiry_interval, message.expiry_interval_s());
    }
    properties += message.properties();
    append_variable_byte_integer(to, properties.size());
    to += properties;
  }
  append_binary(to, message.topic());
  append_binary(to, message.payload());
}

std::uint8_t options_byte(const SubscriptionOptions& options, Version version) {
  const auto qos = static_cast<unsigned>(options.qos);
  if (version != Version::v5) return static_cast<std::uint8_t>(qos);
  const unsigned handling = static_cast<unsigned>(options.retain_handling) << 4;
  return static_cast<std::uint8_t>(qos | (options.no_local ? 4U : 0U) |
                                   (options.retain_as_published ? 8U : 0U) | handling);
}

}  // namespace

bool encode(const ConnectPacket& packet, const EncodeOptions& options, std::string& out) {
  const Version version = options.version;
  PacketWriter writer(PacketType::connect, 0, options);
  append_binary(writer.head, version == Version::v3_1 ? "MQIsdp" : "MQTT");
  append_u8(writer.head, static_cast<std::uint8_t>(version));
  append_u8(writer.head, connect_flags(packet));
  append_u16(writer.head, packet.keep_alive_s);
  append_connect_properties(writer.properties, packet);
  append_binary(writer.payload, packet.client_id);
  if (packet.will) append_will(writer.payload, *packet.will, version);
  if (packet.user_name) append_binary(writer.payload, *packet.user_name);
  if (packet.password) append_binary(writer.payload, *packet.password);
  return writer.append_to(out);
}

bool encode(const SubscribePacket& packet, const EncodeOptions& options, std::string& out) {
  PacketWriter writer(PacketType::subscribe, 2, options);
  append_u16(writer.head, packet.packet_id);
  if (packet.subscription_identifier != 0) {
    append_u8(writer.properties, static_cast<std::uint8_t>(PropertyId::subscription_identifier));
    append_variable_byte_integer(writer.properties, packet.subscription_identifier);
  }
  writer.properties += packet.user_properties;
  for (const auto& item : packet.items) {
    append_binary(writer.payload, item.filter);
    append_u8(writer.payload, options_byte(item.options, options.version));
  }
  return writer.append_to(out);
}

bool encode(const UnsubscribePacket& packet, const EncodeOptions& options, std::string& out) {
  PacketWriter writer(PacketType::unsubscribe, 2, options);
  append_u16(writer.head, packet.packet_id);
  for (const auto& filter : packet.filters) append_binary(writer.payload, filter);
  return writer.append_to(out);
}

}  // namespace lineshaft::mqtt
