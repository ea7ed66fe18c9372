#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace lineshaft::core {

/// How a principal proved who it is.
enum class Proof : std::uint8_t { none = 0, password = 1, scram = 2 };

/// Who a client is, as far as authentication found out. Made once per connection, then immutable;
/// kept with the session it owns.
struct Principal {
  /// The user's name; empty for who connected without one.
  std::string name;
  Proof proof = Proof::none;
  /// How much the proof is worth: 0 nothing, 1 a password or its SCRAM proof, 2 the same over TLS.
  std::uint8_t strength = 0;

  bool is_anonymous() const { return proof == Proof::none; }
};

using PrincipalPtr = std::shared_ptr<const Principal>;

/// The same somebody, however it was proven this time.
inline bool is_same(const Principal& one, const Principal& other) {
  return one.is_anonymous() == other.is_anonymous() && one.name == other.name;
}

}  // namespace lineshaft::core
