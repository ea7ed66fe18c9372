#include "broker/mqtt/packet_writer.h"

#include "broker/mqtt/wire.h"

namespace lineshaft::mqtt {

bool PacketWriter::leaves_out_reason(std::size_t properties_size) const {
  return form_ != Form::full && properties_size == 0 && head.back() == '\0';
}

bool PacketWriter::leaves_out_properties(std::size_t properties_size) const {
  if (options_.version != Version::v5 || leaves_out_reason(properties_size)) return true;
  return form_ == Form::short_reason && properties_size == 0;
}

std::size_t PacketWriter::remaining_length(std::size_t properties_size) const {
  std::size_t size = head.size() + payload.size();
  if (leaves_out_reason(properties_size)) --size;
  if (leaves_out_properties(properties_size)) return size;
  return size + variable_byte_integer_size_bytes(properties_size) + properties_size;
}

bool PacketWriter::fits(std::size_t more_properties) const {
  const std::size_t remaining = remaining_length(properties.size() + more_properties);
  if (remaining > variable_byte_integer_max) return false;
  const std::size_t size = 1 + variable_byte_integer_size_bytes(remaining) + remaining;
  return options_.packet_size_bytes_max == 0 || size <= options_.packet_size_bytes_max;
}

void PacketWriter::add_notes(const Notes& notes) {
  constexpr std::size_t reason_string_overhead = 3;
  if (!notes.reason_string.empty() && fits(reason_string_overhead + notes.reason_string.size())) {
    append_property(properties, PropertyId::reason_string, Octets{notes.reason_string});
  }
  if (fits(notes.user_properties.size())) properties += notes.user_properties;
}

bool PacketWriter::append_to(std::string& out) const {
  if (!fits(0)) return false;
  append_u8(out, first_);
  append_variable_byte_integer(out, remaining_length(properties.size()));
  const bool no_reason = leaves_out_reason(properties.size());
  out.append(head, 0, head.size() - (no_reason ? 1 : 0));
  if (!leaves_out_properties(properties.size())) {  // [MQTT-2.2.2-1] none is a length of 0
    append_variable_byte_integer(out, properties.size());
    out += properties;
  }
  out += payload;
  return true;
}

}  // namespace lineshaft::mqtt
