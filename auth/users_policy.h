#pragma once

#include <memory>
#include <vector>

#include "auth/user_file.h"
#include "auth/user_rules.h"

namespace lineshaft::auth {

/// Who there is and what each may do, as the files say. Immutable; a reload makes another one.
struct UsersPolicy {
  UserTable users;
  UserRules rules;
  /// May clients connect without a user name?
  bool allows_anonymous = false;
  /// Is who shows a valid certificate and sends no user name the user that its CN names?
  bool believes_certificates = false;
  /// The users' password hashes, to pick one blindly.
  std::vector<const PasswordHash*> hashes;
  /// And their SCRAM keys.
  std::vector<const ScramKeys*> scram_keys;
};

using UsersPolicyPtr = std::shared_ptr<const UsersPolicy>;

UsersPolicyPtr make_users_policy(UserTable users, UserRules rules, bool allows_anonymous,
                                 bool believes_certificates = false);

}  // namespace lineshaft::auth
