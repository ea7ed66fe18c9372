#include "auth/anomaly.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "broker/base/metrics.h"
#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

/// A plant in which one window passes after the other.
class Watch {
 public:
  explicit Watch(std::vector<AnomalyRule> rules, AnomalyConfig config = {})
      : anomaly(with(std::move(config), std::move(rules))) {
    press = anomaly.find_principal({"press-07", "ot"}, now);
  }

  /// The window ends.
  std::vector<AnomalyEvent> next() {
    now.steady += anomaly.config().window;
    anomaly.tick(now);
    return anomaly.take_events();
  }
  void publish(int messages, std::string_view topic = "plant/ot/x") {
    for (int i = 0; i < messages; ++i) anomaly.on_publish(press, topic, "21.5");
  }
  /// The same in each window, until something is expected.
  void warm_up(int messages) {
    for (std::uint32_t i = 0; i < anomaly.config().warm_up; ++i) {
      publish(messages);
      REQUIRE(next().empty());
    }
  }

  static AnomalyConfig with(AnomalyConfig config, std::vector<AnomalyRule> rules) {
    config.rules = std::move(rules);
    return config;
  }

  Now now{Instant{Milliseconds{1'000}}, WallTime{Milliseconds{1'790'000'000'000}}};
  Anomaly anomaly;
  Anomaly::Slot press = 0;
};

AnomalyRule rule(AnomalyKind kind, double factor = 5, double min = 0) {
  AnomalyRule made;
  made.name = "r";
  made.kind = kind;
  made.factor = factor;
  made.min = min;
  return made;
}

TEST_CASE("many more messages than usual are a spike, told once until it is over", "[auth]") {
  Watch watch({rule(AnomalyKind::spike, 5, 50)});
  watch.warm_up(20);
  watch.publish(100);
  CHECK(watch.next().empty());  // five times is not more than five times
  watch.publish(130);
  const auto events = watch.next();
  REQUIRE(events.size() == 1);
  CHECK(events[0].who.identity == "press-07");
  CHECK(events[0].who.zone == "ot");
  CHECK(events[0].value == 130);
  CHECK(events[0].expected == Approx(21).margin(2));
  watch.publish(200);
  CHECK(watch.next().empty());
  watch.publish(20);
  CHECK(watch.next().empty());
  watch.publish(200);
  CHECK(watch.next().size() == 1);
}

TEST_CASE("nothing is a spike before something is expected, nor below the least number", "[auth]") {
  Watch watch({rule(AnomalyKind::spike, 5, 50)});
  watch.publish(100'000);
  CHECK(watch.next().empty());
  Watch quiet({rule(AnomalyKind::spike, 5, 50)});
  quiet.warm_up(1);
  quiet.publish(49);
  CHECK(quiet.next().empty());
}

TEST_CASE("an anomaly teaches nothing, unless it stays", "[auth]") {
  AnomalyConfig config;
  config.memory = 20;
  config.freeze_max = 30;
  Watch watch({rule(AnomalyKind::spike)}, config);
  watch.warm_up(10);
  int told = 0;
  for (int i = 0; i < 29; ++i) {
    watch.publish(1'000);
    told += static_cast<int>(watch.next().size());
  }
  CHECK(told == 1);
  watch.publish(10);
  CHECK(watch.next().empty());
  watch.publish(100);
  CHECK(watch.next().size() == 1);  // still ten are expected
  for (int i = 0; i < 100; ++i) {
    watch.publish(1'000);
    watch.next();
  }
  watch.publish(2'000);
  CHECK(watch.next().empty());  // now a thousand are normal
}

TEST_CASE("a spike can be of bytes or of connects", "[auth]") {
  auto bytes = rule(AnomalyKind::spike);
  bytes.measure = AnomalyMeasure::bytes;
  auto connects = rule(AnomalyKind::spike, 5, 10);
  connects.measure = AnomalyMeasure::connects;
  Watch watch({bytes, connects});
  watch.warm_up(10);
  watch.anomaly.on_publish(watch.press, "plant/ot/x", std::string(10'000, 'x'));
  for (int i = 0; i < 20; ++i) watch.anomaly.on_connect(watch.press, "MQTT 5");
  const auto events = watch.next();
  REQUIRE(events.size() == 2);
  CHECK(events[0].rule == 0);
  CHECK(events[1].rule == 1);
  CHECK(events[1].value == 20);
}

TEST_CASE("who always had something to say and says nothing is silent", "[auth]") {
  Watch watch({rule(AnomalyKind::silence, 0, 5)});
  watch.warm_up(10);
  CHECK(watch.next().empty());
  CHECK(watch.next().empty());
  CHECK(watch.next().size() == 1);
  CHECK(watch.next().empty());
  watch.publish(1);
  CHECK(watch.next().empty());
  CHECK(watch.next().empty());
  CHECK(watch.next().empty());
  CHECK(watch.next().size() == 1);
  // Who never says much may be silent.
  Watch quiet({rule(AnomalyKind::silence, 0, 5)});
  quiet.warm_up(4);
  for (int i = 0; i < 10; ++i) CHECK(quiet.next().empty());
}

TEST_CASE("many topics that were never used are a burst", "[auth]") {
  Watch watch({rule(AnomalyKind::new_topic_burst, 5, 10)});
  watch.warm_up(10);
  for (int i = 0; i < 9; ++i) watch.publish(1, "scan/" + std::to_string(i));
  CHECK(watch.next().empty());
  for (int i = 0; i < 20; ++i) watch.publish(1, "scan/again/" + std::to_string(i));
  const auto events = watch.next();
  REQUIRE(events.size() == 1);
  CHECK(events[0].value == 20);
  for (int i = 0; i < 20; ++i) watch.publish(1, "scan/again/" + std::to_string(i));
  CHECK(watch.next().empty());  // known now
}

TEST_CASE("many denials are a burst, also of somebody new", "[auth]") {
  Watch watch({rule(AnomalyKind::deny_burst, 5, 10)});
  for (int i = 0; i < 9; ++i) watch.anomaly.on_deny(watch.press);
  CHECK(watch.next().empty());
  for (int i = 0; i < 30; ++i) watch.anomaly.on_deny(watch.press);
  CHECK(watch.next().size() == 1);
}

TEST_CASE("a stranger is told after the time of learning", "[auth]") {
  Watch watch({rule(AnomalyKind::first_seen)});
  watch.anomaly.find_principal({"press-08", "ot"}, watch.now);
  watch.now.steady += watch.anomaly.config().learning;
  watch.anomaly.find_principal({"press-08", "ot"}, watch.now);
  CHECK(watch.anomaly.take_events().empty());
  watch.anomaly.find_principal({"mallory", "it"}, watch.now);
  watch.anomaly.find_principal({"press-08", "it"}, watch.now);  // of another zone
  const auto events = watch.anomaly.take_events();
  REQUIRE(events.size() == 2);
  CHECK(events[0].who.identity == "mallory");
  CHECK(events[1].who.zone == "it");
}

TEST_CASE("another protocol than before is a mismatch, once", "[auth]") {
  Watch watch({rule(AnomalyKind::protocol_mismatch)});
  watch.anomaly.on_connect(watch.press, "MQTT 5 over TLS");
  watch.anomaly.on_connect(watch.press, "MQTT 5 over TLS");
  CHECK(watch.anomaly.take_events().empty());
  watch.anomaly.on_connect(watch.press, "MQTT 3.1.1");
  const auto events = watch.anomaly.take_events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].detail == "MQTT 3.1.1");
  watch.next();
  watch.anomaly.on_connect(watch.press, "MQTT 3.1.1");
  watch.anomaly.on_connect(watch.press, "MQTT 5 over TLS");
  CHECK(watch.anomaly.take_events().empty());
}

TEST_CASE("a topic that changes its kind of payload is a mismatch", "[auth]") {
  Watch watch({rule(AnomalyKind::type_mismatch)});
  watch.publish(20);
  watch.anomaly.on_publish(watch.press, "plant/ot/x", "");  // clears, says nothing
  watch.anomaly.on_publish(watch.press, "plant/ot/y", "{}");
  watch.anomaly.on_publish(watch.press, "plant/ot/y", "off");  // it never was one kind
  CHECK(watch.anomaly.take_events().empty());
  watch.anomaly.on_publish(watch.press, "plant/ot/x", "off");
  const auto events = watch.anomaly.take_events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].detail == "plant/ot/x");
}

TEST_CASE("payloads are told apart by how they begin", "[auth]") {
  CHECK(payload_type("") == PayloadType::empty);
  CHECK(payload_type("{\"v\":1}") == PayloadType::json);
  CHECK(payload_type("[1]") == PayloadType::json);
  CHECK(payload_type("-21.5") == PayloadType::number);
  CHECK(payload_type("on") == PayloadType::text);
  CHECK(payload_type("\xC3\xA4") == PayloadType::text);
  CHECK(payload_type(std::string_view("\x08\x01", 2)) == PayloadType::binary);
}

TEST_CASE("many more bytes to somebody than usual are an exfiltration", "[auth]") {
  Watch watch({rule(AnomalyKind::exfil, 10, 1'000)});
  for (std::uint32_t i = 0; i < watch.anomaly.config().warm_up; ++i) {
    watch.anomaly.on_deliver(watch.press, "plant/ot/x", 100);
    REQUIRE(watch.next().empty());
  }
  watch.anomaly.on_deliver(watch.press, "plant/ot/x", 5'000);
  const auto events = watch.next();
  REQUIRE(events.size() == 1);
  CHECK(events[0].value == 5'000);
}

TEST_CASE("what crosses between two zones is counted for the conduit, too", "[auth]") {
  auto over = rule(AnomalyKind::exfil, 5, 1'000);
  over.zone = "ot->it";
  auto into = rule(AnomalyKind::spike, 5, 10);
  into.zone = "it->ot";
  Watch watch({over, into});
  watch.anomaly.set_zones([](std::string_view topic) -> std::string_view {
    return topic.starts_with("plant/ot/") ? "ot" : topic.starts_with("plant/it/") ? "it" : "";
  });
  const auto analyst = watch.anomaly.find_principal({"analyst", "it"}, watch.now);
  for (std::uint32_t i = 0; i < watch.anomaly.config().warm_up + 1; ++i) {
    watch.publish(10);
    watch.anomaly.on_deliver(analyst, "plant/ot/x", 100);
    watch.anomaly.on_publish(analyst, "plant/ot/orders", "1");
    REQUIRE(watch.next().empty());
  }
  watch.publish(1'000);
  watch.anomaly.on_deliver(watch.press, "plant/ot/x", 100'000);  // inside its zone
  watch.anomaly.on_deliver(analyst, "plant/it/x", 100'000);
  watch.anomaly.on_deliver(analyst, "other", 100'000);
  watch.anomaly.on_publish(analyst, "plant/ot/orders", "1");
  CHECK(watch.next().empty());
  watch.anomaly.on_deliver(analyst, "plant/ot/x", 5'000);
  for (int i = 0; i < 20; ++i) watch.anomaly.on_publish(analyst, "plant/ot/orders", "1");
  const auto events = watch.next();
  REQUIRE(events.size() == 2);
  CHECK(events[0].who.zone == "ot->it");
  CHECK(events[0].who.identity.empty());
  CHECK(events[0].value == 5'000);
  CHECK(events[1].who.zone == "it->ot");
}

TEST_CASE("other owners of topics make no topic new", "[auth]") {
  Watch watch({rule(AnomalyKind::new_topic_burst, 5, 1)});
  watch.warm_up(1);
  watch.anomaly.set_zones([](std::string_view) -> std::string_view { return "it"; });
  watch.publish(1);
  CHECK(watch.next().empty());
}

TEST_CASE("a rule can be about one zone or one principal", "[auth]") {
  auto other_zone = rule(AnomalyKind::deny_burst, 5, 1);
  other_zone.zone = "it";
  auto other_name = rule(AnomalyKind::deny_burst, 5, 1);
  other_name.identity = "press-08";
  auto fits = rule(AnomalyKind::deny_burst, 5, 1);
  fits.zone = "ot";
  fits.identity = "press-07";
  Watch watch({other_zone, other_name, fits});
  watch.anomaly.on_deny(watch.press);
  const auto events = watch.next();
  REQUIRE(events.size() == 1);
  CHECK(events[0].rule == 2);
}

TEST_CASE("a window that came late counts as if it had been in time", "[auth]") {
  Watch watch({rule(AnomalyKind::spike, 5, 1)});
  watch.warm_up(10);
  watch.publish(100);
  watch.now.steady += watch.anomaly.config().window * 9;
  CHECK(watch.next().empty());  // a hundred in ten windows
}

TEST_CASE("what is watched is bounded, and who is idle makes room", "[auth]") {
  AnomalyConfig config;
  config.memory = 2;
  Watch watch({rule(AnomalyKind::deny_burst, 5, 1)}, config);
  for (std::size_t i = 1; i < limits::anomaly_subjects_max; ++i) {
    REQUIRE(watch.anomaly.find_principal({std::to_string(i), ""}, watch.now) != Anomaly::no_slot);
  }
  const auto refused = counter_value(Counter::anomaly_subjects_refused);
  CHECK(watch.anomaly.find_principal({"one more", ""}, watch.now) == Anomaly::no_slot);
  CHECK(counter_value(Counter::anomaly_subjects_refused) == refused + 1);
  watch.anomaly.on_deny(Anomaly::no_slot);  // counts for nobody
  for (int window = 0; window < 3; ++window) {
    watch.now.steady += watch.anomaly.config().window;
    watch.anomaly.on_deny(watch.press);
    for (std::size_t i = 0; i <= limits::anomaly_subjects_max; i += limits::anomaly_slice) {
      watch.anomaly.tick(watch.now);
    }
  }
  CHECK(watch.anomaly.take_events().size() == 1);
  CHECK(watch.anomaly.find_principal({"one more", ""}, watch.now) != Anomaly::no_slot);
  CHECK(watch.anomaly.find_principal({"press-07", "ot"}, watch.now) == watch.press);
}

TEST_CASE("whose place was given to another counts for nobody", "[auth]") {
  AnomalyConfig config;
  config.memory = 1;
  Watch watch({rule(AnomalyKind::deny_burst, 5, 1)}, config);
  for (std::size_t i = 1; i < limits::anomaly_subjects_max; ++i) {
    watch.anomaly.find_principal({std::to_string(i), ""}, watch.now);
  }
  const auto judge_all = [&] {
    watch.now.steady += watch.anomaly.config().window;
    for (std::size_t i = 0; i <= limits::anomaly_subjects_max; i += limits::anomaly_slice) {
      watch.anomaly.tick(watch.now);
    }
  };
  judge_all();
  // The first place is that of the press, which is connected and idle.
  const auto next = watch.anomaly.find_principal({"next", ""}, watch.now);
  REQUIRE(next != Anomaly::no_slot);
  watch.anomaly.on_deny(watch.press);
  judge_all();
  CHECK(watch.anomaly.take_events().empty());
  watch.anomaly.on_deny(next);
  judge_all();
  const auto events = watch.anomaly.take_events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].who.identity == "next");
  CHECK(events[0].slot == next);
}

TEST_CASE("the same name of another CA or another proof is somebody else", "[auth]") {
  Watch watch({rule(AnomalyKind::deny_burst, 5, 1)});
  using core::ProofFamily;
  const AnomalySubject machine{"press-09", "ot", "ca", ProofFamily::certificate};
  const auto place = [&](const AnomalySubject& who) {
    return watch.anomaly.find_principal(who, watch.now);
  };
  CHECK(place(machine) == place(machine));
  CHECK(place(machine) != place({"press-09", "ot", "other", ProofFamily::certificate}));
  CHECK(place(machine) != place({"press-09", "ot", "", ProofFamily::user}));
}

TEST_CASE("an event is JSON whatever the names are, and a sentence", "[auth]") {
  auto spike = rule(AnomalyKind::spike);
  spike.action = AnomalyAction::quarantine;
  const AnomalyEvent event{0, {"a\"\xff", "ot"}, 1, 130, 20.25, "t"};
  const auto json = nlohmann::json::parse(
      anomaly_json(event, spike, Milliseconds{10'000}, WallTime{Milliseconds{0}}));
  CHECK(json["kind"] == "spike");
  CHECK(json["identity"] == "a\"\xEF\xBF\xBD");
  CHECK(json["value"] == 130);
  CHECK(json["action"] == "quarantine");
  CHECK(json["ts"] == "1970-01-01T00:00:00.000Z");
  CHECK(anomaly_text(event, spike, Milliseconds{10'000}) == "spike: 130 in 10 s, 20.2 expected");
  CHECK(anomaly_text(event, rule(AnomalyKind::type_mismatch), Milliseconds{10'000}) ==
        "type_mismatch: t");
}

}  // namespace
}  // namespace lineshaft::auth
