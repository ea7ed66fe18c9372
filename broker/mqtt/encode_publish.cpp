#include <cstring>

#include "broker/base/assert.h"
#include "broker/mqtt/encoder.h"
#include "broker/mqtt/properties.h"
#include "broker/mqtt/variable_byte_integer.h"

namespace lineshaft::mqtt {
namespace {

/// Identifier and value on the wire.
constexpr std::size_t expiry_property_bytes = 5;
constexpr std::size_t alias_property_bytes = 3;

/// Sizes of one PUBLISH, computed once and used for checking and writing.
struct Layout {
  std::size_t properties = 0;
  std::size_t topic = 0;
  std::size_t remaining_length = 0;
  /// Everything in front of the payload.
  std::size_t head = 0;
};

std::size_t properties_size(const Message& message, const PublishHeader& header) {
  std::size_t size = message.properties().size();
  if (header.topic_alias != 0) size += alias_property_bytes;
  if (header.expiry_s != no_expiry_s) size += expiry_property_bytes;
  for (const std::uint32_t identifier : header.subscription_identifiers) {
    size += 1 + variable_byte_integer_size_bytes(identifier);
  }
  return size;
}

Layout layout_of(const Message& message, const PublishHeader& header) {
  Layout layout;
  layout.topic = header.topic_by_alias ? 0 : message.topic().size();
  std::size_t variable_header = 2 + layout.topic + (header.qos == QoS::at_most_once ? 0 : 2);
  if (header.version == Version::v5) {
    layout.properties = properties_size(message, header);
    variable_header += variable_byte_integer_size_bytes(layout.properties) + layout.properties;
  }
  layout.remaining_length = variable_header + message.payload().size();
  layout.head = 1 + variable_byte_integer_size_bytes(layout.remaining_length) + variable_header;
  return layout;
}

char* write_u8(char* to, std::uint8_t value) {
  *to = static_cast<char>(value);
  return to + 1;
}

char* write_u16(char* to, std::uint16_t value) {
  to[0] = static_cast<char>(value >> 8);
  to[1] = static_cast<char>(value);
  return to + 2;
}

char* write_u32(char* to, std::uint32_t value) {
  to = write_u16(to, static_cast<std::uint16_t>(value >> 16));
  return write_u16(to, static_cast<std::uint16_t>(value));
}

char* write_bytes(char* to, Octets bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

char* write_id(char* to, PropertyId id) { return write_u8(to, static_cast<std::uint8_t>(id)); }

char* write_properties(char* to, const Message& message, const PublishHeader& header) {
  if (header.topic_alias != 0) {
    to = write_u16(write_id(to, PropertyId::topic_alias), header.topic_alias);
  }
  if (header.expiry_s != no_expiry_s) {
    to = write_u32(write_id(to, PropertyId::message_expiry_interval), header.expiry_s);
  }
  for (const std::uint32_t identifier : header.subscription_identifiers) {
    to = write_id(to, PropertyId::subscription_identifier);
    to = write_variable_byte_integer(to, identifier);
  }
  return write_bytes(to, message.properties());
}

/// Writes exactly `layout.head` bytes.
char* write_head(char* to, const Message& message, const PublishHeader& header,
                 const Layout& layout) {
  const unsigned flags =
      (header.dup ? 8U : 0U) | static_cast<unsigned>(header.qos) << 1 | (header.retain ? 1U : 0U);
  to = write_u8(to,
                static_cast<std::uint8_t>(static_cast<unsigned>(PacketType::publish) << 4 | flags));
  to = write_variable_byte_integer(to, layout.remaining_length);
  to = write_u16(to, static_cast<std::uint16_t>(layout.topic));
  to = write_bytes(to, message.topic().substr(0, layout.topic));
  if (header.qos != QoS::at_most_once) to = write_u16(to, header.packet_id);
  if (header.version == Version::v5) {
    to = write_variable_byte_integer(to, layout.properties);
    if (layout.properties != 0) to = write_properties(to, message, header);
  }
  return to;
}

/// Lengthens `out` and returns where the new bytes stand.
char* grow(std::string& out, std::size_t size) {
  const std::size_t old_size = out.size();
  out.resize(old_size + size);
  return out.data() + old_size;
}

}  // namespace

std::size_t publish_size_bytes(const Message& message, const PublishHeader& header) {
  return layout_of(message, header).head + message.payload().size();
}

void encode_publish_head(const Message& message, const PublishHeader& header, std::string& out) {
  const Layout layout = layout_of(message, header);
  LINESHAFT_ASSERT(layout.remaining_length <= variable_byte_integer_max);
  write_head(grow(out, layout.head), message, header, layout);
}

void encode_publish(const Message& message, const PublishHeader& header, std::string& out) {
  encode_publish_head(message, header, out);
  out.append(message.payload());
}

bool encode(const PublishPacket& packet, const EncodeOptions& options, std::string& out) {
  const Message& message = *packet.message;
  PublishHeader header;
  header.version = options.version;
  header.qos = message.qos();
  header.retain = message.retain();
  header.dup = packet.dup;
  header.packet_id = packet.packet_id;
  header.expiry_s = message.expiry_interval_s();
  header.topic_alias = packet.topic_alias;
  header.subscription_identifiers = packet.subscription_identifiers;
  const std::size_t size = publish_size_bytes(message, header);
  if (options.packet_size_bytes_max != 0 && size > options.packet_size_bytes_max) return false;
  encode_publish(message, header, out);
  return true;
}

}  // namespace lineshaft::mqtt
