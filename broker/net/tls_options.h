#pragma once

#include <cstdint>
#include <string>

namespace lineshaft::net {

/// Whether a client shows a certificate.
enum class ClientCertificate : std::uint8_t {
  none,
  /// It may; one that is not valid is refused all the same.
  optional,
  require,
};

enum class TlsVersion : std::uint8_t { v1_2, v1_3 };

/// `[listeners.<name>.tls]`. TLS is on when `cert_file` or `psk_file` is set, never both.
struct TlsOptions {
  /// PEM: the server's certificate first, then those that lead to a root.
  std::string cert_file;
  /// PEM, without passphrase; a secret, see `read_secret_file`.
  std::string key_file;
  ClientCertificate client_certificate = ClientCertificate::none;
  /// PEM: who may sign client certificates.
  std::string ca_file;
  /// PEM or DER; with one of these every certificate on the way to the root needs a list.
  std::string crl_file;
  std::string crl_dir;
  /// A list whose time has passed still counts, and whoever it does not name is let through: the
  /// authenticator decides about them.
  bool passes_ended_crl = false;
  /// Lines of `identity:key in hexadecimal`; a secret.
  std::string psk_file;
  TlsVersion min_version = TlsVersion::v1_2;

  bool on() const { return !cert_file.empty() || !psk_file.empty(); }
};

}  // namespace lineshaft::net
