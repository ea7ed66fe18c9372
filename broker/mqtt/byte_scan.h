#pragma once

#include <bit>
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

/// All bits set in the last `size` (0 to 16) lanes.
inline ByteLanes last_lanes(std::size_t size) {
  alignas(lanes_size) static constexpr signed char table[2 * lanes_size] = {
      0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
      -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  ByteLanes lanes;
  std::memcpy(&lanes, table + size, lanes_size);
  return lanes;
}

/// Each lane plus one; 127 becomes -128.
inline ByteLanes plus_one(ByteLanes lanes) {
  using UnsignedLanes = unsigned char __attribute__((vector_size(16)));
  return std::bit_cast<ByteLanes>(std::bit_cast<UnsignedLanes>(lanes) + 1);
}

/// The lanes as two words.
struct LaneWords {
  std::uint64_t low;
  std::uint64_t high;
};

inline bool any_lane(ByteLanes lanes) {
  const auto words = std::bit_cast<LaneWords>(lanes);
  return (words.low | words.high) != 0;
}

/// The sum of all lanes, each 0 to 127.
inline std::size_t sum_of_lanes(ByteLanes lanes) {
  const auto words = std::bit_cast<LaneWords>(lanes);
  constexpr std::uint64_t even_bytes = 0x00FF00FF00FF00FF;
  const std::uint64_t bytes = words.low + words.high;
  const std::uint64_t pairs = (bytes & even_bytes) + (bytes >> 8 & even_bytes);
  return pairs * 0x0001000100010001 >> 48;
}

}  // namespace lineshaft::mqtt
