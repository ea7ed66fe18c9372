#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/time.h"

// OpenSSL's certificate.
struct x509_st;

namespace lineshaft::auth {

/// Where a certificate says something about its owner.
enum class ClaimSource : std::uint8_t {
  san_uri,
  san_dns,
  ou,
  o,
  cn,
  /// An extension with an object identifier of the plant's own; its value is a UTF8String.
  oid,
  /// The one zone that the key of its issuer vouches for.
  issuer,
  serial,
  /// SHA-256 of its own key: "sha256:<hex>".
  spki,
};

/// SHA-256 of a SubjectPublicKeyInfo as it is written in a policy: "sha256:" and 64 lower-case
/// hexadecimal digits.
std::string to_spki_text(std::string_view hash);
/// nullopt for anything else.
std::optional<std::string> from_spki_text(std::string_view text);

/// A client's certificate, taken apart. Whether it is valid was decided by TLS.
class LeafCertificate {
 public:
  /// nullopt: not exactly one certificate of version 3 whose extensions can be read, each of them
  /// once.
  static std::optional<LeafCertificate> parse(std::string_view der);

  /// Lower-case hexadecimal digits, two per byte.
  const std::string& serial() const { return serial_; }
  /// SHA-256 of the SubjectPublicKeyInfo, 32 raw bytes.
  const std::string& spki() const { return spki_; }
  WallTime not_before() const { return not_before_; }
  WallTime not_after() const { return not_after_; }
  /// It says that it is meant for clients; one that says nothing is not.
  bool is_for_clients() const { return is_for_clients_; }

  /// All values of a source, with the length the certificate gives them. nullopt: one of them is
  /// damaged or not clean, that is contains NUL, a control character, what is no UTF-8 or, in a
  /// SAN, no printable ASCII or a percent sign. `oid` for `ClaimSource::oid`. Nothing for `issuer`.
  std::optional<std::vector<std::string>> values(ClaimSource source, const std::string& oid) const;

 private:
  LeafCertificate() = default;

  std::shared_ptr<x509_st> certificate_;
  std::string serial_;
  std::string spki_;
  WallTime not_before_;
  WallTime not_after_;
  bool is_for_clients_ = false;
};

}  // namespace lineshaft::auth
