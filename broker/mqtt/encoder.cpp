#include "broker/mqtt/encoder.h"

#include "broker/mqtt/packet_rules.h"
#include "broker/mqtt/packet_writer.h"
#include "broker/mqtt/wire.h"

namespace lineshaft::mqtt {
namespace {

using Form = PacketWriter::Form;

bool encode_empty(PacketType type, const EncodeOptions& options, std::string& out) {
  if (options.packet_size_bytes_max == 1) return false;
  const char bytes[2] = {static_cast<char>(static_cast<unsigned>(type) << 4), 0};
  out.append(bytes, sizeof bytes);
  return true;
}

}  // namespace

bool encode(const ConnackPacket& packet, const EncodeOptions& options, std::string& out) {
  PacketWriter writer(PacketType::connack, 0, options);
  // The flag has no meaning in 3.1, and none in a refusal [MQTT-3.2.2-6].
  const bool present = packet.session_present && !is_failure(packet.reason);
  append_u8(writer.head, present && options.version != Version::v3_1 ? 1 : 0);
  if (options.version != Version::v5) {
    append_u8(writer.head, connect_return_code(packet.reason));
    return writer.append_to(out);
  }
  append_u8(writer.head, static_cast<std::uint8_t>(packet.reason));
  auto& to = writer.properties;
  const auto flag = [&to](PropertyId id, bool available) {
    if (!available) append_property(to, id, std::uint8_t{0});
  };
  const auto text = [&to](PropertyId id, const std::string& value) {
    if (!value.empty()) append_property(to, id, Octets{value});
  };
  if (packet.session_expiry_interval_s) {
    append_property(to, PropertyId::session_expiry_interval, *packet.session_expiry_interval_s);
  }
  if (packet.receive_maximum != 65535) {
    append_property(to, PropertyId::receive_maximum, packet.receive_maximum);
  }
  if (packet.maximum_qos != QoS::exactly_once) {
    append_property(to, PropertyId::maximum_qos, static_cast<std::uint8_t>(packet.maximum_qos));
  }
  flag(PropertyId::retain_available, packet.retain_available);
  if (packet.maximum_packet_size != 0) {
    append_property(to, PropertyId::maximum_packet_size, packet.maximum_packet_size);
  }
  text(PropertyId::assigned_client_identifier, packet.assigned_client_identifier);
  if (packet.topic_alias_maximum != 0) {
    append_property(to, PropertyId::topic_alias_maximum, packet.topic_alias_maximum);
  }
  flag(PropertyId::wildcard_subscription_available, packet.wildcard_subscription_available);
  flag(PropertyId::subscription_identifier_available, packet.subscription_identifiers_available);
  flag(PropertyId::shared_subscription_available, packet.shared_subscription_available);
  if (packet.server_keep_alive_s) {
    append_property(to, PropertyId::server_keep_alive, *packet.server_keep_alive_s);
  }
  text(PropertyId::response_information, packet.response_information);
  text(PropertyId::server_reference, packet.server_reference);
  if (packet.authentication_method) {
    append_property(to, PropertyId::authentication_method, Octets{*packet.authentication_method});
    text(PropertyId::authentication_data, packet.authentication_data);
  }
  writer.add_notes(packet.notes);  // allowed whatever Request Problem Information says
  return writer.append_to(out);
}

bool encode(const AckPacket& packet, const EncodeOptions& options, std::string& out) {
  const unsigned flags = packet.type == PacketType::pubrel ? 2 : 0;
  const bool v5 = options.version == Version::v5;
  if (v5 && packet.notes && options.problem_information) {
    PacketWriter writer(packet.type, static_cast<std::uint8_t>(flags), options, Form::short_reason);
    append_u16(writer.head, packet.packet_id);
    append_u8(writer.head, static_cast<std::uint8_t>(packet.reason));
    writer.add_notes(*packet.notes);
    return writer.append_to(out);
  }
  const bool with_reason = v5 && packet.reason != ReasonCode::success;
  const std::size_t size = with_reason ? 5 : 4;
  const std::size_t size_max = options.packet_size_bytes_max;
  if (size_max != 0 && size > size_max) return false;
  const char bytes[5] = {static_cast<char>(static_cast<unsigned>(packet.type) << 4 | flags),
                         static_cast<char>(size - 2), static_cast<char>(packet.packet_id >> 8),
                         static_cast<char>(packet.packet_id), static_cast<char>(packet.reason)};
  out.append(bytes, size);
  return true;
}

bool encode(const SubackPacket& packet, const EncodeOptions& options, std::string& out) {
  PacketWriter writer(packet.type, 0, options);
  append_u16(writer.head, packet.packet_id);
  const bool v5 = options.version == Version::v5;
  if (v5 || packet.type == PacketType::suback) {
    for (const ReasonCode reason : packet.reasons) {
      const auto shown = !v5 && is_failure(reason) ? ReasonCode::unspecified_error : reason;
      append_u8(writer.payload, static_cast<std::uint8_t>(shown));
    }
  }
  if (v5 && options.problem_information) writer.add_notes(packet.notes);
  return writer.append_to(out);
}

bool encode(const PingreqPacket&, const EncodeOptions& options, std::string& out) {
  return encode_empty(PacketType::pingreq, options, out);
}

bool encode(const PingrespPacket&, const EncodeOptions& options, std::string& out) {
  return encode_empty(PacketType::pingresp, options, out);
}

bool encode(const DisconnectPacket& packet, const EncodeOptions& options, std::string& out) {
  if (options.version != Version::v5) {
    // Only a client has one there, and it always means the normal end.
    if (packet.reason != ReasonCode::success) return false;
    return encode_empty(PacketType::disconnect, options, out);
  }
  PacketWriter writer(PacketType::disconnect, 0, options, Form::short_reason);
  append_u8(writer.head, static_cast<std::uint8_t>(packet.reason));
  if (packet.session_expiry_interval_s) {
    append_property(writer.properties, PropertyId::session_expiry_interval,
                    *packet.session_expiry_interval_s);
  }
  if (!packet.server_reference.empty()) {
    append_property(writer.properties, PropertyId::server_reference,
                    Octets{packet.server_reference});
  }
  writer.add_notes(packet.notes);  // allowed whatever Request Problem Information says
  return writer.append_to(out);
}

bool encode(const AuthPacket& packet, const EncodeOptions& options, std::string& out) {
  if (options.version != Version::v5) return false;
  PacketWriter writer(PacketType::auth, 0, options, Form::short_success);
  append_u8(writer.head, static_cast<std::uint8_t>(packet.reason));
  const bool empty = packet.authentication_method.empty() && packet.authentication_data.empty();
  if (packet.reason != ReasonCode::success || !empty) {
    append_property(writer.properties, PropertyId::authentication_method,
                    Octets{packet.authentication_method});
  }
  if (!packet.authentication_data.empty()) {
    append_property(writer.properties, PropertyId::authentication_data,
                    Octets{packet.authentication_data});
  }
  if (options.problem_information) writer.add_notes(packet.notes);
  return writer.append_to(out);
}

}  // namespace lineshaft::mqtt
