#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lineshaft::test {

/// A client's frame, written without the code under test. `first`: FIN, RSV and opcode, as in
/// 0x82 for a whole binary message.
inline std::string client_frame(unsigned first, std::string_view payload,
                                std::string_view mask = "\x37\xFA\x21\x3D") {
  std::string out(1, static_cast<char>(first));
  const std::uint64_t size = payload.size();
  if (size <= 125) {
    out += static_cast<char>(0x80 | size);
  } else {
    const int bytes = size <= 0xFFFF ? 2 : 8;
    out += static_cast<char>(0x80 | (bytes == 2 ? 126 : 127));
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i) & 0xFF);
  }
  out += mask;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out += static_cast<char>(payload[i] ^ mask[i % mask.size()]);
  }
  return out;
}

}  // namespace lineshaft::test
