#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "broker/base/message.h"

namespace lineshaft::mqtt {

/// Sixteen bytes at once on every architecture: the compiler's vector type becomes SSE2 or NEON.
using ByteLanes = signed char __attribute__((vector_size(16)));
inline constexpr std::size_t lanes_size = sizeof(ByteLanes);

inline ByteLanes load_lanes(const char* from) {
  ByteLanes lanes;
  std::memcpy(&lanes, from, lanes_size);
  return lanes;
}

/// The last `size` (1 to 16) bytes of a text that ends at `end`, the other lanes are 'x'.
inline ByteLanes load_tail(const char* end, std::size_t size) {
  char bytes[lanes_size];
  std::memset(bytes, 'x', lanes_size);
  std::memcpy(bytes, end - size, size);
  return load_lanes(bytes);
}

inline bool any_lane(ByteLanes lanes) {
  std::uint64_t halves[2];
  std::memcpy(halves, &lanes, lanes_size);
  return (halves[0] | halves[1]) != 0;
}

}  // namespace lineshaft::mqtt
