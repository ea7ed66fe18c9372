#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "broker/base/audit.h"
#include "broker/base/limits.h"
#include "broker/base/metrics.h"
#include "tests/unit/auth/zones_world.h"

namespace lineshaft::auth {
namespace {

using namespace policy_test;
using Json = nlohmann::json;

/// A policy with another one beside it, and what was observed.
struct Observed {
  TestContext context;
  ZonesInterceptor rules;

  explicit Observed(const std::string& text, const std::string& shadow = {})
      : rules(compiled(text), nullptr, shadow.empty() ? nullptr : compiled(shadow)) {
    rules.on_install(context);
  }
  ReasonCode publish(const core::Principal& who, std::string_view topic,
                     std::string_view payload = "x") {
    return rules.on_publish({who, "c"}, *message(topic, payload)).reason;
  }
  core::DeliverVerdict deliver(const core::Principal& who, std::string_view topic) {
    return rules.on_deliver({who, "c"}, *message(topic));
  }
  core::SubscribeVerdict subscribe(const core::Principal& who, std::string_view filter) {
    return rules.on_subscribe({who, "c"}, filter);
  }
  Json ask(std::string_view verb, const Json& body = Json::object()) {
    return Json::parse(rules.on_request(verb, body.dump(), nullptr).body);
  }
  Json differences() { return ask("shadow")["differences"]; }
};

const std::string example(example_policy);

std::string without_conduit(std::size_t number) {
  Json document = Json::parse(example);
  document["conduits"].erase(number);
  return document.dump();
}

/// The example with what was learned added to it.
std::string with_learned(const Json& report) {
  Json document = Json::parse(example);
  for (Json conduit : report["conduits"]) {
    if (conduit["sparkplug"].empty()) conduit.erase("sparkplug");
    conduit["commands"] = conduit["commands"] == true ? "allow" : "deny";
    for (const char* each : {"count", "reason", "identities"}) conduit.erase(each);
    document["conduits"].push_back(std::move(conduit));
  }
  return document.dump();
}

}  // namespace

TEST_CASE("a shadow decides nothing and its differences are remembered", "[auth][zones]") {
  Observed w(example, without_conduit(0));
  const auto gateway = somebody("dmz", {"gateway"}, 3, "gate");
  const auto before = counter_value(Counter::shadow_differences);
  CHECK(w.deliver(gateway, "plant1/ot/press/temp").allowed);
  CHECK(w.deliver(gateway, "plant1/ot/press/oee").allowed);
  CHECK_FALSE(w.deliver(gateway, "plant1/it/x").allowed);
  CHECK(counter_value(Counter::shadow_differences) == before + 2);
  const Json differences = w.differences();
  REQUIRE(differences.size() == 1);
  CHECK(differences[0]["op"] == "deliver");
  CHECK(differences[0]["identity"] == "gate");
  CHECK(differences[0]["topic"] == "plant1/ot/press/temp");
  CHECK(differences[0]["count"] == 2);
  CHECK(differences[0]["now"]["verdict"] == "allow");
  CHECK(differences[0]["now"]["rule"] == "/conduits/0");
  CHECK(differences[0]["then"]["verdict"] == "deny NO_CONDUIT");
}

TEST_CASE("a subscription is compared, and asked topic by topic if the shadow allows a part",
          "[auth][zones]") {
  Observed alone(example);
  Observed w(example, without_conduit(0));
  const auto gateway = somebody("dmz", {"gateway"});
  CHECK(alone.subscribe(gateway, "plant1/ot/press/kpi/#").covers_all_topics);
  const auto verdict = w.subscribe(gateway, "plant1/ot/press/kpi/#");
  CHECK_FALSE(is_failure(verdict.reason));
  CHECK_FALSE(verdict.covers_all_topics);
  REQUIRE(w.differences().size() == 1);
  CHECK(w.differences()[0]["op"] == "subscribe");
  CHECK(w.differences()[0]["then"]["verdict"] == "deny NO_CONDUIT");
}

TEST_CASE("a place in the shadow is compared at CONNECT", "[auth][zones]") {
  Observed w(example, with("/zones/it/sl_t", 3));
  CHECK(w.rules.on_connect({somebody("it", {"reader"}, 2), "c"}).reason == ReasonCode::success);
  CHECK(w.rules.on_connect({somebody("it", {"reader"}, 3), "c"}).reason == ReasonCode::success);
  REQUIRE(w.differences().size() == 1);
  CHECK(w.differences()[0]["op"] == "connect");
  CHECK(w.differences()[0]["then"]["verdict"] == "deny STRENGTH");
}

TEST_CASE("who is alike for one of both policies only is asked for himself", "[auth][zones]") {
  Observed w(example, with("/roles/edge/publish", Json::array({"plant1/ot/${name}/#"})));
  const auto seven = somebody("ot", {"edge"});
  CHECK(w.rules.classify({seven, "c"}) == core::no_policy_class);
  CHECK(Observed(example).rules.classify({seven, "c"}) != core::no_policy_class);
}

TEST_CASE("what the shadow decides by more than the topic is not remembered", "[auth][zones]") {
  Observed w(example, with("/conduits/0/max_payload", 10));
  const auto gateway = somebody("dmz", {"gateway"});
  CHECK_FALSE(w.deliver(gateway, "plant1/ot/a").for_all_messages);
  CHECK(Observed(example).deliver(gateway, "plant1/ot/a").for_all_messages);
  CHECK(w.differences().empty());
}

TEST_CASE("a shadow has the overrides and the time of the policy in force", "[auth][zones]") {
  Observed w(example, with("/conduits/0/until", "2026-11-20T14:00:00Z"));
  CHECK(w.context.wakes_at == friday + Milliseconds{3'600'000});
  const auto gateway = somebody("dmz", {"gateway"});
  CHECK(w.deliver(gateway, "plant1/ot/a").allowed);
  w.ask("quarantine", {{"identity", "press-7"}, {"ttl_s", 60}});
  CHECK_FALSE(w.deliver(gateway, "plant1/ot/a").allowed);
  CHECK(w.differences().empty());
  w.context.pass(Milliseconds{3'600'000});
  w.rules.on_edge();
  CHECK(w.deliver(gateway, "plant1/ot/a").allowed);
  REQUIRE(w.differences().size() == 1);
  CHECK(w.differences()[0]["then"]["verdict"] == "deny CONDUIT_TIME");
}

TEST_CASE("the list of differences is bounded and says what is missing", "[auth][zones]") {
  Observed w(example, without_conduit(0));
  for (std::size_t i = 0; i <= limits::shadow_differences_max; ++i) {
    auto gateway = somebody("dmz", {"gateway"});
    gateway.roles.push_back(fmt::format("x{}", i));
    w.deliver(gateway, "plant1/ot/a");
  }
  CHECK(w.differences().size() == limits::shadow_differences_max);
  CHECK(w.ask("shadow")["left_out"] == 1);
  CHECK(counter_value(Counter::shadow_differences_left_out) > 0);
}

TEST_CASE("without a shadow there is none to compare with", "[auth][zones]") {
  Observed w(example);
  w.deliver(somebody("dmz", {"gateway"}), "plant1/ot/a");
  CHECK(w.ask("shadow")["configured"] == false);
  CHECK(w.differences().empty());
}

TEST_CASE("a refused flow becomes a conduit that lets it through", "[auth][zones]") {
  Observed w(example);
  const auto reader = somebody("it", {"reader"}, 3, "rita");
  CHECK_FALSE(w.deliver(reader, "plant1/ot/press/line/temp/1").allowed);
  CHECK(is_failure(w.subscribe(reader, "plant1/dmz/+/x/#").reason));
  const Json report = w.ask("learn", {{"depth", 3}});
  REQUIRE(report["conduits"].size() == 2);
  CHECK(report["conduits"][0]["from"] == "dmz");
  CHECK(report["conduits"][0]["topics"] == Json::array({"plant1/dmz/+/#"}));
  CHECK(report["conduits"][1]["topics"] == Json::array({"plant1/ot/press/#"}));
  CHECK(report["conduits"][1]["identities"] == Json::array({"rita"}));
  const std::string text = report["text"];
  CHECK(text.find("[[conduits]]\nfrom = \"ot\"\nto = \"it\"\ntopics = [\"plant1/ot/press/#\"]\n"
                  "via = \"subscribe\"\nroles = [\"reader\"]\n") != std::string::npos);
  Observed after(with_learned(report));
  CHECK(after.deliver(reader, "plant1/ot/press/line/temp/1").allowed);
  CHECK_FALSE(is_failure(after.subscribe(reader, "plant1/dmz/+/x/#").reason));
  CHECK(after.ask("learn")["conduits"].empty());
}

TEST_CASE("commands are learned in a conduit of their own that says so", "[auth][zones]") {
  Observed w(example);
  const auto host = somebody("it", {"host"});
  CHECK(w.publish(host, "plant1/ot/press/cmd/start") != ReasonCode::success);
  CHECK(w.publish(host, "spBv1.0/G/NCMD/E") != ReasonCode::success);
  CHECK(w.publish(host, "plant1/ot/press/note") != ReasonCode::success);
  const Json report = w.ask("learn");
  REQUIRE(report["conduits"].size() == 2);
  CHECK(report["conduits"][0]["commands"] == false);
  CHECK(report["conduits"][1]["commands"] == true);
  CHECK(report["conduits"][1]["sparkplug"] == Json::array({"NCMD"}));
  Observed after(with_learned(report));
  for (const char* topic :
       {"plant1/ot/press/cmd/start", "spBv1.0/G/NCMD/E", "plant1/ot/press/note"}) {
    INFO(topic);
    CHECK(after.publish(host, topic) == ReasonCode::success);
  }
}

TEST_CASE("what stays in its zone, what roles forbid and what passes is no conduit to come",
          "[auth][zones]") {
  Observed w(example);
  const auto edge = somebody("ot", {"edge"});
  CHECK(w.publish(edge, "plant1/ot/a") == ReasonCode::success);
  CHECK(w.deliver(somebody("dmz", {"gateway"}), "plant1/ot/a").allowed);
  CHECK(w.publish(somebody("it", {"reader"}), "plant1/ot/a") != ReasonCode::success);
  CHECK(w.publish(edge, "nobody/a") != ReasonCode::success);
  const Json report = w.ask("learn");
  CHECK(report["conduits"].empty());
  REQUIRE(report["not_allowed_by_roles"].size() == 1);
  CHECK(report["not_allowed_by_roles"][0]["roles"] == Json::array({"reader"}));
}

TEST_CASE("what a conduit in monitor mode lets through is learned", "[auth][zones]") {
  Json document = Json::parse(with("/conduits/0/mode", "monitor"));
  document["zones"]["ot"]["sl_t"] = 2;
  Observed w(document.dump());
  CHECK(w.deliver(somebody("dmz", {"gateway"}), "plant1/ot/a").allowed);
  CHECK(w.ask("learn")["conduits"].size() == 1);
}

TEST_CASE("names and topics cannot break out of what is printed", "[auth][zones]") {
  Observed w(example);
  const auto host = somebody("it", {"host"}, 3, "x\n[[conduits]]");
  w.publish(host, "plant1/ot/a\"]\nroles = [\"b\x7f");
  const std::string text = w.ask("learn")["text"];
  CHECK(text.find("x?[[conduits]]") != std::string::npos);
  CHECK(text.find(R"("plant1/ot/a\"]\nroles = [\"b\u007F")") != std::string::npos);
}

TEST_CASE("the list of flows is bounded and says what is missing", "[auth][zones]") {
  Observed w(example);
  const auto host = somebody("it", {"host"});
  for (std::size_t i = 0; i <= limits::learned_flows_max; ++i) {
    w.publish(host, fmt::format("plant1/ot/{}", i));
  }
  CHECK(w.ask("learn")["left_out"] == 1);
  CHECK(w.ask("learn", {{"depth", 2}})["conduits"][0]["topics"] == Json::array({"plant1/ot/#"}));
  CHECK(counter_value(Counter::learned_flows_left_out) > 0);
  CHECK(w.rules.on_request("learn", R"({"depth":9})", nullptr).state ==
        core::RequestAnswer::State::refused);
}

TEST_CASE("what operators have switched is counted for alarms, also before anybody asks",
          "[auth][zones]") {
  TestContext context;
  const auto gauges = std::make_shared<ZonesGauges>();
  gauges->islands = 5;  // of the policy before
  ZonesInterceptor rules(compiled(example), nullptr, nullptr, gauges);
  rules.on_install(context);
  CHECK(gauges->islands == 0);
  rules.on_restore("island", "ot", R"({"what":"ot"})");
  CHECK(gauges->islands == 1);
  rules.on_request("quarantine", R"({"identity":"rita","ttl_s":60})", nullptr);
  rules.on_request("break_glass", R"({"identity":"x","role":"app","ttl_s":60,"reason":"y"})",
                   nullptr);
  CHECK(gauges->islands == 1);
  CHECK(gauges->quarantined == 1);
  CHECK(gauges->lent_roles == 1);
  context.pass(Milliseconds{60'000});
  rules.on_edge();
  CHECK(gauges->quarantined == 0);
  CHECK(gauges->lent_roles == 0);
  rules.on_request("island", R"({"zone":"ot","on":false})", nullptr);
  CHECK(gauges->islands == 0);
}

TEST_CASE("who asks the policy and whose order it refuses is audited", "[auth][zones]") {
  struct Sink final : AuditSink {
    std::vector<std::string> records;
    void write(const AuditRecord& record) noexcept override {
      records.push_back(fmt::format("{} {} {}", record.type, record.address, record.reason));
    }
  } sink;
  Observed w(example);
  set_audit_sink(&sink);
  w.ask("shadow", {{"by", "uid 7"}});
  w.ask("island", {{"zone", "moon"}, {"on", true}, {"by", "uid 7"}});
  w.ask("island", {{"zone", "ot"}, {"on", true}, {"by", "uid 7"}});
  w.rules.on_request("learn", "[", nullptr);
  set_audit_sink(nullptr);
  CHECK(sink.records ==
        std::vector<std::string>{"policy_asked uid 7 shadow", "policy_order_refused uid 7 island",
                                 "override_set uid 7 island", "policy_asked  learn"});
}

}  // namespace lineshaft::auth
