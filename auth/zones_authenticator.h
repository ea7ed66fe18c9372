#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "auth/fingerprint_memory.h"
#include "auth/identity_check.h"
#include "auth/users_authenticator.h"
#include "broker/base/time.h"
#include "broker/core/authenticator.h"

namespace lineshaft::auth {

/// Finds out with the policy who a client is and which zone it belongs to: by its certificate, by
/// its pre-shared key, or by user name and password or SCRAM.
///
/// Who shows a certificate is judged by it alone; a user name it sends says nothing. Every refusal
/// is logged, counted and audited with its reason; a client only gets the Reason Code. Any thread
/// may call it.
class ZonesAuthenticator final : public core::Authenticator {
 public:
  /// `secret`: as `UsersAuthenticator` has it. `known_file`: where it is kept who was let in while
  /// the revocation lists were fresh; empty: nowhere.
  ZonesAuthenticator(IdentityRulesPtr rules, Clock& clock, std::string secret = {},
                     std::string known_file = {});
  ~ZonesAuthenticator() override;

  void authenticate(core::AuthenticationStep step,
                    std::function<void(core::AuthenticationAnswer)> done) override;

  /// From now on these count.
  void set_rules(IdentityRulesPtr rules);
  IdentityRulesPtr rules() const;

  /// Now and then: says once when a list of revoked certificates that a zone relies on has ended,
  /// and keeps who is known. Writes to the disk.
  void poll(WallTime now);

 private:
  using Done = std::function<void(core::AuthenticationAnswer)>;

  core::Admission admit_certificate(const core::AuthenticationStep& step);
  core::Admission admit_name(const core::AuthenticationStep& step, std::string_view name,
                             core::Proof proof);
  core::Admission conclude(const core::AuthenticationStep& step, IdentityVerdict verdict);

  Clock& clock_;
  mutable std::mutex mutex_;
  IdentityRulesPtr rules_;
  /// Let in while the lists were fresh.
  FingerprintMemory known_;
  /// Ends of lists that were reported, by issuer.
  std::map<std::string, WallTime> reported_ends_;
  /// Last: its threads use everything above.
  UsersAuthenticator users_;
};

}  // namespace lineshaft::auth
