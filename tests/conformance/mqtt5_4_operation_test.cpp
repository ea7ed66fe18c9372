// Chapter 4, first half: session state, delivery of each QoS, redelivery, order.
#include <string>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

TEST_CASE("a connected session keeps its state however long it lasts", "[MQTT-4.1.0-1]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a", "01");
  broker.after(24h * 100);
  broker.v5("pub").send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  sub.expect("32 [<a> 0001 [] 'x']");
}

TEST_CASE("a session is discarded when its expiry has passed", "[MQTT-4.1.0-2]") {
  ScriptedBroker broker;
  broker.v5_durable("c").subscribe("a", "01").vanish();
  broker.v5("pub").send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  broker.after(1h);
  CHECK(broker.statistics().queued == 0);
  CHECK(broker.statistics().subscriptions == 0);
  ScriptedClient again = broker.v5_durable("c");
  CHECK_FALSE(again.session_present());
  again.expect_nothing();
}

TEST_CASE("nothing depends on how the stream is cut", "[MQTT-4.2.0-1]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a", "01");
  broker.open()
      .send_in_pieces("10 [<MQTT> 05 02 0000 [] <c>] 32 [<a> 0001 [] 'x'] C0 []")
      .expect_connack()
      .expect("40 [0001] D0 []");
  sub.expect("32 [<a> 0001 [] 'x']");
  broker.open()
      .send("10 [<MQTT> 05 02 0000 [] <d>] 32 [<a> 0001 [] 'y'] C0 [] E0 []")
      .expect_connack()
      .expect("40 [0001] D0 []")
      .expect_closed();
  sub.expect("32 [<a> 0002 [] 'y']");
}

TEST_CASE("QoS 0 goes out once, without DUP", "[MQTT-4.3.1-1]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub").subscribe("a", "02");
  broker.v5("pub").send("30 [<a> [] 'x']");
  sub.expect("30 [<a> [] 'x']");
  sub.vanish();
  broker.v5_durable("sub").expect_nothing();
}

TEST_CASE("QoS 1 out: a fresh identifier, DUP 0, unacknowledged until PUBACK",
          "[MQTT-4.3.2-1][MQTT-4.3.2-2][MQTT-4.3.2-3][MQTT-4.4.0-1]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub").subscribe("a", "01");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0007 [] 'x']").expect("40 [0007]");
  sub.expect("32 [<a> 0001 [] 'x']");
  broker.after(10min);
  sub.expect_nothing();  // never again on a live connection
  sub.vanish();
  sub = broker.v5_durable("sub");
  sub.expect("3A [<a> 0001 [] 'x']").send("40 [0001]").vanish();
  broker.v5_durable("sub").expect_nothing();
}

TEST_CASE("QoS 1 in: PUBACK when the message is ours, for stored sessions when it is on disk",
          "[MQTT-4.3.2-4][MQTT-4.5.0-1]") {
  ScriptedBroker broker;
  broker.v5_durable("sub").subscribe("a", "01").vanish();
  ScriptedClient pub = broker.v5("pub");
  broker.hold_commits();
  pub.send("32 [<a> 0001 [] 'x']").expect_nothing();
  pub.send("32 [<a> 0002 [] 'y']").expect_nothing();
  broker.commit();
  pub.expect("40 [0001] 40 [0002]");
}

TEST_CASE("what was acknowledged is there after a crash, what was not may be gone",
          "[MQTT-4.3.2-4][MQTT-4.5.0-1]") {
  ScriptedBroker broker;
  broker.v5_durable("sub").subscribe("a", "01").vanish();
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  broker.hold_commits();
  pub.send("32 [<a> 0002 [] 'y']").expect_nothing();
  broker.crash();
  ScriptedClient sub = broker.connect("10 [<MQTT> 05 00 0000 [11 00000E10] <sub>]");
  broker.commit();
  sub.expect_connack();
  broker.commit();
  CHECK(sub.session_present());
  sub.expect("32 [<a> 0001 [] 'x']").expect_nothing();
}

TEST_CASE("an identifier may be used again once it is acknowledged",
          "[MQTT-4.3.2-5][MQTT-4.3.3-12]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] '1']").expect("40 [0001]");
  pub.send("3A [<a> 0001 [] '2']").expect("40 [0001]");
  pub.send("34 [<a> 0001 [] '3']").expect("50 [0001]").send("62 [0001]").expect("70 [0001]");
  pub.send("34 [<a> 0001 [] '4']").expect("50 [0001]").send("62 [0001]").expect("70 [0001]");
  sub.expect("30 [<a> [] '1'] 30 [<a> [] '2'] 30 [<a> [] '3'] 30 [<a> [] '4']").expect_nothing();
}

TEST_CASE("QoS 2 out: PUBLISH until PUBREC, PUBREL until PUBCOMP, never PUBLISH again",
          "[MQTT-4.3.3-1][MQTT-4.3.3-2][MQTT-4.3.3-3][MQTT-4.3.3-4][MQTT-4.3.3-5][MQTT-4.3.3-6]"
          "[MQTT-4.4.0-1]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub").subscribe("a", "02");
  broker.v5("pub").send("34 [<a> 0009 [] 'x']").expect("50 [0009]");
  sub.expect("34 [<a> 0001 [] 'x']");
  sub.vanish();
  sub = broker.v5_durable("sub");
  sub.expect("3C [<a> 0001 [] 'x']").send("50 [0001]").expect("62 [0001]");
  sub.vanish();
  sub = broker.v5_durable("sub");
  sub.expect("62 [0001]").expect_nothing();
  sub.send("50 [0001]").expect("62 [0001]");  // a repeated PUBREC
  sub.send("70 [0001]").expect_nothing();
  sub.vanish();
  broker.v5_durable("sub").expect_nothing();
}

TEST_CASE("a QoS 2 delivery that was started does not expire, nor does its handshake",
          "[MQTT-4.3.3-7][MQTT-4.3.3-13]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub").subscribe("a", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("34 [<a> 0001 [02 00000005] 'x']").expect("50 [0001]");
  sub.expect("34 [<a> 0001 [02 00000005] 'x']");
  broker.after(10s);
  pub.send("62 [0001]").expect("70 [0001]");
  sub.vanish();
  sub = broker.v5_durable("sub");
  const std::string again = sub.take();
  REQUIRE_FALSE(again.empty());
  CHECK(to_hex(again.substr(0, 1)) == "3C");
  sub.send("50 [0001]").expect("62 [0001]").send("70 [0001]").expect_nothing();
}

TEST_CASE("QoS 2 in: repeats before PUBREL are answered and not delivered again",
          "[MQTT-4.3.3-8][MQTT-4.3.3-10][MQTT-4.3.3-11][MQTT-4.3.3-12]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a");
  ScriptedClient pub = broker.v5_durable("pub");
  pub.send("34 [<a> 0001 [] 'x']").expect("50 [0001]");
  pub.send("3C [<a> 0001 [] 'x']").expect("50 [0001]");
  pub.vanish();
  pub = broker.v5_durable("pub");
  pub.send("3C [<a> 0001 [] 'x']").expect("50 [0001]");
  sub.expect("30 [<a> [] 'x']").expect_nothing();
  pub.send("62 [0001]").expect("70 [0001]");
  pub.send("34 [<a> 0001 [] 'y']").expect("50 [0001]");
  sub.expect("30 [<a> [] 'y']").expect_nothing();
}

TEST_CASE("QoS 2 in, across a crash: what had its PUBREC is not delivered again",
          "[MQTT-4.3.3-8][MQTT-4.3.3-10]") {
  ScriptedBroker broker;
  broker.v5_durable("sub").subscribe("a", "02").vanish();
  broker.v5_durable("pub").send("34 [<a> 0001 [] 'x']").expect("50 [0001]");
  broker.crash();
  ScriptedClient pub = broker.v5_durable("pub");
  CHECK(pub.session_present());
  pub.send("3C [<a> 0001 [] 'x']").expect("50 [0001]");
  pub.send("62 [0001]").expect("70 [0001]");
  broker.v5_durable("sub").expect("34 [<a> 0001 [] 'x']").expect_nothing();
}

TEST_CASE("everything in flight keeps its identifier over a crash, however small the RAM window",
          "[MQTT-4.4.0-1][MQTT-4.3.3-3]") {
  core::CoreConfig config;
  config.queue_window = 2;
  ScriptedBroker broker(config);
  broker.v5_durable("sub").subscribe("a", "02").vanish();
  ScriptedClient pub = broker.v5("pub");
  for (const char* const id : {"0001", "0002", "0003"}) {
    pub.send("34 [<a> " + std::string(id) + " [] 'x']").expect("50 [" + std::string(id) + "]");
  }
  broker.v5_durable("sub").expect("34 [<a> 0001 [] 'x'] 34 [<a> 0002 [] 'x'] 34 [<a> 0003 [] 'x']");
  broker.crash();
  broker.v5_durable("sub").expect("3C [<a> 0001 [] 'x'] 3C [<a> 0002 [] 'x'] 3C [<a> 0003 [] 'x']");
}

TEST_CASE("after PUBREC with a failure the identifier is free", "[MQTT-4.3.3-9]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a");
  ScriptedClient pub = broker.v5("pub");
  pub.send("34 [<$SYS/x> 0001 [] 'x']").expect("50 [0001 87]");
  pub.send("34 [<a> 0001 [] 'y']").expect("50 [0001]");
  sub.expect("30 [<a> [] 'y']");
  pub.send("62 [0001]").expect("70 [0001]");
}

TEST_CASE("a negative acknowledgement ends the delivery for good", "[MQTT-4.4.0-2][MQTT-4.3.3-4]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub").subscribe("a", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  pub.send("34 [<a> 0002 [] 'y']").expect("50 [0002]");
  sub.expect("32 [<a> 0001 [] 'x'] 34 [<a> 0002 [] 'y']");
  sub.send("40 [0001 97] 50 [0002 99]").expect_nothing();
  sub.vanish();
  broker.v5_durable("sub").expect_nothing();
  CHECK(broker.statistics().queued == 0);
}

TEST_CASE("a message goes into the state of every matching session", "[MQTT-4.5.0-1]") {
  ScriptedBroker broker;
  broker.v5_durable("one").subscribe("a/#", "01").vanish();
  broker.v5_durable("two").subscribe("+/b", "02").vanish();
  broker.v3_1_1("three", "00").subscribe("a/b", "01").vanish();
  broker.v5_durable("four").subscribe("a/c", "01").vanish();
  broker.v5("pub").send("34 [<a/b> 0001 [] 'x']").expect("50 [0001]");
  broker.v5_durable("one").expect("32 [<a/b> 0001 [] 'x']").expect_nothing();
  broker.v5_durable("two").expect("34 [<a/b> 0001 [] 'x']").expect_nothing();
  broker.v3_1_1("three", "00").expect("32 [<a/b> 0001 'x']").expect_nothing();
  broker.v5_durable("four").expect_nothing();
}

TEST_CASE("order is kept for every topic and QoS, also through queue and window",
          "[MQTT-4.6.0-5][MQTT-4.6.0-6]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub", "21 0002").subscribe("#", "02");
  ScriptedClient pub = broker.v5("pub");
  std::string expected;
  for (char n = '1'; n <= '8'; ++n) {
    const char qos = n % 2 == 0 ? '4' : '2';
    pub.send(std::string("3") + qos + " [<a> 000" + n + " [] '" + n + "']");
    pub.take();
    expected += n;
  }
  std::string got;
  for (std::string packet = sub.take(); !packet.empty(); packet = sub.take()) {
    if ((packet[0] & 0xF0) != 0x30) {
      sub.send_bytes(std::string("\x70\x02", 2) + packet.substr(2, 2));
      continue;
    }
    got += packet.back();
    const bool exactly_once = (packet[0] & 0x06) == 0x04;
    sub.send_bytes(std::string(exactly_once ? "\x50\x02" : "\x40\x02", 2) + packet.substr(5, 2));
  }
  CHECK(got == expected);
}

TEST_CASE("resends keep the order in which they were sent first", "[MQTT-4.6.0-5][MQTT-4.4.0-1]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub").subscribe("#", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("34 [<a> 0001 [] '1']").expect("50 [0001]");
  pub.send("32 [<b> 0002 [] '2']").expect("40 [0002]");
  pub.send("34 [<a> 0003 [] '3']").expect("50 [0003]");
  sub.expect("34 [<a> 0001 [] '1'] 32 [<b> 0002 [] '2'] 34 [<a> 0003 [] '3']");
  sub.send("50 [0001]").expect("62 [0001]");
  sub.vanish();
  pub.send("32 [<a> 0004 [] '4']").expect("40 [0004]");
  sub = broker.v5_durable("sub");
  sub.expect("62 [0001] 3A [<b> 0002 [] '2'] 3C [<a> 0003 [] '3'] 32 [<a> 0004 [] '4']");
}

}  // namespace
