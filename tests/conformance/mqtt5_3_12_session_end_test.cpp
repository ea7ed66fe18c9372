// Sections 3.12 to 3.15: PINGREQ, DISCONNECT, AUTH.
#include <string>

#include "broker/mqtt/encoder.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

TEST_CASE("PINGREQ is answered at once, also while acknowledgements wait for the disk",
          "[MQTT-3.12.4-1]") {
  ScriptedBroker broker;
  broker.v5("c").send("C0 []").expect("D0 []");
  broker.v3_1_1("d").send("C0 []").expect("D0 []");
  broker.v5_durable("sub").subscribe("a", "01");
  ScriptedClient pub = broker.v5("pub");
  broker.hold_commits();
  pub.send("32 [<a> 0001 [] 'x'] C0 []").expect("D0 []").expect_nothing();
  broker.commit();
  pub.expect("40 [0001]").expect_nothing();
}

TEST_CASE("before CONNACK has left there is no DISCONNECT from us", "[MQTT-3.14.0-1]") {
  ScriptedBroker broker;
  broker.hold_commits();
  ScriptedClient c = broker.connect("10 [<MQTT> 05 00 0000 [11 00000E10] <c>]");
  c.expect_nothing();
  c.send("C1 []").expect_closed();
}

TEST_CASE("reserved bits of DISCONNECT and AUTH are malformed", "[MQTT-3.14.1-1][MQTT-3.15.1-1]") {
  ScriptedBroker broker;
  broker.v5("c").send("E1 []").expect_disconnect(ReasonCode::malformed_packet);
  broker.v5("c").send("F8 [18 [15 <m>]]").expect_disconnect(ReasonCode::malformed_packet);
  broker.v3_1_1("d").send("E2 []").expect_closed();
}

TEST_CASE("a client's DISCONNECT may only have a client's code", "[MQTT-3.14.2-1][MQTT-3.14.2-2]") {
  ScriptedBroker broker;
  for (const char* const code :
       {"00", "04", "80", "81", "82", "83", "90", "93", "94", "95", "96", "97", "98", "99"}) {
    INFO(code);
    broker.v5("c").send("E0 [" + std::string(code) + "]").expect_closed();
  }
  for (const char* const code : {"01", "87", "8B", "8D", "8E", "9A", "A0", "FF"}) {
    INFO(code);
    broker.v5("c")
        .send("E0 [" + std::string(code) + "]")
        .expect_disconnect(ReasonCode::protocol_error);
  }
}

TEST_CASE("DISCONNECT may change the session's expiry, but not from 0", "[MQTT-3.14.2-1]") {
  ScriptedBroker broker;
  broker.v5("c").send("E0 [00 [11 0000000A]]").expect_disconnect(ReasonCode::protocol_error);
  CHECK_FALSE(broker.v5_durable("c").session_present());
  broker.v5("c", "11 00000005").send("E0 [00 [11 0000000A]]").expect_closed();
  broker.after(9'999ms);
  ScriptedClient again = broker.v5_durable("c");
  CHECK(again.session_present());
  again.send("E0 [00 [11 00000000]]").expect_closed();
  CHECK_FALSE(broker.v5_durable("c").session_present());
}

TEST_CASE("what the broker says when it stops is its last word",
          "[MQTT-3.14.4-1][MQTT-3.14.4-2][MQTT-3.14.2-2]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5_durable("c").subscribe("a", "01");
  ScriptedClient d = broker.v3_1_1("d");
  broker.request(core::Request{1, core::DrainRequest{}});
  c.expect_disconnect(ReasonCode::server_shutting_down);  // no Session Expiry in it
  d.expect_closed();
  c.send("C0 []").expect_closed();
}

TEST_CASE("after our DISCONNECT nothing more is sent", "[MQTT-3.14.4-1][MQTT-3.14.4-2]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5_durable("c").subscribe("a", "01");
  // What stands behind the broken packet in the same segment is not looked at.
  c.send("32 [<x> 0001 [] 'x'] C1 [] C0 [] 32 [<a> 0002 [] 'x']");
  c.expect("40 [0001 10]").expect_disconnect(ReasonCode::malformed_packet);
  broker.v5("pub").send("32 [<a> 0001 [] 'y']").expect("40 [0001]");
  c.expect_closed();
  broker.v5_durable("c").expect("32 [<a> 0001 [] 'y']").expect_nothing();
}

TEST_CASE("DISCONNECT 0x00 discards the will, another code does not", "[MQTT-3.14.4-3]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  const auto connected = [&] {
    return broker.connect("10 [<MQTT> 05 06 0000 [] <c> [] <w> <bye>]").expect_connack();
  };
  connected().send("E0 []");
  sub.expect_nothing();
  connected().send("E0 [04]");
  sub.expect("30 [<w> [] 'bye']");
  connected().send("E0 [98 []]");
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
}

TEST_CASE("notes of DISCONNECT and AUTH are left out where they would be too large",
          "[MQTT-3.14.2-3][MQTT-3.14.2-4][MQTT-3.15.2-2][MQTT-3.15.2-3]") {
  mqtt::DisconnectPacket disconnect;
  disconnect.reason = ReasonCode::server_busy;
  disconnect.notes = {"why", wire("26 <k> <v>")};
  mqtt::AuthPacket auth;
  auth.reason = ReasonCode::continue_authentication;
  auth.authentication_method = "m";
  auth.notes = disconnect.notes;
  const auto encoded = [](const auto& packet, std::uint32_t limit) {
    std::string out;
    REQUIRE(mqtt::encode(packet, {mqtt::Version::v5, limit, true}, out));
    return to_hex(out);
  };
  CHECK(encoded(disconnect, 17) == to_hex(wire("E0 [89 [1F <why> 26 <k> <v>]]")));
  CHECK(encoded(disconnect, 16) == to_hex(wire("E0 [89 [1F <why>]]")));
  CHECK(encoded(disconnect, 9) == to_hex(wire("E0 [89]")));
  CHECK(encoded(auth, 21) == to_hex(wire("F0 [18 [15 <m> 1F <why> 26 <k> <v>]]")));
  CHECK(encoded(auth, 20) == to_hex(wire("F0 [18 [15 <m> 1F <why>]]")));
  CHECK(encoded(auth, 13) == to_hex(wire("F0 [18 [15 <m>]]")));
}

TEST_CASE("AUTH has a table of codes too", "[MQTT-3.15.2-1]") {
  ScriptedBroker broker;
  for (const char* const notation : {"F0 []", "F0 [00 [15 <m>]]", "F0 [87 [15 <m>]]"}) {
    INFO(notation);
    broker.v5("c").send(notation).expect_disconnect(ReasonCode::protocol_error);
  }
}

TEST_CASE("AUTH without an agreed method is a protocol error; in 3.1.1 it is no packet at all",
          "[MQTT-4.12.0-6][MQTT-4.12.0-7][MQTT-4.12.1-1]") {
  ScriptedBroker broker;
  broker.v5("c").send("F0 [18 [15 <m> 16 <x>]]").expect_disconnect(ReasonCode::protocol_error);
  broker.v5("c").send("F0 [19 [15 <m>]]").expect_disconnect(ReasonCode::protocol_error);
  broker.v3_1_1("d").send("F0 []").expect_closed();
}

TEST_CASE("an authentication method we do not know is refused with 0x8C",
          "[MQTT-4.12.0-1][MQTT-4.12.0-4]") {
  ScriptedBroker broker;
  broker.connect("10 [<MQTT> 05 02 0000 [15 <SCRAM-SHA-1> 16 <x>] <c>]")
      .expect_refused(ReasonCode::bad_authentication_method);
}

TEST_CASE("without a method in CONNECT there is none in CONNACK", "[MQTT-4.12.0-6]") {
  ScriptedBroker broker;
  broker.connect("10 [<MQTT> 05 C2 0000 [] <c> <user> <secret>]")
      .expect("20 [00 00 [21 0100 27 00200000 22 0040]]");
}

}  // namespace
