// Section 3.2, CONNACK.
#include "broker/mqtt/encoder.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

TEST_CASE("CONNACK comes before everything else, even when the disk keeps it waiting",
          "[MQTT-3.2.0-1][MQTT-3.2.0-2]") {
  ScriptedBroker broker;
  broker.v5_durable("c").subscribe("a", "01").vanish();
  broker.v5("pub").send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  broker.hold_commits();
  ScriptedClient c = broker.connect(
      "10 [<MQTT> 05 00 0000 [11 00000E10] <c>] C0 [] 82 [0001 [] <b> 00] 32 [<b> 0001 [] 'y']");
  c.expect_nothing();
  broker.commit();
  broker.commit();
  c.expect("20 [01 00 [21 0100 27 00200000 22 0040]]");
  int connacks = 0;
  for (std::string packet = c.take(); !packet.empty(); packet = c.take()) {
    connacks += packet[0] == 0x20 ? 1 : 0;
  }
  CHECK(connacks == 0);
  c.expect_nothing();
}

TEST_CASE("of the flags only Session Present is used", "[MQTT-3.2.2-1][MQTT-3.2.2-2]") {
  ScriptedBroker broker;
  broker.v5_durable("c").vanish();
  // expect_connack looks at the other bits.
  CHECK(broker.v5_durable("c").session_present());
  CHECK_FALSE(broker.v5("c").session_present());
}

TEST_CASE("Session Present tells exactly whether there was state", "[MQTT-3.2.2-3]") {
  ScriptedBroker broker;
  CHECK_FALSE(broker.v5_durable("c").session_present());
  CHECK(broker.v5_durable("c").session_present());
  broker.after(2h);  // connected: nothing expires
  CHECK(broker.v5_durable("c").session_present());
}

TEST_CASE("a refusal says Session Present 0, has a code of the table and ends the connection",
          "[MQTT-3.2.2-6][MQTT-3.2.2-7][MQTT-3.2.2-8][MQTT-4.13.2-1]") {
  ScriptedBroker broker;
  broker.v5_durable("c").vanish();
  broker.connect("10 [<MQTT> 05 00 0000 [15 <m>] <c>]").expect("20 [00 8C 00]").expect_closed();
  broker.connect("10 [<MQTT> 05 00 0000 [11 00000001] <c> 00]")
      .expect("20 [00 81 00]")
      .expect_closed();
  CHECK(broker.v5_durable("c").session_present());
}

TEST_CASE("every QoS and retained messages are available: nothing is announced or refused",
          "[MQTT-3.2.2-3]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.connect("10 [<MQTT> 05 02 0000 [] <c>]");
  // No Maximum QoS (24), no Retain Available (25), no ...Available (28, 29, 2A).
  c.expect("20 [00 00 [21 0100 27 00200000 22 0040]]");
  c.send("82 [0001 [] <a> 00 <b> 01 <d> 02]").expect("90 [0001 [] 00 01 02]");
}

TEST_CASE("a packet above our maximum is refused from its fixed header on", "[MQTT-3.2.2-15]") {
  ScriptedBroker broker;
  // 2 MiB is announced. The first has just that, the second one byte more; no body is there yet.
  broker.v5("d").send("30 FCFF7F").expect_nothing();
  broker.v5("e").send("30 FDFF7F").expect_disconnect(ReasonCode::packet_too_large);
  broker.v5("f").send("30 FFFFFF7F").expect_disconnect(ReasonCode::packet_too_large);
  broker.v3_1_1("g").send("30 FFFFFF7F").expect_closed();
}

TEST_CASE("an alias above what we announced, or any when we announced none, ends the connection",
          "[MQTT-3.2.2-17][MQTT-3.2.2-18][MQTT-3.3.2-9]") {
  ScriptedBroker broker;
  broker.v5("c").send("30 [<a> [23 0041] 'x']").expect_disconnect(ReasonCode::topic_alias_invalid);
  core::CoreConfig config;
  config.topic_alias_in_max = 0;
  ScriptedBroker without(config);
  without.connect("10 [<MQTT> 05 02 0000 [] <c>]")
      .expect("20 [00 00 [21 0100 27 00200000]]")
      .send("30 [<a> [23 0001] 'x']")
      .expect_disconnect(ReasonCode::topic_alias_invalid);
}

TEST_CASE("Reason String and User Properties are left out of a CONNACK that would be too large",
          "[MQTT-3.2.2-19][MQTT-3.2.2-20]") {
  mqtt::ConnackPacket packet;
  packet.reason = ReasonCode::not_authorized;
  packet.notes.reason_string = "because";
  packet.notes.user_properties = wire("26 <k> <v>");
  const auto encoded = [&](std::uint32_t limit) {
    std::string out;
    REQUIRE(mqtt::encode(packet, {mqtt::Version::v5, limit, true}, out));
    return to_hex(out);
  };
  CHECK(encoded(0) == to_hex(wire("20 [00 87 [1F <because> 26 <k> <v>]]")));
  CHECK(encoded(22) == to_hex(wire("20 [00 87 [1F <because> 26 <k> <v>]]")));
  CHECK(encoded(15) == to_hex(wire("20 [00 87 [1F <because>]]")));
  CHECK(encoded(5) == to_hex(wire("20 [00 87 []]")));
}

TEST_CASE("the keep alive we name is the one we enforce; else the client's own",
          "[MQTT-3.2.2-21][MQTT-3.2.2-22]") {
  core::CoreConfig config;
  config.keep_alive_s_max = 20;
  ScriptedBroker broker(config);
  ScriptedClient high = broker.connect("10 [<MQTT> 05 02 003C [] <high>]");
  high.expect("20 [00 00 [21 0100 27 00200000 22 0040 13 0014]]");
  ScriptedClient off = broker.connect("10 [<MQTT> 05 02 0000 [] <off>]");
  off.expect("20 [00 00 [21 0100 27 00200000 22 0040 13 0014]]");
  ScriptedClient low = broker.connect("10 [<MQTT> 05 02 000A [] <low>]");
  low.expect("20 [00 00 [21 0100 27 00200000 22 0040]]");
  broker.after(15s);
  low.expect_disconnect(ReasonCode::keep_alive_timeout);
  broker.after(14'999ms);
  high.expect_nothing();
  off.expect_nothing();
  broker.after(1ms);
  high.expect_disconnect(ReasonCode::keep_alive_timeout);
  off.expect_disconnect(ReasonCode::keep_alive_timeout);
}

TEST_CASE("what differs from the default is announced, what does not is not",
          "[MQTT-3.2.2-3][MQTT-3.2.2-21]") {
  core::CoreConfig config;
  config.receive_maximum = 65535;
  config.packet_size_bytes_max = 1000;
  config.topic_alias_in_max = 0;
  config.session_expiry_s_max = 60;
  ScriptedBroker broker(config);
  broker.connect("10 [<MQTT> 05 02 0000 [11 0000003C] <c>]").expect("20 [00 00 [27 000003E8]]");
  broker.connect("10 [<MQTT> 05 02 0000 [11 0000003D] <d>]")
      .expect("20 [00 00 [11 0000003C 27 000003E8]]");
}

}  // namespace
