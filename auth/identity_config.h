#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "auth/certificate_claims.h"
#include "auth/policy_diagnostic.h"
#include "auth/policy_snapshot.h"
#include "broker/base/time.h"

namespace lineshaft::auth {

/// How the policy finds out who somebody is: its tables `pki`, `identity`, `listeners` and `users`,
/// compiled. Immutable.
struct IdentityConfig {
  struct Issuer {
    /// It may vouch for these.
    std::vector<std::string> zones;
    /// And for these only; empty: for every role.
    std::vector<std::string> roles = {};
    /// It certifies keys in hardware only.
    bool attested = false;

    bool may_vouch_for(const std::string& role) const {
      return roles.empty() || std::ranges::find(roles, role) != roles.end();
    }
  };
  struct Listener {
    std::vector<std::string> zones;
    /// nullopt: as the client's zone says.
    std::optional<ClientIdRule> client_id;
  };
  struct Zone {
    std::uint8_t sl_t = 4;
    OnExpiry on_expiry = OnExpiry::disconnect;
    ClientIdRule client_id = ClientIdRule::bind;
  };
  /// Of the users file, or of a pre-shared key.
  struct User {
    std::string zone;
    /// Sorted.
    std::vector<std::string> roles;
  };

  std::vector<ClaimExtractor> extractors;
  /// What is claimed depends on it: another number, and certificates are to be looked at anew.
  std::uint32_t claims_digest = 0;
  /// Empty: certificates may name any.
  std::string trust_domain;
  /// By the hash of the CA's key, 32 raw bytes.
  std::unordered_map<std::string, Issuer> issuers;
  /// Hashes of clients' keys.
  std::set<std::string, std::less<>> pins;
  std::map<std::string, Zone, std::less<>> zones;
  std::map<std::string, Listener, std::less<>> listeners;
  std::map<std::string, User, std::less<>> users;
  /// By identity.
  std::map<std::string, User, std::less<>> psk;
  /// For zones up to level 3; level 4 has none.
  Milliseconds crl_stale_grace{24 * 3600 * 1000};
};

using IdentityConfigPtr = std::shared_ptr<const IdentityConfig>;

struct CompiledIdentity {
  /// nullptr if there is an error among the diagnostics.
  IdentityConfigPtr identity;
  std::vector<Diagnostic> diagnostics;
};

/// Compiles those tables of a document that `compile_policy` has made `policy` of. Keys of
/// `pki.issuers` are "sha256:" and the hash of a SubjectPublicKeyInfo: files were read before.
/// A key "psk:IDENTITY" in `users` is about a pre-shared key.
CompiledIdentity compile_identity(const nlohmann::json& document, const Positions& positions,
                                  const PolicySnapshot& policy);

}  // namespace lineshaft::auth
