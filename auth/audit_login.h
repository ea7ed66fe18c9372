#pragma once

#include <string_view>

#include "broker/base/reason_code.h"
#include "broker/core/authenticator.h"

namespace lineshaft::auth {

/// How the attempt of a client to prove that it is `identity` ended, for the audit log. `reason`:
/// more than the Reason Code that the client gets, or empty.
void audit_login(const core::AuthenticationStep& step, std::string_view identity,
                 ReasonCode reason_code, std::string_view reason = {}, std::string_view zone = {});

}  // namespace lineshaft::auth
