#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/certificate_claims.h"
#include "auth/identity_config.h"
#include "auth/policy_reason.h"
#include "auth/trust_view.h"
#include "auth/users_policy.h"
#include "broker/base/time.h"
#include "broker/core/principal.h"

/// Who somebody is, by the rules of one time. Pure: no clock, no memory of who was here before.
namespace lineshaft::auth {

/// What decides about identities at one time; immutable. A reload makes another one.
struct IdentityRules {
  IdentityConfigPtr config;
  TrustViewPtr trust;
  /// Names and hashes; null: nobody comes with a password.
  UsersPolicyPtr users;
  /// Of the policy it was compiled with, for records.
  std::uint32_t epoch = 0;
};
using IdentityRulesPtr = std::shared_ptr<const IdentityRules>;

/// Where and how a client has come.
struct Arrival {
  std::string_view listener;
  /// 0 without TLS, 12 or 13.
  std::uint8_t tls = 0;
  std::string_view client_id;
  WallTime now{};
};

/// A certificate as TLS has handed it over.
struct ShownCertificate {
  std::string_view der;
  /// SHA-256 of the key of who has signed it.
  std::string issuer_spki;
  /// It was admitted before while the revocation lists were fresh.
  bool is_known = false;
};

struct IdentityVerdict {
  /// `allowed`, or the first thing that speaks against it.
  PolicyReason reason = PolicyReason::allowed;
  /// In words, for the operator; empty if allowed.
  std::string detail;
  /// As far as it was found out; complete if allowed.
  core::Principal principal;
  /// What each extractor has found, for explanations.
  std::vector<ClaimStep> steps;
  /// Fresh lists of everybody up to the root say that the certificate is good.
  bool is_fresh = false;
  /// It was let in although the lists have ended.
  bool is_on_grace = false;

  bool allowed() const { return reason == PolicyReason::allowed; }
};

IdentityVerdict judge_certificate(const IdentityRules& rules, const ShownCertificate& shown,
                                  const Arrival& arrival);
/// `proof`: a user whose password or SCRAM proof was right, or a pre-shared key.
IdentityVerdict judge_name(const IdentityRules& rules, std::string_view name, core::Proof proof,
                           const Arrival& arrival);

struct Recheck {
  PolicyReason reason = PolicyReason::allowed;
  std::string_view detail = {};
};
/// Would `principal`, found out earlier, still be let in as who it is? What was not stored with it
/// (serial number, listener) is not asked. Ended revocation lists do not matter: live connections
/// stay.
Recheck reverify(const IdentityRules& rules, const core::Principal& principal, WallTime now);

/// Can nobody ever be let in as `principal` again, as the rules are? Its zone is gone, its CA may
/// not vouch for it any more, or its name is unknown. Who is revoked, expired or too weak may come
/// back with a better proof, and a user with other roles is the same user.
bool is_gone(const IdentityRules& rules, const core::Principal& principal);

/// Does nobody stand behind what `principal` has left: it is gone, or its certificate or its CA is
/// revoked? What has merely ended since was good when it was left.
bool is_disowned(const IdentityRules& rules, const core::Principal& principal);

/// What holds for the Client Identifiers of `principal`: what its listener says, else its zone.
ClientIdRule client_id_rule(const IdentityRules& rules, const core::Principal& principal);

/// When `reverify` says something else for no other reason than the time; nullopt: never.
std::optional<WallTime> identity_end(const IdentityRules& rules, const core::Principal& principal);

}  // namespace lineshaft::auth
