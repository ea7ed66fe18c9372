#include "auth/anomaly_watcher.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "auth/anomaly_config.h"
#include "broker/base/audit.h"
#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

using Json = nlohmann::json;

struct Actions final : SecurityActions {
  void quarantine(std::string_view identity, std::string_view zone, Milliseconds ttl,
                  std::string_view reason) override {
    done.push_back("quarantine " + std::string(identity) + " " + std::string(zone) + " " +
                   std::to_string(ttl.count()) + " " + std::string(reason));
  }
  void throttle(std::string_view identity, std::string_view, Milliseconds,
                std::string_view) override {
    done.push_back("throttle " + std::string(identity));
  }
  std::vector<std::string> done;
};

struct Records final : AuditSink {
  Records() { set_audit_sink(this); }
  ~Records() override { set_audit_sink(nullptr); }
  void write(const AuditRecord& record) noexcept override {
    lines.push_back(std::string(record.type) + " " + std::string(record.identity) + " " +
                    std::string(record.op) + " " + std::string(record.rule));
  }
  std::vector<std::string> lines;
};

/// A watcher with one rule against denials, and somebody who is denied a lot.
struct Denied {
  explicit Denied(AnomalyAction action, core::Principal who = {.name = "press-07", .zone = "ot"})
      : watcher(config(action), &actions) {
    const auto slot = watcher.on_connect({who, "c7", "MQTT 5"}, now);
    for (int i = 0; i < 30; ++i) watcher.on_deny(slot);
    now.steady += limits::anomaly_window;
    messages = watcher.on_time(now);
  }
  static AnomalyConfig config(AnomalyAction action) {
    AnomalyConfig made;
    AnomalyRule rule;
    rule.name = "too-many";
    rule.kind = AnomalyKind::deny_burst;
    rule.min = 20;
    rule.action = action;
    rule.ttl = Milliseconds{900'000};
    made.rules.push_back(rule);
    return made;
  }

  Now now{};
  Actions actions;
  Records records;
  AnomalyWatcher watcher;
  std::vector<KeptMessagePtr> messages;
};

TEST_CASE("an anomaly is published, recorded and acted on", "[auth]") {
  const Denied denied(AnomalyAction::quarantine);
  REQUIRE(denied.messages.size() == 1);
  CHECK(denied.messages[0]->topic() == "$SYS/broker/security/events");
  CHECK_FALSE(denied.messages[0]->retain());
  const Json json = Json::parse(denied.messages[0]->payload());
  CHECK(json["kind"] == "deny_burst");
  CHECK(json["identity"] == "press-07");
  CHECK(json["zone"] == "ot");
  CHECK(json["value"] == 30);
  CHECK(denied.records.lines == std::vector<std::string>{"anomaly press-07 quarantine too-many"});
  CHECK(denied.actions.done ==
        std::vector<std::string>{"quarantine press-07 ot 900000 anomaly rule too-many: "
                                 "deny_burst: 30 in 10 s, 0.0 expected"});
}

TEST_CASE("an alert does nothing to anybody, throttling only that", "[auth]") {
  CHECK(Denied(AnomalyAction::alert).actions.done.empty());
  CHECK(Denied(AnomalyAction::throttle).actions.done ==
        std::vector<std::string>{"throttle press-07"});
}

TEST_CASE("who has no name is known by its client identifier", "[auth]") {
  const Denied denied(AnomalyAction::alert, {});
  REQUIRE(denied.messages.size() == 1);
  CHECK(Json::parse(denied.messages[0]->payload())["identity"] == "client:c7");
}

TEST_CASE("anomaly rules are read from the document", "[auth]") {
  std::vector<AnomalyFault> faults;
  const auto rules =
      read_anomaly_rules(Json::parse(R"({"anomaly":[{"rule":"spike"},{"rule":"spike","of":"bytes"},
        {"rule":"exfil","zone":"ot->it","factor":3.5,"min":7,"name":"leak"},
        {"rule":"deny_burst","action":"quarantine","ttl_s":900,"identity":"a"},
        {"rule":"silence","windows":9}]})"),
                         true, faults);
  CHECK(faults.empty());
  REQUIRE(rules.size() == 5);
  CHECK(rules[0].name == "spike");
  CHECK(rules[0].factor == 5);
  CHECK(rules[0].min == 100);
  CHECK(rules[1].measure == AnomalyMeasure::bytes);
  CHECK(rules[1].min == 1'000'000);
  CHECK(rules[2].name == "leak");
  CHECK(rules[2].zone == "ot->it");
  CHECK(rules[2].factor == 3.5);
  CHECK(rules[2].min == 7);
  CHECK(rules[3].action == AnomalyAction::quarantine);
  CHECK(rules[3].ttl == Milliseconds{900'000});
  CHECK(rules[3].identity == "a");
  CHECK(rules[4].windows == 9);
  CHECK(read_anomaly_rules(Json::object(), true, faults).empty());
}

TEST_CASE("what is wrong with an anomaly rule is named with its place", "[auth]") {
  const auto fault_of = [](const char* text, bool has_actions = true) {
    std::vector<AnomalyFault> faults;
    read_anomaly_rules(Json::parse(text), has_actions, faults);
    return faults.empty() ? std::string() : faults[0].pointer;
  };
  CHECK(fault_of(R"({"anomaly":{"rule":"spike"}})") == "/anomaly");
  CHECK(fault_of(R"({"anomaly":[7]})") == "/anomaly/0");
  CHECK(fault_of(R"({"anomaly":[{}]})") == "/anomaly/0");
  CHECK(fault_of(R"({"anomaly":[{"rule":"spike"},{"rule":"spkie"}]})") == "/anomaly/1/rule");
  CHECK(fault_of(R"({"anomaly":[{"rule":"spike","fcator":2}]})") == "/anomaly/0/fcator");
  CHECK(fault_of(R"({"anomaly":[{"rule":"spike","factor":"2"}]})") == "/anomaly/0/factor");
  CHECK(fault_of(R"({"anomaly":[{"rule":"spike","min":-1}]})") == "/anomaly/0/min");
  CHECK(fault_of(R"({"anomaly":[{"rule":"spike","name":7}]})") == "/anomaly/0/name");
  CHECK(fault_of(R"({"anomaly":[{"rule":"spike","action":"throttle"}]})", false) ==
        "/anomaly/0/action");
  Json many;
  for (std::size_t i = 0; i <= limits::anomaly_rules_max; ++i) {
    many["anomaly"].push_back({{"rule", "spike"}});
  }
  CHECK(fault_of(many.dump().c_str()) == "/anomaly");
}

}  // namespace
}  // namespace lineshaft::auth
