#pragma once

#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/base/time.h"
#include "broker/net/tls_options.h"
#include "broker/net/tls_psk.h"

namespace lineshaft::net {

/// What is wrong with the files of a listener's TLS, for the operator.
struct TlsProblem {
  /// The option that names the file: "cert_file", "key_file", ...
  std::string_view option;
  /// What is wrong with which file, without full stop.
  std::string what;
  /// A sentence: what to do.
  std::string remedy;
};

/// When a certificate or list a listener was configured with ends.
struct TlsExpiry {
  std::string file;
  /// "certificate", "chain", "ca" or "crl"; static storage.
  std::string_view what;
  /// The entry of the file, from 1.
  std::size_t entry = 1;
  /// Whose it is: the certificate's subject, the list's issuer.
  std::string name;
  WallTime at;
};

/// Frees what OpenSSL has made.
struct TlsDelete {
  void operator()(SSL_CTX* context) const;
  void operator()(SSL* ssl) const;
  void operator()(X509_STORE* store) const;
  void operator()(X509* certificate) const;
  void operator()(BIO* bio) const;
};
template <class T>
using TlsPtr = std::unique_ptr<T, TlsDelete>;

/// Everything a handshake needs, read from files once; never changed afterwards, so any thread may
/// use it. A reload makes another one.
class TlsContext {
 public:
  using Loaded = std::variant<std::shared_ptr<const TlsContext>, TlsProblem>;

  /// Reads and checks all files. With `before`, tickets it has issued are resumed as long as what
  /// decides about trust (client certificates, CA, revocation lists) is the same: the trust epoch.
  static Loaded load(const TlsOptions& options, const TlsContext* before = nullptr);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// A server's end of a connection, or null without memory. Its verification store is released
  /// with `SSL_set1_verify_cert_store` after the handshake: revocation lists are large.
  TlsPtr<SSL> make_ssl() const;
  const PskTable& psk() const { return psk_; }
  const std::vector<TlsExpiry>& expiries() const { return expiries_; }
  /// A ticket still stands for a full handshake made at `checked` with a certificate that ends at
  /// `certificate_end` (nothing: without one): it is not too old, and nothing the checks relied on
  /// has ended since.
  bool resumes(WallTime checked, std::optional<WallTime> certificate_end, WallTime now) const;

 private:
  struct Loader;
  using TicketKeys = std::array<unsigned char, 80>;
  using TrustDigest = std::array<unsigned char, 32>;

  TlsContext() = default;

  TlsPtr<SSL_CTX> context_;
  /// Null when clients show no certificate.
  TlsPtr<X509_STORE> trust_;
  PskTable psk_;
  TicketKeys ticket_keys_{};
  TrustDigest trust_digest_{};
  std::vector<TlsExpiry> expiries_;
};

/// The newest error of this thread's OpenSSL queue in its own words; empties the queue.
std::string take_tls_error();

}  // namespace lineshaft::net
