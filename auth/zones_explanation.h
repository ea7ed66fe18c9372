#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "auth/identity_check.h"
#include "auth/policy_snapshot.h"

/// Decisions as JSON, for the command line and the admin socket.
namespace lineshaft::auth {

/// Who it is, and how that was found out: reason, name, zone, roles, strength, steps.
nlohmann::json to_json(const IdentityVerdict& verdict, const Positions& positions);

/// Whom the broker holds `principal` for; `reason`: `allowed`, or why it has no place here.
nlohmann::json to_json(const core::Principal& principal, PolicyReason reason);

/// Either of them for people, a line for each fact.
std::string identity_text(const nlohmann::json& identity);

/// What somebody asks for.
struct ZonesQuestion {
  /// "subscribe" with wildcards is about the filter.
  std::string op;
  std::string topic;
  std::string client_id;
  MessageAttributes message;
};

/// The answer to `identity`, which may be refused: an object with the members "identity",
/// "decision" if there is one, "allow", and "text", the same for people.
nlohmann::json explain_json(const PolicySnapshot& policy, nlohmann::json identity,
                            const core::Principal& principal, const ZonesQuestion& question);

/// DER of the first certificate in a PEM text; empty: there is none.
std::string first_certificate_der(const std::string& pem);

}  // namespace lineshaft::auth
