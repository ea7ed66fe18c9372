// Section 3.1, CONNECT: what is refused, which session, whose keep alive, which limits.
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

TEST_CASE("what does not begin with CONNECT is closed without an answer", "[MQTT-3.1.0-1]") {
  for (const char* const first : {"C0 []", "30 [<a> [] 'x']", "82 [0001 [] <a> 00]", "F0 [00 []]",
                                  "'GET / HTTP/1.1'", "E0 []"}) {
    INFO(first);
    ScriptedBroker broker;
    broker.open().send(first).expect_closed();
  }
}

TEST_CASE("a second CONNECT is a protocol error", "[MQTT-3.1.0-2]") {
  ScriptedBroker broker;
  broker.v5("c")
      .send("10 [<MQTT> 05 02 0000 [] <c>]")
      .expect_disconnect(ReasonCode::protocol_error);
  broker.v3_1_1("d").send("10 [<MQTT> 04 02 0000 <d>]").expect_closed();
}

TEST_CASE("another protocol or version is refused in a form that all can read",
          "[MQTT-3.1.2-1][MQTT-3.1.2-2]") {
  ScriptedBroker broker;
  for (const char* const notation :
       {"10 [<MQTX> 05 02 0000 [] <c>]", "10 [<MQTT> 06 02 0000 [] <c>]",
        "10 [<MQTT> 03 02 0000 <c>]", "10 [<MQIsdp> 04 02 0000 <c>]"}) {
    INFO(notation);
    broker.connect(notation).expect("20 [00 01]").expect_closed();
  }
}

TEST_CASE("connect flags that contradict each other are malformed",
          "[MQTT-3.1.2-3][MQTT-3.1.2-11][MQTT-3.1.2-12][MQTT-3.1.2-13]") {
  ScriptedBroker broker;
  for (const char* const flags : {"03", "0A", "12", "22", "1A"}) {
    INFO(flags);
    broker.connect("10 [<MQTT> 05 " + std::string(flags) + " 0000 [] <c>]")
        .expect_refused(ReasonCode::malformed_packet);
  }
  broker.connect("10 [<MQTT> 05 1E 0000 [] <c> [] <w> <bye>]")
      .expect_refused(ReasonCode::malformed_packet);
}

TEST_CASE("Clean Start 1 throws the old session away",
          "[MQTT-3.1.2-4][MQTT-3.1.4-4][MQTT-3.2.2-2]") {
  ScriptedBroker broker;
  broker.v5_durable("c").subscribe("a", "01").vanish();
  broker.v5("pub").send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  ScriptedClient again = broker.v5("c", "11 00000E10");
  CHECK_FALSE(again.session_present());
  again.expect_nothing();
  // Nor does anything of it come back later.
  again.vanish();
  broker.v5("pub").send("32 [<a> 0002 [] 'y']").expect("40 [0002 10]");
  broker.v5_durable("c").expect_nothing();
}

TEST_CASE("Clean Start 0 goes on with the session that exists, with all it holds",
          "[MQTT-3.1.2-5][MQTT-3.1.3-2][MQTT-3.1.4-4][MQTT-3.2.2-3]") {
  ScriptedBroker broker;
  broker.v5_durable("c").subscribe("a", "01").vanish();
  broker.v5("pub").send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  ScriptedClient other = broker.v5_durable("d");
  CHECK_FALSE(other.session_present());
  other.expect_nothing();
  ScriptedClient again = broker.v5_durable("c");
  CHECK(again.session_present());
  again.expect("32 [<a> 0001 [] 'x']").expect_nothing();
}

TEST_CASE("Clean Start 0 without a session makes one", "[MQTT-3.1.2-6][MQTT-3.2.2-3]") {
  ScriptedBroker broker;
  ScriptedClient first = broker.v5_durable("c");
  CHECK_FALSE(first.session_present());
  first.vanish();
  CHECK(broker.v5_durable("c").session_present());
}

TEST_CASE("user name and password stand exactly where their flags say",
          "[MQTT-3.1.2-16][MQTT-3.1.2-17][MQTT-3.1.2-18][MQTT-3.1.2-19]") {
  ScriptedBroker broker;
  for (const char* const good :
       {"C2 0000 [] <c> <user> <secret>", "82 0000 [] <c> <user>", "42 0000 [] <c> <secret>"}) {
    INFO(good);
    broker.connect("10 [<MQTT> 05 " + std::string(good) + "]").expect_connack().vanish();
  }
  for (const char* const bad : {"02 0000 [] <c> <user>", "C2 0000 [] <c> <user>", "82 0000 [] <c>",
                                "42 0000 [] <c> <user> <secret>"}) {
    INFO(bad);
    broker.connect("10 [<MQTT> 05 " + std::string(bad) + "]")
        .expect_refused(ReasonCode::malformed_packet);
  }
}

TEST_CASE("one and a half times the keep alive without a packet is too long", "[MQTT-3.1.2-22]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.connect("10 [<MQTT> 05 02 000A [] <c>]").expect_connack();
  broker.after(14'999ms);
  c.expect_nothing();
  c.send("C0 []").expect("D0 []");
  broker.after(14'999ms);
  c.expect_nothing();
  broker.after(1ms);
  c.expect_disconnect(ReasonCode::keep_alive_timeout);
}

TEST_CASE(
    "with the broker's tick the end comes between 1.5 times the keep alive and half a second more",
    "[MQTT-3.1.2-22]") {
  for (const int phase_ms : {0, 1, 49, 50, 99}) {
    for (const int keep_alive_s : {1, 7}) {
      INFO("phase " << phase_ms << " ms, keep alive " << keep_alive_s << " s");
      ScriptedBroker broker;
      broker.let_pass(Milliseconds{phase_ms});
      ScriptedClient c =
          broker.connect("10 [<MQTT> 05 02 000" + std::to_string(keep_alive_s) + " [] <c>]");
      c.expect_connack();
      // From here on time is looked at every `timer_tick` only, as shard 0 does it.
      broker.after(limits::timer_tick - Milliseconds{phase_ms});
      Milliseconds silent = limits::timer_tick - Milliseconds{phase_ms};
      for (; silent < Milliseconds{1500} * keep_alive_s; silent += limits::timer_tick) {
        c.expect_nothing();
        broker.after(limits::timer_tick);
      }
      CHECK(silent <= Milliseconds{1500} * keep_alive_s + Milliseconds{500});
      c.expect_disconnect(ReasonCode::keep_alive_timeout);
    }
  }
}

TEST_CASE("a keep alive that ran out counts as a failed network: the will goes out",
          "[MQTT-3.1.2-22][MQTT-3.1.2-8]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  ScriptedClient c = broker.connect("10 [<MQTT> 04 06 000A <c> <w> <bye>]").expect_connack();
  broker.after(15s);
  c.expect_closed();  // 3.1.1: no DISCONNECT
  sub.expect("30 [<w> [] 'bye']");
}

TEST_CASE("a keep alive of 0 turns it off", "[MQTT-3.1.2-22]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c");
  broker.after(100h);
  c.send("C0 []").expect("D0 []");
}

TEST_CASE("a session outlives its connection as long as it asked for, and not longer",
          "[MQTT-3.1.2-23][MQTT-4.1.0-1][MQTT-4.1.0-2]") {
  ScriptedBroker broker;
  const auto come_back = [&](Milliseconds away) {
    broker.v5("c", "11 0000000A").vanish();
    broker.after(away);
    ScriptedClient again = broker.connect("10 [<MQTT> 05 00 0000 [] <c>]").expect_connack();
    again.send("E0 []");
    return again.session_present();
  };
  CHECK(come_back(9'999ms));
  CHECK_FALSE(come_back(10'000ms));
}

TEST_CASE("without Session Expiry the session ends with the connection", "[MQTT-3.1.2-23]") {
  ScriptedBroker broker;
  broker.v5("c").subscribe("a", "01").vanish();
  ScriptedClient again = broker.connect("10 [<MQTT> 05 00 0000 [] <c>]").expect_connack();
  CHECK_FALSE(again.session_present());
}

TEST_CASE("a session that never expires is kept as long as the operator allows, and told so",
          "[MQTT-3.1.2-23]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.connect("10 [<MQTT> 05 02 0000 [11 FFFFFFFF] <c>]");
  c.expect("20 [00 00 [11 00278D00 21 0100 27 00200000 22 0040]]");  // 30 days
  c.vanish();
  broker.after(24h * 30 - 1ms);
  CHECK(broker.v5_durable("c").session_present());

  core::CoreConfig config;
  config.session_expiry_s_max = 0xFFFFFFFF;
  ScriptedBroker generous(config);
  generous.connect("10 [<MQTT> 05 02 0000 [11 FFFFFFFF] <c>]").expect_connack().vanish();
  generous.after(24h * 365 * 20);
  CHECK(generous.v5_durable("c").session_present());
}

TEST_CASE("a packet above the client's Maximum Packet Size is not sent and counts as delivered",
          "[MQTT-3.1.2-24][MQTT-3.1.2-25]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub", "27 00000014").subscribe("a", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("30 [<a> [] '123456789012345']");
  pub.send("32 [<a> 0001 [] '1234567890123']").expect("40 [0001]");
  pub.send("34 [<a> 0002 [] '1234567890123']").expect("50 [0002]");
  sub.expect_nothing();
  pub.send("30 [<a> [] '12345678901234']");
  pub.send("32 [<a> 0003 [] '123456789012']").expect("40 [0003]");
  // 20 bytes each; no identifier and no quota went to the large ones.
  sub.expect("30 [<a> [] '12345678901234'] 32 [<a> 0001 [] '123456789012']").expect_nothing();
}

TEST_CASE("a client that cannot take even CONNACK is closed without a word", "[MQTT-3.1.2-24]") {
  ScriptedBroker broker;
  broker.connect("10 [<MQTT> 05 02 0000 [27 0000000F] <c>]").expect_closed();
  broker.connect("10 [<MQTT> 05 02 0000 [27 00000010] <c>]").expect_connack();
  CHECK(broker.statistics().sessions == 1);
}

TEST_CASE("a queued message too large for the next connection counts as delivered",
          "[MQTT-3.1.2-25]") {
  ScriptedBroker broker;
  broker.v5_durable("sub").subscribe("a", "01").vanish();
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] '1234567890123']").expect("40 [0001]");
  pub.send("32 [<a> 0002 [] 'x']").expect("40 [0002]");
  ScriptedClient sub = broker.v5_durable("sub", "27 00000014");
  sub.expect("32 [<a> 0001 [] 'x']").expect_nothing();
  CHECK(broker.statistics().queued == 1);
}

TEST_CASE("we use aliases as far as the client allows, and none without",
          "[MQTT-3.1.2-26][MQTT-3.1.2-27][MQTT-3.3.2-11]") {
  ScriptedBroker broker;
  ScriptedClient none = broker.v5("none").subscribe("#");
  ScriptedClient zero = broker.v5("zero", "22 0000").subscribe("#");
  ScriptedClient one = broker.v5("one", "22 0001").subscribe("#");
  ScriptedClient pub = broker.v5("pub");
  pub.send("30 [<a> [] '1'] 30 [<a> [] '2'] 30 [<b> [] '3'] 30 [<a> [] '4']");
  none.expect("30 [<a> [] '1'] 30 [<a> [] '2'] 30 [<b> [] '3'] 30 [<a> [] '4']");
  zero.expect("30 [<a> [] '1'] 30 [<a> [] '2'] 30 [<b> [] '3'] 30 [<a> [] '4']");
  one.expect("30 [<a> [23 0001] '1'] 30 [<> [23 0001] '2'] 30 [<b> [] '3'] 30 [<> [23 0001] '4']");
}

TEST_CASE("no Response Information is sent, whether it is asked for or not", "[MQTT-3.1.2-28]") {
  ScriptedBroker broker;
  for (const char* const asked : {"", "19 00", "19 01"}) {
    broker.connect("10 [<MQTT> 05 02 0000 [" + std::string(asked) + "] <c>]")
        .expect("20 [00 00 [21 0100 27 00200000 22 0040]]");
  }
}

TEST_CASE("values that make no sense are protocol errors", "[MQTT-3.1.4-1]") {
  ScriptedBroker broker;
  for (const char* const properties :
       {"21 0000", "27 00000000", "19 02", "17 02", "16 <data>", "11 00000001 11 00000001"}) {
    INFO(properties);
    broker.connect("10 [<MQTT> 05 02 0000 [" + std::string(properties) + "] <c>]")
        .expect_refused(ReasonCode::protocol_error);
  }
}

TEST_CASE("the payload has its order and its end", "[MQTT-3.1.3-1][MQTT-3.1.3-3][MQTT-3.1.4-1]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  broker.connect("10 [<MQTT> 05 C6 0000 [] <c> [] <w> <bye> <user> <secret>]")
      .expect_connack()
      .vanish();
  sub.expect("30 [<w> [] 'bye']");
  broker.connect("10 [<MQTT> 05 02 0000 [] <c> 00]").expect_refused(ReasonCode::malformed_packet);
  broker.connect("10 [<MQTT> 05 02 0000 []]").expect_refused(ReasonCode::malformed_packet);
}

TEST_CASE("texts of CONNECT obey the string rules",
          "[MQTT-3.1.3-4][MQTT-3.1.3-11][MQTT-3.1.3-12]") {
  ScriptedBroker broker;
  for (const char* const rest :
       {"02 0000 [] <{C328}>", "02 0000 [] <a{00}>", "82 0000 [] <c> <{FF}>",
        "82 0000 [] <c> <{00}>", "06 0000 [] <c> [] <{80}> <bye>", "06 0000 [] <c> [] <{00}> <>"}) {
    INFO(rest);
    broker.connect("10 [<MQTT> 05 " + std::string(rest) + "]")
        .expect_refused(ReasonCode::malformed_packet);
  }
  for (const char* const topic : {"<>", "<a/#>", "<+/a>"}) {
    INFO(topic);
    broker.connect("10 [<MQTT> 05 06 0000 [] <c> [] " + std::string(topic) + " <bye>]")
        .expect_refused(ReasonCode::topic_name_invalid);
  }
}

TEST_CASE("identifiers of 1 to 23 letters and digits are accepted, and longer ones up to 256 bytes",
          "[MQTT-3.1.3-5][MQTT-3.1.3-8]") {
  ScriptedBroker broker;
  broker.v5("0");
  broker.v5("09azAZ09azAZ09azAZ09azA");
  broker.v5("{61*256}");
  broker.v3_1_1("{62*256}");
  broker.connect("10 [<MQTT> 05 02 0000 [] <{61*257}>]")
      .expect_refused(ReasonCode::client_identifier_not_valid);
  broker.connect("10 [<MQTT> 04 02 0000 <{61*257}>]").expect("20 [00 02]").expect_closed();
}

TEST_CASE("a client without identifier gets a fresh one and can come back with it",
          "[MQTT-3.1.3-6][MQTT-3.1.3-7][MQTT-3.2.2-16]") {
  ScriptedBroker broker;
  const auto assigned = [&] {
    ScriptedClient c = broker.connect("10 [<MQTT> 05 00 0000 [11 00000E10] <>]");
    const std::string connack = c.take();
    const std::size_t at = connack.find(std::string("\x12\x00", 2));
    REQUIRE(at != std::string::npos);
    c.subscribe("a", "01").vanish();
    return connack.substr(at + 3, static_cast<unsigned char>(connack[at + 2]));
  };
  const std::string first = assigned();
  const std::string second = assigned();
  CHECK(first != second);
  broker.v5("pub").send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  ScriptedClient again = broker.v5_durable(first);
  CHECK(again.session_present());
  again.expect("32 [<a> 0001 [] 'x']");
}

TEST_CASE("a client that is connected already is told and closed, then the new one goes on",
          "[MQTT-3.1.4-3]") {
  ScriptedBroker broker;
  ScriptedClient old = broker.v5_durable("c").subscribe("a", "01");
  ScriptedClient fresh = broker.v5_durable("c");
  old.expect_disconnect(ReasonCode::session_taken_over);
  CHECK(fresh.session_present());
  broker.v5("pub").send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  fresh.expect("32 [<a> 0001 [] 'x']");
  ScriptedClient three = broker.v3_1_1("c", "00");
  fresh.expect_disconnect(ReasonCode::session_taken_over);
  broker.v5_durable("c");
  three.expect("3A [<a> 0001 'x']").expect_closed();  // 3.1.1: no DISCONNECT
}

TEST_CASE("a CONNECT that is fine is answered with CONNACK 0x00", "[MQTT-3.1.4-5]") {
  ScriptedBroker broker;
  broker.connect("10 [<MQTT> 05 02 0000 [] <c>]")
      .expect("20 [00 00 [21 0100 27 00200000 22 0040]]")
      .expect_nothing();
  broker.connect("10 [<MQTT> 04 02 0000 <d>]").expect("20 [00 00]").expect_nothing();
}

TEST_CASE("behind a refused CONNECT nothing is processed", "[MQTT-3.1.4-6][MQTT-3.1.4-2]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("#");
  broker.connect("10 [<MQTT> 05 02 0000 [15 <m>] <c>] 30 [<a> [] 'x'] 82 [0001 [] <a> 00]")
      .expect_refused(ReasonCode::bad_authentication_method);
  broker.connect("10 [<MQTT> 05 03 0000 [] <c>] 30 [<a> [] 'x']")
      .expect_refused(ReasonCode::malformed_packet);
  sub.expect_nothing();
}

TEST_CASE("policy refuses a CONNECT with a code and closes", "[MQTT-3.1.4-2][MQTT-3.2.2-7]") {
  core::CoreConfig config;
  config.sessions_max = 1;
  ScriptedBroker broker(config);
  ScriptedClient first = broker.v5("first");
  broker.connect("10 [<MQTT> 05 02 0000 [] <c>]").expect_refused(ReasonCode::quota_exceeded);
  broker.connect("10 [<MQTT> 04 02 0000 <c>]").expect("20 [00 03]").expect_closed();
  first.expect_nothing();
}

}  // namespace
