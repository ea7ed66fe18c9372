#pragma once

#include <cstdint>
#include <string_view>

namespace lineshaft::auth {

/// Why the policy decided as it did; in logs, audit records and explanations, never to clients.
enum class PolicyReason : std::uint8_t {
  allowed,
  // Who it is, found out before the policy is asked.
  no_cert,
  cert_invalid,
  crl_stale,
  revoked,
  no_zone_claim,  ///< also: the zone is none of this policy
  zone_claim_conflict,
  issuer_not_for_zone,
  listener_zone,
  name_unsafe,
  strength,  ///< below the own zone's sl_t
  clientid_bound,
  // What it may do at all.
  role_no_allow,
  role_deny,
  role_spb,  ///< publishes a Sparkplug type that its roles do not list
  topic_invalid,
  topic_unowned,
  // Across a border between zones; in the order in which a conduit's conditions are asked.
  no_conduit,
  conduit_via,
  conduit_topic,
  conduit_role,
  conduit_strength,
  conduit_tls,
  conduit_spb,
  conduit_command,
  conduit_qos,
  conduit_retain,
  conduit_size,
  conduit_time,
  conduit_rate,
  // For the time being.
  quarantined,
  island,
  quota,
};

/// "ROLE_NO_ALLOW"; static storage.
std::string_view to_string(PolicyReason reason);

}  // namespace lineshaft::auth
