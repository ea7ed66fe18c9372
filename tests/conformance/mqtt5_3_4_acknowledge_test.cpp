// Sections 3.4 to 3.7: PUBACK, PUBREC, PUBREL, PUBCOMP.
#include <string>

#include "broker/mqtt/encoder.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;

TEST_CASE("a code that is not in the packet's table is a protocol error",
          "[MQTT-3.4.2-1][MQTT-3.5.2-1][MQTT-3.6.2-1][MQTT-3.7.2-1]") {
  for (const char* const notation :
       {"40 [0001 01]", "40 [0001 92]", "40 [0001 8E []]", "50 [0001 02]", "50 [0001 92]",
        "62 [0001 10]", "62 [0001 87]", "70 [0001 91]", "70 [0001 97 []]"}) {
    INFO(notation);
    ScriptedBroker broker;
    broker.v5("c").send(notation).expect_disconnect(ReasonCode::protocol_error);
  }
}

TEST_CASE("every code of the table is accepted, in all three lengths",
          "[MQTT-3.4.2-1][MQTT-3.5.2-1][MQTT-3.6.2-1][MQTT-3.7.2-1]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c");
  for (const char* const code : {"00", "10", "80", "83", "87", "90", "91", "97", "99"}) {
    INFO(code);
    c.send("40 [0001 " + std::string(code) + "]").expect_nothing();
    c.send("40 [0001 " + std::string(code) + " []]").expect_nothing();
    c.send("50 [0001 " + std::string(code) + " [1F <why>]]");
    const bool failure = code[0] != '0' && code[0] != '1';
    if (!failure) c.expect("62 [0001 92]");
    c.expect_nothing();
  }
  c.send("40 [0001] 70 [0001] 70 [0001 00] 70 [0001 92 []]").expect_nothing();
  c.send("62 [0001] 62 [0001 00] 62 [0001 92 []]");
  c.expect("70 [0001 92] 70 [0001 92] 70 [0001 92]").expect_nothing();
}

TEST_CASE("an unknown identifier is answered or ignored, and never ends the connection",
          "[MQTT-3.6.2-1][MQTT-3.7.2-1]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c");
  c.send("40 [0007]").expect_nothing();
  c.send("50 [0007]").expect("62 [0007 92]").expect_nothing();
  c.send("62 [0007]").expect("70 [0007 92]").expect_nothing();
  c.send("70 [0007]").expect_nothing();
  ScriptedClient old = broker.v3_1_1("old");
  old.send("40 [0007] 50 [0007] 62 [0007] 70 [0007]").expect("62 [0007] 70 [0007]");
  old.expect_nothing();
}

TEST_CASE("a PUBREC that refuses an unknown identifier gets no PUBREL", "[MQTT-4.3.3-4]") {
  ScriptedBroker broker;
  broker.v5("c").send("50 [0007 80]").expect_nothing();
}

TEST_CASE("an acknowledgement of the wrong kind changes nothing",
          "[MQTT-4.3.2-3][MQTT-4.3.3-3][MQTT-4.3.3-5]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub").subscribe("a", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  pub.send("34 [<a> 0002 [] 'y']").expect("50 [0002]");
  sub.expect("32 [<a> 0001 [] 'x'] 34 [<a> 0002 [] 'y']");
  sub.send("50 [0001]").expect("62 [0001 92]");  // PUBREC for a QoS 1 message
  sub.send("70 [0001] 40 [0002] 70 [0002]").expect_nothing();
  sub.vanish();
  broker.v5_durable("sub").expect("3A [<a> 0001 [] 'x'] 3C [<a> 0002 [] 'y']").expect_nothing();
}

TEST_CASE("Reason String and User Properties are left out where they would be too large",
          "[MQTT-3.4.2-2][MQTT-3.4.2-3][MQTT-3.5.2-2][MQTT-3.5.2-3][MQTT-3.6.2-2][MQTT-3.6.2-3]"
          "[MQTT-3.7.2-2][MQTT-3.7.2-3]") {
  using Type = mqtt::PacketType;
  auto notes = std::make_shared<mqtt::Notes>();
  notes->reason_string = "why";
  notes->user_properties = wire("26 <k> <v>");
  const std::pair<Type, const char*> packets[] = {
      {Type::puback, "40"}, {Type::pubrec, "50"}, {Type::pubrel, "62"}, {Type::pubcomp, "70"}};
  for (const auto& [type, first] : packets) {
    const auto encoded = [&, type = type](std::uint32_t limit) {
      std::string out;
      const mqtt::AckPacket packet{type, 1, ReasonCode::packet_identifier_not_found, notes};
      REQUIRE(mqtt::encode(packet, {mqtt::Version::v5, limit, true}, out));
      return to_hex(out);
    };
    const std::string head(first);
    CHECK(encoded(0) == to_hex(wire(head + " [0001 92 [1F <why> 26 <k> <v>]]")));
    CHECK(encoded(19) == to_hex(wire(head + " [0001 92 [1F <why> 26 <k> <v>]]")));
    CHECK(encoded(18) == to_hex(wire(head + " [0001 92 [1F <why>]]")));
    CHECK(encoded(11) == to_hex(wire(head + " [0001 92]")));
  }
}

TEST_CASE("Request Problem Information 0: notes only on CONNACK, DISCONNECT and PUBLISH",
          "[MQTT-3.1.2-29]") {
  const mqtt::EncodeOptions options{mqtt::Version::v5, 0, false};
  const mqtt::Notes notes{"why", wire("26 <k> <v>")};
  const auto bytes_of = [&](const auto& packet) {
    std::string out;
    REQUIRE(mqtt::encode(packet, options, out));
    return to_hex(out);
  };
  mqtt::AckPacket puback{mqtt::PacketType::puback, 1, ReasonCode::quota_exceeded,
                         std::make_shared<mqtt::Notes>(notes)};
  CHECK(bytes_of(puback) == to_hex(wire("40 [0001 97]")));
  mqtt::SubackPacket suback;
  suback.packet_id = 1;
  suback.reasons = {ReasonCode::quota_exceeded};
  suback.notes = notes;
  CHECK(bytes_of(suback) == to_hex(wire("90 [0001 [] 97]")));
  mqtt::ConnackPacket connack;
  connack.reason = ReasonCode::banned;
  connack.notes = notes;
  CHECK(bytes_of(connack) == to_hex(wire("20 [00 8A [1F <why> 26 <k> <v>]]")));
  mqtt::DisconnectPacket disconnect;
  disconnect.reason = ReasonCode::server_busy;
  disconnect.notes = notes;
  CHECK(bytes_of(disconnect) == to_hex(wire("E0 [89 [1F <why> 26 <k> <v>]]")));
  // A publisher's User Properties are its message, not our notes.
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub", "17 00").subscribe("a");
  broker.v5("pub").send("30 [<a> [26 <k> <v>] 'x']");
  sub.expect("30 [<a> [26 <k> <v>] 'x']");
}

}  // namespace
