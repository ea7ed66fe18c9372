// Sections 3.8 to 3.11: SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "broker/base/metrics.h"
#include "broker/mqtt/encoder.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;

void each_ends_with(ReasonCode reason, std::initializer_list<const char*> notations) {
  for (const char* const notation : notations) {
    INFO(notation);
    ScriptedBroker broker;
    broker.v5("c").send(notation).expect_disconnect(reason);
  }
}

TEST_CASE("fixed header flags other than 0010 are malformed", "[MQTT-3.8.1-1][MQTT-3.10.1-1]") {
  each_ends_with(ReasonCode::malformed_packet, {"80 [0001 [] <a> 00]", "86 [0001 [] <a> 00]",
                                                "A0 [0001 [] <a>]", "A3 [0001 [] <a>]"});
}

TEST_CASE("filters must be UTF-8", "[MQTT-3.8.3-1][MQTT-3.10.3-1]") {
  each_ends_with(ReasonCode::malformed_packet,
                 {"82 [0001 [] <{FF}> 00]", "82 [0001 [] <a{EDA080}> 00]", "A2 [0001 [] <{C3}>]"});
}

TEST_CASE("a request without filter is a protocol error", "[MQTT-3.8.3-2][MQTT-3.10.3-2]") {
  each_ends_with(ReasonCode::protocol_error, {"82 [0001 []]", "A2 [0001 []]"});
}

TEST_CASE("a request whose answer is above the client's Maximum Packet Size ends the connection",
          "[MQTT-3.1.2-24][MQTT-3.8.4-1][MQTT-3.10.4-4]") {
  const auto filters = [](int size, std::string_view options) {
    std::string text;
    for (int i = 0; i < size; ++i) text += fmt::format(" <a{}>{}", 100 + i, options);
    return text;
  };
  ScriptedBroker broker;
  const auto before = counter_value(Counter::dropped_too_large);
  // An answer of 20 bytes still goes out: 15 codes behind 5 bytes.
  std::string codes;
  for (int i = 0; i < 15; ++i) codes += "00";
  ScriptedClient c = broker.v5("c", "27 00000014");
  c.send("82 [0001 []" + filters(15, " 00") + "]").expect("90 [0001 [] " + codes + "]");
  c.send("82 [0002 []" + filters(16, " 00") + "]").expect_disconnect(ReasonCode::packet_too_large);
  ScriptedClient d = broker.v5("d", "27 00000014");
  d.send("A2 [0003 []" + filters(16, "") + "]").expect_disconnect(ReasonCode::packet_too_large);
  CHECK(counter_value(Counter::dropped_too_large) == before + 2);
  CHECK(broker.statistics().subscriptions == 0);
  // Without a limit it is answered.
  broker.v5("e")
      .send("82 [0001 []" + filters(16, " 00") + "]")
      .expect("90 [0001 [] " + codes + "00]");
}

TEST_CASE("No Local keeps a client's own messages from it, others' not", "[MQTT-3.8.3-3]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c").subscribe("a", "05");
  c.send("32 [<a> 0001 [] 'mine']").expect("40 [0001 10]").expect_nothing();
  broker.v5("d").send("32 [<a> 0001 [] 'other']").expect("40 [0001]");
  c.expect("32 [<a> 0001 [] 'other']").expect_nothing();
}

TEST_CASE("No Local on a shared subscription is a protocol error", "[MQTT-3.8.3-4]") {
  each_ends_with(ReasonCode::protocol_error, {"82 [0001 [] <$share/g/a> 04]"});
}

TEST_CASE("reserved option bits and values are refused", "[MQTT-3.8.3-5]") {
  each_ends_with(ReasonCode::malformed_packet,
                 {"82 [0001 [] <a> 40]", "82 [0001 [] <a> 80]", "82 [0001 [] <a> C1]"});
  each_ends_with(ReasonCode::protocol_error,
                 {"82 [0001 [] <a> 03]", "82 [0001 [] <a> 30]", "82 [0001 [0B 00] <a> 00]"});
}

TEST_CASE("several filters are several SUBSCRIBEs with one SUBACK, a code each in their order",
          "[MQTT-3.8.4-1][MQTT-3.8.4-2][MQTT-3.8.4-5][MQTT-3.8.4-6][MQTT-3.8.4-7][MQTT-3.9.3-1]"
          "[MQTT-3.9.3-2]") {
  core::CoreConfig config;
  config.subscriptions_per_session_max = 3;
  ScriptedBroker broker(config);
  ScriptedClient c = broker.v5("c");
  c.send("82 [ABCD [] <a> 02 <{61*1025}> 01 <b> 00 <c> 01 <d> 02 <a> 01]");
  c.expect("90 [ABCD [] 02 8F 00 01 97 01]").expect_nothing();
  ScriptedClient pub = broker.v5("pub");
  pub.send("30 [<a> [] '1'] 30 [<b> [] '2'] 30 [<c> [] '3'] 30 [<d> [] '4']");
  c.expect("30 [<a> [] '1'] 30 [<b> [] '2'] 30 [<c> [] '3']").expect_nothing();
}

TEST_CASE("the same filter again replaces options and identifier", "[MQTT-3.8.4-3][MQTT-3.8.4-8]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c").subscribe("a", "02", "0B 01").subscribe("a", "01", "0B 02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("34 [<a> 0001 [] 'x']").expect("50 [0001]");
  c.expect("32 [<a> 0001 [0B 02] 'x']").expect_nothing();
  c.subscribe("a", "00");
  pub.send("34 [<a> 0002 [] 'y']").expect("50 [0002]");
  c.expect("30 [<a> [] 'y']").expect_nothing();
}

TEST_CASE("the swap of a subscription loses and doubles nothing", "[MQTT-3.8.4-4]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c", "21 0001").subscribe("a", "01");
  ScriptedClient pub = broker.v5("pub");
  pub.send("33 [<a> 0001 [] '1']").expect("40 [0001]");
  pub.send("32 [<a> 0002 [] '2']").expect("40 [0002]");
  c.expect("32 [<a> 0001 [] '1']");
  c.subscribe("a", "01");  // Retain Handling 0: '1' comes again, as retained
  pub.send("32 [<a> 0003 [] '3']").expect("40 [0003]");
  c.send("40 [0001]").expect("32 [<a> 0002 [] '2']");
  c.send("40 [0002]").expect("33 [<a> 0003 [] '1']");
  c.send("40 [0003]").expect("32 [<a> 0004 [] '3']");
  c.send("40 [0004]").expect_nothing();
}

TEST_CASE("delivered is the lower of published and granted QoS", "[MQTT-3.8.4-8]") {
  for (int granted = 0; granted <= 2; ++granted) {
    for (int published = 0; published <= 2; ++published) {
      INFO("granted " << granted << ", published " << published);
      ScriptedBroker broker;
      ScriptedClient sub = broker.v5("sub").subscribe("a", "0" + std::to_string(granted));
      const std::string id = published == 0 ? "" : "0001";
      broker.v5("pub").send("3" + std::to_string(published * 2) + " [<a> " + id + " [] 'x']");
      const int qos = std::min(granted, published);
      const std::string sent = qos == 0 ? "" : "0001";
      sub.expect("3" + std::to_string(qos * 2) + " [<a> " + sent + " [] 'x']").expect_nothing();
    }
  }
}

TEST_CASE("notes of SUBACK and UNSUBACK are left out where they would be too large",
          "[MQTT-3.9.2-1][MQTT-3.9.2-2][MQTT-3.11.2-1][MQTT-3.11.2-2]") {
  mqtt::SubackPacket packet;
  packet.packet_id = 1;
  packet.reasons = {ReasonCode::success};
  packet.notes.reason_string = "why";
  packet.notes.user_properties = wire("26 <k> <v>");
  for (const auto type : {mqtt::PacketType::suback, mqtt::PacketType::unsuback}) {
    packet.type = type;
    const std::string head = type == mqtt::PacketType::suback ? "90" : "B0";
    const auto encoded = [&](std::uint32_t limit) {
      std::string out;
      REQUIRE(mqtt::encode(packet, {mqtt::Version::v5, limit, true}, out));
      return to_hex(out);
    };
    CHECK(encoded(19) == to_hex(wire(head + " [0001 [1F <why> 26 <k> <v>] 00]")));
    CHECK(encoded(18) == to_hex(wire(head + " [0001 [1F <why>] 00]")));
    CHECK(encoded(11) == to_hex(wire(head + " [0001 [] 00]")));
  }
}

TEST_CASE("UNSUBSCRIBE compares filters as text: no wildcard has a meaning",
          "[MQTT-3.10.4-1][MQTT-3.10.4-4][MQTT-3.10.4-5][MQTT-3.10.4-6][MQTT-3.11.3-1]"
          "[MQTT-3.11.3-2]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c").subscribe("a/b").subscribe("a/+").subscribe("$share/g/a/b");
  c.send("A2 [0009 [] <a/#> <a/+> <#> <A/B> <$share/h/a/b>]").expect("B0 [0009 [] 11 00 11 11 11]");
  ScriptedClient pub = broker.v5("pub");
  pub.send("30 [<a/b> [] 'x']");
  c.expect("30 [<a/b> [] 'x'] 30 [<a/b> [] 'x']").expect_nothing();
  c.send("A2 [000A [] <$share/g/a/b> <a/b>]").expect("B0 [000A [] 00 00]");
  pub.send("30 [<a/b> [] 'y']");
  c.expect_nothing();
}

TEST_CASE("after UNSUBSCRIBE nothing new comes, but what was started is finished",
          "[MQTT-3.10.4-2][MQTT-3.10.4-3]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5_durable("c").subscribe("a", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("34 [<a> 0001 [] '1']").expect("50 [0001]");
  pub.send("32 [<a> 0002 [] '2']").expect("40 [0002]");
  c.expect("34 [<a> 0001 [] '1'] 32 [<a> 0002 [] '2']");
  c.unsubscribe("a");
  pub.send("32 [<a> 0003 [] '3']").expect("40 [0003 10]");
  c.send("50 [0001]").expect("62 [0001]");
  c.send("70 [0001]").expect_nothing();
  c.vanish();
  broker.v5_durable("c").expect("3A [<a> 0002 [] '2']").send("40 [0002]").expect_nothing();
}

}  // namespace
