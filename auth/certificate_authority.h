#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/pki_words.h"
#include "broker/base/time.h"

/// A small certificate authority: keys, certificates and revocation lists as PEM, on OpenSSL. It
/// knows no files and no clock; `lineshaft cert` (broker/app/cert_verb.h) keeps both.
///
/// What it makes passes X509_V_FLAG_X509_STRICT: version 3, critical basicConstraints and keyUsage,
/// a path length for authorities, subject and authority key identifiers (RFC 5280). Serial numbers
/// are random, 32 hexadecimal digits long.
namespace lineshaft::auth {

enum class KeyType : std::uint8_t { p256, p384, rsa3072 };

/// Who a client certificate is for: SAN URI spiffe://DOMAIN/zone/ZONE/role/ROLE/NAME, subject
/// O=DOMAIN, OU=ZONE, CN=NAME.
struct ClientIdentity {
  std::string trust_domain;
  std::string zone;
  std::string role;
  std::string name;
};

/// Names of clients, zones and roles, which become parts of rules and of file names: 1 to 64 of
/// letters, digits and ._:@- and no dot in front.
bool is_pki_name(std::string_view name);
/// 1 to 64 of a-z, 0-9, dot, dash and underscore, as SPIFFE wants it.
bool is_trust_domain(std::string_view name);
/// The name of a machine, or an address of IPv4 or IPv6.
bool is_host(std::string_view host);

PkiResult<KeyedCertificate> make_root_authority(const std::string& trust_domain, Validity validity);

/// An authority that signs clients only (path length 0), of one zone.
PkiResult<KeyedCertificate> make_zone_authority(const KeyedCertificate& root,
                                                const std::string& trust_domain,
                                                const std::string& zone, Validity validity);

/// The broker's own, for these names and addresses. With `key` (PEM) for that key, else for a new
/// one.
PkiResult<KeyedCertificate> make_server_certificate(const KeyedCertificate& root,
                                                    const std::string& trust_domain,
                                                    const std::vector<std::string>& hosts,
                                                    Validity validity, const std::string& key = {});

/// For a client. With `request` (PKCS #10, PEM) for the key that signed it, which stays where it
/// is; nothing else of the request counts.
PkiResult<KeyedCertificate> make_client_certificate(const KeyedCertificate& authority,
                                                    const ClientIdentity& identity,
                                                    Validity validity, KeyType type,
                                                    const std::string& request = {});

/// What `lineshaft cert list` says about a certificate.
struct CertificateFacts {
  std::string serial;
  /// All empty when it is none of `make_client_certificate`.
  ClientIdentity identity;
  /// The subject's, which of an authority is the trust domain.
  std::string organization;
  Validity validity;
};
/// Of the first certificate in `pem`.
PkiResult<CertificateFacts> read_certificate(const std::string& pem);

/// The certificates in `pem`, each in PEM. A fault when there are none or one is damaged.
PkiResult<std::vector<std::string>> split_certificates(const std::string& pem);

/// Nothing, if `certificate` (PEM) may sign certificates of clients; else why not.
std::string authority_problem(const std::string& certificate);

}  // namespace lineshaft::auth
