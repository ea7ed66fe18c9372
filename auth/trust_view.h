#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "broker/base/time.h"

namespace lineshaft::auth {

class TrustView;
using TrustViewPtr = std::shared_ptr<const TrustView>;

/// What the files say of certificate authorities and of what they have revoked, at one time:
/// immutable, so any thread may look. A reload makes another one.
///
/// Authorities are known by the SHA-256 of their SubjectPublicKeyInfo (32 raw bytes), never by
/// name.
class TrustView {
 public:
  /// Content of the files, each with its name for messages.
  struct File {
    std::string name;
    std::string content;
  };
  struct Files {
    /// PEM: roots, and authorities below them.
    std::vector<File> trust;
    /// PEM: certificates of the authorities that issue to clients.
    std::vector<File> issuers;
    /// Revocation lists, PEM or DER.
    std::vector<File> lists;
  };
  /// A file that cannot be read as a whole, or a list that no known authority has signed.
  struct Problem {
    std::string file;
    /// Without full stop.
    std::string what;
    /// Nothing of the file counts, or of the list in it.
    bool is_error = true;
  };
  /// What can be read counts; look at `problems` before using it.
  static TrustViewPtr make(const Files& files, std::vector<Problem>& problems);

  enum class Issuer : std::uint8_t {
    /// No certificate of it is in the files: only TLS has seen it.
    unknown,
    trusted,
    /// It leads to no root in `trust`.
    untrusted,
    /// It is on the list of who has issued it.
    revoked,
  };
  Issuer issuer(const std::string& spki) const;
  /// `serial` in lower-case hexadecimal, as `LeafCertificate` has it.
  bool is_revoked(const std::string& issuer_spki, std::string_view serial) const;
  /// When the first of the lists ends that tell whether a certificate of this issuer is good: its
  /// own for clients and those of everybody up to the root. Of several lists the newest counts, by
  /// number or by time: an old one that lies there still does not prolong anything. nullopt: one of
  /// them is missing or does not say.
  std::optional<WallTime> lists_until(const std::string& issuer_spki) const;

  /// When the first certificate on the issuer's way to its root ends; nullopt: it is not trusted.
  std::optional<WallTime> trusted_until(const std::string& spki) const;

  /// Of which authority in the files a certificate (DER) is; empty: of none.
  std::string issuer_of(std::string_view der) const;

  std::size_t authorities() const { return issuers_.size(); }
  std::size_t revocations() const { return revoked_.size(); }

 private:
  struct Authority;
  struct Standing {
    Issuer state = Issuer::untrusted;
    std::optional<WallTime> lists_until;
    WallTime until = WallTime::max();
  };
  class Maker;

  std::vector<Authority> authorities_;
  /// By key.
  std::unordered_map<std::string, Standing> issuers_;
  /// Key of the issuer, then the serial number.
  std::unordered_set<std::string> revoked_;

 public:
  TrustView();
  ~TrustView();
};

/// Keys of all certificates in `pem`, hashed, in their order. nullopt: there is none, or one is
/// damaged.
std::optional<std::vector<std::string>> spki_hashes(const std::string& pem);

}  // namespace lineshaft::auth
