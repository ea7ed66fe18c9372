#include "broker/app/report_verb.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/unit/app/config_world.h"

using namespace lineshaft;
using namespace lineshaft::app;

namespace {

constexpr const char* plant = R"(authorization = "zones"
[listeners.plant]
bind = "0.0.0.0:8883"
zones = ["ot", "it"]
connections_per_address_max = 10
[listeners.plant.tls]
cert_file = "server.crt"
key_file = "server.key"
client_certificate = "require"
[pki]
trust = "trust.pem"
crl = "crl.pem"
pins = []
[pki.issuers]
"ot.crt" = { zones = ["ot"], attested = true }
"it.crt" = ["it"]
[[identity]]
from = "ou"
match = "{zone}"
[zones.ot]
sl_t = 3
owns = ["plant1/ot/#"]
[zones.it]
sl_t = 2
owns = ["plant1/it/#"]
check_origin = false
[roles.edge]
publish = ["plant1/ot/#"]
[roles.admin]
publish = ["#"]
[[conduits]]
from = "ot"
to = "it"
topics = ["plant1/ot/+/kpi/#"]
via = "subscribe"
[[conduits]]
from = "it"
to = "ot"
topics = ["plant1/ot/+/orders"]
via = "publish"
roles = ["admin"]
min_strength = 2
commands = "allow"
max_payload = 1000
rate = "1/s"
)";

auth::ReportFacts facts_of(const std::string& config) {
  ConfigWorld world;
  world.configure(config);
  return report_facts(*world.load());
}

template <class List>
const auto& named(const List& list, const std::string& name) {
  const auto found = std::ranges::find_if(list, [&](const auto& one) { return one.name == name; });
  REQUIRE(found != list.end());
  return *found;
}

}  // namespace

TEST_CASE("the report reads zones, listeners, conduits and roles", "[app][report]") {
  const auto facts = facts_of(plant);
  const auto& ot = named(facts.zones, "ot");
  CHECK(ot.sl_t == 3);
  CHECK(ot.has_issuers);
  CHECK(ot.knows_keys);
  CHECK(ot.checks_origin);
  CHECK_FALSE(ot.keeps_expired);
  const auto& it = named(facts.zones, "it");
  CHECK(it.has_issuers);
  CHECK_FALSE(it.knows_keys);
  CHECK_FALSE(it.has_users);
  CHECK_FALSE(it.checks_origin);
  CHECK(it.keeps_expired);

  REQUIRE(facts.listeners.size() == 1);
  const auto& listener = facts.listeners[0];
  CHECK(listener.zones == std::vector<std::string>{"ot", "it"});
  CHECK(listener.has_tls);
  CHECK_FALSE(listener.is_local);
  CHECK_FALSE(listener.is_tls_1_3_only);
  CHECK(listener.certificate == auth::ReportListener::Certificate::require);
  CHECK(listener.checks_revocation);
  CHECK(listener.limits_addresses);

  REQUIRE(facts.conduits.size() == 2);
  CHECK(facts.conduits[0].min_strength == 3);
  CHECK_FALSE(facts.conduits[0].publishes);
  CHECK_FALSE(facts.conduits[0].carries_commands);
  CHECK(facts.conduits[1].where.starts_with("it -> ot ("));
  CHECK(facts.conduits[1].where.find("lineshaft.toml:36:1)") != std::string::npos);
  CHECK(facts.conduits[1].min_strength == 2);
  CHECK(facts.conduits[1].carries_commands);
  CHECK(facts.conduits[1].names_roles);
  CHECK(facts.conduits[1].is_bounded);
  CHECK(facts.wide_roles == std::vector<std::string>{"admin"});
  CHECK(facts.has_audit);
  CHECK_FALSE(facts_of(plant + std::string("[audit]\nenabled = false\n")).has_audit);
}

TEST_CASE("the report says what to change, for people and for programs", "[app][report]") {
  const auto zones = auth::make_security_report(facts_of(plant));
  const std::string text = report_text(zones);
  CHECK(text.find("zone ot: target level 3, not achieved\n") != std::string::npos);
  CHECK(text.find("FR 5 restricted data flow                          2  GAP\n") !=
        std::string::npos);
  CHECK(text.find("Remove its `min_strength`, or set it to 3.") != std::string::npos);
  CHECK(text.find("certified") == std::string::npos);
  const auto json = nlohmann::json::parse(report_json(zones));
  REQUIRE(json.at("zones").size() == 2);
  const auto& it = json.at("zones")[0];
  CHECK(it.at("zone") == "it");
  CHECK(it.at("requirements").size() == 7);
  CHECK(it.at("limits")[0].at("gap") == true);
}
