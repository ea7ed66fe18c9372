#include "auth/identity_check.h"

#include <algorithm>
#include <utility>

#include "auth/policy_trie.h"

namespace lineshaft::auth {
namespace {

constexpr std::uint8_t anonymous_strength = 0;
constexpr std::uint8_t plain_strength = 1;
/// A password over TLS, or a certificate that no fresh list is known for.
constexpr std::uint8_t encrypted_strength = 2;
constexpr std::uint8_t checked_strength = 3;
constexpr std::uint8_t hardware_strength = 4;
/// Up to it certificates may come back for a while when the lists have ended.
constexpr std::uint8_t grace_sl_t_max = 3;
constexpr std::uint8_t tls_1_3 = 13;
constexpr std::string_view spiffe_scheme = "spiffe://";

bool contains_word(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

/// Its key is known to lie in hardware, or is known by itself.
bool is_vouched_key(const IdentityConfig& config, const core::Principal& principal) {
  if (config.pins.contains(principal.spki)) return true;
  const auto issuer = config.issuers.find(principal.issuer_spki);
  return issuer != config.issuers.end() && issuer->second.attested;
}

bool may_vouch_for_roles(const IdentityConfig& config, const core::Principal& principal) {
  const auto issuer = config.issuers.find(principal.issuer_spki);
  return issuer != config.issuers.end() &&
         std::ranges::all_of(principal.roles, [&](const std::string& role) {
           return issuer->second.may_vouch_for(role);
         });
}

bool is_client_id_allowed(ClientIdRule rule, std::string_view name, std::string_view client_id) {
  switch (rule) {
    case ClientIdRule::equal:
      return client_id == name;
    case ClientIdRule::prefix:
      return client_id.size() > name.size() + 1 && client_id.starts_with(name) &&
             client_id[name.size()] == '-';
    case ClientIdRule::bind:
    case ClientIdRule::free:
      return true;
  }
  return false;
}

/// The steps that lead from what was proven to a place in a zone. Each returns false when the
/// verdict is a refusal.
class Judgement {
 public:
  Judgement(const IdentityRules& rules, const Arrival& arrival)
      : config_(*rules.config), trust_(*rules.trust), arrival_(arrival) {
    principal().listener = arrival.listener;
    principal().tls = arrival.tls;
  }

  IdentityVerdict take() { return std::move(verdict_); }

  bool read(const ShownCertificate& shown, std::optional<LeafCertificate>& leaf) {
    principal().proof = core::Proof::certificate;
    leaf = LeafCertificate::parse(shown.der);
    if (!leaf) return refuse(PolicyReason::cert_invalid, "the certificate cannot be read");
    principal().issuer_spki = shown.issuer_spki;
    principal().spki = leaf->spki();
    principal().serial = leaf->serial();
    principal().not_after = leaf->not_after();
    principal().claims_digest = config_.claims_digest;
    const bool is_its_time = leaf->not_before() <= arrival_.now && arrival_.now < leaf->not_after();
    if (!is_its_time) {
      return refuse(PolicyReason::cert_invalid, "the certificate's time is not now");
    }
    return check_issuer() && check_chain();
  }

  bool claim(const LeafCertificate& leaf) {
    const std::vector<std::string>& zones = config_.issuers.at(principal().issuer_spki).zones;
    if (!is_of_trust_domain(leaf)) return false;
    ExtractedClaims found = extract_claims(leaf, config_.extractors, zones);
    verdict_.steps = std::move(found.steps);
    principal().zone = std::move(found.claims.zone);
    principal().roles = std::move(found.claims.roles);
    principal().name = std::move(found.claims.name);
    if (found.reason != PolicyReason::allowed) return refuse(found.reason, std::move(found.detail));
    if (!contains_word(zones, principal().zone)) {
      return refuse(PolicyReason::issuer_not_for_zone,
                    "the CA that has signed the certificate may not vouch for the zone it claims");
    }
    if (!may_vouch_for_roles(config_, principal())) {
      return refuse(PolicyReason::issuer_not_for_zone,
                    "the CA that has signed the certificate may not vouch for a role it claims");
    }
    return true;
  }

  /// What the certificate is worth.
  void weigh(const LeafCertificate& leaf, bool is_known) {
    principal().strength = encrypted_strength;
    if (!leaf.is_for_clients()) return;
    const auto until = trust_.lists_until(principal().issuer_spki);
    if (!until) return;
    const bool is_best = principal().tls >= tls_1_3 && is_vouched_key(config_, principal());
    fresh_strength_ = is_best ? hardware_strength : checked_strength;
    verdict_.is_fresh = arrival_.now < *until;
    verdict_.is_on_grace =
        !verdict_.is_fresh && is_known && arrival_.now < *until + config_.crl_stale_grace;
    if (verdict_.is_fresh) principal().strength = fresh_strength_;
    if (verdict_.is_on_grace) principal().strength = checked_strength;
  }

  bool check_place() {
    const auto zone = config_.zones.find(principal().zone);
    if (zone == config_.zones.end()) {
      return refuse(PolicyReason::no_zone_claim, "the policy has no such zone");
    }
    const auto listener = config_.listeners.find(arrival_.listener);
    if (listener == config_.listeners.end() ||
        !contains_word(listener->second.zones, principal().zone)) {
      return refuse(PolicyReason::listener_zone, "the listener is not open to the zone");
    }
    if (principal().strength < zone->second.sl_t) {
      // Only a fresh list is missing.
      if (!verdict_.is_fresh && zone->second.sl_t <= fresh_strength_) {
        return refuse(PolicyReason::crl_stale,
                      zone->second.sl_t > grace_sl_t_max
                          ? "the revocation lists have ended, and the zone allows no grace"
                          : "the revocation lists have ended, and the certificate was not seen "
                            "before or the grace is over");
      }
      return refuse(PolicyReason::strength,
                    "what the client has proven is worth less than the zone's sl_t");
    }
    const ClientIdRule rule = listener->second.client_id.value_or(zone->second.client_id);
    if (!is_client_id_allowed(rule, principal().name, arrival_.client_id)) {
      return refuse(PolicyReason::clientid_bound,
                    "the Client Identifier must be, or begin with, the client's name");
    }
    return true;
  }

  bool look_up(std::string_view name, core::Proof proof) {
    principal().name = name;
    principal().proof = proof;
    const bool is_user = proof == core::Proof::password || proof == core::Proof::scram;
    const bool is_psk = proof == core::Proof::psk;
    principal().strength = anonymous_strength;
    if (is_psk) principal().strength = plain_strength;
    if (is_user) principal().strength = arrival_.tls > 0 ? encrypted_strength : plain_strength;
    if (!is_user && !is_psk) {
      return refuse(PolicyReason::no_cert,
                    "the client has neither a certificate nor a name with a proof");
    }
    const auto& table = is_psk ? config_.psk : config_.users;
    const auto found = table.find(name);
    if (found == table.end()) {
      return refuse(PolicyReason::no_zone_claim, "the policy has no [users] table for the name");
    }
    principal().zone = found->second.zone;
    principal().roles = found->second.roles;
    if (!is_safe_name(name)) return refuse(PolicyReason::name_unsafe, "the name is not safe");
    return true;
  }

 private:
  core::Principal& principal() { return verdict_.principal; }

  bool refuse(PolicyReason reason, std::string detail) {
    verdict_.reason = reason;
    verdict_.detail = std::move(detail);
    return false;
  }

  bool check_issuer() {
    const std::string& issuer = principal().issuer_spki;
    const TrustView::Issuer state = trust_.issuer(issuer);
    if (issuer.empty() || state == TrustView::Issuer::untrusted) {
      return refuse(PolicyReason::cert_invalid, "its CA leads to no root of pki.trust");
    }
    if (state == TrustView::Issuer::revoked) {
      return refuse(PolicyReason::revoked, "the CA that has signed it is revoked");
    }
    if (trust_.is_revoked(issuer, principal().serial)) {
      return refuse(PolicyReason::revoked, "the certificate is revoked");
    }
    if (!config_.issuers.contains(issuer)) {
      return refuse(PolicyReason::issuer_not_for_zone,
                    "the CA that has signed it is none of pki.issuers");
    }
    return true;
  }

  /// What it proves ends with the first certificate on the way to the root.
  bool check_chain() {
    const auto until = trust_.trusted_until(principal().issuer_spki);
    if (!until) return true;
    principal().not_after = std::min(principal().not_after, *until);
    return arrival_.now < *until || refuse(PolicyReason::cert_invalid,
                                           "a CA's certificate on the way to the root has ended");
  }

  bool is_of_trust_domain(const LeafCertificate& leaf) {
    if (config_.trust_domain.empty()) return true;
    const auto names = leaf.values(ClaimSource::san_uri, {});
    if (!names) return refuse(PolicyReason::name_unsafe, "a URI in its SAN is not clean");
    const std::string domain = std::string(spiffe_scheme) + config_.trust_domain + "/";
    const bool is_foreign = std::ranges::any_of(*names, [&](const std::string& name) {
      return name.starts_with(spiffe_scheme) && !name.starts_with(domain);
    });
    return !is_foreign ||
           refuse(PolicyReason::no_zone_claim, "its SPIFFE name is of another trust domain");
  }

  const IdentityConfig& config_;
  const TrustView& trust_;
  const Arrival& arrival_;
  IdentityVerdict verdict_;
  /// With lists that are fresh.
  std::uint8_t fresh_strength_ = 0;
};

bool may_vouch(const IdentityConfig& config, const core::Principal& principal) {
  const auto issuer = config.issuers.find(principal.issuer_spki);
  return issuer != config.issuers.end() && contains_word(issuer->second.zones, principal.zone);
}

/// Is what made the certificate's owner still true?
Recheck recheck_certificate(const IdentityRules& rules, const core::Principal& principal) {
  const IdentityConfig& config = *rules.config;
  const TrustView::Issuer state = rules.trust->issuer(principal.issuer_spki);
  if (!may_vouch(config, principal)) {
    return {PolicyReason::issuer_not_for_zone, "its CA may no longer vouch for its zone"};
  }
  if (!may_vouch_for_roles(config, principal)) {
    return {PolicyReason::issuer_not_for_zone, "its CA may no longer vouch for its roles"};
  }
  if (state == TrustView::Issuer::untrusted) {
    return {PolicyReason::cert_invalid, "its CA leads to no root of pki.trust any more"};
  }
  if (state == TrustView::Issuer::revoked) return {PolicyReason::revoked, "its CA is revoked"};
  if (!principal.serial.empty() &&
      rules.trust->is_revoked(principal.issuer_spki, principal.serial)) {
    return {PolicyReason::revoked, "the certificate is revoked"};
  }
  if (principal.claims_digest != 0 && principal.claims_digest != config.claims_digest) {
    return {PolicyReason::no_zone_claim, "the rules by which certificates are read have changed"};
  }
  return {};
}

/// Where the policy says a user or a pre-shared key belongs; null: nowhere, or it is no user any
/// more.
const IdentityConfig::User* find_named(const IdentityRules& rules,
                                       const core::Principal& principal) {
  const bool is_psk = principal.proof == core::Proof::psk;
  const auto& table = is_psk ? rules.config->psk : rules.config->users;
  const auto found = table.find(principal.name);
  const bool is_known =
      is_psk || (rules.users != nullptr && rules.users->users.contains(principal.name));
  return found != table.end() && is_known ? &found->second : nullptr;
}

Recheck recheck_name(const IdentityRules& rules, const core::Principal& principal) {
  const IdentityConfig::User* const user = find_named(rules, principal);
  if (user == nullptr) return {PolicyReason::no_zone_claim, "there is no such user any more"};
  if (user->zone == principal.zone && user->roles == principal.roles) return {};
  return {PolicyReason::no_zone_claim, "its zone or roles are others now"};
}

}  // namespace

IdentityVerdict judge_certificate(const IdentityRules& rules, const ShownCertificate& shown,
                                  const Arrival& arrival) {
  Judgement judgement(rules, arrival);
  std::optional<LeafCertificate> leaf;
  if (judgement.read(shown, leaf) && judgement.claim(*leaf)) {
    judgement.weigh(*leaf, shown.is_known);
    judgement.check_place();
  }
  return judgement.take();
}

IdentityVerdict judge_name(const IdentityRules& rules, std::string_view name, core::Proof proof,
                           const Arrival& arrival) {
  Judgement judgement(rules, arrival);
  if (judgement.look_up(name, proof)) judgement.check_place();
  return judgement.take();
}

Recheck reverify(const IdentityRules& rules, const core::Principal& principal, WallTime now) {
  const IdentityConfig& config = *rules.config;
  const auto zone = config.zones.find(principal.zone);
  if (zone == config.zones.end()) return {PolicyReason::no_zone_claim, "its zone is gone"};
  const auto listener = config.listeners.find(principal.listener);
  const bool is_open =
      principal.listener.empty() ||
      (listener != config.listeners.end() && contains_word(listener->second.zones, principal.zone));
  if (!is_open)
    return {PolicyReason::listener_zone, "its listener is not open to its zone any more"};
  std::uint8_t strength = principal.strength;
  if (principal.proof == core::Proof::certificate) {
    const Recheck found = recheck_certificate(rules, principal);
    if (found.reason != PolicyReason::allowed) return found;
    const auto end = identity_end(rules, principal);
    if (end && *end <= now) return {PolicyReason::cert_invalid, "the certificate has expired"};
    const bool is_best = principal.spki.empty() || is_vouched_key(config, principal);
    if (strength == hardware_strength && !is_best) strength = checked_strength;
  } else if (principal.is_anonymous()) {
    return {PolicyReason::no_cert, "nobody in particular has no place in a zone"};
  } else {
    const Recheck found = recheck_name(rules, principal);
    if (found.reason != PolicyReason::allowed) return found;
  }
  if (strength >= zone->second.sl_t) return {};
  return {PolicyReason::strength, "what it has proven is worth less than its zone's sl_t"};
}

bool is_gone(const IdentityRules& rules, const core::Principal& principal) {
  const IdentityConfig& config = *rules.config;
  if (principal.is_anonymous() || !config.zones.contains(principal.zone)) return true;
  if (principal.proof == core::Proof::certificate) return !may_vouch(config, principal);
  return find_named(rules, principal) == nullptr;
}

bool is_disowned(const IdentityRules& rules, const core::Principal& principal) {
  if (is_gone(rules, principal)) return true;
  if (principal.proof != core::Proof::certificate) return false;
  return rules.trust->issuer(principal.issuer_spki) == TrustView::Issuer::revoked ||
         rules.trust->is_revoked(principal.issuer_spki, principal.serial);
}

ClientIdRule client_id_rule(const IdentityRules& rules, const core::Principal& principal) {
  const IdentityConfig& config = *rules.config;
  // Of a stored session nobody knows through which listener it was made.
  const auto listener = config.listeners.find(principal.listener);
  if (listener != config.listeners.end() && listener->second.client_id) {
    return *listener->second.client_id;
  }
  const auto zone = config.zones.find(principal.zone);
  return zone != config.zones.end() ? zone->second.client_id : ClientIdRule::bind;
}

std::optional<WallTime> identity_end(const IdentityRules& rules, const core::Principal& principal) {
  const bool has_end =
      principal.proof == core::Proof::certificate && principal.not_after != WallTime{};
  if (!has_end) return std::nullopt;
  const auto zone = rules.config->zones.find(principal.zone);
  const bool ends =
      zone == rules.config->zones.end() || zone->second.on_expiry == OnExpiry::disconnect;
  return ends ? std::optional(principal.not_after) : std::nullopt;
}

}  // namespace lineshaft::auth
