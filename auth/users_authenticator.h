#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "auth/backoff.h"
#include "auth/hash_pool.h"
#include "auth/scram.h"
#include "auth/users_policy.h"
#include "broker/base/time.h"
#include "broker/core/authenticator.h"

namespace lineshaft::auth {

/// Finds out with the users file who a client is: by user name and password, by SCRAM-SHA-256, or,
/// if the policy believes them, by the CN of its certificate.
///
/// Hashes on its own threads. The answer, and the time it takes, is the same for an unknown user
/// and for a wrong password. Any thread may call it.
class UsersAuthenticator final : public core::Authenticator {
 public:
  /// From `secret` comes what is invented about users that do not exist: with the same one a
  /// restart does not tell who does. Empty: one of this process's own.
  UsersAuthenticator(UsersPolicyPtr policy, Clock& clock, std::string secret = {});

  void authenticate(core::AuthenticationStep step,
                    std::function<void(core::AuthenticationAnswer)> done) override;

  /// From now on this one counts; what is being hashed is decided by the one before.
  void set_policy(UsersPolicyPtr policy);

 private:
  using Done = std::function<void(core::AuthenticationAnswer)>;

  UsersPolicyPtr policy() const;
  core::Admission check_certificate(const UsersPolicy& rules,
                                    const core::AuthenticationStep& step) const;
  void check_password(core::AuthenticationStep step, Done done);
  void refuse_busy(const core::AuthenticationStep& step, const Done& done);
  bool may_try(const std::string& name, const core::AuthenticationStep& step);
  bool is_right(const UsersPolicy& policy, const std::string& name,
                const std::string& password) const;
  core::AuthenticationAnswer begin_scram(const core::AuthenticationStep& step);
  core::AuthenticationAnswer finish_scram(const core::AuthenticationStep& step);
  core::Admission finish(const core::AuthenticationStep& step, const std::string& name, bool right,
                         core::Proof proof);

  Clock& clock_;
  const std::string secret_;
  mutable std::mutex mutex_;
  UsersPolicyPtr policy_;
  LoginBackoff backoff_;
  /// Last: its threads use everything above.
  HashPool pool_;
};

}  // namespace lineshaft::auth
