// Chapters 1 and 2: strings, variable byte integers, fixed header, packet identifiers, properties.
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;

/// Each of these, sent by a connected v5 client, ends its connection with `reason`.
void each_ends_with(ReasonCode reason, std::initializer_list<const char*> notations) {
  for (const char* const notation : notations) {
    INFO(notation);
    ScriptedBroker broker;
    broker.v5("c").send(notation).expect_disconnect(reason);
  }
}

TEST_CASE("a string that is not well-formed UTF-8 is malformed", "[MQTT-1.5.4-1]") {
  each_ends_with(ReasonCode::malformed_packet,
                 {
                     "30 [<{C0AF}> [] 'x']",       // overlong slash
                     "30 [<{E080AF}> [] 'x']",     // the same in three bytes
                     "30 [<{EDA080}> [] 'x']",     // U+D800
                     "30 [<{EDBFBF}> [] 'x']",     // U+DFFF
                     "30 [<{F4908080}> [] 'x']",   // U+110000
                     "30 [<{E282}> [] 'x']",       // cut off
                     "30 [<{80}> [] 'x']",         // continuation without a start
                     "30 [<a> [03 <{FF}>] 'x']",   // Content Type
                     "82 [0001 [] <{C3}> 00]",     // Topic Filter
                     "A2 [0001 [] <{F8888080}>]",  // UNSUBSCRIBE
                     "E0 [00 [1F <{C1BF}>]]",      // Reason String
                 });
}

TEST_CASE("U+0000 in a string is malformed", "[MQTT-1.5.4-2][MQTT-4.7.3-2]") {
  each_ends_with(ReasonCode::malformed_packet,
                 {"30 [<a{00}b> [] 'x']", "82 [0001 [] <{00}> 00]", "A2 [0001 [] <a{00}>]",
                  "30 [<a> [03 <{00}>] 'x']", "30 [<a> [26 <k{00}> <v>] 'x']"});
}

TEST_CASE("a byte-order mark is a character of the topic like any other", "[MQTT-1.5.4-3]") {
  ScriptedBroker broker;
  ScriptedClient with = broker.v5("with").subscribe("{EFBBBF}a");
  ScriptedClient without = broker.v5("without").subscribe("a");
  broker.v5("pub").send("30 [<{EFBBBF}a> [] 'x']");
  with.expect("30 [<{EFBBBF}a> [] 'x']");
  without.expect_nothing();
}

TEST_CASE("lengths are sent in the shortest form", "[MQTT-1.5.5-1]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a");
  ScriptedClient pub = broker.v5("pub");
  // Remaining Length 127, 128, 16383, 16384: the topic takes 3 bytes, the property length 1.
  for (const char* const payload : {"61*123", "61*124", "61*16379", "61*16380"}) {
    const std::string packet = "30 [<a> [] (" + std::string(payload) + ")]";
    pub.send(packet);
    sub.expect(packet);
  }
}

TEST_CASE("a variable byte integer of more than four bytes is malformed", "[MQTT-1.5.5-1]") {
  each_ends_with(ReasonCode::malformed_packet,
                 {"C0 8080808000", "30 FFFFFFFF7F", "82 [0001 [0B 8080808001] <a> 00]"});
}

TEST_CASE("both halves of a User Property obey the string rules", "[MQTT-1.5.7-1]") {
  each_ends_with(ReasonCode::malformed_packet,
                 {"30 [<a> [26 <{FF}> <v>] 'x']", "30 [<a> [26 <k> <{EDA080}>] 'x']",
                  "82 [0001 [26 <k> <{C3}>] <a> 00]", "E0 [00 [26 <{80}> <v>]]"});
}

TEST_CASE("reserved header flags with another value are malformed, in every packet type",
          "[MQTT-2.1.3-1][MQTT-3.6.1-1][MQTT-3.8.1-1][MQTT-3.10.1-1][MQTT-3.14.1-1]"
          "[MQTT-3.15.1-1]") {
  each_ends_with(ReasonCode::malformed_packet,
                 {"41 [0001]", "58 [0001]", "60 [0001]", "63 [0001]", "74 [0001]",
                  "80 [0001 [] <a> 00]", "83 [0001 [] <a> 00]", "A0 [0001 [] <a>]",
                  "AA [0001 [] <a>]", "C1 []", "E1 []", "F1 [18 [15 <m>]]"});
  ScriptedBroker broker;
  broker.connect("11 [<MQTT> 05 02 0000 [] <c>]").expect_closed();
}

TEST_CASE("QoS 0 carries no Packet Identifier, QoS 1 and 2 carry their own",
          "[MQTT-2.2.1-2][MQTT-2.2.1-4]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("#", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("30 [<a> [] 'x']");
  sub.expect("30 [<a> [] 'x']");
  pub.send("32 [<a> 0777 [] 'y']").expect("40 [0777]");
  sub.expect("32 [<a> 0001 [] 'y']");
  pub.send("34 [<a> 0778 [] 'z']").expect("50 [0778]");
  sub.expect("34 [<a> 0002 [] 'z']");
}

TEST_CASE("a Packet Identifier of 0 is a protocol error", "[MQTT-2.2.1-3]") {
  each_ends_with(ReasonCode::protocol_error,
                 {"32 [<a> 0000 [] 'x']", "34 [<a> 0000 [] 'x']", "82 [0000 [] <a> 00]",
                  "A2 [0000 [] <a>]", "40 [0000]", "62 [0000]"});
}

TEST_CASE("our Packet Identifiers are never 0 and never one that is in use", "[MQTT-2.2.1-4]") {
  core::CoreConfig config;
  config.has_store = false;
  ScriptedBroker broker(config);
  ScriptedClient sub = broker.v5("sub").subscribe("a", "01");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  sub.expect("32 [<a> 0001 [] 'x']");  // stays unacknowledged
  bool sound = true;
  for (int i = 0; i < 66'000 && sound; ++i) {
    pub.send_bytes(
        std::string("\x32\x06\x00\x01"
                    "a\x00\x01\x00",
                    8));
    const std::string packet = sub.take();
    const std::string id = packet.substr(5, 2);
    sound = id != std::string("\0\0", 2) && id != std::string("\0\1", 2);
    sub.send_bytes(std::string("\x40\x02", 2) + id);
  }
  CHECK(sound);
}

TEST_CASE("acknowledgements echo the Packet Identifier of what they answer",
          "[MQTT-2.2.1-5][MQTT-2.2.1-6][MQTT-3.8.4-2][MQTT-3.10.4-5]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a", "02");
  ScriptedClient c = broker.v5("c");
  c.send("32 [<a> 1234 [] 'x']").expect("40 [1234]");
  c.send("34 [<a> FFFF [] 'x']").expect("50 [FFFF]");
  c.send("62 [FFFF]").expect("70 [FFFF]");
  c.send("82 [00FF [] <b> 00]").expect("90 [00FF [] 00]");
  c.send("A2 [FF00 [] <b>]").expect("B0 [FF00 [] 00]");
  sub.expect("32 [<a> 0001 [] 'x']").expect("34 [<a> 0002 [] 'x']");
  sub.send("50 [0002]").expect("62 [0002]");
}

TEST_CASE("a packet without properties says so with a length of 0", "[MQTT-2.2.2-1]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c");
  c.send("82 [0001 [] <a> 00]").expect("90 [0001 00 00]");
  c.send("A2 [0002 [] <a>]").expect("B0 [0002 00 00]");
  c.send("82 [0003 [] <a> 00]").expect("90 [0003 00 00]");
  broker.v5("pub").send("30 [<a> []]");
  c.expect("30 [<a> 00]");
  broker.connect("10 [<MQTT> 05 02 0000 [15 <m>] <d>]").expect("20 [00 8C 00]");
}

TEST_CASE("properties out of place are malformed, single ones twice a protocol error",
          "[MQTT-2.2.2-1]") {
  each_ends_with(ReasonCode::malformed_packet,
                 {"30 [<a> [11 00000001] 'x']", "30 [<a> [7F 00] 'x']", "30 [<a> 7F 01 'x']",
                  "82 [0001 [23 0001] <a> 00]", "E0 [00 [02 00000001]]"});
  each_ends_with(ReasonCode::protocol_error,
                 {"30 [<a> [01 00 01 00] 'x']", "30 [<a> [02 00000001 02 00000001] 'x']",
                  "82 [0001 [0B 01 0B 01] <a> 00]"});
}

}  // namespace
