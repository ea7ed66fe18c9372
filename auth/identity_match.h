#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/principal.h"

namespace lineshaft::auth {

struct IdentityConfig;

/// Somebody an override is about. A name alone is nobody in particular: a user, a pre-shared key
/// and certificates of several CAs and zones may have the same.
struct IdentityMatch {
  std::string name;
  /// Raw SHA-256; nullopt: whoever vouches for the name. Empty: nobody did, there is no
  /// certificate.
  std::optional<std::string> issuer_spki = {};
  /// nullopt: of any zone.
  std::optional<std::string> zone = {};
  /// nullopt: however it is proven.
  std::optional<core::ProofFamily> family = {};

  bool matches(const core::Principal& principal) const;
  /// Nothing is left open.
  bool is_whole() const { return issuer_spki && zone && family; }
  /// They may be the same: nothing that both say differs.
  bool may_be(const IdentityMatch& other) const;

  friend bool operator==(const IdentityMatch&, const IdentityMatch&) = default;
};

/// Who asks for a quarantine when it is no person but a rule.
inline constexpr std::string_view by_anomaly = "anomaly";

/// This one and nobody else.
IdentityMatch match_of(const core::Principal& principal);

/// Everybody who can come in under `asked.name`, as far as `asked` leaves it open.
std::vector<IdentityMatch> possible_matches(const IdentityConfig& config,
                                            const IdentityMatch& asked);

/// A key for the store. Different ones for what is left out and what is empty.
std::string key_of(const IdentityMatch& who);

/// "certificate press-07 of zone ot".
std::string words_for(const IdentityMatch& who);

/// As members of a JSON object: "identity", and "zone", "issuer" (hexadecimal), "proof"
/// ("certificate", "user", "psk") where they are known.
void add_match(nlohmann::json& object, const IdentityMatch& who);

/// What `add_match` writes; an issuer may also begin with "sha256:". nullopt: one of them is not
/// understood; `problem` then says which.
std::optional<IdentityMatch> read_match(const nlohmann::json& object, std::string& problem);

}  // namespace lineshaft::auth
