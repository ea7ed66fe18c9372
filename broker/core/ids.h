#pragma once

#include <cstdint>

namespace lineshaft::core {

/// Names a connection: the shard it lives on, its place there, and how often the place was used.
/// Inputs of a generation that is no longer the place's are dropped.
struct ConnectionId {
  std::uint32_t shard = 0;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  bool operator==(const ConnectionId&) const = default;
};

/// Names a session in the store for as long as it exists; never used twice.
using SessionId = std::uint64_t;

}  // namespace lineshaft::core
