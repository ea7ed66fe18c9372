#include "auth/zones_interceptor.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "broker/base/limits.h"
#include "broker/base/metrics.h"
#include "tests/unit/auth/zones_world.h"

namespace lineshaft::auth {
namespace {

using namespace policy_test;
using State = core::RequestAnswer::State;
using WillMoment = core::Interceptor::WillMoment;

struct World {
  TestContext context;
  ZonesInterceptor rules;

  explicit World(std::string_view text = example_policy) : rules(compiled(text)) {
    rules.on_install(context);
  }
  ReasonCode publish(const core::Principal& who, std::string_view topic,
                     std::string_view payload = "x", QoS qos = QoS::at_most_once,
                     bool retain = false) {
    return rules.on_publish({who, "c"}, *message(topic, payload, qos, retain)).reason;
  }
  core::DeliverVerdict deliver(const core::Principal& who, std::string_view topic) {
    return rules.on_deliver({who, "c"}, *message(topic));
  }
  State ask(std::string_view verb, const nlohmann::json& body) {
    return rules.on_request(verb, body.dump(), nullptr).state;
  }
};

}  // namespace

TEST_CASE("a refusal says why in the policy's words, and where", "[auth][zones]") {
  World w;
  const auto reader = somebody("it", {"reader"});
  const auto verdict = w.rules.on_publish({reader, "c"}, *message("plant1/it/x"));
  CHECK(verdict.reason == ReasonCode::not_authorized);
  CHECK(verdict.cause.reason == "ROLE_NO_ALLOW");
  const auto app = somebody("it", {"app"}, 2);
  const auto weak = w.rules.on_publish({app, "c"}, *message("plant1/ot/press/orders"));
  CHECK(weak.cause.reason == "CONDUIT_STRENGTH");
  CHECK(weak.cause.rule == "/conduits/2");
  CHECK(counter_value(Counter::denied_conduit_strength) > 0);
}

TEST_CASE("who does not fit into its zone is not let in", "[auth][zones]") {
  World w;
  const auto connects = [&](const core::Principal& who) { return w.rules.on_connect({who, "c"}); };
  CHECK(connects(somebody("ot", {"edge"})).reason == ReasonCode::success);
  CHECK(connects(somebody("ot", {"edge"})).taken == ReasonCode::client_identifier_not_valid);
  CHECK(connects(somebody("ot", {"edge"}, 2)).cause.reason == "STRENGTH");
  CHECK(connects(somebody("lab", {"edge"})).reason == ReasonCode::not_authorized);
}

TEST_CASE("Client Identifiers are bound, equal, prefixed or free", "[auth][zones]") {
  const auto connects = [](const char* rule, std::string_view client_id) {
    World w(with("/zones/ot/client_id", rule));
    const auto who = somebody("ot", {"edge"});
    return w.rules.on_connect({who, client_id});
  };
  CHECK(connects("equal", "press-7").reason == ReasonCode::success);
  CHECK(connects("equal", "press-8").reason == ReasonCode::client_identifier_not_valid);
  CHECK(connects("equal", "press-8").cause.reason == "CLIENTID_BOUND");
  CHECK(connects("prefix", "press-7-a").reason == ReasonCode::success);
  CHECK(connects("prefix", "press-77").reason == ReasonCode::client_identifier_not_valid);
  CHECK(connects("free", "x").taken == ReasonCode::success);
}

TEST_CASE("a conduit's rate is each principal's own and comes back with the time",
          "[auth][zones]") {
  World w;
  const auto app = somebody("it", {"app"});
  const auto other = somebody("it", {"app"}, 3, "erp-2");
  for (int i = 0; i < 20; ++i) {
    REQUIRE(w.publish(app, "plant1/ot/press/orders") == ReasonCode::success);
  }
  CHECK(w.publish(app, "plant1/ot/press/orders") == ReasonCode::quota_exceeded);
  CHECK(w.publish(other, "plant1/ot/press/orders") == ReasonCode::success);
  w.context.pass(Milliseconds{50});
  CHECK(w.publish(app, "plant1/ot/press/orders") == ReasonCode::success);
  CHECK(w.publish(app, "plant1/ot/press/orders") == ReasonCode::quota_exceeded);
  CHECK(w.publish(app, "plant1/it/own") == ReasonCode::success);
}

TEST_CASE("a delivery against a rate is told, and how long to wait", "[auth][zones]") {
  World w(with("/conduits/1/bytes", "1kB/s"));
  const auto reader = somebody("it", {"reader"});
  const core::Subject subject{reader, "c"};
  const auto large = message("plant1/ot/press/kpi/oee", std::string(1500, 'x'));
  CHECK(w.deliver(reader, "plant1/ot/press/kpi/oee").limited);
  CHECK_FALSE(w.deliver(reader, "plant1/ot/press/kpi/oee").is_plain());
  CHECK(w.rules.on_send(subject, *large) == Milliseconds{0});
  // More than a second's worth went at once: it is paid off first.
  const Milliseconds wait = w.rules.on_send(subject, *large);
  CHECK(wait > Milliseconds{1000});
  w.context.pass(wait - Milliseconds{2});
  CHECK(w.rules.on_send(subject, *large) > Milliseconds{0});
  w.context.pass(Milliseconds{4});
  CHECK(w.rules.on_send(subject, *large) == Milliseconds{0});
}

TEST_CASE("QoS and RETAIN of a conduit are refused on publish and lowered on delivery",
          "[auth][zones]") {
  auto document = nlohmann::json::parse(example_policy);
  for (auto& conduit : document["conduits"]) {
    conduit["qos_max"] = 1;
    conduit["retain"] = false;
  }
  World w(document.dump());
  const auto app = somebody("it", {"app"});
  CHECK(w.publish(app, "plant1/ot/press/orders", "x", QoS::exactly_once) ==
        ReasonCode::qos_not_supported);
  CHECK(w.publish(app, "plant1/ot/press/orders", "x", QoS::at_least_once, true) ==
        ReasonCode::retain_not_supported);
  const auto verdict = w.deliver(somebody("dmz", {"gateway"}), "plant1/ot/a");
  CHECK(verdict.allowed);
  CHECK(verdict.qos_max == QoS::at_least_once);
  CHECK(verdict.strips_retain);
}

TEST_CASE("a conduit in monitor mode lets pass and counts", "[auth][zones]") {
  auto document = nlohmann::json::parse(example_policy);
  for (const char* zone : {"ot", "it"}) document["zones"][zone]["sl_t"] = 2;
  document["conduits"][2]["mode"] = "monitor";
  World w(document.dump());
  const auto before = counter_value(Counter::policy_monitored);
  const auto weak = somebody("it", {"app"}, 2);
  CHECK(w.publish(weak, "plant1/ot/press/orders") == ReasonCode::success);
  CHECK(counter_value(Counter::policy_monitored) == before + 1);
}

TEST_CASE("a death certificate goes out after revocation, no other will does", "[auth][zones]") {
  World w;
  REQUIRE(w.ask("quarantine", {{"identity", "press-7"}}) == State::done);
  const auto edge = somebody("ot", {"host"});
  const auto goes_out = [&](std::string_view topic, std::string_view payload, WillMoment moment) {
    return w.rules.on_will({edge, "c"}, *message(topic, payload), moment).reason ==
           ReasonCode::success;
  };
  CHECK(goes_out("spBv1.0/G/NDEATH/E", "any", WillMoment::due));
  CHECK(goes_out("spBv1.0/STATE/scada", R"({"online":false,"timestamp":1})", WillMoment::due));
  CHECK(goes_out("STATE/scada", "OFFLINE", WillMoment::due));
  CHECK_FALSE(goes_out("spBv1.0/STATE/scada", R"({"online":true})", WillMoment::due));
  CHECK_FALSE(goes_out("spBv1.0/STATE/scada", R"({"online":"false"})", WillMoment::due));
  CHECK_FALSE(goes_out("spBv1.0/STATE/scada", "{", WillMoment::due));
  CHECK_FALSE(goes_out("STATE/scada", "ONLINE", WillMoment::due));
  CHECK_FALSE(goes_out("spBv1.0/G/NDATA/E", "any", WillMoment::due));
  CHECK_FALSE(goes_out("plant1/ot/x", "any", WillMoment::due));
  CHECK_FALSE(goes_out("spBv1.0/G/NDEATH/E", "any", WillMoment::stored));
}

TEST_CASE("a retained message of who may not publish there any more is not shown",
          "[auth][zones]") {
  World w;
  const auto retained = message("plant1/ot/press/orders");
  const auto app = somebody("it", {});
  CHECK(w.rules.on_replay(&app, *retained));
  const auto gateway = somebody("dmz", {});
  CHECK_FALSE(w.rules.on_replay(&gateway, *retained));
  CHECK_FALSE(w.rules.on_replay(nullptr, *retained));
  CHECK(w.rules.on_replay(nullptr, *message("$SYS/broker/version")));
  REQUIRE(w.ask("quarantine", {{"identity", "press-7"}}) == State::done);
  CHECK_FALSE(w.rules.on_replay(&app, *retained));
  REQUIRE(w.ask("release", {{"identity", "press-7"}}) == State::done);
  CHECK(w.rules.on_replay(&app, *retained));
  World trusting(with("/zones/ot/check_origin", false));
  CHECK(trusting.rules.on_replay(&gateway, *retained));
}

TEST_CASE("a filter of which nothing is allowed is refused, one of which a part is, filtered",
          "[auth][zones]") {
  World w;
  const auto reader = somebody("it", {"reader"});
  const auto subscribe = [&](World& world, std::string_view filter) {
    return world.rules.on_subscribe({reader, "c"}, filter);
  };
  CHECK(subscribe(w, "plant1/dmz/#").reason == ReasonCode::not_authorized);
  CHECK(subscribe(w, "plant1/dmz/#").cause.reason == "NO_CONDUIT");
  CHECK(subscribe(w, "plant1/#").reason == ReasonCode::success);
  CHECK_FALSE(subscribe(w, "plant1/#").covers_all_topics);
  CHECK(subscribe(w, "plant1/it/#").covers_all_topics);
  World strict(with("/zones/it/overlap", "deny"));
  CHECK(subscribe(strict, "plant1/#").reason == ReasonCode::not_authorized);
  CHECK(subscribe(strict, "plant1/it/#").reason == ReasonCode::success);
}

TEST_CASE("quarantine, island and lent roles hold for their time and survive a restart",
          "[auth][zones]") {
  World w;
  const auto edge = somebody("ot", {"edge"});
  const auto gateway = somebody("dmz", {"gateway"});
  const auto app = somebody("it", {"app"});
  CHECK(w.ask("quarantine", {{"identity", "press-7"}, {"ttl_s", 60}}) == State::done);
  CHECK(w.context.changes == 1);
  CHECK(w.publish(edge, "plant1/ot/a") == ReasonCode::not_authorized);
  REQUIRE(w.context.wakes_at);
  CHECK(*w.context.wakes_at == friday + Milliseconds{60'000});
  World again;
  for (const auto& [place, value] : w.context.items) {
    again.rules.on_restore(place.first, place.second, value);
  }
  CHECK(again.publish(edge, "plant1/ot/a") == ReasonCode::not_authorized);
  w.context.pass(Milliseconds{60'000});
  w.rules.on_edge();
  CHECK(w.context.changes == 2);
  CHECK(w.publish(edge, "plant1/ot/a") == ReasonCode::success);
  CHECK(w.context.items.empty());

  const auto mover = somebody("dmz", {"gateway"}, 3, "mover");
  CHECK(w.deliver(mover, "plant1/ot/a").allowed);
  CHECK(w.ask("island", {{"zone", "ot"}, {"on", true}}) == State::done);
  CHECK_FALSE(w.deliver(mover, "plant1/ot/a").allowed);
  CHECK(w.publish(edge, "plant1/ot/a") == ReasonCode::success);
  CHECK(w.ask("island", {{"zone", "ot"}, {"on", false}}) == State::done);
  CHECK(w.deliver(mover, "plant1/ot/a").allowed);

  const auto reader = somebody("it", {"reader"}, 3, "rita");
  CHECK(w.publish(reader, "plant1/it/a") == ReasonCode::not_authorized);
  const nlohmann::json lend{
      {"identity", "rita"}, {"role", "app"}, {"ttl_s", 1800}, {"reason", "line 3 stands"}};
  CHECK(w.ask("break_glass", lend) == State::done);
  CHECK(w.publish(reader, "plant1/it/a") == ReasonCode::success);
  CHECK(w.ask("break_glass_end", {{"identity", "rita"}}) == State::done);
  CHECK(w.publish(reader, "plant1/it/a") == ReasonCode::not_authorized);
}

TEST_CASE("a clock that is set back ends what was lent for a time, and nothing else",
          "[auth][zones]") {
  World w;
  const auto reader = somebody("it", {"reader"}, 3, "rita");
  const nlohmann::json lend{
      {"identity", "rita"}, {"role", "app"}, {"ttl_s", 1800}, {"reason", "line 3 stands"}};
  CHECK(w.ask("break_glass", lend) == State::done);
  CHECK(w.ask("island", {{"zone", "ot"}, {"on", true}}) == State::done);
  CHECK(w.publish(reader, "plant1/it/a") == ReasonCode::success);
  w.rules.on_clock_set_back();
  CHECK(w.publish(reader, "plant1/it/a") == ReasonCode::not_authorized);
  CHECK(w.context.items.size() == 1);
}

TEST_CASE("what cannot be meant is refused and changes nothing", "[auth][zones]") {
  World w;
  const nlohmann::json lend{
      {"identity", "rita"}, {"role", "app"}, {"ttl_s", 1800}, {"reason", "why"}};
  const auto but = [&](const char* key, nlohmann::json value) {
    nlohmann::json body = lend;
    body[key] = std::move(value);
    return w.ask("break_glass", body);
  };
  CHECK(but("role", "nonsense") == State::refused);
  CHECK(but("ttl_s", 4 * 3600 + 1) == State::refused);
  CHECK(but("ttl_s", -1) == State::refused);
  CHECK(but("reason", "") == State::refused);
  nlohmann::json endless = lend;
  endless.erase("ttl_s");
  CHECK(w.ask("break_glass", endless) == State::refused);
  CHECK(w.ask("island", {{"zone", "nowhere"}, {"on", true}}) == State::refused);
  CHECK(w.ask("island", {{"zone", "ot"}}) == State::refused);
  CHECK(w.ask("quarantine", nlohmann::json::array()) == State::refused);
  CHECK(w.ask("quarantine", {{"identity", "x"}, {"issuer", "zz"}}) == State::refused);
  CHECK(w.ask("release", {{"identity", "x"}}) == State::refused);
  CHECK(w.ask("no_such_verb", {}) == State::unknown_verb);
  CHECK(w.context.changes == 0);
  CHECK(w.context.items.empty());
}

TEST_CASE("what takes rights away holds although it cannot be kept, what lends them does not",
          "[auth][zones]") {
  World w;
  w.context.is_full = true;
  const auto edge = somebody("ot", {"edge"});
  CHECK(w.rules.on_request("quarantine", R"({"identity":"press-7"})", nullptr).body ==
        R"({"kept":false})");
  CHECK(w.publish(edge, "plant1/ot/a") == ReasonCode::not_authorized);
  CHECK(w.rules.on_request("overrides", "{}", nullptr).body.find(R"("kept":false)") !=
        std::string::npos);
  CHECK(w.ask("island", {{"zone", "ot"}, {"on", true}}) == State::done);
  CHECK(w.rules.policy().is_island("ot"));
  const nlohmann::json lend{
      {"identity", "rita"}, {"role", "app"}, {"ttl_s", 1800}, {"reason", "why"}};
  CHECK(w.ask("break_glass", lend) == State::refused);
}

TEST_CASE("a rule makes a quarantine longer and never shorter", "[auth][zones]") {
  World w;
  const auto edge = somebody("ot", {"edge"});
  const auto by_rule = [](int ttl_s) {
    return nlohmann::json{{"identity", "press-7"}, {"ttl_s", ttl_s}, {"by", "anomaly"}};
  };
  REQUIRE(w.ask("quarantine", {{"identity", "press-7"}, {"ttl_s", 600}}) == State::done);
  REQUIRE(w.ask("quarantine", by_rule(60)) == State::done);
  w.context.pass(Milliseconds{60'000});
  w.rules.on_edge();
  CHECK(w.publish(edge, "plant1/ot/a") == ReasonCode::not_authorized);
  REQUIRE(w.ask("quarantine", by_rule(900)) == State::done);
  w.context.pass(Milliseconds{600'000});
  w.rules.on_edge();
  CHECK(w.publish(edge, "plant1/ot/a") == ReasonCode::not_authorized);
  SECTION("a person may") {
    REQUIRE(w.ask("quarantine", {{"identity", "press-7"}, {"ttl_s", 60}}) == State::done);
    w.context.pass(Milliseconds{60'000});
    w.rules.on_edge();
    CHECK(w.publish(edge, "plant1/ot/a") == ReasonCode::success);
  }
}

TEST_CASE("an issuer that is left out and none at all are two quarantines", "[auth][zones]") {
  World w;
  REQUIRE(w.ask("quarantine", {{"identity", "press-7"}}) == State::done);
  REQUIRE(w.ask("quarantine", {{"identity", "press-7"}, {"issuer", ""}}) == State::done);
  CHECK(w.context.items.size() == 2);
  CHECK(w.publish(somebody("ot", {"edge"}), "plant1/ot/a") == ReasonCode::not_authorized);
}

TEST_CASE("what was kept before identities had zones still holds, and can be ended",
          "[auth][zones]") {
  World w;
  const auto edge = somebody("ot", {"edge"});
  w.rules.on_restore("quarantine", "/press-7", R"({"identity":"press-7","reason":"r","what":""})");
  CHECK(w.publish(edge, "plant1/ot/a") == ReasonCode::not_authorized);
  CHECK(w.ask("release", {{"identity", "press-7"}, {"zone", "ot"}}) == State::done);
  CHECK(w.publish(edge, "plant1/ot/a") == ReasonCode::success);
}

TEST_CASE("an override that cannot be read lends nothing", "[auth][zones]") {
  World w;
  const auto reader = somebody("it", {"reader"}, 3, "rita");
  w.rules.on_restore("break_glass", "/rita", R"({"identity":"rita","what":"app"})");
  w.rules.on_restore("break_glass", "/rita", "{");
  w.rules.on_restore("other", "x", "y");
  CHECK(w.publish(reader, "plant1/it/a") == ReasonCode::not_authorized);
}

TEST_CASE("who has no place by the identity rules is refused, now and when everybody is looked at",
          "[auth][zones]") {
  TestContext context;
  auto config = std::make_shared<IdentityConfig>();
  config->zones["dmz"] = {};
  const auto identity = std::make_shared<IdentityRules>(IdentityRules{config, nullptr, nullptr});
  ZonesInterceptor rules(compiled(example_policy), identity);
  rules.on_install(context);
  const auto edge = somebody("ot", {"edge"});
  CHECK(rules.on_connect({edge, "c"}).reason == ReasonCode::not_authorized);
  CHECK(rules.on_recheck({edge, "c"}).reason == ReasonCode::not_authorized);
  CHECK(rules.on_recheck({edge, "c"}).cause.reason == "NO_ZONE_CLAIM");
  CHECK(rules.is_gone(edge));
}

TEST_CASE("the live explanation says what decided", "[auth][zones]") {
  World w;
  const auto reader = somebody("it", {"reader"});
  const core::Subject subject{reader, "c"};
  const auto answer =
      w.rules.on_request("explain", R"({"op":"sub","topic":"plant1/ot/a"})", &subject);
  REQUIRE(answer.state == State::done);
  CHECK(answer.body.find("CONDUIT_TOPIC") != std::string::npos);
  CHECK(w.rules.on_request("explain", R"({"op":"sub","topic":"a"})", nullptr).state ==
        State::refused);
  CHECK(w.rules.on_request("explain", R"({"op":"write","topic":"a"})", &subject).state ==
        State::refused);
  CHECK(w.rules.on_request("explain", R"({"op":"pub","topic":"a/#"})", &subject).state ==
        State::refused);
  const auto ask = [&](const char* body) {
    return nlohmann::json::parse(w.rules.on_request("explain", body, &subject).body);
  };
  CHECK(ask(R"({"op":"sub","topic":"$share/g/plant1/#"})")["decision"]["receives"] ==
        "a part of it");
  const auto weak = somebody("ot", {"edge"}, 1);
  const core::Subject shut_out{weak, "c"};
  const auto why = nlohmann::json::parse(
      w.rules.on_request("explain", R"({"op":"pub","topic":"plant1/ot/a"})", &shut_out).body);
  CHECK(why["allow"] == false);
  CHECK(why["identity"]["reason"] == "STRENGTH");
  CHECK(w.rules.on_request("explain", "[", &subject).state == State::refused);
}

TEST_CASE("rights of one's own are remembered with who has them", "[auth][zones]") {
  World w(with("/roles/edge/publish", nlohmann::json::array({"plant1/ot/${name}/#"})));
  const auto seven = somebody("ot", {"edge"});
  const auto eight = somebody("ot", {"edge"}, 3, "press-8");
  std::unique_ptr<core::SubjectMemory> memory;
  const core::Subject subject{seven, "c", &memory};
  CHECK(w.rules.classify(subject) == core::no_policy_class);
  CHECK(memory != nullptr);
  for (int i = 0; i < 2; ++i) {
    CHECK(w.rules.on_publish(subject, *message("plant1/ot/press-7/a")).reason ==
          ReasonCode::success);
    CHECK(w.rules.on_publish(subject, *message("plant1/ot/press-8/a")).reason ==
          ReasonCode::not_authorized);
  }
  CHECK(w.publish(eight, "plant1/ot/press-8/a") == ReasonCode::success);
  const auto reader = somebody("it", {"reader"});
  const auto other = somebody("it", {"reader"}, 3, "somebody-else");
  CHECK(w.rules.classify({reader, "c"}) == w.rules.classify({other, "d"}));
  CHECK(w.rules.classify({reader, "c"}) != w.rules.classify({somebody("it", {"app"}), "c"}));
}

TEST_CASE("rates beyond their number wait instead of being free", "[auth][zones]") {
  ZonesRates rates;
  const BucketLimits limits{1, 0, false, no_rule};
  const Instant now{Milliseconds{0}};
  auto who = somebody("it", {});
  for (std::size_t i = 0; i < limits::rate_buckets_max; ++i) {
    who.name = fmt::format("p{}", i);
    rates.take(0, limits, who, 0, now);
  }
  who.name = "one more";
  CHECK(rates.take(0, limits, who, 0, now) > Milliseconds{0});
  CHECK(rates.take(0, limits, who, 0, now + Milliseconds{1000}) == Milliseconds{0});
  CHECK(rates.size() == 1);
}

}  // namespace lineshaft::auth
