#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/base/message.h"

namespace lineshaft::mqtt {

inline constexpr std::uint32_t variable_byte_integer_max = 268'435'455;

/// A decoded integer and the number of input bytes it occupied (1 to 4).
struct VariableByteInteger {
  enum class State : std::uint8_t {
    complete,
    /// The input ends inside the integer.
    incomplete,
    /// The fourth byte still has its continuation bit set.
    malformed,
  };
  State state = State::incomplete;
  /// More bytes than the value needs [MQTT-1.5.5-1]: tolerated in a Remaining Length only.
  bool overlong = false;
  std::uint32_t value = 0;
  std::size_t size_bytes = 0;
};

/// The general case of `decode_variable_byte_integer`.
VariableByteInteger decode_long_variable_byte_integer(Octets input);

/// Reads the integer at the front of `input` (MQTT 5.0 section 1.5.5).
inline VariableByteInteger decode_variable_byte_integer(Octets input) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(input[i]); };
  if (!input.empty() && byte(0) < 0x80) {
    return {VariableByteInteger::State::complete, false, byte(0), 1};
  }
  if (input.size() > 1 && byte(1) < 0x80 && byte(1) != 0) {
    const std::uint32_t value = (byte(0) & 0x7FU) | std::uint32_t{byte(1)} << 7;
    return {VariableByteInteger::State::complete, false, value, 2};
  }
  return decode_long_variable_byte_integer(input);
}

/// Bytes the shortest form of `value` takes.
constexpr std::size_t variable_byte_integer_size_bytes(std::size_t value) {
  if (value < 128) return 1;
  if (value < 16'384) return 2;
  return value < 2'097'152 ? 3 : 4;
}

/// Writes the shortest form of `value` (at most `variable_byte_integer_max`) and returns the
/// position behind it.
inline char* write_variable_byte_integer(char* to, std::size_t value) {
  while (value >= 128) {
    *to++ = static_cast<char>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}

/// Appends the shortest form of `value`.
void append_variable_byte_integer(std::string& out, std::size_t value);

}  // namespace lineshaft::mqtt
