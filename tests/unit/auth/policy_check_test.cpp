#include "auth/policy_snapshot.h"
#include "tests/unit/auth/policy_fixture.h"

namespace lineshaft::auth {

using namespace policy_test;

TEST_CASE("inside a zone the roles decide", "[auth][policy]") {
  const auto policy = compiled(example_policy);
  const auto edge = somebody("ot", {"edge"});
  CHECK(decided(*policy, edge, Op::publish, "plant1/ot/press/temp") == "ALLOWED");
  CHECK(decided(*policy, edge, Op::deliver, "plant1/ot/press/temp") == "ALLOWED");
  CHECK(decided(*policy, edge, Op::publish, "plant1/it/erp") == "ROLE_NO_ALLOW");
  CHECK(decided(*policy, somebody("ot", {}), Op::publish, "plant1/ot/a") == "ROLE_NO_ALLOW");
  CHECK(decided(*policy, somebody("ot", {"gateway"}), Op::publish, "plant1/ot/a") ==
        "ROLE_NO_ALLOW");
}

TEST_CASE("between zones nothing flows without a conduit", "[auth][policy]") {
  const auto policy = compiled(example_policy);
  const auto gateway = somebody("dmz", {"gateway"});
  const auto analyst = somebody("it", {"reader"});
  const auto app = somebody("it", {"app"});
  CHECK(decided(*policy, gateway, Op::deliver, "plant1/ot/press/temp") == "ALLOWED");
  CHECK(decided(*policy, analyst, Op::deliver, "plant1/ot/press/temp") == "CONDUIT_TOPIC");
  CHECK(decided(*policy, analyst, Op::deliver, "plant1/ot/press/kpi/oee") == "ALLOWED");
  CHECK(decided(*policy, analyst, Op::deliver, "plant1/dmz/a") == "NO_CONDUIT");
  CHECK(decided(*policy, app, Op::publish, "plant1/ot/press/orders") == "ALLOWED");
  CHECK(decided(*policy, app, Op::deliver, "plant1/ot/press/orders") == "CONDUIT_TOPIC");
  CHECK(decided(*policy, app, Op::publish, "plant1/ot/press/orders",
                {QoS::at_most_once, false, 65537}) == "CONDUIT_SIZE");
  CHECK(decided(*policy, somebody("it", {"app"}, 2), Op::publish, "plant1/ot/press/orders") ==
        "CONDUIT_STRENGTH");
}

TEST_CASE("the example policy does what its zones are for", "[auth][policy]") {
  const auto policy = compiled(example_policy);
  struct Case {
    const char* zone;
    const char* role;
    Op op;
    const char* topic;
    const char* decision;
  };
  const Case cases[] = {
      {"ot", "edge", Op::publish, "spBv1.0/G/NDATA/E", "ALLOWED"},
      {"ot", "edge", Op::will, "spBv1.0/G/NDEATH/E", "ALLOWED"},
      {"ot", "edge", Op::publish, "spBv1.0/G/DCMD/E/D", "ROLE_SPB"},
      {"ot", "edge", Op::deliver, "spBv1.0/G/DCMD/E/D", "ALLOWED"},
      {"ot", "edge", Op::publish, "spBv1.0/STATE/h", "ROLE_SPB"},
      {"ot", "host", Op::publish, "spBv1.0/STATE/h", "ALLOWED"},
      {"ot", "host", Op::publish, "spBv1.0/G/NCMD/E", "ALLOWED"},
      {"ot", "host", Op::publish, "plant1/it/erp", "CONDUIT_VIA"},
      {"ot", "admin", Op::publish, "elsewhere/x", "TOPIC_UNOWNED"},
      {"ot", "admin", Op::deliver, "$SYS/broker/audit/head", "ALLOWED"},
      {"ot", "admin", Op::publish, "$SYS/broker/audit/head", "ROLE_NO_ALLOW"},
      {"dmz", "gateway", Op::deliver, "plant1/ot/press/temp", "ALLOWED"},
      {"dmz", "gateway", Op::deliver, "$lkv/plant1/ot/press/temp", "ALLOWED"},
      {"dmz", "gateway", Op::deliver, "plant1/ot/press/cmd/stop", "CONDUIT_COMMAND"},
      {"dmz", "host", Op::publish, "plant1/ot/press/temp", "NO_CONDUIT"},
      {"dmz", "admin", Op::deliver, "spBv1.0/G/NDATA/E", "CONDUIT_TOPIC"},
      {"it", "reader", Op::deliver, "plant1/ot/press/kpi/oee", "ALLOWED"},
      {"it", "reader", Op::deliver, "plant1/it/erp", "ALLOWED"},
      {"it", "reader", Op::publish, "plant1/ot/press/orders", "ROLE_NO_ALLOW"},
      {"it", "host", Op::publish, "plant1/ot/press/orders", "CONDUIT_ROLE"},
      {"it", "host", Op::publish, "spBv1.0/G/NCMD/E", "CONDUIT_TOPIC"},
      {"it", "app", Op::publish, "plant1/ot/press/orders", "ALLOWED"},
      {"it", "app", Op::publish, "plant1/ot/press/orders/more", "ROLE_NO_ALLOW"},
  };
  for (const Case& one : cases) {
    INFO(one.zone << " " << one.role << " " << to_string(one.op) << " " << one.topic);
    CHECK(decided(*policy, somebody(one.zone, {one.role}), one.op, one.topic) == one.decision);
  }
  const auto relation = [&](const char* zone, const char* role, const char* filter) {
    return policy->relate(somebody(zone, {role}), "c", filter);
  };
  CHECK(relation("ot", "edge", "plant1/ot/#") == Relation::subset);
  CHECK(relation("ot", "edge", "plant1/it/#") == Relation::disjoint);
  CHECK(relation("ot", "edge", "#") == Relation::overlap);
  CHECK(relation("dmz", "gateway", "plant1/ot/press/temp/#") == Relation::subset);
  // There are commands among them, which do not cross.
  CHECK(relation("dmz", "gateway", "plant1/ot/#") == Relation::overlap);
  CHECK(relation("dmz", "gateway", "plant1/ot/press/cmd/#") == Relation::disjoint);
  // Through a conduit whose bytes are counted each message has to be asked for.
  CHECK(relation("it", "reader", "plant1/ot/+/kpi/#") == Relation::overlap);
  CHECK(relation("it", "reader", "plant1/dmz/#") == Relation::disjoint);
  CHECK(relation("it", "reader", "plant1/ot/+/temp") == Relation::disjoint);
  CHECK(policy->chains().empty() == false);
}

TEST_CASE("what is excepted or denied by its outer name is no part of a subset", "[auth][policy]") {
  const auto policy = compiled(R"({
    "zones": {"a": {"sl_t": 1, "owns": ["a/#"]}, "b": {"sl_t": 1}},
    "roles": {"all": {"subscribe": ["#"]}, "live": {"subscribe": ["#"], "deny": ["$lkv/#"]}},
    "conduits": [{"from": "a", "to": "b", "topics": ["a/#"], "except": ["a/secret/#"]}]})");
  const auto who = somebody("b", {"all"});
  CHECK(policy->relate(who, "c", "a/#") == Relation::overlap);
  CHECK(policy->relate(who, "c", "a/x/#") == Relation::subset);
  CHECK(policy->relate(who, "c", "a/secret/#") == Relation::disjoint);
  const auto live = somebody("a", {"live"});
  CHECK(decided(*policy, live, Op::deliver, "a/x") == "ALLOWED");
  CHECK(decided(*policy, live, Op::deliver, "$lkv/a/x") == "ROLE_DENY");
  // Also where it is neither the first nor the last name.
  CHECK(decided(*policy, live, Op::deliver, "$frame/10s/$lkv/a/x") == "ROLE_DENY");
  CHECK(decided(*policy, live, Op::deliver, "$frame/10s/a/x") == "ALLOWED");
  CHECK(policy->relate(live, "c", "$lkv/a/x") == Relation::disjoint);
  CHECK(policy->relate(live, "c", "$lkv/a/#") == Relation::overlap);
}

TEST_CASE("a publish bears what its conduit allows, a delivery is cut to it", "[auth][policy]") {
  const auto policy = compiled(R"({
    "zones": {"a": {"sl_t": 1, "owns": ["a/#"]}, "b": {"sl_t": 1, "owns": ["b/#"]}},
    "roles": {"all": {"publish": ["#"], "subscribe": ["#"]}},
    "conduits": [{"from": "a", "to": "b", "topics": ["#"], "qos_max": 1, "retain": false,
                  "rate": "20/s", "bytes": "1kB/s", "max_payload": 100}]})");
  const auto sender = somebody("a", {"all"});
  const auto receiver = somebody("b", {"all"});
  const MessageAttributes heavy{QoS::exactly_once, true, 100};
  CHECK(decided(*policy, sender, Op::publish, "b/x", heavy) == "CONDUIT_QOS");
  CHECK(decided(*policy, sender, Op::publish, "b/x", {QoS::at_least_once, true, 1}) ==
        "CONDUIT_RETAIN");
  CHECK(decided(*policy, sender, Op::publish, "b/x", {QoS::at_least_once, false, 101}) ==
        "CONDUIT_SIZE");
  CHECK(decided(*policy, sender, Op::will, "b/x", {QoS::at_least_once, false, 100}) == "ALLOWED");
  const Decision delivery = policy->check(receiver, "c", Op::deliver, "a/x", heavy);
  CHECK(delivery.allow);
  CHECK(delivery.qos_max == QoS::at_least_once);
  CHECK(delivery.strips_retain);
  CHECK(delivery.attribute_sensitive);
  REQUIRE(delivery.bucket != no_bucket);
  const BucketLimits& bucket = policy->buckets().at(delivery.bucket);
  CHECK(bucket.messages_per_s == 20);
  CHECK(bucket.bytes_per_s == 1000);
  CHECK(policy->rule(bucket.rule).text == "a -> b");
  // Nothing is cut inside a zone.
  const Decision inside = policy->check(sender, "c", Op::deliver, "a/x", heavy);
  CHECK(inside == Decision{.allow = true, .reason = PolicyReason::allowed, .rule = inside.rule});
}

TEST_CASE("a conduit without limits is asked before one with", "[auth][policy]") {
  const auto policy = compiled(R"({
    "zones": {"a": {"sl_t": 1, "owns": ["a/#"]}, "b": {"sl_t": 1}},
    "roles": {"all": {"subscribe": ["#"]}},
    "conduits": [{"from": "a", "to": "b", "topics": ["#"], "qos_max": 0},
                 {"from": "a", "to": "b", "topics": ["a/free/#"]}]})");
  const auto receiver = somebody("b", {"all"});
  const Decision free = policy->check(receiver, "c", Op::deliver, "a/free/x", {});
  CHECK(free.qos_max == QoS::exactly_once);
  CHECK_FALSE(free.attribute_sensitive);
  CHECK(policy->rule(free.rule).pointer == "/conduits/1");
  CHECK(policy->check(receiver, "c", Op::deliver, "a/x", {}).qos_max == QoS::at_most_once);
}

TEST_CASE("commands cross a border only where they are named", "[auth][policy]") {
  const auto make = [](std::string_view more) {
    return compiled(std::string(R"({
      "zones": {"ot": {"sl_t": 1, "owns": ["ot/#", "spBv1.0/#", "STATE/#"],
                       "command_topics": ["ot/+/cmd/#"]}, "it": {"sl_t": 1}},
      "roles": {"host": {"publish": ["#"], "subscribe": ["#"], "sparkplug": ["*"]},
                "plain": {"publish": ["#"], "subscribe": ["#"]}},
      "conduits": [{"from": "it", "to": "ot", "topics": ["#"])") +
                    std::string(more) + R"(}, {"from": "ot", "to": "it", "topics": ["#"]}]})");
  };
  const auto host = somebody("it", {"host"});
  const auto plain = somebody("it", {"plain"});
  const auto closed = make("");
  CHECK(decided(*closed, host, Op::publish, "spBv1.0/G/NDATA/E") == "ALLOWED");
  CHECK(decided(*closed, host, Op::publish, "spBv1.0/G/NCMD/E") == "CONDUIT_SPB");
  CHECK(decided(*closed, host, Op::publish, "STATE/h") == "CONDUIT_SPB");
  CHECK(decided(*closed, host, Op::deliver, "spBv1.0/G/DCMD/E/D") == "CONDUIT_SPB");
  CHECK(decided(*closed, host, Op::deliver, "$sparkplug/certificates/spBv1.0/G/NBIRTH/E") ==
        "ALLOWED");
  CHECK(decided(*closed, host, Op::deliver, "$sparkplug/certificates/spBv1.0/G/NCMD/E") ==
        "CONDUIT_SPB");
  CHECK(decided(*closed, host, Op::publish, "ot/press/cmd/stop") == "CONDUIT_COMMAND");
  CHECK(decided(*closed, host, Op::publish, "ot/press/temp") == "ALLOWED");
  const auto open = make(R"(, "sparkplug": ["NCMD"], "commands": "allow")");
  CHECK(decided(*open, host, Op::publish, "spBv1.0/G/NCMD/E") == "ALLOWED");
  CHECK(decided(*open, host, Op::publish, "spBv1.0/G/NDATA/E") == "CONDUIT_SPB");
  CHECK(decided(*open, host, Op::publish, "ot/press/cmd/stop") == "ALLOWED");
  // The role must have it too, inside its own zone as well.
  CHECK(decided(*open, plain, Op::publish, "spBv1.0/G/NCMD/E") == "ROLE_SPB");
  CHECK(decided(*open, somebody("ot", {"plain"}), Op::publish, "spBv1.0/G/NCMD/E") == "ROLE_SPB");
  CHECK(decided(*open, somebody("ot", {"plain"}), Op::deliver, "spBv1.0/G/NCMD/E") == "ALLOWED");
}

TEST_CASE("$SYS is read by who may read its part, and written by nobody", "[auth][policy]") {
  const auto policy = compiled(R"({"zones": {"a": {"sl_t": 1}}, "roles": {
    "m": {"sys": ["metrics"]}, "c": {"sys": ["clients"]}, "u": {"sys": ["audit"]},
    "all": {"publish": ["#", "$x/y"], "subscribe": ["#", "+/+", "$x/y"]}}})");
  const auto reads = [&](const char* role, std::string_view topic) {
    return decided(*policy, somebody("a", {role}), Op::deliver, topic) == "ALLOWED";
  };
  CHECK(reads("m", "$SYS/broker/load"));
  CHECK(reads("m", "$SYS/broker/clients/connected"));
  CHECK_FALSE(reads("m", "$SYS/broker/clients/press-7/address"));
  CHECK(reads("c", "$SYS/broker/clients/press-7/address"));
  CHECK_FALSE(reads("m", "$SYS/broker/audit/head"));
  CHECK(reads("u", "$SYS/broker/security/events"));
  CHECK_FALSE(reads("all", "$SYS/broker/load"));
  CHECK_FALSE(reads("m", "$SYS/other"));
  CHECK(decided(*policy, somebody("a", {"m", "all"}), Op::publish, "$SYS/broker/load") ==
        "ROLE_NO_ALLOW");
  // Other topics with '$' are nobody's, and wildcards do not reach them.
  CHECK(decided(*policy, somebody("a", {"all"}), Op::publish, "$x/y") == "ALLOWED");
  CHECK(decided(*policy, somebody("a", {"all"}), Op::publish, "$x/z") == "ROLE_NO_ALLOW");
  CHECK(policy->relate(somebody("a", {"m"}), "c", "$SYS/#") == Relation::overlap);
  CHECK(policy->relate(somebody("a", {"u"}), "c", "$SYS/broker/audit/#") == Relation::subset);
  CHECK(policy->relate(somebody("a", {"m"}), "c", "$SYS/broker/audit/#") == Relation::disjoint);
}

TEST_CASE("nobody's topic is open to a role that names it", "[auth][policy]") {
  const auto policy = compiled(R"({"zones": {"a": {"sl_t": 1, "owns": ["a/#"]}},
    "roles": {"r": {"subscribe": ["#", "inbox/seven", "mine/${name}"]}}})");
  const auto who = somebody("a", {"r"});
  CHECK(decided(*policy, who, Op::deliver, "lost") == "TOPIC_UNOWNED");
  CHECK(decided(*policy, who, Op::deliver, "inbox/seven") == "ALLOWED");
  CHECK(decided(*policy, who, Op::deliver, "inbox/eight") == "TOPIC_UNOWNED");
  // Who has the name in another zone would have the same topic.
  CHECK(decided(*policy, who, Op::deliver, "mine/press-7") == "TOPIC_UNOWNED");
  CHECK(policy->relate(who, "c", "inbox/+") == Relation::overlap);
  CHECK(policy->relate(who, "c", "mine/+") == Relation::disjoint);
  Overrides overrides;
  overrides.islands = {"a"};
  const auto island = policy->with(overrides, friday);
  CHECK(decided(*island, who, Op::deliver, "inbox/seven") == "ISLAND");
  CHECK(island->relate(who, "c", "inbox/+") == Relation::disjoint);
  CHECK(decided(*island, who, Op::deliver, "a/x") == "ALLOWED");
  CHECK(policy->relate(who, "c", "a/+") == Relation::subset);
  CHECK(policy->relate(who, "c", "lost/+") == Relation::disjoint);
}

TEST_CASE("names stand for variables only when they are harmless", "[auth][policy]") {
  const auto policy = compiled(R"({"zones": {"a": {"sl_t": 1, "owns": ["#"]}},
    "roles": {"own": {"publish": ["own/${name}/#", "id/${client_id}", "${zone}/${role}"]},
              "not": {"publish": ["own/#"], "deny": ["own/${name}/secret"]}}})");
  const auto press = somebody("a", {"own"});
  CHECK(decided(*policy, press, Op::publish, "own/press-7/x") == "ALLOWED");
  CHECK(decided(*policy, press, Op::publish, "own/press-8/x") == "ROLE_NO_ALLOW");
  CHECK(decided(*policy, press, Op::publish, "id/client-1") == "ALLOWED");
  CHECK(decided(*policy, press, Op::publish, "a/own") == "ALLOWED");
  for (const char* name : {"+", "#", "x/#", "press 7", ""}) {
    INFO(name);
    const auto evil = somebody("a", {"own"}, 3, name);
    CHECK(decided(*policy, evil, Op::publish, "own/press-7/x") == "ROLE_NO_ALLOW");
    CHECK(decided(*policy, evil, Op::publish, std::string("own/x") + "/y") == "ROLE_NO_ALLOW");
    // What is denied by a name that stands for nothing is denied everywhere.
    const auto denied = somebody("a", {"not"}, 3, name);
    CHECK(decided(*policy, denied, Op::publish, "own/public") == "ROLE_DENY");
    CHECK(policy->relate(denied, "c", "own/#") == Relation::disjoint);
  }
  CHECK(decided(*policy, somebody("a", {"not"}), Op::publish, "own/public") == "ALLOWED");
}

TEST_CASE("quarantine, islands and lent roles hold until their end", "[auth][policy]") {
  const auto policy = compiled(example_policy);
  const auto edge = somebody("ot", {"edge"});
  const auto gateway = somebody("dmz", {"gateway"});
  Overrides overrides;
  overrides.quarantined = {{{"press-7", std::nullopt}, friday + Milliseconds{1000}}};
  auto now = policy->with(overrides, friday);
  CHECK(decided(*now, edge, Op::publish, "plant1/ot/a") == "QUARANTINED");
  CHECK(now->relate(edge, "c", "plant1/ot/#") == Relation::disjoint);
  CHECK(now->may_connect(edge) == PolicyReason::allowed);
  CHECK(now->is_quarantined(edge));
  CHECK(decided(*now, somebody("ot", {"edge"}, 3, "press-8"), Op::publish, "plant1/ot/a") ==
        "ALLOWED");
  CHECK(now->next_edge() == friday + Milliseconds{1000});
  const auto later = now->with(overrides, friday + Milliseconds{1000});
  CHECK(decided(*later, edge, Op::publish, "plant1/ot/a") == "ALLOWED");
  CHECK_FALSE(later->next_edge());
  // Another CA's "press-7" is somebody else.
  overrides.quarantined[0].who.issuer_spki = std::string(32, 'x');
  CHECK_FALSE(policy->with(overrides, friday)->is_quarantined(edge));

  overrides = {};
  overrides.islands = {"ot"};
  now = policy->with(overrides, friday);
  CHECK(decided(*now, gateway, Op::deliver, "plant1/ot/a") == "ISLAND");
  CHECK(decided(*now, edge, Op::deliver, "plant1/ot/a") == "ALLOWED");
  CHECK(now->relate(gateway, "c", "plant1/ot/#") == Relation::disjoint);
  CHECK(now->is_island("ot"));

  overrides = {};
  overrides.break_glass = {{{"press-7", std::nullopt}, "host", friday + Milliseconds{60'000}},
                           {{"press-7", std::nullopt}, "gone", friday + Milliseconds{90'000}}};
  now = policy->with(overrides, friday);
  CHECK(decided(*policy, edge, Op::publish, "spBv1.0/G/NCMD/E") == "ROLE_SPB");
  CHECK(decided(*now, edge, Op::publish, "spBv1.0/G/NCMD/E") == "ALLOWED");
  // It lends a role, not strength.
  CHECK(decided(*now, somebody("ot", {}, 2), Op::publish, "plant1/ot/a") == "STRENGTH");
  CHECK(now->class_key(edge, "c").key != policy->class_key(edge, "c").key);
  // What becomes of who may do nothing is said by his zone.
  CHECK(policy->class_key(somebody("ot", {}, 0), "c").key !=
        policy->class_key(somebody("it", {}, 0), "c").key);
  CHECK(now->next_edge() == friday + Milliseconds{60'000});
}

TEST_CASE("a conduit is there only in its time", "[auth][policy]") {
  const std::string_view text = R"({
    "zones": {"a": {"sl_t": 1, "owns": ["a/#"]}, "b": {"sl_t": 1}},
    "roles": {"all": {"subscribe": ["#"]}},
    "conduits": [{"from": "a", "to": "b", "topics": ["#"], "hours": "mon-fri 06:00-18:00",
                  "until": "2026-11-24T12:00:00Z"}]})";
  const auto who = somebody("b", {"all"});
  const auto policy = compiled(text);
  CHECK(decided(*policy, who, Op::deliver, "a/x") == "ALLOWED");
  CHECK(policy->relate(who, "c", "a/#") == Relation::subset);
  std::vector<std::string> seen;
  PolicySnapshotPtr now = policy;
  while (const auto edge = now->next_edge()) {
    now = now->with({}, *edge);
    seen.push_back(decided(*now, who, Op::deliver, "a/x"));
    CHECK((now->relate(who, "c", "a/#") == Relation::disjoint) == (seen.back() != "ALLOWED"));
  }
  // Closed on Friday evening, open on Monday, closed, open on Tuesday until noon.
  CHECK(seen == std::vector<std::string>{"CONDUIT_TIME", "ALLOWED", "CONDUIT_TIME", "ALLOWED",
                                         "CONDUIT_TIME"});
}

TEST_CASE("monitor mode lets through what it would refuse, and says so", "[auth][policy]") {
  const auto policy = compiled(R"({
    "zones": {"a": {"sl_t": 2, "owns": ["a/#"]}, "b": {"sl_t": 1}},
    "roles": {"all": {"subscribe": ["#"]}, "other": {"subscribe": ["#"]}},
    "conduits": [{"from": "a", "to": "b", "topics": ["a/#"], "except": ["a/no"],
                  "roles": ["all"], "mode": "monitor", "rate": "1/s", "qos_max": 0}]})");
  CHECK(decided(*policy, somebody("b", {"other"}), Op::deliver, "a/x") ==
        "CONDUIT_ROLE (monitored)");
  CHECK(decided(*policy, somebody("b", {"all"}, 1), Op::deliver, "a/x") ==
        "CONDUIT_STRENGTH (monitored)");
  CHECK(decided(*policy, somebody("b", {"all"}), Op::deliver, "a/no") == "CONDUIT_TOPIC");
  const Decision fine = policy->check(somebody("b", {"all"}), "c", Op::deliver, "a/x", {});
  CHECK(fine.allow);
  CHECK(fine.reason == PolicyReason::allowed);
  CHECK(fine.monitored);
  CHECK(fine.attribute_sensitive);
  CHECK(fine.qos_max == QoS::exactly_once);
  CHECK(policy->buckets().at(fine.bucket).monitored);
  CHECK(policy->relate(somebody("b", {"all"}), "c", "a/#") == Relation::overlap);
}

TEST_CASE("TLS and strength are asked of who crosses", "[auth][policy]") {
  const auto policy = compiled(R"({
    "zones": {"a": {"sl_t": 1, "owns": ["a/#"]}, "b": {"sl_t": 3, "owns": ["b/#"]}},
    "roles": {"all": {"subscribe": ["#"], "publish": ["#"]}},
    "conduits": [{"from": "a", "to": "b", "topics": ["#"], "min_tls": "1.3"}]})");
  auto who = somebody("a", {"all"}, 2);
  who.tls = 13;
  CHECK(decided(*policy, who, Op::publish, "b/x") == "CONDUIT_STRENGTH");
  who.strength = 3;
  CHECK(decided(*policy, who, Op::publish, "b/x") == "ALLOWED");
  who.tls = 12;
  CHECK(decided(*policy, who, Op::publish, "b/x") == "CONDUIT_TLS");
  CHECK(policy->may_connect(somebody("b", {}, 2)) == PolicyReason::strength);
  CHECK(policy->may_connect(somebody("c", {}, 4)) == PolicyReason::no_zone_claim);
  CHECK(decided(*policy, somebody("", {"all"}), Op::publish, "a/x") == "NO_ZONE_CLAIM");
}

TEST_CASE("what is no topic, and what no key grants, is refused", "[auth][policy]") {
  const auto policy = compiled(example_policy);
  const auto admin = somebody("ot", {"admin"});
  for (const std::string topic : {"", "a/+", "#", "$lkv/", "$lkv/#"}) {
    INFO(topic);
    CHECK(decided(*policy, admin, Op::deliver, topic) == "TOPIC_INVALID");
  }
  CHECK(decided(*policy, admin, Op::admin, "plant1/ot/a") == "ROLE_NO_ALLOW");
  CHECK(decided(*policy, admin, Op::publish, "$lkv/plant1/ot/a") == "ALLOWED");
  CHECK(decided(*policy, admin, Op::deliver, "$lkv/$SYS/broker/load") == "ALLOWED");
  CHECK(decided(*policy, somebody("ot", {"edge"}), Op::deliver, "$frame/1s/plant1/it/a") ==
        "ROLE_NO_ALLOW");
}

TEST_CASE("zones are what the document says of them", "[auth][policy]") {
  const auto policy = compiled(R"({
    "policy": {"client_id": "prefix"},
    "zones": {"high": {"sl_t": 3}, "low": {"sl_t": 1, "overlap": "deny", "check_origin": true,
              "on_revoke": "disconnect", "on_deny": "disconnect", "on_expiry": "disconnect",
              "client_id": "free"}},
    "roles": {"r": {"subscribe": ["x"]}},
    "users": {"alice": {"zone": "low", "roles": ["r"]}}})");
  const ZoneFacts* high = policy->zone("high");
  const ZoneFacts* low = policy->zone("low");
  REQUIRE((high != nullptr && low != nullptr));
  CHECK(policy->zone("middle") == nullptr);
  CHECK(high->sl_t == 3);
  CHECK(high->checks_origin);
  CHECK(high->on_expiry == OnExpiry::disconnect);
  CHECK(high->on_revoke == OnRevoke::suspend);
  CHECK(high->client_id == ClientIdRule::prefix);
  CHECK(low->overlap == OverlapPolicy::deny);
  CHECK(low->on_revoke == OnRevoke::disconnect);
  CHECK(low->on_deny == OnDeny::disconnect);
  CHECK(low->on_expiry == OnExpiry::disconnect);
  CHECK(low->client_id == ClientIdRule::free);
}

}  // namespace lineshaft::auth
