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
  explicit Denied(AnomalyAction action, core::Principal who = {.name = "press-07",
                                                               .proof = core::Proof::certificate,
                                                               .zone = "ot",
                                                               .issuer_spki = "\x01\xab"})
      : watcher(config(action)) {
    slot = watcher.on_connect({who, "c7", "MQTT 5"}, now);
    for (int i = 0; i < 30; ++i) watcher.on_deny(slot);
    now.steady += limits::anomaly_window;
    watched = watcher.on_time(now);
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
  Records records;
  AnomalyWatcher watcher;
  std::uint32_t slot = 0;
  core::Watched watched;
};

TEST_CASE("an anomaly is published, recorded and acted on", "[auth]") {
  const Denied denied(AnomalyAction::quarantine);
  REQUIRE(denied.watched.messages.size() == 1);
  CHECK(denied.watched.messages[0]->topic() == "$SYS/broker/security/events");
  CHECK_FALSE(denied.watched.messages[0]->retain());
  const Json json = Json::parse(denied.watched.messages[0]->payload());
  CHECK(json["kind"] == "deny_burst");
  CHECK(json["identity"] == "press-07");
  CHECK(json["zone"] == "ot");
  CHECK(json["value"] == 30);
  CHECK(denied.records.lines == std::vector<std::string>{"anomaly press-07 quarantine too-many"});
  REQUIRE(denied.watched.calls.size() == 1);
  CHECK(denied.watched.calls[0].verb == "quarantine");
  const Json body = Json::parse(denied.watched.calls[0].body);
  CHECK(body["identity"] == "press-07");
  CHECK(body["zone"] == "ot");
  CHECK(body["issuer"] == "01ab");
  CHECK(body["proof"] == "certificate");
  CHECK(body["ttl_s"] == 900);
  CHECK(body["reason"] == "anomaly rule too-many: deny_burst: 30 in 10 s, 0.0 expected");
}

TEST_CASE("who is throttled is held back for its time, and nobody else", "[auth]") {
  Denied denied(AnomalyAction::throttle);
  CHECK(denied.watched.calls.empty());
  MessageFields fields;
  fields.topic = "plant/ot/x";
  const auto message = KeptMessage::make(fields, {{}, 0, 0});
  const core::Principal other{.name = "press-08", .zone = "ot"};
  const auto next = denied.watcher.on_connect({other, "c8", "MQTT 5"}, denied.now);
  CHECK(denied.watcher.on_publish(denied.slot, *message));
  CHECK_FALSE(denied.watcher.on_publish(next, *message));
  denied.now.steady += Milliseconds{899'999};
  denied.watcher.on_time(denied.now);
  CHECK(denied.watcher.on_publish(denied.slot, *message));
  denied.now.steady += Milliseconds{1};
  denied.watcher.on_time(denied.now);
  CHECK_FALSE(denied.watcher.on_publish(denied.slot, *message));
}

TEST_CASE("an alert does nothing to anybody", "[auth]") {
  Denied denied(AnomalyAction::alert);
  CHECK(denied.watched.calls.empty());
  MessageFields fields;
  fields.topic = "plant/ot/x";
  CHECK_FALSE(denied.watcher.on_publish(denied.slot, *KeptMessage::make(fields, {{}, 0, 0})));
}

TEST_CASE("who has no name is known by its client identifier", "[auth]") {
  const Denied denied(AnomalyAction::alert, {});
  REQUIRE(denied.watched.messages.size() == 1);
  CHECK(Json::parse(denied.watched.messages[0]->payload())["identity"] == "client:c7");
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
  const auto fault_of = [](const char* text, bool can_quarantine = true) {
    std::vector<AnomalyFault> faults;
    read_anomaly_rules(Json::parse(text), can_quarantine, faults);
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
  CHECK(fault_of(R"({"anomaly":[{"rule":"spike","action":"quarantine"}]})", false) ==
        "/anomaly/0/action");
  Json many;
  for (std::size_t i = 0; i <= limits::anomaly_rules_max; ++i) {
    many["anomaly"].push_back({{"rule", "spike"}});
  }
  CHECK(fault_of(many.dump().c_str()) == "/anomaly");
}

}  // namespace
}  // namespace lineshaft::auth
