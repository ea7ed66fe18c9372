// Sections 3.1.2.5 to 3.1.2.7 and 3.1.3.2, the will: when it is published, when it is forgotten.
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

/// Clean Start 0, a session of `expiry_s`, a will on "w" with `will_properties`.
ScriptedClient with_will(ScriptedBroker& broker, const std::string& expiry_s,
                         const std::string& will_properties) {
  return broker
      .connect("10 [<MQTT> 05 04 0000 [11 " + expiry_s + "] <c> [" + will_properties +
               "] <w> <bye>]")
      .expect_connack();
}

TEST_CASE("a will is published when the network fails, and once",
          "[MQTT-3.1.2-7][MQTT-3.1.2-8][MQTT-3.1.2-10]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "00000E10", "").vanish();
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
  broker.after(2h);
  sub.expect_nothing();
}

TEST_CASE("a will waits for its delay, and is never early", "[MQTT-3.1.2-8]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "00000E10", "18 0000000A").vanish();
  broker.after(9'999ms);
  sub.expect_nothing();
  broker.after(1ms);
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
}

TEST_CASE("a will does not wait longer than its session lives", "[MQTT-3.1.2-8]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "00000005", "18 0000003C").vanish();
  broker.after(4'999ms);
  sub.expect_nothing();
  broker.after(1ms);
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
  with_will(broker, "00000000", "18 0000003C").vanish();
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
}

TEST_CASE("a client that is back within the delay takes its will back",
          "[MQTT-3.1.3-9][MQTT-3.1.2-8]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "00000E10", "18 0000000A").vanish();
  broker.after(9s);
  ScriptedClient back = broker.v5_durable("c");
  CHECK(back.session_present());
  broker.after(1h);
  sub.expect_nothing();
  back.vanish();  // and it has no will any more
  sub.expect_nothing();
}

TEST_CASE("DISCONNECT 0x00 forgets the will", "[MQTT-3.1.2-10][MQTT-3.14.4-3]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "00000E10", "").send("E0 []").expect_closed();
  with_will(broker, "00000000", "").send("E0 [00 []]").expect_closed();
  broker.after(2h);
  sub.expect_nothing();
}

TEST_CASE("DISCONNECT with another code publishes it, after its delay", "[MQTT-3.14.4-3]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "00000E10", "").send("E0 [04]").expect_closed();
  sub.expect("30 [<w> [] 'bye']");
  with_will(broker, "00000E10", "").send("E0 [80]").expect_closed();
  sub.expect("30 [<w> [] 'bye']");
  with_will(broker, "00000E10", "18 0000000A").send("E0 [04]").expect_closed();
  sub.expect_nothing();
  broker.after(10s);
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
}

TEST_CASE("a connection that we close for a fault publishes its will", "[MQTT-3.1.2-8]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "00000E10", "").send("C1 []").expect_disconnect(ReasonCode::malformed_packet);
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
}

TEST_CASE("the will flag asks for all three fields", "[MQTT-3.1.2-9]") {
  ScriptedBroker broker;
  for (const char* const payload : {"<c>", "<c> []", "<c> [] <w>", "<c> <w> <bye>"}) {
    INFO(payload);
    broker.connect("10 [<MQTT> 05 06 0000 [] " + std::string(payload) + "]")
        .expect_refused(ReasonCode::malformed_packet);
  }
}

TEST_CASE("Will Retain decides whether the will is retained", "[MQTT-3.1.2-14][MQTT-3.1.2-15]") {
  ScriptedBroker broker;
  broker.connect("10 [<MQTT> 05 06 0000 [] <c> [] <w> <bye>]").expect_connack().vanish();
  broker.v5("sub").subscribe("w").expect_nothing();
  broker.connect("10 [<MQTT> 05 26 0000 [] <c> [] <w> <bye>]").expect_connack().vanish();
  broker.v5("late").subscribe("w").expect("31 [<w> [] 'bye']").expect_nothing();
}

TEST_CASE("the will has its QoS, and its properties are passed on", "[MQTT-3.1.2-7]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w", "02");
  const std::string properties = "01 01 03 <text> 08 <re/ply> 09 <{00FF}> 26 <k> <v> 26 <k> <v>";
  broker
      .connect("10 [<MQTT> 05 16 0000 [] <c> [18 00000000 02 0000000A " + properties +
               "] <w> <bye>]")
      .expect_connack()
      .vanish();
  sub.expect("34 [<w> 0001 [02 0000000A " + properties + "] 'bye']");
}

TEST_CASE("a taken over session that goes on keeps no will of delay 0 back", "[MQTT-3.1.2-8]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "00000E10", "");
  broker.v5_durable("c");
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
}

TEST_CASE("Clean Start 1 ends the old session: its will goes out at once", "[MQTT-3.1.2-8]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "00000E10", "18 0000003C").vanish();
  broker.v5("c");
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
}

}  // namespace
