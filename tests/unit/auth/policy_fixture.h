#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "auth/policy_snapshot.h"
#include "tests/support/catch.h"

/// What the tests of the policy share: the example of the design, principals, a fixed time.
namespace lineshaft::auth::policy_test {

/// 2026-11-20T13:00:00Z, a Friday.
inline constexpr WallTime friday{Milliseconds{1'795'179'600'000}};

/// Three zones, as in docs/zones.md: machines, a gateway's zone and the office.
inline constexpr std::string_view example_policy = R"({
  "pki": { "trust": "trust.pem", "crl": "crl.pem", "crl_stale_grace": "24h",
           "trust_domain": "plant1",
           "issuers": { "ot.crt": ["ot"], "it.crt": ["it"], "dmz.crt": ["dmz"] } },
  "identity": [ { "from": "san_uri", "match": "spiffe://plant1/zone/{zone}/role/{role}/{name}",
                  "require": true },
                { "from": "ou", "match": "{zone}", "require": true } ],
  "listeners": { "tls": { "bind": "0.0.0.0:8883", "transport": "tls", "tls_min": "1.2",
                          "client_cert": "require", "zones": ["ot", "dmz", "it"] } },
  "zones": { "ot":  { "sl_t": 3, "owns": ["plant1/ot/#", "spBv1.0/#"],
                      "command_topics": ["plant1/ot/+/cmd/#"] },
             "dmz": { "sl_t": 2, "owns": ["plant1/dmz/#"] },
             "it": { "sl_t": 2, "owns": ["plant1/it/#"] } },
  "roles": { "edge":    { "publish": ["plant1/ot/#", "spBv1.0/#"],
                          "subscribe": ["plant1/ot/#", "spBv1.0/#"] },
             "host":    { "publish": ["plant1/#", "spBv1.0/#"],
                          "sparkplug": ["NCMD", "DCMD", "STATE"],
                          "subscribe": ["plant1/#", "spBv1.0/#"] },
             "admin":   { "publish": ["#"], "subscribe": ["#"], "sparkplug": ["*"],
                          "sys": ["metrics", "clients", "audit"] },
             "gateway": { "subscribe": ["plant1/ot/#"] },
             "reader": { "subscribe": ["plant1/#"] },
             "app":     { "subscribe": ["plant1/#"],
                          "publish": ["plant1/it/#", "plant1/ot/+/orders"] } },
  "conduits": [ { "from": "ot", "to": "dmz", "topics": ["plant1/ot/#"], "via": "subscribe" },
                { "from": "ot", "to": "it",  "topics": ["plant1/ot/+/kpi/#"],
                  "via": "subscribe", "bytes": "5MB/s" },
                { "from": "it", "to": "ot",  "topics": ["plant1/ot/+/orders"], "via": "publish",
                  "roles": ["app"], "min_strength": 3, "max_payload": 65536, "rate": "20/s" } ] })";

inline core::Principal somebody(std::string zone, std::initializer_list<std::string> roles,
                                std::uint8_t strength = 3, std::string name = "press-7") {
  core::Principal principal;
  principal.name = std::move(name);
  principal.proof = core::Proof::certificate;
  principal.strength = strength;
  principal.zone = std::move(zone);
  principal.roles = roles;
  principal.tls = 12;
  principal.issuer_spki = std::string(32, 'i');
  return principal;
}

/// The policy, or a failed test that shows what the compiler said.
inline PolicySnapshotPtr compiled(std::string_view text, WallTime now = friday) {
  CompiledPolicy result = compile_policy_text(text, Positions{}, now);
  for (const Diagnostic& diagnostic : result.diagnostics) {
    if (diagnostic.severity == Diagnostic::Severity::error) UNSCOPED_INFO(to_string(diagnostic));
  }
  REQUIRE(result.policy != nullptr);
  return result.policy;
}

/// The decision about a small message, as text: "ALLOWED" or why not.
inline std::string decided(const PolicySnapshot& policy, const core::Principal& who, Op op,
                           std::string_view topic, MessageAttributes attributes = {}) {
  const Decision decision = policy.check(who, "client-1", op, topic, attributes);
  std::string text(to_string(decision.reason));
  if (decision.allow && decision.reason != PolicyReason::allowed) text += " (monitored)";
  return text;
}

}  // namespace lineshaft::auth::policy_test
