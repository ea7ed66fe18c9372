// Section 3.3, PUBLISH, but for retained messages: flags, topic, aliases, properties, quota.
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

TEST_CASE("DUP is set when we deliver again, and only then",
          "[MQTT-3.3.1-1][MQTT-3.3.1-3][MQTT-4.3.2-2][MQTT-4.3.1-1]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub").subscribe("a", "01");
  ScriptedClient zero = broker.v5("zero").subscribe("a");
  // The publisher's DUP is its own matter.
  broker.v5("pub").send("3A [<a> 0001 [] 'x']").expect("40 [0001]");
  sub.expect("32 [<a> 0001 [] 'x']");
  zero.expect("30 [<a> [] 'x']");
  sub.vanish();
  sub = broker.v5_durable("sub");
  sub.expect("3A [<a> 0001 [] 'x']");
  sub.send("40 [0001]").vanish();
  broker.v5_durable("sub").expect_nothing();
}

TEST_CASE("DUP with QoS 0 is malformed, and so is QoS 3", "[MQTT-3.3.1-2][MQTT-3.3.1-4]") {
  for (const char* const notation : {"38 [<a> [] 'x']", "36 [<a> 0001 [] 'x']",
                                     "3E [<a> 0001 [] 'x']", "37 [<a> 0001 [] 'x']"}) {
    INFO(notation);
    ScriptedBroker broker;
    broker.v5("c").send(notation).expect_disconnect(ReasonCode::malformed_packet);
  }
}

TEST_CASE("a topic must be UTF-8 without wildcards and not empty",
          "[MQTT-3.3.2-1][MQTT-3.3.2-2][MQTT-4.7.0-1][MQTT-4.7.1-1]") {
  ScriptedBroker broker;
  broker.v5("a").send("30 [<{C3}> [] 'x']").expect_disconnect(ReasonCode::malformed_packet);
  for (const char* const topic : {"<a/#>", "<+>", "<#>", "<a+b>"}) {
    INFO(topic);
    broker.v5("b")
        .send("30 [" + std::string(topic) + " [] 'x']")
        .expect_disconnect(ReasonCode::topic_name_invalid);
    broker.v3_1_1("c").send("30 [" + std::string(topic) + " 'x']").expect_closed();
  }
  broker.v5("d").send("30 [<> [] 'x']").expect_disconnect(ReasonCode::protocol_error);
}

TEST_CASE("a client gets what its filters match and nothing else", "[MQTT-3.3.2-3]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a/+/c").subscribe("b/#");
  broker.v5("pub").send(
      "30 [<a/b/c> [] '1'] 30 [<a/b> [] '2'] 30 [<b> [] '3'] 30 [<b/x/y> [] '4'] 30 [<c> [] '5']");
  sub.expect("30 [<a/b/c> [] '1'] 30 [<b> [] '3'] 30 [<b/x/y> [] '4']").expect_nothing();
}

TEST_CASE("properties travel unchanged and in order",
          "[MQTT-3.3.2-4][MQTT-3.3.2-15][MQTT-3.3.2-16][MQTT-3.3.2-17][MQTT-3.3.2-18]"
          "[MQTT-3.3.2-20]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a", "01");
  ScriptedClient pub = broker.v5("pub");
  for (const char* const properties :
       {"01 01", "01 00", "03 <text/plain>", "08 <re/ply>", "09 <{00FF80}>", "26 <k> <v>",
        "26 <b> <2> 26 <a> <1> 26 <a> <1> 26 <a> <0>",
        "26 <x> <1> 01 01 26 <x> <2> 03 <t> 08 <r> 09 <c> 26 <> <>"}) {
    INFO(properties);
    const std::string rest = "[" + std::string(properties) + "] 'x']";
    pub.send("30 [<a> " + rest);
    sub.expect("30 [<a> " + rest);
    pub.send("32 [<a> 0001 " + rest).expect("40 [0001]");
    const std::string packet = sub.take();
    CHECK(to_hex(packet.substr(7)) == to_hex(wire("[" + std::string(properties) + "] 'x'")));
    sub.send_bytes(std::string("\x40\x02", 2) + packet.substr(5, 2));
  }
}

TEST_CASE("properties with values out of range are protocol errors",
          "[MQTT-3.3.2-4][MQTT-3.3.2-13][MQTT-3.3.2-14][MQTT-3.3.2-19]") {
  ScriptedBroker broker;
  for (const char* const properties : {"01 02", "08 <a/#>", "08 <+>"}) {
    INFO(properties);
    broker.v5("c")
        .send("30 [<a> [" + std::string(properties) + "] 'x']")
        .expect_disconnect(ReasonCode::protocol_error);
  }
  for (const char* const properties : {"08 <{FF}>", "03 <{C0}>"}) {
    INFO(properties);
    broker.v5("c")
        .send("30 [<a> [" + std::string(properties) + "] 'x']")
        .expect_disconnect(ReasonCode::malformed_packet);
  }
}

TEST_CASE("the time a message waited here is taken from its expiry, and then it is dropped",
          "[MQTT-3.3.2-5][MQTT-3.3.2-6]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub").subscribe("a", "01");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [02 0000000A] 'x']").expect("40 [0001]");
  sub.expect("32 [<a> 0001 [02 0000000A] 'x']").send("40 [0001]");
  sub.vanish();
  pub.send("32 [<a> 0002 [02 0000000A] 'y']").expect("40 [0002]");
  pub.send("32 [<a> 0003 [02 00000003] 'z']").expect("40 [0003]");
  broker.after(3'400ms);
  sub = broker.v5_durable("sub");
  sub.expect("32 [<a> 0002 [02 00000006] 'y']").expect_nothing();
}

TEST_CASE("a message that waits for quota expires meanwhile", "[MQTT-3.3.2-5]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub", "21 0001").subscribe("a", "01");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [02 00000005] '1']").expect("40 [0001]");
  pub.send("32 [<a> 0002 [02 00000005] '2']").expect("40 [0002]");
  pub.send("32 [<a> 0003 [02 00000009] '3']").expect("40 [0003]");
  sub.expect("32 [<a> 0001 [02 00000005] '1']");
  broker.after(5s);
  sub.send("40 [0001]").expect("32 [<a> 0002 [02 00000004] '3']").expect_nothing();
}

TEST_CASE("aliases of a client name its topics, can be mapped again, and die with the connection",
          "[MQTT-3.3.2-7][MQTT-3.3.2-12]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("#");
  ScriptedClient pub = broker.v5_durable("pub");
  pub.send("30 [<a> [23 0001] '1'] 30 [<b> [23 0040] '2'] 30 [<> [23 0001] '3']");
  pub.send("30 [<c> [23 0001] '4'] 30 [<> [23 0001] '5'] 30 [<> [23 0040] '6']");
  sub.expect("30 [<a> [] '1'] 30 [<b> [] '2'] 30 [<a> [] '3']");
  sub.expect("30 [<c> [] '4'] 30 [<c> [] '5'] 30 [<b> [] '6']");
  pub.vanish();
  pub = broker.v5_durable("pub");
  pub.send("30 [<> [23 0001] '7']").expect_disconnect(ReasonCode::protocol_error);
  sub.expect_nothing();
}

TEST_CASE("our aliases die with the connection: a resend names its topic", "[MQTT-3.3.2-7]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub", "22 000A").subscribe("a", "01");
  broker.v5("pub").send("32 [<a> 0001 [] 'x'] 32 [<a> 0002 [] 'y']").expect("40 [0001] 40 [0002]");
  sub.expect("32 [<a> 0001 [23 0001] 'x'] 32 [<> 0002 [23 0001] 'y']");
  sub.vanish();
  sub = broker.v5_durable("sub", "22 000A");
  sub.expect("3A [<a> 0001 [23 0001] 'x'] 3A [<a> 0002 [23 0001] 'y']");
}

TEST_CASE("an alias of 0 or above the maximum is invalid, an unmapped one a protocol error",
          "[MQTT-3.3.2-8][MQTT-3.3.2-9]") {
  ScriptedBroker broker;
  for (const char* const notation :
       {"30 [<a> [23 0000] 'x']", "30 [<a> [23 0041] 'x']", "30 [<> [23 FFFF] 'x']"}) {
    INFO(notation);
    broker.v5("c").send(notation).expect_disconnect(ReasonCode::topic_alias_invalid);
  }
  broker.v5("c").send("30 [<> [23 0001] 'x']").expect_disconnect(ReasonCode::protocol_error);
  broker.v5("c").send("30 [<> [] 'x']").expect_disconnect(ReasonCode::protocol_error);
}

TEST_CASE("each QoS has its answer", "[MQTT-3.3.4-1][MQTT-4.3.2-4][MQTT-4.3.3-8]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a");
  ScriptedClient pub = broker.v5("pub");
  pub.send("30 [<a> [] 'x']").expect_nothing();
  pub.send("32 [<a> 0001 [] 'x']").expect("40 [0001]").expect_nothing();
  pub.send("34 [<a> 0001 [] 'x']").expect("50 [0001]").expect_nothing();
  sub.expect("30 [<a> [] 'x'] 30 [<a> [] 'x'] 30 [<a> [] 'x']").expect_nothing();
  pub.send("32 [<nobody> 0002 [] 'x']").expect("40 [0002 10]");
  pub.send("34 [<nobody> 0002 [] 'x']").expect("50 [0002 10]");
}

TEST_CASE("overlapping subscriptions give one copy at the highest QoS with all identifiers",
          "[MQTT-3.3.4-2][MQTT-3.3.4-3][MQTT-3.3.4-4]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub");
  sub.subscribe("a/#", "00", "0B 01").subscribe("a/+", "02", "0B FF7F").subscribe("a/b", "01");
  sub.subscribe("x", "02", "0B 05");
  ScriptedClient pub = broker.v5("pub");
  pub.send("34 [<a/b> 0001 [] '1']").expect("50 [0001]");
  const std::string packet = sub.take();
  const std::string one = to_hex(wire("34 [<a/b> 0001 [0B 01 0B FF7F] '1']"));
  const std::string other = to_hex(wire("34 [<a/b> 0001 [0B FF7F 0B 01] '1']"));
  CHECK((to_hex(packet) == one || to_hex(packet) == other));
  sub.expect_nothing();
  pub.send("30 [<a> [] '2'] 30 [<x> [] '3']");
  sub.expect("30 [<a> [0B 01] '2'] 30 [<x> [0B 05] '3']").expect_nothing();
}

TEST_CASE("a Subscription Identifier in a client's PUBLISH is a protocol error", "[MQTT-3.3.4-6]") {
  ScriptedBroker broker;
  broker.v5("c").send("30 [<a> [0B 01] 'x']").expect_disconnect(ReasonCode::protocol_error);
}

TEST_CASE("a client that exceeds our Receive Maximum is disconnected with 0x93", "[MQTT-3.3.4-7]") {
  core::CoreConfig config;
  config.receive_maximum = 2;
  ScriptedBroker broker(config);
  ScriptedClient pub = broker.v5("pub");
  // QoS 2 takes its place until PUBCOMP; QoS 1 gives it back at once.
  pub.send("34 [<a> 0001 [] 'x']").expect("50 [0001 10]");
  pub.send("32 [<a> 0002 [] 'x'] 32 [<a> 0003 [] 'x']").expect("40 [0002 10] 40 [0003 10]");
  pub.send("34 [<a> 0004 [] 'x']").expect("50 [0004 10]");
  pub.send("62 [0001]").expect("70 [0001]");
  pub.send("34 [<a> 0005 [] 'x']").expect("50 [0005 10]");
  pub.send("30 [<a> [] 'q']").expect_nothing();
  pub.send("34 [<a> 0006 [] 'x']").expect_disconnect(ReasonCode::receive_maximum_exceeded);
  // Held acknowledgements count as not given.
  broker.v5_durable("sub").subscribe("a", "01");
  pub = broker.v5("pub");
  broker.hold_commits();
  pub.send("32 [<a> 0001 [] 'x'] 32 [<a> 0002 [] 'x']").expect_nothing();
  pub.send("32 [<a> 0003 [] 'x']").expect_disconnect(ReasonCode::receive_maximum_exceeded);
}

TEST_CASE("we keep within the client's Receive Maximum, and hold nothing else back",
          "[MQTT-3.3.4-9][MQTT-3.3.4-10][MQTT-4.9.0-1][MQTT-4.9.0-2][MQTT-4.9.0-3]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub", "21 0002").subscribe("a", "02").subscribe("q", "00");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] '1']").expect("40 [0001]");
  pub.send("34 [<a> 0002 [] '2']").expect("50 [0002]");
  pub.send("32 [<a> 0003 [] '3']").expect("40 [0003]");
  pub.send("32 [<a> 0004 [] '4']").expect("40 [0004]");
  sub.expect("32 [<a> 0001 [] '1'] 34 [<a> 0002 [] '2']").expect_nothing();
  pub.send("30 [<q> [] 'q']");
  sub.expect("30 [<q> [] 'q']");
  sub.send("C0 []").expect("D0 []");
  sub.send("82 [0001 [] <z> 00]").expect("90 [0001 [] 00]");
  sub.send("50 [0002]").expect("62 [0002]").expect_nothing();  // PUBREC gives no place back
  sub.send("70 [0002]").expect("32 [<a> 0003 [] '3']").expect_nothing();
  sub.send("40 [0001]").expect("32 [<a> 0004 [] '4']").expect_nothing();
}

TEST_CASE("a PUBREC with a failure ends the delivery and gives its place back",
          "[MQTT-4.9.0-2][MQTT-4.4.0-2]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub", "21 0001").subscribe("a", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("34 [<a> 0001 [] '1']").expect("50 [0001]");
  pub.send("34 [<a> 0002 [] '2']").expect("50 [0002]");
  sub.expect("34 [<a> 0001 [] '1']").expect_nothing();
  sub.send("50 [0001 97]").expect("34 [<a> 0002 [] '2']").expect_nothing();
}

TEST_CASE("who may not publish to a topic is told with 0x87 in v5; 3.1.1 is acknowledged",
          "[MQTT-3.4.2-1][MQTT-3.5.2-1]") {
  ScriptedBroker broker;
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<$SYS/x> 0001 [] 'x']").expect("40 [0001 87]");
  pub.send("34 [<$SYS/x> 0002 [] 'x']").expect("50 [0002 87]");
  pub.send("30 [<$SYS/x> [] 'x']").expect_nothing();
  broker.v3_1_1("old").send("32 [<$SYS/x> 0001 'x']").expect("40 [0001]").expect_nothing();
}

}  // namespace
