#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/base/time.h"

namespace lineshaft::core {

/// How a principal proved who it is. The numbers stand in the store: they never change.
enum class Proof : std::uint8_t { none = 0, password = 1, scram = 2, psk = 3, certificate = 4 };

/// Who a client is, as far as authentication found out. Made once per connection, then immutable;
/// kept with the session it owns.
struct Principal {
  /// The user's name, the identity of a pre-shared key, or the name its certificate claims; empty
  /// for who connected without one.
  std::string name;
  Proof proof = Proof::none;
  /// How much the proof is worth: 0 nothing, 1 a password, its SCRAM proof or a pre-shared key,
  /// 2 a password over TLS or a certificate that no revocation list was asked about, 3 a
  /// certificate that a fresh list does not name, 4 the same over TLS 1.3 with a key that is pinned
  /// or certified to be held in hardware.
  std::uint8_t strength = 0;
  /// Where it belongs; empty unless authorization is "zones".
  std::string zone{};
  /// What it is there, sorted.
  std::vector<std::string> roles{};
  /// Version of TLS it came with: 12, 13, or 0 without.
  std::uint8_t tls = 0;
  /// The listener it came through.
  std::string listener{};
  /// SHA-256 of the key of the CA that has signed its certificate, 32 raw bytes; empty without one.
  std::string issuer_spki{};
  /// SHA-256 of the certificate's own key.
  std::string spki{};
  /// Of the certificate, in lower-case hexadecimal.
  std::string serial{};
  /// The certificate's end.
  WallTime not_after{};
  /// Of the rules by which zone, roles and name were read from it; 0 if that is not known any more.
  std::uint32_t claims_digest = 0;

  bool is_anonymous() const { return proof == Proof::none; }
};

using PrincipalPtr = std::shared_ptr<const Principal>;

/// Names of different families are not compared: the user "press" is not the certificate "press".
enum class ProofFamily : std::uint8_t { nobody, user, psk, certificate };

inline ProofFamily family_of(Proof proof) {
  switch (proof) {
    case Proof::none:
      return ProofFamily::nobody;
    case Proof::password:
    case Proof::scram:
      return ProofFamily::user;
    case Proof::psk:
      return ProofFamily::psk;
    case Proof::certificate:
      return ProofFamily::certificate;
  }
  return ProofFamily::nobody;
}

/// The same somebody, however it was proven this time. What a certificate says counts only together
/// with who has signed it, and its name only inside its zone.
inline bool is_same(const Principal& one, const Principal& other) {
  const ProofFamily family = family_of(one.proof);
  if (family != family_of(other.proof) || one.name != other.name) return false;
  if (family != ProofFamily::certificate) return true;
  return one.issuer_spki == other.issuer_spki && one.zone == other.zone;
}

}  // namespace lineshaft::core
