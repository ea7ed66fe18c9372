#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "broker/core/authenticator.h"

namespace lineshaft::test {

/// Believes every user name but "stranger"; "zone/name" belongs to a zone and has the role of its
/// name. A client without a name is nobody.
class Believing final : public core::Authenticator {
 public:
  void authenticate(core::AuthenticationStep step,
                    std::function<void(core::AuthenticationAnswer)> done) override {
    core::Admission admission;
    if (step.user_name == "stranger") admission.reason = ReasonCode::bad_user_name_or_password;
    auto principal = std::make_shared<core::Principal>();
    principal->name = step.user_name.value_or("");
    if (step.user_name) {
      principal->proof = core::Proof::password;
      principal->strength = 1;
    }
    const std::size_t slash = principal->name.find('/');
    if (slash != std::string::npos) {
      principal->zone = principal->name.substr(0, slash);
      principal->roles = {principal->zone};
      principal->name.erase(0, slash + 1);
    }
    admission.principal = std::move(principal);
    done(std::move(admission));
  }
};

}  // namespace lineshaft::test
