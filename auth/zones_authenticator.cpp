#include "auth/zones_authenticator.h"

#include <memory>
#include <utility>

#include "auth/audit_login.h"
#include "auth/crypto.h"
#include "broker/base/audit.h"
#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::auth {
namespace {

UsersPolicyPtr users_of(const IdentityRules& rules) {
  return rules.users ? rules.users : make_users_policy({}, {}, false);
}

core::Admission refused_with(ReasonCode reason) {
  core::Admission admission;
  admission.reason = reason;
  return admission;
}

std::uint8_t tls_number(const core::Peer& peer) {
  if (peer.tls == nullptr) return 0;
  return peer.tls->version == "TLSv1.3" ? 13 : 12;
}

Arrival arrival_of(const core::AuthenticationStep& step, WallTime now) {
  return {step.peer->listener, tls_number(*step.peer), step.client_id, now};
}

}  // namespace

ZonesAuthenticator::ZonesAuthenticator(IdentityRulesPtr rules, Clock& clock, std::string secret,
                                       std::string known_file)
    : clock_(clock),
      rules_(std::move(rules)),
      known_(limits::fresh_certificates_max, std::move(known_file)),
      users_(users_of(*rules_), clock, std::move(secret)) {}

ZonesAuthenticator::~ZonesAuthenticator() {
  const std::string known = known_.take();
  if (!known.empty()) write_fingerprints(known_.file(), known);
}

IdentityRulesPtr ZonesAuthenticator::rules() const {
  std::lock_guard lock(mutex_);
  return rules_;
}

void ZonesAuthenticator::set_rules(IdentityRulesPtr rules) {
  users_.set_policy(users_of(*rules));
  std::lock_guard lock(mutex_);
  rules_ = std::move(rules);
}

void ZonesAuthenticator::authenticate(core::AuthenticationStep step, Done done) {
  const core::PeerTls* const tls = step.peer->tls.get();
  const bool has_certificate = tls != nullptr && tls->certificate != nullptr;
  const bool has_psk = tls != nullptr && !tls->psk_identity.empty();
  if (has_certificate || has_psk) {
    // Nobody asks for more than TLS has proven: [MQTT-4.12.0-1].
    if (step.method) return done(refused_with(ReasonCode::bad_authentication_method));
    return done(has_certificate ? admit_certificate(step)
                                : admit_name(step, tls->psk_identity, core::Proof::psk));
  }
  if (!step.method && !step.user_name) return done(admit_name(step, {}, core::Proof::none));
  // What the users' authenticator does not need: it takes the secrets with it.
  core::AuthenticationStep known;
  known.peer = step.peer;
  known.client_id = step.client_id;
  users_.authenticate(std::move(step), [this, known = std::move(known),
                                        done = std::move(done)](core::AuthenticationAnswer answer) {
    auto* const proven = std::get_if<core::Admission>(&answer);
    if (proven == nullptr || is_failure(proven->reason)) return done(std::move(answer));
    core::Admission placed = admit_name(known, proven->principal->name, proven->principal->proof);
    placed.data = std::move(proven->data);
    done(std::move(placed));
  });
}

core::Admission ZonesAuthenticator::admit_certificate(const core::AuthenticationStep& step) {
  const core::PeerCertificate& certificate = *step.peer->tls->certificate;
  const std::string fingerprint = sha256(certificate.der);
  ShownCertificate shown{certificate.der, certificate.issuer_spki};
  IdentityRulesPtr rules;
  {
    std::lock_guard lock(mutex_);
    rules = rules_;
    shown.is_known = known_.contains(fingerprint);
  }
  IdentityVerdict verdict = judge_certificate(*rules, shown, arrival_of(step, clock_.now().wall));
  if (verdict.allowed() && verdict.is_fresh) {
    std::lock_guard lock(mutex_);
    known_.add(fingerprint);
  }
  return conclude(step, std::move(verdict));
}

core::Admission ZonesAuthenticator::admit_name(const core::AuthenticationStep& step,
                                               std::string_view name, core::Proof proof) {
  const IdentityRulesPtr now_in_force = rules();
  return conclude(step,
                  judge_name(*now_in_force, name, proof, arrival_of(step, clock_.now().wall)));
}

core::Admission ZonesAuthenticator::conclude(const core::AuthenticationStep& step,
                                             IdentityVerdict verdict) {
  const core::Principal& principal = verdict.principal;
  if (!verdict.allowed()) {
    count(Counter::identities_refused);
    LINESHAFT_LOG(auth, warn, "identity_refused", {"reason", to_string(verdict.reason)},
                  {"why", verdict.detail}, {"zone", principal.zone}, {"name", principal.name},
                  {"serial", principal.serial}, {"client_id", step.client_id},
                  {"peer", step.peer->address}, {"listener", step.peer->listener});
    const ReasonCode code = verdict.reason == PolicyReason::clientid_bound
                                ? ReasonCode::client_identifier_not_valid
                                : ReasonCode::not_authorized;
    audit_login(step, principal.name, code, to_string(verdict.reason), principal.zone);
    return refused_with(code);
  }
  count(Counter::identities_accepted);
  if (verdict.is_on_grace) {
    count(Counter::identities_on_grace);
    LINESHAFT_LOG(auth, warn, "identity_on_grace", {"zone", principal.zone},
                  {"name", principal.name}, {"serial", principal.serial},
                  {"peer", step.peer->address},
                  {"why", "the revocation lists have ended; it was let in before they did"},
                  {"remedy", "put new lists in place: they are read without a restart"});
  }
  // Of a user the right password was audited already.
  if (principal.proof == core::Proof::certificate) {
    audit_login(step, principal.name, ReasonCode::success,
                verdict.is_on_grace ? "certificate_on_grace" : "certificate", principal.zone);
  } else if (principal.proof == core::Proof::psk) {
    audit_login(step, principal.name, ReasonCode::success, "psk", principal.zone);
  }
  core::Admission admission;
  admission.principal = std::make_shared<const core::Principal>(std::move(verdict.principal));
  return admission;
}

void ZonesAuthenticator::poll(WallTime now) {
  std::string known;
  {
    std::lock_guard lock(mutex_);
    known = known_.take_due(clock_.now().steady);
  }
  if (!known.empty()) write_fingerprints(known_.file(), known);
  const IdentityRulesPtr now_in_force = rules();
  for (const auto& [issuer, rights] : now_in_force->config->issuers) {
    const auto until = now_in_force->trust->lists_until(issuer);
    if (!until || *until > now) continue;
    {
      std::lock_guard lock(mutex_);
      WallTime& reported = reported_ends_[issuer];
      if (reported == *until) continue;
      reported = *until;
    }
    count(Counter::revocation_lists_ended);
    LINESHAFT_LOG(auth, error, "revocation_lists_ended", {"issuer", to_spki_text(issuer)},
                  {"zone", rights.zones.empty() ? std::string() : rights.zones.front()},
                  {"effect",
                   "unknown certificates get no further than sl_t 2; known ones may "
                   "come back during pki.crl_stale_grace"},
                  {"remedy", "put new lists in place: they are read without a restart"});
    audit({.type = "revocation_lists_ended",
           .zone = rights.zones.empty() ? std::string_view() : rights.zones.front(),
           .identity = to_spki_text(issuer),
           .reason = to_string(PolicyReason::crl_stale),
           .epoch = now_in_force->epoch});
  }
}

}  // namespace lineshaft::auth
