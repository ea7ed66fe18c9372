#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "broker/base/limits.h"
#include "tests/unit/auth/policy_fixture.h"

namespace lineshaft::auth {

using namespace policy_test;
using nlohmann::json;

namespace {

/// Two zones, a role and a conduit; tests patch it.
json small_policy() {
  return json::parse(R"({
    "zones": {"ot": {"sl_t": 3, "owns": ["ot/#"]}, "it": {"sl_t": 2, "owns": ["it/#"]}},
    "roles": {"reader": {"subscribe": ["ot/#", "it/#"]}},
    "conduits": [{"from": "ot", "to": "it", "topics": ["ot/kpi/#"], "via": "subscribe"}] })");
}

CompiledPolicy compile_with(std::string_view pointer, json value) {
  json document = small_policy();
  document[json::json_pointer(std::string(pointer))] = std::move(value);
  return compile_policy(document, Positions{}, friday);
}

bool says(const CompiledPolicy& compiled, Diagnostic::Severity severity, std::string_view pointer,
          std::string_view part) {
  for (const Diagnostic& one : compiled.diagnostics) UNSCOPED_INFO(to_string(one));
  return std::ranges::any_of(compiled.diagnostics, [&](const Diagnostic& one) {
    const bool has_part =
        one.message.find(part) != std::string::npos || one.advice.find(part) != std::string::npos;
    return one.severity == severity && one.pointer == pointer && has_part && !one.advice.empty();
  });
}

/// The value makes an error at `at` that says `part`, and there is no policy.
bool refuses(std::string_view pointer, json value, std::string_view at, std::string_view part) {
  const CompiledPolicy compiled = compile_with(pointer, std::move(value));
  return compiled.policy == nullptr && says(compiled, Diagnostic::Severity::error, at, part);
}

bool lints(std::string_view pointer, json value, std::string_view at, std::string_view part) {
  const CompiledPolicy compiled = compile_with(pointer, std::move(value));
  return compiled.policy != nullptr && says(compiled, Diagnostic::Severity::lint, at, part);
}

}  // namespace

TEST_CASE("a policy without faults has nothing said about it", "[auth][policy]") {
  CHECK(compile_policy(small_policy(), Positions{}, friday).diagnostics.empty());
  CHECK(compile_policy_text(example_policy, Positions{}, friday).diagnostics.empty());
}

TEST_CASE("an empty, cut off or doubtful document opens nothing", "[auth][policy]") {
  for (const std::string_view text :
       {"", "{}", "[]", "null", "{", R"({"zones": {}})", R"({"zones": {}, "roles": {}})",
        R"({"zones": {"a": {"sl_t": 1}}})", R"({"zones": {"a": {"sl_t": 1}}, "roles": {}})",
        R"({"roles": {"r": {}}})", R"({"zones": [], "roles": {"r": {}}})"}) {
    INFO(text);
    const CompiledPolicy compiled = compile_policy_text(text, Positions{}, friday);
    CHECK(compiled.policy == nullptr);
    CHECK_FALSE(compiled.diagnostics.empty());
  }
  for (std::size_t size = 0; size < example_policy.size(); size += 37) {
    INFO(size);
    const std::string_view cut = example_policy.substr(0, size);
    CHECK(compile_policy_text(cut, Positions{}, friday).policy == nullptr);
  }
  const std::string huge(limits::policy_document_size_bytes_max + 1, ' ');
  CHECK(compile_policy_text(huge, Positions{}, friday).policy == nullptr);
  const std::string deep = R"({"zones": )" + std::string(100'000, '[');
  CHECK(compile_policy_text(deep, Positions{}, friday).policy == nullptr);
}

TEST_CASE("a key that stands there twice is an error", "[auth][policy]") {
  const CompiledPolicy compiled = compile_policy_text(
      R"({"zones": {"a": {"sl_t": 4, "sl_t": 1}}, "roles": {"r": {}}})", Positions{}, friday);
  CHECK(compiled.policy == nullptr);
  CHECK(says(compiled, Diagnostic::Severity::error, "", "\"sl_t\" stands there twice"));
}

TEST_CASE("an unknown key is an error that names the nearest one", "[auth][policy]") {
  CHECK(refuses("/zones/ot/own", json::array(), "/zones/ot/own", "did you mean \"owns\"?"));
  CHECK(refuses("/roles/reader/subscribes", json::array(), "/roles/reader/subscribes",
                "did you mean \"subscribe\"?"));
  CHECK(refuses("/conduits/0/min_strenght", 3, "/conduits/0/min_strenght",
                "did you mean \"min_strength\"?"));
  CHECK(refuses("/conduit", json::array(), "/conduit", "did you mean \"conduits\"?"));
  CHECK(refuses("/pki", {{"trusts", "x"}}, "/pki/trusts", "did you mean \"trust\"?"));
  CHECK(refuses("/policy", {{"shadows", "x"}}, "/policy/shadows", "did you mean \"shadow\"?"));
}

TEST_CASE("names that lead nowhere are errors", "[auth][policy]") {
  CHECK(refuses("/conduits/0/to", "itt", "/conduits/0/to", "did you mean \"it\"?"));
  CHECK(refuses("/conduits/0/from", "*", "/conduits/0/from", "one conduit for each pair"));
  CHECK(refuses("/conduits/0/to", "*", "/conduits/0/to", "one conduit for each pair"));
  CHECK(refuses("/conduits/0/to", "ot", "/conduits/0", "from a zone to itself"));
  CHECK(refuses("/conduits/0/roles", {"raeder"}, "/conduits/0/roles/0", "\"reader\"?"));
  CHECK(refuses("/conduits/0/roles", json::array(), "/conduits/0/roles", "lets nobody through"));
  CHECK(refuses("/pki", {{"issuers", {{"ca.crt", {"ott"}}}}}, "/pki/issuers/ca.crt/0", "\"ot\""));
  CHECK(refuses("/pki", {{"issuers", {{"ca.crt", {{"attested", true}}}}}}, "/pki/issuers/ca.crt",
                "\"zones\" is missing"));
  CHECK(refuses("/listeners", {{"tls", {{"zones", {"oot"}}}}}, "/listeners/tls/zones/0", "\"ot\""));
  CHECK(refuses("/users", {{"bob", {{"zone", "iit"}}}}, "/users/bob/zone", "\"it\""));
  CHECK(refuses("/zones/unowned", {{"sl_t", 1}}, "/zones/unowned", "without an owner"));
  CHECK(refuses("/zones/a b", {{"sl_t", 1}}, "/zones/a b", "no name for a zone"));
  CHECK(refuses("/roles/+", json::object(), "/roles/+", "no name for a role"));
}

TEST_CASE("a filter that is none is an error that says why", "[auth][policy]") {
  const std::string at = "/roles/reader/subscribe/0";
  const auto refuses_filter = [&](json filter, std::string_view part) {
    return refuses("/roles/reader/subscribe", json::array({std::move(filter)}), at, part);
  };
  CHECK(refuses_filter("", "empty"));
  CHECK(refuses_filter("a+/b", "not a Topic Filter"));
  CHECK(refuses_filter("a/#/b", "not a Topic Filter"));
  CHECK(refuses_filter("a/\x01", "not a Topic Filter"));
  CHECK(refuses_filter("$share/g/a", "behind \"$share/NAME/\""));
  CHECK(refuses_filter("$SYS/#", "sys = "));
  CHECK(refuses_filter("$lkv/ot/#", "stands for other topics"));
  CHECK(refuses_filter("a/${nam}", "only ${name}, ${zone}, ${role} and ${client_id}"));
  CHECK(refuses_filter("a/${name", "only ${name}"));
  CHECK(refuses_filter(std::string(2000, 'a'), "longer than any topic"));
  CHECK(refuses_filter(7, "found a number"));
  CHECK(refuses("/zones/ot/owns", {"${name}/#"}, "/zones/ot/owns/0", "whoever asks"));
  CHECK(refuses("/conduits/0/topics", {"${role}/#"}, "/conduits/0/topics/0", "only ${name}"));
  CHECK(refuses("/conduits/0/topics", json::array(), "/conduits/0/topics", "without topics"));
}

TEST_CASE("a value out of its range is an error that shows a good one", "[auth][policy]") {
  CHECK(refuses("/zones/ot/sl_t", 5, "/zones/ot/sl_t", "from 1 to 4"));
  CHECK(refuses("/zones/ot/sl_t", "3", "/zones/ot/sl_t", "from 1 to 4"));
  CHECK(refuses("/zones/ot", json::object(), "/zones/ot", "\"sl_t\" is missing"));
  CHECK(refuses("/zones/ot/overlap", "filtr", "/zones/ot/overlap", "did you mean \"filter\"?"));
  CHECK(refuses("/conduits/0/via", "pub", "/conduits/0/via", "did you mean \"publish\"?"));
  CHECK(refuses("/conduits/0/rate", "20", "/conduits/0/rate", "\"20/s\""));
  CHECK(refuses("/conduits/0/rate", "0/s", "/conduits/0/rate", "\"20/s\""));
  CHECK(refuses("/conduits/0/bytes", "5MB", "/conduits/0/bytes", "\"5MB/s\""));
  CHECK(refuses("/conduits/0/max_payload", -1, "/conduits/0/max_payload", "whole number"));
  CHECK(refuses("/conduits/0/max_payload", "many", "/conduits/0/max_payload", "64KiB"));
  CHECK(refuses("/conduits/0/qos_max", 3, "/conduits/0/qos_max", "from 0 to 2"));
  CHECK(refuses("/conduits/0/retain", 1, "/conduits/0/retain", "true or false"));
  CHECK(refuses("/conduits/0/hours", "9-17", "/conduits/0/hours", "mon-fri 06:00-18:00"));
  CHECK(refuses("/conduits/0/hours", json::array(), "/conduits/0/hours", "no time at all"));
  CHECK(refuses("/conduits/0/until", "tomorrow", "/conduits/0/until", "2026-12-01T18:00:00Z"));
  CHECK(refuses("/conduits/0/sparkplug", {"NCMDS"}, "/conduits/0/sparkplug/0", "\"NCMD\"?"));
  CHECK(refuses("/roles/reader/sys", {"metric"}, "/roles/reader/sys/0", "\"metrics\"?"));
  CHECK(refuses("/conduits/0/commands", "yes", "/conduits/0/commands", "deny, allow"));
  CHECK(refuses("/pki", {{"crl_stale_grace", "a day"}}, "/pki/crl_stale_grace", "\"24h\""));
}

TEST_CASE("what weakens a high zone is an error", "[auth][policy]") {
  CHECK(refuses("/conduits/0/mode", "monitor", "/conduits/0/mode", "sl_t is 3"));
  CHECK(refuses("/conduits/0/min_tls", "none", "/conduits/0/min_tls",
                "only between zones of sl_t 1"));
  json document = small_policy();
  document["zones"]["ot"]["sl_t"] = 2;
  document["conduits"][0]["mode"] = "monitor";
  CHECK(compile_policy(document, Positions{}, friday).policy != nullptr);
  document["zones"]["ot"]["sl_t"] = document["zones"]["it"]["sl_t"] = 1;
  document["conduits"][0]["min_tls"] = "none";
  CHECK(compile_policy(document, Positions{}, friday).policy != nullptr);
}

TEST_CASE("two owners of equal specificity are an error that names both", "[auth][policy]") {
  CHECK(refuses("/zones/ot/owns", {"ot/#", "it/#"}, "/zones/ot/owns/1", "\"it/#\" of zone \"it\""));
  CHECK(refuses("/zones/ot/owns", {"ot/#", "it/+"}, "/zones/ot/owns/1", "neither"));
  CHECK(refuses("/zones/ot/owns", {"+/a", "ot/#"}, "/zones/ot/owns/0", "") == false);
  const auto policy = compile_with("/zones/ot/owns", {"it/line/#", "+/x", "#"}).policy;
  REQUIRE(policy != nullptr);
  CHECK(policy->zone_of("it/line/a") == "ot");
  CHECK(policy->zone_of("it/x") == "it");
  CHECK(policy->zone_of("it/other") == "it");
  CHECK(policy->zone_of("else/y") == "ot");
  CHECK(policy->zone_of("$else/y").empty());
  CHECK(policy->zone_of("$lkv/it/x") == "it");
}

TEST_CASE("a topic of nobody's that joins two zones is a lint", "[auth][policy]") {
  json document = small_policy();
  document["roles"]["reader"]["publish"] = {"open/x"};
  const auto says_it = [&] {
    return says(compile_policy(document, Positions{}, friday), Diagnostic::Severity::lint,
                "/roles/reader/publish/0", "without a conduit");
  };
  CHECK_FALSE(says_it());
  document["roles"]["listener"]["subscribe"] = {"open/x"};
  CHECK(says_it());
  document["zones"].begin()->at("owns").push_back("open/#");
  CHECK_FALSE(says_it());
}

TEST_CASE("what is hardly meant is a lint, and the policy still compiles", "[auth][policy]") {
  CHECK(lints("/conduits/0/min_strength", 2, "/conduits/0/min_strength", "is below 3"));
  CHECK(lints("/conduits/0/topics", {"it/#"}, "/conduits/0/topics/0", "the zone in \"from\" owns"));
  CHECK(lints("/conduits/0/except", {"it/x"}, "/conduits/0/except/0", "takes nothing away"));
  CHECK(lints("/conduits/0/until", "2020-01-01T00:00:00Z", "/conduits/0", "its time is over"));
  CHECK(lints("/roles/idle", json::object(), "/roles/idle", "may do nothing"));
  CHECK(lints("/roles/reader/publish", {"scada/#"}, "/roles/reader/publish/0", "no zone owns"));
}

TEST_CASE("a fault is shown where it stands in the file", "[auth][policy]") {
  Positions positions;
  positions.set("/conduits/0", {"conf.d/it.toml", 12, 1});
  positions.set("/conduits/0/to", {"conf.d/it.toml", 14, 6});
  json document = small_policy();
  document["conduits"][0]["to"] = "itt";
  const CompiledPolicy compiled = compile_policy(document, positions, friday);
  REQUIRE(compiled.diagnostics.size() == 1);
  CHECK(compiled.diagnostics[0].at == "conf.d/it.toml:14:6");
  CHECK(to_string(compiled.diagnostics[0]) ==
        "policy error: conf.d/it.toml:14:6: /conduits/0/to: there is no zone of this name\n"
        "  did you mean \"it\"?");
  // Without a position of its own the nearest thing around it.
  document["conduits"][0]["to"] = "it";
  document["conduits"][0]["rate"] = "often";
  CHECK(compile_policy(document, positions, friday).diagnostics[0].at == "conf.d/it.toml:12:1");
}

TEST_CASE("every bound of a document is an error above it", "[auth][policy]") {
  const auto with = [](std::string_view table, std::size_t count, const json& value) {
    json document = small_policy();
    document["conduits"] = json::array();
    for (std::size_t i = 0; i < count; ++i) document[table][fmt::format("x{}", i)] = value;
    return compile_policy(document, Positions{}, friday).policy != nullptr;
  };
  CHECK(with("zones", limits::policy_zones_max - 2, {{"sl_t", 1}}));
  CHECK_FALSE(with("zones", limits::policy_zones_max - 1, {{"sl_t", 1}}));
  CHECK(with("roles", limits::policy_roles_max - 1, json::object()));
  CHECK_FALSE(with("roles", limits::policy_roles_max, json::object()));
  json document = small_policy();
  const json conduit = document["conduits"][0];
  for (std::size_t i = 1; i < limits::policy_conduits_max; ++i) {
    document["conduits"].push_back(conduit);
  }
  CHECK(compile_policy(document, Positions{}, friday).policy != nullptr);
  document["conduits"].push_back(conduit);
  CHECK(compile_policy(document, Positions{}, friday).policy == nullptr);
  document = small_policy();
  for (std::size_t i = 0; i < limits::policy_rules_max; ++i) {
    document["roles"]["reader"]["deny"].push_back("x");
  }
  CHECK(compile_policy(document, Positions{}, friday).policy == nullptr);
}

TEST_CASE("thousands of faults are cut short and counted", "[auth][policy]") {
  json document = small_policy();
  for (int i = 0; i < 1000; ++i) document["roles"]["reader"]["deny"].push_back("a+");
  const CompiledPolicy compiled = compile_policy(document, Positions{}, friday);
  REQUIRE(compiled.diagnostics.size() == limits::policy_diagnostics_max + 1);
  CHECK(compiled.diagnostics.back().message == "900 more");
}

}  // namespace lineshaft::auth
