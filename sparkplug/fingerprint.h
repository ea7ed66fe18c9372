#pragma once

#include <cstdint>
#include <string_view>

#include "broker/base/flat_hash.h"
#include "sparkplug/wire.h"

namespace lineshaft::sparkplug {

/// 64 bits that tell one birth from another, the same on every machine. Against accidents, not
/// against somebody who wants two births to look alike.
inline std::uint64_t fingerprint(std::string_view bytes) {
  std::uint64_t state = bytes.size() * hash_multiplier_1;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    state = fold_multiply(state ^ wire::load64(at), hash_multiplier_2) + hash_multiplier_1;
  }
  std::uint64_t rest = 0;
  for (std::size_t i = 0; i < left; ++i) {
    rest |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  }
  return fold_multiply(state ^ rest, hash_multiplier_2);
}

}  // namespace lineshaft::sparkplug
