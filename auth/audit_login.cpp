#include "auth/audit_login.h"

#include "broker/base/audit.h"
#include "broker/base/limits.h"
#include "broker/core/peer_address.h"

namespace lineshaft::auth {

void audit_login(const core::AuthenticationStep& step, std::string_view identity,
                 ReasonCode reason_code, std::string_view reason, std::string_view zone) {
  const bool refused = is_failure(reason_code);
  audit({.type = refused ? "login_refused" : "login_accepted",
         .zone = zone,
         .identity = identity.substr(0, limits::user_name_size_bytes_max),
         .client = step.client_id,
         .address = core::address_without_port(step.peer->address),
         .op = "connect",
         .topic = {},
         .reason = reason.empty() ? to_string(reason_code) : reason,
         // What let it through or not: the listener.
         .rule = step.peer->listener,
         .epoch = 0,
         .is_repeatable = refused});
}

}  // namespace lineshaft::auth
