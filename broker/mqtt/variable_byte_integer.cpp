#include "broker/mqtt/variable_byte_integer.h"

namespace lineshaft::mqtt {

VariableByteInteger decode_long_variable_byte_integer(Octets input) {
  constexpr std::size_t size_max = 4;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size_max; ++i) {
    if (i == input.size()) return {};
    const auto byte = static_cast<unsigned char>(input[i]);
    value |= static_cast<std::uint32_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    // A zero last byte adds nothing: the value had a shorter form.
    const bool overlong = i > 0 && byte == 0;
    return {VariableByteInteger::State::complete, overlong, value, i + 1};
  }
  return {VariableByteInteger::State::malformed, false, 0, size_max};
}

void append_variable_byte_integer(std::string& out, std::size_t value) {
  char bytes[4];
  const char* const end = write_variable_byte_integer(bytes, value);
  out.append(bytes, static_cast<std::size_t>(end - bytes));
}

}  // namespace lineshaft::mqtt
