#include "auth/audit_login.h"

#include "broker/base/audit.h"
#include "broker/base/limits.h"

namespace lineshaft::auth {

void audit_login(const core::AuthenticationStep& step, std::string_view identity,
                 ReasonCode reason_code, std::string_view reason, std::string_view zone) {
  const bool refused = is_failure(reason_code);
  audit({.type = refused ? "login_refused" : "login_accepted",
         .zone = zone,
         .identity = identity.substr(0, limits::user_name_size_bytes_max),
         .client = step.client_id,
         .address = address_without_port(step.peer->address),
         .op = "connect",
         .topic = {},
         .reason = reason.empty() ? to_string(reason_code) : reason,
         // What let it through or not: the listener.
         .rule = step.peer->listener,
         .epoch = 0,
         .is_repeatable = refused});
}

std::string_view address_without_port(std::string_view address) {
  if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
  const std::size_t colon = address.rfind(':');
  // An IPv6 address without port has more of them; that of a Unix socket names a user.
  if (colon == std::string_view::npos || address.find(':') != colon) return address;
  return address.starts_with("unix:") ? address : address.substr(0, colon);
}

}  // namespace lineshaft::auth
