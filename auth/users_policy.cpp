#include "auth/users_policy.h"

#include <utility>

namespace lineshaft::auth {

UsersPolicyPtr make_users_policy(UserTable users, UserRules rules, bool allows_anonymous,
                                 bool believes_certificates) {
  auto policy = std::make_shared<UsersPolicy>();
  policy->users = std::move(users);
  policy->rules = std::move(rules);
  policy->allows_anonymous = allows_anonymous;
  policy->believes_certificates = believes_certificates;
  for (const auto& [name, record] : policy->users) {
    if (record.password) policy->hashes.push_back(&*record.password);
    if (record.scram) policy->scram_keys.push_back(&*record.scram);
  }
  return policy;
}

}  // namespace lineshaft::auth
