// Corners where brokers differ, second half: overlapping, shared and retained subscriptions, No
// Local, full queues. docs/conformance.md has the table.
#include <string>

#include "broker/base/metrics.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

TEST_CASE("overlapping: one copy if any subscription allows it, RETAIN if any asks for it",
          "[corner][MQTT-3.3.4-2][MQTT-3.3.4-4]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c").subscribe("a", "04", "0B 01").subscribe("#", "01", "0B 02");
  c.send("30 [<a> [] 'own']").expect("30 [<a> [0B 02] 'own']").expect_nothing();
  ScriptedClient d = broker.v5("d").subscribe("b", "08").subscribe("b/#", "00");
  d.send("31 [<b> [] 'x']").expect("31 [<b> [] 'x']").expect_nothing();
  ScriptedClient e = broker.v5("e").subscribe("e", "04").subscribe("e/#", "04");
  e.send("30 [<e> [] 'x']").expect_nothing();
}

TEST_CASE("a shared subscription is sent no retained messages, whatever Retain Handling says",
          "[corner][MQTT-3.3.1-9]") {
  ScriptedBroker broker;
  broker.v5("pub").send("31 [<a> [] 'x']");
  ScriptedClient c = broker.v5("c");
  c.subscribe("$share/g/a", "00").expect_nothing();
  c.subscribe("$share/g/a", "00").expect_nothing();
  c.subscribe("$share/g/#", "10").expect_nothing();
}

TEST_CASE("clients may not publish below '$', and wildcards do not see it",
          "[corner][MQTT-4.7.2-1]") {
  ScriptedBroker broker;
  ScriptedClient all = broker.v5("all").subscribe("#").subscribe("+/x").subscribe("$SYS/#");
  all.subscribe("$other/#");
  ScriptedClient pub = broker.v5("pub");
  for (const char* const topic : {"<$SYS/x>", "<$other/x>", "<$share/g/a>", "<$>"}) {
    INFO(topic);
    pub.send("33 [" + std::string(topic) + " 0001 [] 'x']").expect("40 [0001 87]");
    pub.send("35 [" + std::string(topic) + " 0002 [] 'x']").expect("50 [0002 87]");
    pub.send("31 [" + std::string(topic) + " [] 'x']").expect_nothing();
  }
  all.expect_nothing();
  CHECK(broker.statistics().retained == 0);
  broker.connect("10 [<MQTT> 05 06 0000 [] <c> [] <$SYS/w> <bye>]")
      .expect_refused(ReasonCode::topic_name_invalid);
}

TEST_CASE("a filter that is well-formed but beyond our limits gets 0x8F", "[corner]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c");
  c.send("82 [0001 [] <{2F*31}> 00 <{2F*32}> 00]").expect("90 [0001 [] 00 8F]").expect_nothing();
}

TEST_CASE("resubscribing without an identifier removes it", "[corner][MQTT-3.8.4-3]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5_durable("c").subscribe("a", "01", "0B 09").subscribe("a", "01");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  c.expect("32 [<a> 0001 [] 'x']").send("40 [0001]").vanish();
  broker.restart();
  broker.v5("pub").send("32 [<a> 0001 [] 'y']").expect("40 [0001]");
  broker.v5_durable("c").expect("32 [<a> 0001 [] 'y']");
}

TEST_CASE("Retain Handling 1 sends nothing for a subscription the resumed session has",
          "[corner][MQTT-3.3.1-10]") {
  ScriptedBroker broker;
  broker.v5("pub").send("31 [<a> [] 'x']");
  broker.v5_durable("c").subscribe("a", "10").expect("31 [<a> [] 'x']").vanish();
  broker.v5_durable("c").subscribe("a", "10").expect_nothing();
  broker.restart();
  broker.v5_durable("c").subscribe("a", "10").expect_nothing();
}

TEST_CASE("the same share name with another filter is another group; members keep their own",
          "[corner][MQTT-4.8.2-3]") {
  ScriptedBroker broker;
  ScriptedClient one = broker.v5("one").subscribe("$share/g/a", "01", "0B 01");
  ScriptedClient two = broker.v5("two").subscribe("$share/g/+", "00", "0B 02");
  ScriptedClient three = broker.v5("three").subscribe("$share/h/a", "00");
  broker.v5("pub").send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  one.expect("32 [<a> 0001 [0B 01] 'x']").expect_nothing();
  two.expect("30 [<a> [0B 02] 'x']").expect_nothing();
  three.expect("30 [<a> [] 'x']").expect_nothing();
}

TEST_CASE("members take turns; one without quota is left out", "[corner]") {
  ScriptedBroker broker;
  ScriptedClient one = broker.v5("one", "21 0001").subscribe("$share/g/a", "01");
  ScriptedClient two = broker.v5("two").subscribe("$share/g/a", "01");
  ScriptedClient pub = broker.v5("pub");
  for (const char* const n : {"1", "2", "3", "4"}) {
    pub.send("32 [<a> 0001 [] '" + std::string(n) + "']").expect("40 [0001]");
  }
  one.expect("32 [<a> 0001 [] '1']").expect_nothing();
  two.expect("32 [<a> 0001 [] '2'] 32 [<a> 0002 [] '3'] 32 [<a> 0003 [] '4']").expect_nothing();
}

TEST_CASE("with nobody connected the shortest queue of a durable member gets it", "[corner]") {
  ScriptedBroker broker;
  broker.v5_durable("one").subscribe("$share/g/a", "01").subscribe("b", "01").vanish();
  broker.v5_durable("two").subscribe("$share/g/a", "01").vanish();
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<b> 0001 [] 'b']").expect("40 [0001]");
  pub.send("32 [<a> 0002 [] 'a']").expect("40 [0002]");
  // Its member must keep it until it comes: nobody who is connected takes it over by subscribing.
  broker.v5_durable("two").expect("32 [<a> 0001 [] 'a']").expect_nothing();
  broker.v5_durable("one").expect("32 [<b> 0001 [] 'b']").expect_nothing();
}

TEST_CASE("what a member that disconnects was not sent goes to connected ones at once",
          "[corner][MQTT-4.8.2-4][MQTT-4.8.2-5]") {
  ScriptedBroker broker;
  ScriptedClient one = broker.v5_durable("one", "21 0001").subscribe("$share/g/a", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("34 [<a> 0001 [] '1']").expect("50 [0001]");
  pub.send("32 [<a> 0002 [] '2']").expect("40 [0002]");
  pub.send("34 [<a> 0003 [] '3']").expect("50 [0003]");
  one.expect("34 [<a> 0001 [] '1']").expect_nothing();
  ScriptedClient two = broker.v5_durable("two").subscribe("$share/g/a", "02");
  two.expect_nothing();
  one.vanish();
  two.expect("32 [<a> 0001 [] '2'] 34 [<a> 0002 [] '3']").expect_nothing();
  // The one that was sent stays with its member, and is there once only, also after a crash.
  broker.crash();
  broker.v5_durable("one").expect("3C [<a> 0001 [] '1']").expect_nothing();
  broker.v5_durable("two").expect("3A [<a> 0001 [] '2'] 3C [<a> 0002 [] '3']").expect_nothing();
}

TEST_CASE("a sent QoS 1 message moves when the session ends, a sent QoS 2 one never",
          "[corner][MQTT-4.8.2-5]") {
  ScriptedBroker broker;
  ScriptedClient one = broker.v5("one", "11 0000000A").subscribe("$share/g/a", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] '1']").expect("40 [0001]");
  pub.send("34 [<a> 0002 [] '2']").expect("50 [0002]");
  one.expect("32 [<a> 0001 [] '1'] 34 [<a> 0002 [] '2']");
  ScriptedClient two = broker.v5("two").subscribe("$share/g/a", "02");
  one.vanish();
  two.expect_nothing();
  broker.after(10s);
  two.expect("32 [<a> 0001 [] '1']").expect_nothing();
}

TEST_CASE("No Local holds over a takeover, for retained messages and for wills of the same client",
          "[corner][MQTT-3.8.3-3]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5_durable("c").subscribe("a", "05");
  c.send("32 [<a> 0001 [] 'own']").expect("40 [0001 10]");
  c = broker.v5_durable("c");
  c.expect_nothing();
  c.send("33 [<a> 0002 [] 'own']").expect("40 [0002 10]").expect_nothing();
  c.subscribe("a", "05").expect_nothing();  // its own retained message
  c.subscribe("a", "01").expect("33 [<a> 0001 [] 'own']").send("40 [0001]");
  c.subscribe("w", "05").vanish();
  broker.connect("10 [<MQTT> 05 04 0000 [11 00000E10] <c> [] <w> <bye>]").expect_connack().vanish();
  broker.v5_durable("c").expect_nothing();
}

TEST_CASE("a packet too large for a client is dropped and counted", "[corner][MQTT-3.1.2-25]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub", "27 00000014").subscribe("a", "01");
  const auto before = counter_value(Counter::dropped_too_large);
  broker.v5("pub").send("32 [<a> 0001 [] '1234567890123']").expect("40 [0001]");
  sub.expect_nothing();
  CHECK(counter_value(Counter::dropped_too_large) == before + 1);
}

/// Three messages for an offline session that takes two.
ScriptedClient three_for_two(ScriptedBroker& broker) {
  broker.v5_durable("sub").subscribe("a", "01").vanish();
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] '1']").expect("40 [0001]");
  pub.send("32 [<a> 0002 [] '2']").expect("40 [0002]");
  pub.send("32 [<a> 0003 [] '3']");
  return pub;
}

TEST_CASE("a full queue follows its overflow policy, counted", "[corner]") {
  core::CoreConfig config;
  config.queued_max = 2;
  SECTION("drop_oldest") {
    ScriptedBroker broker(config);
    three_for_two(broker).expect("40 [0003]");
    CHECK(broker.statistics().queue_drops == 1);
    broker.v5_durable("sub").expect("32 [<a> 0001 [] '2'] 32 [<a> 0002 [] '3']").expect_nothing();
  }
  SECTION("drop_newest") {
    config.overflow = core::Overflow::drop_newest;
    ScriptedBroker broker(config);
    three_for_two(broker).expect("40 [0003]");
    CHECK(broker.statistics().queue_drops == 1);
    broker.v5_durable("sub").expect("32 [<a> 0001 [] '1'] 32 [<a> 0002 [] '2']").expect_nothing();
  }
  SECTION("reject_publisher") {
    config.overflow = core::Overflow::reject_publisher;
    ScriptedBroker broker(config);
    three_for_two(broker).expect("40 [0003 97]");
    CHECK(broker.statistics().queue_drops == 0);
    broker.v5_durable("sub").expect("32 [<a> 0001 [] '1'] 32 [<a> 0002 [] '2']").expect_nothing();
  }
}

TEST_CASE("overflow = disconnect closes a client that does not keep up", "[corner]") {
  core::CoreConfig config;
  config.queued_max = 2;
  config.overflow = core::Overflow::disconnect;
  ScriptedBroker broker(config);
  ScriptedClient sub = broker.v5("sub", "21 0001").subscribe("a", "01");
  ScriptedClient pub = broker.v5("pub");
  for (int i = 0; i < 4; ++i) pub.send("32 [<a> 0001 [] 'x']").take();
  sub.expect("32 [<a> 0001 [] 'x']").expect_disconnect(ReasonCode::quota_exceeded);
}

}  // namespace
