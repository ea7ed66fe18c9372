#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lineshaft::auth {

/// An Ed25519 key (RFC 8032) that signs the audit log, or only its public part. Immutable.
class AuditKey {
 public:
  /// A new one.
  static AuditKey generate();
  /// PEM of a private key (PKCS #8) or of a public one; nullopt: it is neither, or not Ed25519.
  static std::optional<AuditKey> parse(std::string_view pem);

  bool is_private() const { return is_private_; }
  /// Needs the private key. 64 bytes.
  std::string sign(std::string_view text) const;
  bool verify(std::string_view text, std::string_view signature) const;

  std::string private_pem() const;
  std::string public_pem() const;
  /// SHA-256 of the public key (SubjectPublicKeyInfo), lower-case hexadecimal.
  std::string fingerprint() const;

 private:
  /// OpenSSL's EVP_PKEY.
  AuditKey(std::shared_ptr<void> key, bool is_private)
      : key_(std::move(key)), is_private_(is_private) {}

  std::shared_ptr<void> key_;
  bool is_private_;
};

/// The signing key of a file, or why there is none.
struct AuditKeyFile {
  std::optional<AuditKey> key;
  /// For the operator: full sentences.
  std::string problem;
  /// The file was not there and could not be made: the errno, which may pass.
  int error = 0;
};

/// Reads the private key in this file, which nobody else may read; makes it (mode 0600) when there
/// is none.
AuditKeyFile open_audit_key(const std::string& path);

}  // namespace lineshaft::auth
