#pragma once

#include <optional>
#include <string>
#include <vector>

#include "auth/certificate_authority.h"
#include "auth/revocation_list.h"
#include "broker/base/time.h"

namespace lineshaft::app {

/// A client certificate that was issued, and how it stands.
struct IssuedCertificate {
  auth::CertificateFacts facts;
  /// When it was revoked.
  std::optional<WallTime> revoked;
};

/// The folder of `lineshaft cert`:
///
///     private/root.key ZONE.key   keys of the authorities, mode 0600
///     root.crt ZONE.crt           their certificates; clients trust root.crt
///     trust.pem crl.pem           all certificates of authorities; a revocation list of each
///     server.crt server.key       the broker's own
///     ZONE/NAME.crt NAME.key      what a client gets: its certificate and its zone's; its key
///     issued/SERIAL.crt           every client certificate there was
///
/// `issued` and `crl.pem` are the whole memory: what they do not say is not known. All functions
/// throw `VerbFailure`. One thread.
class CertFolder {
 public:
  /// `now` is the moment of everything that is made.
  CertFolder(std::string path, WallTime now);

  /// Makes root, zones and server, all or nothing: the folder must be empty or not there.
  void init(const std::string& trust_domain, const std::vector<std::string>& zones,
            const std::vector<std::string>& hosts);

  /// With `import` (PEM: a CA, and those that lead to its root) without a key of ours.
  void add_zone(const std::string& zone, const std::string& import);

  struct Order {
    std::string zone;
    std::string role;
    std::string name;
    auth::KeyType key_type = auth::KeyType::p256;
    /// PKCS #10 in PEM, when the client keeps its key.
    std::string request;
    Milliseconds validity{0};
    /// Empty: the zone's.
    std::string folder;
  };
  struct Delivery {
    auth::CertificateFacts facts;
    std::string cert_file;
    /// Empty when the client keeps its key.
    std::string key_file;
  };
  Delivery issue(const Order& order);

  /// A new certificate for the broker with the key it has.
  auth::CertificateFacts renew_server(const std::vector<std::string>& hosts);

  /// Revokes a serial number, or all of a name (of this zone, if not empty); returns those that
  /// were not revoked before.
  std::vector<IssuedCertificate> revoke(const std::string& which, const std::string& zone,
                                        Milliseconds list_validity);

  /// Signs every list anew; returns the authorities whose list stays, for their key is not here.
  std::vector<std::string> renew_lists(Milliseconds validity);

  /// By zone and name.
  std::vector<IssuedCertificate> issued() const;
  /// The end of the list that ends first, of those in crl.pem.
  WallTime lists_end() const;
  /// Zones, as their certificates say.
  std::vector<std::string> zones() const;
  std::string trust_domain() const;

  /// Absolute.
  std::string path(const std::string& name) const;

 private:
  auth::KeyedCertificate authority(const std::string& name, bool needs_key) const;
  auth::Validity validity(Milliseconds length, const auth::KeyedCertificate& below) const;
  std::vector<std::string> authorities() const;
  std::optional<auth::RevocationList> list_of(const std::string& authority) const;
  std::vector<std::string> write_lists(Milliseconds validity, const std::string& authority,
                                       const std::vector<auth::Revocation>& more);
  void make_zone(const std::string& zone, const auth::KeyedCertificate& made);
  void trust(const std::vector<std::string>& certificates);

  std::string path_;
  WallTime now_;
};

}  // namespace lineshaft::app
