// What 3.1.1 and 3.1 clients need, on the same port as v5.
#include <string>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

TEST_CASE("3.1.1 packets have no properties and no codes", "[MQTT 3.1.1][MQTT-3.8.4-7]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.connect("10 [<MQTT> 04 02 0000 <c>]").expect("20 [00 00]");
  c.send("82 [0001 <a> 02 <b> 01 <d> 00 <{61*1025}> 01]").expect("90 [0001 02 01 00 80]");
  c.send("A2 [0002 <b> <nothing>]").expect("B0 [0002]");
  c.send("32 [<nobody> 0003 'x']").expect("40 [0003]");
  c.send("34 [<nobody> 0004 'x']").expect("50 [0004]").send("62 [0004]").expect("70 [0004]");
  c.send("62 [0005]").expect("70 [0005]");
  c.send("34 [<a> 0006 'x']").expect("34 [<a> 0001 'x'] 50 [0006]");
  c.send("50 [0001]").expect("62 [0001]").send("70 [0001]").expect_nothing();
}

TEST_CASE("3.1.1 is never sent a DISCONNECT", "[MQTT 3.1.1][MQTT-3.14.0-1]") {
  ScriptedBroker broker;
  broker.v3_1_1("c").send("C1 []").expect_closed();
  broker.v3_1_1("c").send("10 [<MQTT> 04 02 0000 <c>]").expect_closed();
  ScriptedClient quiet = broker.connect("10 [<MQTT> 04 02 0001 <c>]").expect_connack();
  broker.after(2s);
  quiet.expect_closed();
  ScriptedClient old = broker.v3_1_1("c");
  ScriptedClient fresh = broker.v3_1_1("c");
  old.expect_closed();
  broker.request(core::Request{1, core::DrainRequest{}});
  fresh.expect_closed();
}

TEST_CASE("Clean Session 1 is discarded on close, 0 is kept for session_expiry_max",
          "[MQTT 3.1.1][MQTT-3.1.2-23]") {
  ScriptedBroker broker;
  broker.v3_1_1("c", "02").subscribe("a", "01").vanish();
  CHECK_FALSE(broker.v3_1_1("c", "00").session_present());
  ScriptedClient c = broker.v3_1_1("c", "00");
  CHECK(c.session_present());
  c.subscribe("a", "01").send("E0 []");
  broker.after(24h * 30 - 1ms);
  c = broker.v3_1_1("c", "00");
  CHECK(c.session_present());
  c.send("E0 []");
  broker.after(24h * 30);
  CHECK_FALSE(broker.v3_1_1("c", "00").session_present());
  CHECK_FALSE(broker.v3_1_1("c", "02").session_present());
}

TEST_CASE("a 3.1.1 session that holds nothing ends after a day", "[MQTT 3.1.1]") {
  ScriptedBroker broker;
  broker.v3_1_1("dashboard", "00").subscribe("a", "00").vanish();
  broker.after(24h - 1ms);
  ScriptedClient c = broker.v3_1_1("dashboard", "00");
  CHECK(c.session_present());
  c.vanish();
  broker.after(24h);
  CHECK_FALSE(broker.v3_1_1("dashboard", "00").session_present());
}

TEST_CASE("a zero-length identifier needs Clean Session 1; then one is assigned silently",
          "[MQTT-3.1.3-8 of 3.1.1]") {
  ScriptedBroker broker;
  broker.connect("10 [<MQTT> 04 00 0000 <>]").expect("20 [00 02]").expect_closed();
  ScriptedClient one = broker.connect("10 [<MQTT> 04 02 0000 <>]").expect("20 [00 00]");
  broker.connect("10 [<MQTT> 04 02 0000 <>]").expect("20 [00 00]");
  one.expect_nothing();  // the second one got another identifier
}

TEST_CASE("a password without user name is an error", "[MQTT-3.1.2-22 of 3.1.1]") {
  ScriptedBroker broker;
  broker.connect("10 [<MQTT> 04 42 0000 <c> <secret>]").expect_closed();
  broker.connect("10 [<MQTT> 04 C2 0000 <c> <user> <secret>]").expect("20 [00 00]");
}

TEST_CASE("a refusal has a return code of 3.1.1", "[MQTT 3.1.1][MQTT-3.1.2-2][MQTT-3.1.4-2]") {
  core::CoreConfig config;
  config.sessions_max = 1;
  ScriptedBroker broker(config);
  broker.connect("10 [<MQTT> 07 02 0000 <c>]").expect("20 [00 01]").expect_closed();
  broker.v3_1_1("only");
  broker.connect("10 [<MQTT> 04 02 0000 <c>]").expect("20 [00 03]").expect_closed();
}

TEST_CASE("a will goes out on every abnormal close, DISCONNECT always clears it",
          "[MQTT 3.1.1][MQTT-3.1.2-8][MQTT-3.1.2-10]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v3_1_1("sub").subscribe("w", "02");
  const auto connected = [&] {
    return broker.connect("10 [<MQTT> 04 2C 0000 <c> <w> <bye>]").expect_connack();
  };
  connected().vanish();
  sub.expect("32 [<w> 0001 'bye']").send("40 [0001]");
  connected().send("C1 []").expect_closed();
  sub.expect("32 [<w> 0002 'bye']").send("40 [0002]");
  connected().send("E0 []").expect_closed();
  sub.expect_nothing();
}

TEST_CASE("live messages have RETAIN 0, retained ones come at every SUBSCRIBE",
          "[MQTT 3.1.1][MQTT-3.3.1-9][MQTT-3.3.1-12][MQTT-3.8.4-3]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v3_1_1("c").subscribe("a", "00");
  broker.v5("pub").send("33 [<a> 0001 [] 'x']").expect("40 [0001]");
  c.expect("30 [<a> 'x']");
  c.subscribe("a", "01").expect("33 [<a> 0001 'x']").send("40 [0001]");
  c.subscribe("a", "01").expect("33 [<a> 0002 'x']").send("40 [0002]");
  broker.v5("pub").send("32 [<a> 0002 [] 'y']").expect("40 [0002]");
  c.expect("32 [<a> 0003 'y']").expect_nothing();  // replaced: one copy at the new QoS
}

TEST_CASE("overlapping subscriptions give one copy at the highest QoS",
          "[MQTT 3.1.1][MQTT-3.3.4-2]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v3_1_1("c").subscribe("#", "00").subscribe("a", "01");
  broker.v5("pub").send("34 [<a> 0001 [] 'x']").expect("50 [0001]");
  c.expect("32 [<a> 0001 'x']").expect_nothing();
}

TEST_CASE("our own window bounds what is in flight towards a client without Receive Maximum",
          "[MQTT 3.1.1][MQTT-3.3.4-9]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v3_1_1("sub").subscribe("a", "01");
  ScriptedClient pub = broker.v3_1_1("pub");
  for (int i = 0; i < 100; ++i) pub.send("32 [<a> 0001 'x']").expect("40 [0001]");
  int in_flight = 0;
  while (!sub.take().empty()) ++in_flight;
  CHECK(in_flight == limits::inflight_out_max);
  sub.send("40 [0001]");
  CHECK_FALSE(sub.take().empty());
  sub.expect_nothing();
}

TEST_CASE("our packet limit holds for 3.1.1 too, without a word", "[MQTT 3.1.1][MQTT-3.2.2-15]") {
  core::CoreConfig config;
  config.packet_size_bytes_max = 100;
  ScriptedBroker broker(config);
  broker.v3_1_1("c").send("30 [<a> 78*95]").expect_nothing();
  broker.v3_1_1("d").send("30 [<a> 78*96]").expect_closed();
}

TEST_CASE("between versions properties are left out, but expiry is honoured",
          "[MQTT 3.1.1][MQTT-3.3.2-5]") {
  ScriptedBroker broker;
  broker.v3_1_1("old", "00").subscribe("a", "01").vanish();
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [02 00000005 26 <k> <v>] 'short']").expect("40 [0001]");
  pub.send("32 [<a> 0002 [03 <text> 08 <re>] 'long']").expect("40 [0002]");
  broker.after(5s);
  broker.v3_1_1("old", "00").expect("32 [<a> 0001 'long']").expect_nothing();
  ScriptedClient sub = broker.v5("sub").subscribe("b", "01");
  broker.v3_1_1("oldpub").send("32 [<b> 0001 'x']").expect("40 [0001]");
  sub.expect("32 [<b> 0001 [] 'x']");
}

TEST_CASE("a shared subscription works for 3.1.1 clients too", "[MQTT 3.1.1][MQTT-4.8.2-1]") {
  ScriptedBroker broker;
  ScriptedClient one = broker.v3_1_1("one").subscribe("$share/g/a", "01");
  ScriptedClient two = broker.v5("two").subscribe("$share/g/a", "01");
  ScriptedClient pub = broker.v3_1_1("pub");
  pub.send("32 [<a> 0001 '1']").expect("40 [0001]").send("32 [<a> 0002 '2']").expect("40 [0002]");
  one.expect("32 [<a> 0001 '1']").expect_nothing();
  two.expect("32 [<a> 0001 [] '2']").expect_nothing();
}

TEST_CASE("MQTT 3.1 is accepted and treated like 3.1.1", "[MQTT 3.1][MQTT-3.1.2-1]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.connect("10 [<MQIsdp> 03 00 0000 <{61*100}>]").expect("20 [00 00]");
  c.send("82 [0001 <a> 01]").expect("90 [0001 01]");
  c.vanish();
  broker.v5("pub").send("32 [<a> 0001 [26 <k> <v>] 'x']").expect("40 [0001]");
  // Its CONNACK has no Session Present, but the session is there.
  c = broker.connect("10 [<MQIsdp> 03 00 0000 <{61*100}>]").expect("20 [00 00]");
  c.expect("32 [<a> 0001 'x']").send("40 [0001] C0 []").expect("D0 []");
}

}  // namespace
