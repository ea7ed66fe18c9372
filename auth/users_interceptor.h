#pragma once

#include <string>
#include <string_view>

#include "auth/policy_classes.h"
#include "auth/users_policy.h"
#include "broker/core/interceptor.h"

namespace lineshaft::auth {

/// The users' topic rules at the core's points of decision (`authorization = "users"`). Owned by
/// the core, called inside its turn only.
class UsersInterceptor final : public core::Interceptor {
 public:
  explicit UsersInterceptor(UsersPolicyPtr policy) : policy_(std::move(policy)) {}

  core::PolicyClass classify(const core::Subject& subject) override;
  core::ConnectVerdict on_connect(const core::Subject& subject) override;
  bool is_gone(const core::Principal& principal) const override;
  core::PublishVerdict on_publish(const core::Subject& subject, const Message& message) override;
  core::SubscribeVerdict on_subscribe(const core::Subject& subject,
                                      std::string_view filter) override;
  core::DeliverVerdict on_deliver(const core::Subject& subject, const Message& message) override;

 private:
  const std::vector<UserRule>* own_rules(const core::Principal& principal) const;
  template <class Visit>
  void for_each_rule(const core::Subject& subject, Visit visit) const;
  bool may(const core::Subject& subject, Access access, std::string_view topic) const;

  const UsersPolicyPtr policy_;
  /// By what distinguishes their rights.
  PolicyClasses classes_;
};

}  // namespace lineshaft::auth
