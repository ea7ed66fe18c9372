#include <nlohmann/json.hpp>
#include <string>

#include "auth/policy_report_text.h"
#include "tests/unit/auth/policy_fixture.h"

namespace lineshaft::auth {

using namespace policy_test;

namespace {

PolicySnapshotPtr with_positions() {
  Positions positions;
  positions.set("/roles/reader/subscribe/0", {"zones.toml", 21, 14});
  positions.set("/conduits/0", {"zones.toml", 30, 1});
  positions.set("/conduits/1", {"zones.toml", 34, 1});
  const CompiledPolicy compiled = compile_policy_text(example_policy, positions, friday);
  REQUIRE(compiled.policy != nullptr);
  return compiled.policy;
}

}  // namespace

TEST_CASE("an explanation has every rule, every conduit and what decided", "[auth][policy]") {
  const auto policy = with_positions();
  const auto analyst = somebody("it", {"reader"});
  const Explanation why = policy->explain(analyst, "c", Op::deliver, "plant1/ot/press/temp", {});
  CHECK(why.decision == policy->check(analyst, "c", Op::deliver, "plant1/ot/press/temp", {}));
  CHECK(why.decision.reason == PolicyReason::conduit_topic);
  CHECK(policy->rule_text(why.decision.rule) == "zones.toml:34:1");
  CHECK(why.owner_zone == "ot");
  REQUIRE(why.rules.size() == 1);
  CHECK(why.rules[0].matched);
  REQUIRE(why.conduits.size() == 1);
  CHECK(why.conduits[0].result == PolicyReason::conduit_topic);
  CHECK(to_text(*policy, why) ==
        "operation: deliver\n"
        "topic: plant1/ot/press/temp, of zone ot\n"
        "zone: it, strength 3 of 2\n"
        "roles: reader\n"
        "  matches subscribe \"plant1/#\" of role reader (zones.toml:21:14)\n"
        "  conduit ot -> it (zones.toml:34:1): CONDUIT_TOPIC\n"
        "deny: CONDUIT_TOPIC by conduit \"ot -> it\" (zones.toml:34:1)\n");
  const nlohmann::json json = to_json(*policy, why);
  CHECK(json["allow"] == false);
  CHECK(json["rule"]["at"] == "zones.toml:34:1");
  CHECK(json["conduits"][0]["result"] == "CONDUIT_TOPIC");
}

TEST_CASE("an explanation of a role's verdict names its line", "[auth][policy]") {
  const auto policy = compiled(example_policy);
  const Explanation yes =
      policy->explain(somebody("ot", {"edge"}), "c", Op::publish, "spBv1.0/G/NDATA/E", {});
  CHECK(yes.decision.allow);
  CHECK(yes.sparkplug == SparkplugType::ndata);
  CHECK(policy->rule_text(yes.decision.rule) == "/roles/edge/publish/1");
  CHECK(yes.conduits.empty());
  const Explanation no =
      policy->explain(somebody("ot", {"edge"}), "c", Op::publish, "spBv1.0/G/NCMD/E", {});
  CHECK(no.decision.reason == PolicyReason::role_spb);
  CHECK(policy->rule_text(no.decision.rule) == "/roles/edge/publish/1");
  const Explanation nobody = policy->explain({}, "c", Op::publish, "plant1/ot/x", {});
  CHECK(nobody.decision.reason == PolicyReason::no_zone_claim);
  CHECK(policy->rule_text(nobody.decision.rule) == "-");
}

TEST_CASE("conduits that make a way together are listed", "[auth][policy]") {
  const auto policy = compiled(R"({
    "zones": {"a": {"sl_t": 1, "owns": ["a"]}, "b": {"sl_t": 1, "owns": ["b"]},
              "c": {"sl_t": 1, "owns": ["c"]}, "d": {"sl_t": 1, "owns": ["d"]}},
    "roles": {"r": {"subscribe": ["a"]}},
    "conduits": [{"from": "a", "to": "b", "topics": ["a"]}, {"from": "b", "to": "c",
                  "topics": ["b"]}, {"from": "c", "to": "d", "topics": ["c"]},
                 {"from": "b", "to": "d", "topics": ["b"]}, {"from": "d", "to": "a",
                  "topics": ["d"]}]})");
  const auto chains = policy->chains();
  const auto has = [&](std::vector<std::string> zones) {
    for (const Chain& chain : chains) {
      if (chain.zones == zones) return chain.conduits.size() + 1 == zones.size();
    }
    return false;
  };
  CHECK(has({"a", "b", "c"}));
  CHECK(has({"a", "b", "d"}));
  CHECK(has({"b", "d", "a"}));
  CHECK(has({"c", "d", "a", "b"}));
  CHECK_FALSE(has({"a", "b", "c", "d"}));
  // Every pair that no conduit joins directly, once.
  CHECK(chains.size() == 7);
}

TEST_CASE("a class is personal when a filter is", "[auth][policy]") {
  const auto policy = compiled(R"({"zones": {"a": {"sl_t": 1, "owns": ["a/#"]}},
    "roles": {"all": {"publish": ["a/#"]}, "own": {"publish": ["a/${name}"]},
              "id": {"publish": ["a/${client_id}"]}}})");
  const auto key = [&](std::initializer_list<std::string> roles, std::string name,
                       std::string_view client_id) {
    return policy->class_key(somebody("a", roles, 3, std::move(name)), client_id);
  };
  CHECK(key({"all"}, "x", "1").key == key({"all"}, "y", "2").key);
  CHECK_FALSE(key({"all"}, "x", "1").is_personal);
  CHECK(key({"own"}, "x", "1").key == key({"own"}, "x", "2").key);
  CHECK(key({"own"}, "x", "1").key != key({"own"}, "y", "1").key);
  CHECK(key({"own"}, "x", "1").is_personal);
  CHECK(key({"id"}, "x", "1").key != key({"id"}, "x", "2").key);
  CHECK(key({"all"}, "x", "1").key != key({"all", "id"}, "x", "1").key);
}

}  // namespace lineshaft::auth
