#include "auth/policy_reason.h"

#include <array>

namespace lineshaft::auth {
namespace {

constexpr auto reason_names = std::to_array<std::string_view>({
    "ALLOWED",
    "NO_CERT",
    "CERT_INVALID",
    "CRL_STALE",
    "REVOKED",
    "NO_ZONE_CLAIM",
    "ZONE_CLAIM_CONFLICT",
    "ISSUER_NOT_FOR_ZONE",
    "LISTENER_ZONE",
    "NAME_UNSAFE",
    "STRENGTH",
    "CLIENTID_BOUND",
    "ROLE_NO_ALLOW",
    "ROLE_DENY",
    "ROLE_SPB",
    "TOPIC_INVALID",
    "TOPIC_UNOWNED",
    "NO_CONDUIT",
    "CONDUIT_VIA",
    "CONDUIT_TOPIC",
    "CONDUIT_ROLE",
    "CONDUIT_STRENGTH",
    "CONDUIT_TLS",
    "CONDUIT_SPB",
    "CONDUIT_COMMAND",
    "CONDUIT_QOS",
    "CONDUIT_RETAIN",
    "CONDUIT_SIZE",
    "CONDUIT_TIME",
    "CONDUIT_RATE",
    "QUARANTINED",
    "ISLAND",
    "QUOTA",
});
static_assert(reason_names.size() == static_cast<std::size_t>(PolicyReason::quota) + 1);

}  // namespace

std::string_view to_string(PolicyReason reason) {
  const auto index = static_cast<std::size_t>(reason);
  return index < reason_names.size() ? reason_names[index] : "UNKNOWN";
}

}  // namespace lineshaft::auth
