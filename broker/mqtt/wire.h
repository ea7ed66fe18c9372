#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/base/assert.h"
#include "broker/base/message.h"
#include "broker/mqtt/properties.h"
#include "broker/mqtt/variable_byte_integer.h"

/// Appending the wire's data types (MQTT 5.0 section 1.5).
namespace lineshaft::mqtt {

inline void append_u8(std::string& out, std::uint8_t value) {
  out.push_back(static_cast<char>(value));
}

inline void append_u16(std::string& out, std::uint16_t value) {
  append_u8(out, static_cast<std::uint8_t>(value >> 8));
  append_u8(out, static_cast<std::uint8_t>(value));
}

inline void append_u32(std::string& out, std::uint32_t value) {
  append_u16(out, static_cast<std::uint16_t>(value >> 16));
  append_u16(out, static_cast<std::uint16_t>(value));
}

/// A string or Binary Data: two bytes of length in front. Longer than 65,535 bytes is our fault.
inline void append_binary(std::string& out, Octets value) {
  LINESHAFT_ASSERT(value.size() <= 0xFFFF);
  append_u16(out, static_cast<std::uint16_t>(value.size()));
  out.append(value);
}

inline void append_property(std::string& out, PropertyId id, std::uint8_t value) {
  append_u8(out, static_cast<std::uint8_t>(id));
  append_u8(out, value);
}

inline void append_property(std::string& out, PropertyId id, std::uint16_t value) {
  append_u8(out, static_cast<std::uint8_t>(id));
  append_u16(out, value);
}

inline void append_property(std::string& out, PropertyId id, std::uint32_t value) {
  append_u8(out, static_cast<std::uint8_t>(id));
  append_u32(out, value);
}

inline void append_property(std::string& out, PropertyId id, Octets value) {
  append_u8(out, static_cast<std::uint8_t>(id));
  append_binary(out, value);
}

}  // namespace lineshaft::mqtt
