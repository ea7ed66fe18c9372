#include "auth/users_authenticator.h"

#include <utility>

#include "auth/audit_login.h"
#include "auth/base64.h"
#include "auth/certificate_leaf.h"
#include "auth/crypto.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::auth {
namespace {

constexpr std::uint8_t password_strength = 1;
constexpr std::uint8_t encrypted_password_strength = 2;
constexpr std::size_t nonce_bytes = 18;

core::Admission refusal(ReasonCode reason) {
  core::Admission admission;
  admission.reason = reason;
  return admission;
}

core::PrincipalPtr make_principal(std::string name, core::Proof proof, const core::Peer& peer) {
  auto principal = std::make_shared<core::Principal>();
  principal->name = std::move(name);
  principal->proof = proof;
  if (proof != core::Proof::none) {
    principal->strength = peer.encrypted() ? encrypted_password_strength : password_strength;
  }
  return principal;
}

/// Some user's, always the same one's for the same name; null: nobody has any.
template <class Proof>
const Proof* somebodys(const std::vector<const Proof*>& all, std::string_view secret,
                       std::string_view name) {
  if (all.empty()) return nullptr;
  const std::string chance = hmac_sha256(secret, name);
  std::size_t place = 0;
  for (std::size_t i = 0; i < 4; ++i) place = place << 8 | static_cast<unsigned char>(chance[i]);
  return all[place % all.size()];
}

/// What is tried against it takes as long as against a real one.
const PasswordHash& somebodys_hash(const UsersPolicy& policy, std::string_view secret,
                                   std::string_view name) {
  static const PasswordHash nobodys = unmatchable_hash();
  const PasswordHash* const hash = somebodys(policy.hashes, secret, name);
  return hash != nullptr ? *hash : nobodys;
}

/// As costly as real ones: strangers are spread over the users' iteration counts as users are.
ScramKeys strangers_keys(const UsersPolicy& policy, std::string_view secret,
                         std::string_view name) {
  return invented_keys(secret, name, somebodys(policy.scram_keys, secret, name));
}

}  // namespace

UsersAuthenticator::UsersAuthenticator(UsersPolicyPtr policy, Clock& clock, std::string secret)
    : clock_(clock),
      secret_(secret.empty() ? random_bytes(32) : std::move(secret)),
      policy_(std::move(policy)) {}

UsersPolicyPtr UsersAuthenticator::policy() const {
  std::lock_guard lock(mutex_);
  return policy_;
}

void UsersAuthenticator::set_policy(UsersPolicyPtr policy) {
  std::lock_guard lock(mutex_);
  policy_ = std::move(policy);
}

void UsersAuthenticator::authenticate(core::AuthenticationStep step, Done done) {
  if (step.method) {
    // [MQTT-4.12.0-1]
    if (*step.method != scram_method) return done(refusal(ReasonCode::bad_authentication_method));
    return done(step.state ? finish_scram(step) : begin_scram(step));
  }
  if (step.user_name) return check_password(std::move(step), std::move(done));
  const UsersPolicyPtr rules = policy();
  const bool has_certificate = step.peer->tls != nullptr && step.peer->tls->certificate != nullptr;
  if (rules->believes_certificates && has_certificate) {
    return done(check_certificate(*rules, step));
  }
  if (!rules->allows_anonymous) {
    audit_login(step, "", ReasonCode::not_authorized);
    return done(refusal(ReasonCode::not_authorized));
  }
  core::Admission admission;
  admission.principal = make_principal("", core::Proof::none, *step.peer);
  done(std::move(admission));
}

core::Admission UsersAuthenticator::check_certificate(const UsersPolicy& rules,
                                                      const core::AuthenticationStep& step) const {
  const core::PeerCertificate& shown = *step.peer->tls->certificate;
  const auto leaf = LeafCertificate::parse(shown.der);
  const auto names = leaf ? leaf->values(ClaimSource::cn, {}) : std::nullopt;
  const bool has_name = names && names->size() == 1;
  const std::string name = has_name ? names->front() : std::string();
  if (!has_name || !rules.users.contains(name)) {
    count(Counter::logins_failed);
    LINESHAFT_LOG(auth, warn, "certificate_of_no_user",
                  {"user", name.substr(0, limits::user_name_size_bytes_max)},
                  {"client_id", step.client_id}, {"peer", step.peer->address},
                  {"listener", step.peer->listener},
                  {"why", has_name ? "the users file has no user of the certificate's CN"
                                   : "the certificate has no CN, several, or one that is no name"});
    audit_login(step, name, ReasonCode::not_authorized, "certificate");
    return refusal(ReasonCode::not_authorized);
  }
  auto principal = std::make_shared<core::Principal>();
  principal->name = name;
  principal->proof = core::Proof::certificate;
  principal->strength = encrypted_password_strength;
  principal->listener = step.peer->listener;
  principal->issuer_spki = shown.issuer_spki;
  principal->spki = leaf->spki();
  principal->serial = leaf->serial();
  principal->not_after = leaf->not_after();
  count(Counter::logins_accepted);
  audit_login(step, name, ReasonCode::success, "certificate");
  core::Admission admission;
  admission.principal = std::move(principal);
  return admission;
}

void UsersAuthenticator::check_password(core::AuthenticationStep step, Done done) {
  if (!may_try(*step.user_name, step)) return done(refusal(ReasonCode::connection_rate_exceeded));
  // Shared: a std::function must be copyable, and a password should not be copied.
  const auto shared = std::make_shared<core::AuthenticationStep>(std::move(step));
  HashJob job;
  job.group = address_group(shared->peer->address);
  job.run = [this, shared, done, rules = policy()] {
    std::string password = shared->password.value_or("");
    const bool right = is_right(*rules, *shared->user_name, password);
    wipe(password);
    if (shared->password) wipe(*shared->password);
    done(finish(*shared, *shared->user_name, right, core::Proof::password));
  };
  job.refuse = [this, shared, done] { refuse_busy(*shared, done); };
  {
    std::lock_guard lock(mutex_);
    job.is_known = backoff_.is_known(*shared->user_name, shared->peer->address);
  }
  pool_.submit(std::move(job));
}

void UsersAuthenticator::refuse_busy(const core::AuthenticationStep& step, const Done& done) {
  count(Counter::logins_refused_busy);
  audit_login(step, *step.user_name, ReasonCode::server_busy);
  {
    std::lock_guard lock(mutex_);
    backoff_.end(*step.user_name, step.peer->address, LoginBackoff::Outcome::not_tried,
                 clock_.now().steady);
  }
  done(refusal(ReasonCode::server_busy));
}

/// One try begins, if its name and address need not wait.
bool UsersAuthenticator::may_try(const std::string& name, const core::AuthenticationStep& step) {
  std::lock_guard lock(mutex_);
  if (backoff_.begin(name, step.peer->address, clock_.now().steady)) return true;
  count(Counter::logins_refused_backoff);
  audit_login(step, name, ReasonCode::connection_rate_exceeded);
  return false;
}

bool UsersAuthenticator::is_right(const UsersPolicy& rules, const std::string& name,
                                  const std::string& password) const {
  const auto user = rules.users.find(name);
  const bool known = user != rules.users.end() && user->second.password;
  if (!known) {
    pretend_to_match(somebodys_hash(rules, secret_, name), password);
    return false;
  }
  return matches(*user->second.password, password);
}

core::AuthenticationAnswer UsersAuthenticator::begin_scram(const core::AuthenticationStep& step) {
  auto first = parse_client_first(step.data);
  // Of a client that is known, only it can prove to be still there.
  const bool fits = first && (!step.user_name || *step.user_name == first->user) &&
                    (!step.known || step.known->name == first->user);
  if (!fits) return refusal(ReasonCode::not_authorized);
  const UsersPolicyPtr rules = policy();
  const auto user = rules->users.find(first->user);
  const bool exists = user != rules->users.end() && user->second.scram;
  ScramKeys keys = exists ? *user->second.scram : strangers_keys(*rules, secret_, first->user);
  const std::string nonce = to_base64(random_bytes(nonce_bytes), Padding::without);
  auto exchange =
      std::make_shared<ScramExchange>(std::move(*first), std::move(keys), exists, nonce);
  return core::Challenge{exchange->server_first(), exchange};
}

core::AuthenticationAnswer UsersAuthenticator::finish_scram(const core::AuthenticationStep& step) {
  const auto& exchange = static_cast<const ScramExchange&>(*step.state);
  // Only now is a password tried: what began and was given up costs nobody anything.
  if (!may_try(exchange.user(), step)) return refusal(ReasonCode::connection_rate_exceeded);
  auto last_word = exchange.finish(step.data);
  core::Admission admission =
      finish(step, exchange.user(), last_word.has_value(), core::Proof::scram);
  if (last_word) admission.data = std::move(*last_word);
  return admission;
}

core::Admission UsersAuthenticator::finish(const core::AuthenticationStep& step,
                                           const std::string& name, bool right, core::Proof proof) {
  {
    std::lock_guard lock(mutex_);
    const auto outcome = right ? LoginBackoff::Outcome::right : LoginBackoff::Outcome::wrong;
    backoff_.end(name, step.peer->address, outcome, clock_.now().steady);
  }
  if (!right) {
    count(Counter::logins_failed);
    audit_login(step, name, ReasonCode::bad_user_name_or_password);
    LINESHAFT_LOG(auth, warn, "login_failed",
                  {"user", name.substr(0, limits::user_name_size_bytes_max)},
                  {"client_id", step.client_id}, {"peer", step.peer->address},
                  {"listener", step.peer->listener});
    return refusal(ReasonCode::bad_user_name_or_password);
  }
  count(Counter::logins_accepted);
  audit_login(step, name, ReasonCode::success, proof == core::Proof::scram ? "scram" : "password");
  core::Admission admission;
  admission.principal = make_principal(name, proof, *step.peer);
  return admission;
}

}  // namespace lineshaft::auth
