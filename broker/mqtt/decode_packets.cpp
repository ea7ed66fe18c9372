#include <utility>

#include "broker/base/assert.h"
#include "broker/mqtt/decoder.h"
#include "broker/mqtt/packet_rules.h"
#include "broker/mqtt/properties.h"
#include "broker/mqtt/topic_check.h"

namespace lineshaft::mqtt {
namespace {

using enum ReasonCode;

std::uint16_t read_packet_id(Reader& reader) {
  const std::uint16_t id = reader.u16();
  if (id == 0) reader.fail(protocol_error, "MQTT-2.2.1-3");
  return id;
}

ReasonCode read_reason(Reader& reader, PacketType type, Role role) {
  const auto reason = static_cast<ReasonCode>(reader.u8());
  if (reader.ok() && !reason_allowed(type, role, reason)) {
    reader.fail(protocol_error, reason_clause(type));
  }
  return reason;
}

/// True when it was one of them.
bool take_note(const Property& property, Notes& notes) {
  if (property.id == PropertyId::reason_string) {
    notes.reason_string = property.text;
    return true;
  }
  if (property.id != PropertyId::user_property) return false;
  notes.user_properties += property.wire;
  return true;
}

/// Nothing may stand behind the last field (section 2.1.4).
template <class Made>
void finish(Reader& reader, Made&& packet, std::vector<Packet>& packets) {
  reader.expect_end("MQTT 2.1.4");
  if (reader.ok()) packets.emplace_back(std::forward<Made>(packet));
}

}  // namespace

void Decoder::decode_packet(std::uint8_t first, Reader& reader, std::vector<Packet>& packets) {
  const auto type = static_cast<PacketType>(first >> 4);
  switch (type) {
    case PacketType::connect:
      return decode_connect(reader, packets);
    case PacketType::connack:
      return decode_connack(reader, packets);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return decode_acknowledgement(type, reader, packets);
    case PacketType::subscribe:
      return decode_subscribe(reader, packets);
    case PacketType::unsubscribe:
      return decode_unsubscribe(reader, packets);
    case PacketType::suback:
    case PacketType::unsuback:
      return decode_suback(type, reader, packets);
    case PacketType::pingreq:
      return finish(reader, PingreqPacket{}, packets);
    case PacketType::pingresp:
      return finish(reader, PingrespPacket{}, packets);
    case PacketType::disconnect:
      return decode_disconnect(reader, packets);
    case PacketType::auth:
      return decode_auth(reader, packets);
    case PacketType::publish:
      break;
  }
  LINESHAFT_ASSERT(false);  // PUBLISH and type 0 do not come here
}

void Decoder::decode_acknowledgement(PacketType type, Reader& reader,
                                     std::vector<Packet>& packets) const {
  AckPacket packet{type, read_packet_id(reader), success, nullptr};
  // Both short forms leave out what is behind their end (section 3.4.2.1).
  if (version_ == Version::v5 && reader.left() > 0) {
    packet.reason = read_reason(reader, type, role_);
    if (reader.left() > 0) {
      PropertyReader properties(reader, PropertyScope::acknowledgement,
                                limits_.user_properties_max);
      Property property;
      Notes notes;
      while (properties.next(property)) take_note(property, notes);
      const bool noted = !notes.reason_string.empty() || !notes.user_properties.empty();
      if (noted) packet.notes = std::make_shared<const Notes>(std::move(notes));
    }
  }
  finish(reader, std::move(packet), packets);
}

namespace {

SubscriptionOptions read_subscription_options(Reader& reader, Version version, bool shared) {
  const unsigned bits = reader.u8();
  SubscriptionOptions options;
  if (version != Version::v5) {
    if (bits > 2) reader.fail(malformed_packet, "MQTT-3.8.3-4 of 3.1.1");
    options.qos = static_cast<QoS>(bits & 3);
    return options;
  }
  if ((bits & 0xC0) != 0) reader.fail(malformed_packet, "MQTT-3.8.3-5");
  if ((bits & 3) == 3) reader.fail(protocol_error, "MQTT 3.8.3.1");
  options.qos = static_cast<QoS>(bits & 3);
  options.no_local = (bits & 4) != 0;
  options.retain_as_published = (bits & 8) != 0;
  options.retain_handling = static_cast<std::uint8_t>(bits >> 4 & 3);
  if (options.retain_handling == 3) reader.fail(protocol_error, "MQTT 3.8.3.1");
  if (options.no_local && shared) reader.fail(protocol_error, "MQTT-3.8.3-4");
  return options;
}

Octets read_filter(Reader& reader) {
  const Octets filter = reader.binary();
  if (!reader.ok()) return {};
  if (const auto fault = topic_filter_fault(filter)) reader.fail(*fault);
  return filter;
}

}  // namespace

void Decoder::decode_subscribe(Reader& reader, std::vector<Packet>& packets) const {
  auto packet = std::make_unique<SubscribePacket>();
  packet->packet_id = read_packet_id(reader);
  if (version_ == Version::v5) {
    PropertyReader properties(reader, PropertyScope::subscribe, limits_.user_properties_max);
    Property property;
    while (properties.next(property)) {
      if (property.id == PropertyId::subscription_identifier) {
        packet->subscription_identifier = property.number;
      } else {
        packet->user_properties += property.wire;
      }
    }
  }
  if (reader.ok() && reader.left() == 0) reader.fail(protocol_error, "MQTT-3.8.3-2");
  while (reader.left() > 0) {
    const Octets filter = read_filter(reader);
    const auto options = read_subscription_options(reader, version_, is_shared(filter));
    packet->items.push_back({std::string{filter}, options});
  }
  finish(reader, std::move(packet), packets);
}

void Decoder::decode_unsubscribe(Reader& reader, std::vector<Packet>& packets) const {
  auto packet = std::make_unique<UnsubscribePacket>();
  packet->packet_id = read_packet_id(reader);
  if (version_ == Version::v5) {
    PropertyReader properties(reader, PropertyScope::unsubscribe, limits_.user_properties_max);
    Property property;
    while (properties.next(property)) {
      // User Properties without meaning to a server: checked, not kept.
    }
  }
  if (reader.ok() && reader.left() == 0) reader.fail(protocol_error, "MQTT-3.10.3-2");
  while (reader.left() > 0) packet->filters.emplace_back(read_filter(reader));
  finish(reader, std::move(packet), packets);
}

void Decoder::decode_suback(PacketType type, Reader& reader, std::vector<Packet>& packets) const {
  auto packet = std::make_unique<SubackPacket>();
  packet->type = type;
  packet->packet_id = read_packet_id(reader);
  if (version_ == Version::v5) {
    PropertyReader properties(reader, PropertyScope::suback, limits_.user_properties_max);
    Property property;
    while (properties.next(property)) take_note(property, packet->notes);
  } else if (type == PacketType::unsuback) {
    return finish(reader, std::move(packet), packets);
  }
  if (reader.ok() && reader.left() == 0) reader.fail(protocol_error, "MQTT-3.8.4-6");
  while (reader.left() > 0) packet->reasons.push_back(read_reason(reader, type, role_));
  finish(reader, std::move(packet), packets);
}

void Decoder::decode_connack(Reader& reader, std::vector<Packet>& packets) const {
  auto packet = std::make_unique<ConnackPacket>();
  const std::uint8_t flags = reader.u8();
  if (flags > 1) reader.fail(malformed_packet, "MQTT-3.2.2-1");
  packet->session_present = flags == 1;
  if (version_ == Version::v5) {
    packet->reason = read_reason(reader, PacketType::connack, role_);
    read_connack_properties(reader, *packet);
  } else {
    packet->reason = reason_of_connect_return_code(reader.u8());
    if (packet->reason == protocol_error) reader.fail(protocol_error, "MQTT 3.2.2.3 of 3.1.1");
  }
  if (packet->session_present && is_failure(packet->reason)) {
    reader.fail(protocol_error, "MQTT-3.2.2-6");
  }
  finish(reader, std::move(packet), packets);
}

void Decoder::read_connack_properties(Reader& reader, ConnackPacket& packet) const {
  PropertyReader properties(reader, PropertyScope::connack, limits_.user_properties_max);
  Property property;
  while (properties.next(property)) {
    const std::uint32_t number = property.number;
    switch (property.id) {
      case PropertyId::session_expiry_interval:
        packet.session_expiry_interval_s = number;
        break;
      case PropertyId::receive_maximum:
        packet.receive_maximum = static_cast<std::uint16_t>(number);
        break;
      case PropertyId::maximum_qos:
        packet.maximum_qos = static_cast<QoS>(number);
        break;
      case PropertyId::retain_available:
        packet.retain_available = number != 0;
        break;
      case PropertyId::maximum_packet_size:
        packet.maximum_packet_size = number;
        break;
      case PropertyId::assigned_client_identifier:
        packet.assigned_client_identifier = property.text;
        break;
      case PropertyId::topic_alias_maximum:
        packet.topic_alias_maximum = static_cast<std::uint16_t>(number);
        break;
      case PropertyId::wildcard_subscription_available:
        packet.wildcard_subscription_available = number != 0;
        break;
      case PropertyId::subscription_identifier_available:
        packet.subscription_identifiers_available = number != 0;
        break;
      case PropertyId::shared_subscription_available:
        packet.shared_subscription_available = number != 0;
        break;
      case PropertyId::server_keep_alive:
        packet.server_keep_alive_s = static_cast<std::uint16_t>(number);
        break;
      case PropertyId::response_information:
        packet.response_information = property.text;
        break;
      case PropertyId::server_reference:
        packet.server_reference = property.text;
        break;
      case PropertyId::authentication_method:
        packet.authentication_method = property.text;
        break;
      case PropertyId::authentication_data:
        packet.authentication_data = property.text;
        break;
      default:
        take_note(property, packet.notes);
    }
  }
}

void Decoder::decode_disconnect(Reader& reader, std::vector<Packet>& packets) const {
  auto packet = std::make_unique<DisconnectPacket>();
  if (version_ == Version::v5 && reader.left() > 0) {
    packet->reason = read_reason(reader, PacketType::disconnect, role_);
    if (reader.left() > 0) {
      const auto scope = role_ == Role::server_reads_client ? PropertyScope::disconnect_from_client
                                                            : PropertyScope::disconnect_from_server;
      PropertyReader properties(reader, scope, limits_.user_properties_max);
      Property property;
      while (properties.next(property)) {
        if (take_note(property, packet->notes)) continue;
        if (property.id == PropertyId::session_expiry_interval) {
          packet->session_expiry_interval_s = property.number;
        } else {
          packet->server_reference = property.text;
        }
      }
    }
  }
  finish(reader, std::move(packet), packets);
}

void Decoder::decode_auth(Reader& reader, std::vector<Packet>& packets) const {
  auto packet = std::make_unique<AuthPacket>();
  // An empty AUTH means 0x00, which only a server may say (section 3.15.2.1).
  if (reader.left() == 0 && role_ == Role::client_reads_server) {
    return finish(reader, std::move(packet), packets);
  }
  if (reader.left() == 0) return reader.fail(protocol_error, "MQTT-3.15.2-1");
  packet->reason = read_reason(reader, PacketType::auth, role_);
  PropertyReader properties(reader, PropertyScope::auth, limits_.user_properties_max);
  Property property;
  bool has_method = false;
  while (properties.next(property)) {
    if (take_note(property, packet->notes)) continue;
    if (property.id == PropertyId::authentication_method) {
      packet->authentication_method = property.text;
      has_method = true;
    } else {
      packet->authentication_data = property.text;
    }
  }
  if (!has_method) reader.fail(protocol_error, "MQTT 3.15.2.2.2");
  finish(reader, std::move(packet), packets);
}

}  // namespace lineshaft::mqtt
