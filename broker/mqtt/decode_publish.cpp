#include <utility>

#include "broker/base/limits.h"
#include "broker/mqtt/decoder.h"
#include "broker/mqtt/message_properties.h"
#include "broker/mqtt/topic_check.h"
#include "broker/mqtt/variable_byte_integer.h"

namespace lineshaft::mqtt {
namespace {

using enum ReasonCode;

/// More than this is not kept for the next PUBLISH.
constexpr std::size_t gathered_kept_bytes_max = 1024;

/// A bit for each value of PUBLISH's flags: not QoS 3, and DUP only with QoS 1 and 2.
constexpr unsigned publish_flags_allowed = 0b0011'1100'0011'1111;

constexpr bool is_sound_publish(std::uint8_t first) {
  return static_cast<PacketType>(first >> 4) == PacketType::publish &&
         (publish_flags_allowed >> (first & 15U) & 1) != 0;
}

bool has_wildcard(Octets topic) { return topic.find_first_of("+#") != Octets::npos; }

}  // namespace

bool MessageProperties::take(const Property& property, Reader& packet) {
  switch (property.id) {
    case PropertyId::message_expiry_interval:
      fields_.expiry_interval_s = property.number;
      return true;
    case PropertyId::response_topic:
      if (property.text.empty()) packet.fail(protocol_error, "MQTT-4.7.3-1");
      if (has_wildcard(property.text)) packet.fail(protocol_error, "MQTT-3.3.2-14");
      fields_.request_response = true;
      break;
    case PropertyId::correlation_data:
      fields_.request_response = true;
      break;
    case PropertyId::payload_format_indicator:
    case PropertyId::content_type:
    case PropertyId::user_property:
      break;
    default:
      return false;
  }
  forward(property.wire);
  return true;
}

void MessageProperties::forward(Octets wire) {
  Octets& kept = fields_.properties;
  if (kept.empty()) {
    kept = wire;
  } else if (kept.data() + kept.size() == wire.data()) {
    kept = {kept.data(), kept.size() + wire.size()};
  } else {
    if (kept.data() != gathered_.data()) gathered_.assign(kept);
    gathered_.append(wire);
    kept = gathered_;
  }
}

/// Takes the PUBLISH a plant sends all day off the front of `input`: whole, with a plain topic,
/// without properties. Returns its size; 0, with nothing done, when there is anything else to it,
/// and the general way then decides and finds the words for a fault.
std::size_t Decoder::decode_plain_publish(Octets input, std::vector<Packet>& packets) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input[i]); };
  if (!connected_ || !is_sound_publish(byte(0))) return 0;
  const auto remaining = decode_variable_byte_integer(input.substr(1));
  const std::size_t body = 1 + remaining.size_bytes;
  const std::size_t size = body + remaining.value;
  if (remaining.state != VariableByteInteger::State::complete || remaining.value < 2 ||
      size > input.size() || size > limits_.packet_size_bytes_max) {
    return 0;
  }
  MessageFields fields;
  fields.qos = static_cast<QoS>(byte(0) >> 1 & 3);
  fields.retain = (byte(0) & 1) != 0;
  const std::size_t topic_size = static_cast<std::size_t>(byte(body)) << 8 | byte(body + 1);
  const std::size_t topic_end = body + 2 + topic_size;
  const std::size_t id_size = fields.qos == QoS::at_most_once ? 0 : 2;
  const std::size_t payload = topic_end + id_size + (version_ == Version::v5 ? 1 : 0);
  if (payload > size) return 0;
  std::uint16_t packet_id = 0;
  if (id_size != 0) {
    packet_id = static_cast<std::uint16_t>(byte(topic_end) << 8 | byte(topic_end + 1));
    if (packet_id == 0) return 0;
  }
  if (version_ == Version::v5 && input[payload - 1] != '\0') return 0;
  fields.topic = input.substr(body + 2, topic_size);
  if (!is_plain_topic_name(fields.topic, limits_.topic)) return 0;
  fields.payload = input.substr(payload, size - payload);
  const bool dup = (byte(0) & 8) != 0;
  packets.emplace_back(PublishPacket{arena_.make(fields), packet_id, dup, 0, {}});
  return size;
}

void Decoder::decode_publish(std::uint8_t first, Reader& reader, std::vector<Packet>& packets) {
  MessageFields fields;
  PublishPacket packet;
  fields.qos = static_cast<QoS>(first >> 1 & 3);
  fields.retain = (first & 1) != 0;
  packet.dup = (first & 8) != 0;
  fields.topic = reader.binary();
  if (fields.qos != QoS::at_most_once) {
    packet.packet_id = reader.u16();
    if (packet.packet_id == 0) reader.fail(protocol_error, "MQTT-2.2.1-3");
  }
  if (version_ == Version::v5) read_publish_properties(reader, fields, packet);
  resolve_topic(reader, fields.topic, packet.topic_alias);
  if (!reader.ok()) return;
  fields.payload = reader.rest();
  packet.message = arena_.make(fields);
  packets.emplace_back(std::move(packet));
}

void Decoder::read_publish_properties(Reader& reader, MessageFields& fields,
                                      PublishPacket& packet) {
  const auto scope = role_ == Role::server_reads_client ? PropertyScope::publish_from_client
                                                        : PropertyScope::publish_from_server;
  PropertyReader properties(reader, scope, limits_.user_properties_max);
  if (gathered_.capacity() > gathered_kept_bytes_max) std::string{}.swap(gathered_);
  MessageProperties message(fields, gathered_);
  Property property;
  while (properties.next(property)) {
    if (message.take(property, reader)) continue;
    if (property.id == PropertyId::subscription_identifier) {
      packet.subscription_identifiers.push_back(property.number);
      continue;
    }
    packet.topic_alias = static_cast<std::uint16_t>(property.number);
    if (packet.topic_alias == 0) reader.fail(topic_alias_invalid, "MQTT-3.3.2-8");
    if (packet.topic_alias > limits_.topic_alias_max) {
      reader.fail(topic_alias_invalid, "MQTT-3.3.2-9");
    }
  }
}

/// Checks the Topic Name, or puts the one its alias stands for in its place (section 3.3.2.3.4).
void Decoder::resolve_topic(Reader& reader, Octets& topic, std::uint16_t alias) {
  if (!reader.ok()) return;
  if (topic.empty() && version_ == Version::v5) {
    if (alias == 0 || alias > aliases_.size() || aliases_[alias - 1U].empty()) {
      return reader.fail(protocol_error, "MQTT 3.3.2.3.4");
    }
    topic = aliases_[alias - 1U];
    return;
  }
  if (!is_plain_topic_name(topic, limits_.topic)) {
    if (const auto fault = topic_name_fault(topic, limits_.topic)) return reader.fail(*fault);
  }
  if (alias == 0) return;
  if (alias > aliases_.size()) aliases_.resize(alias);
  aliases_[alias - 1U].assign(topic);
}

}  // namespace lineshaft::mqtt
