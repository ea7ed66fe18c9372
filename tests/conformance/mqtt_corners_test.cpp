// Corners where brokers differ, first half: sessions, wills, expiry, limits. docs/conformance.md
// has the table.
#include <string>
#include <utility>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

ScriptedClient with_will(ScriptedBroker& broker, const std::string& expiry_s,
                         const std::string& delay_s) {
  return broker
      .connect("10 [<MQTT> 05 04 0000 [11 " + expiry_s + "] <c> [18 " + delay_s + "] <w> <bye>]")
      .expect_connack();
}

TEST_CASE("an expired session that was not swept yet is not present", "[corner][MQTT-3.2.2-3]") {
  ScriptedBroker broker;
  broker.v5("c", "11 0000000A").subscribe("a", "01").vanish();
  broker.let_pass(9'999ms);
  ScriptedClient c = broker.connect("10 [<MQTT> 05 00 0000 [11 0000000A] <c>]").expect_connack();
  CHECK(c.session_present());
  c.vanish();
  broker.let_pass(10s);
  CHECK_FALSE(broker.v5_durable("c").session_present());
}

TEST_CASE("a session with expiry 0 has no time between the connections", "[corner]") {
  ScriptedBroker broker;
  ScriptedClient old = broker.v5("c").subscribe("a", "01");
  // Still connected: the takeover ends the old connection, and with it its session.
  ScriptedClient fresh = broker.connect("10 [<MQTT> 05 00 0000 [] <c>]").expect_connack();
  CHECK_FALSE(fresh.session_present());
  old.expect_disconnect(ReasonCode::session_taken_over);
}

TEST_CASE("Session Expiry in DISCONNECT lowers or raises, but not from 0",
          "[corner][MQTT-3.14.2-1]") {
  ScriptedBroker broker;
  broker.v5("c", "11 0000003C").send("E0 [00 [11 0000000A]]").expect_closed();
  broker.after(10s);
  CHECK_FALSE(broker.v5_durable("c").session_present());
  broker.v5("c", "11 0000000A").send("E0 [00 [11 FFFFFFFF]]").expect_closed();
  broker.after(24h * 29);
  CHECK(broker.v5_durable("c").session_present());
  broker.v5("c").send("E0 [00 [11 00000001]]").expect_disconnect(ReasonCode::protocol_error);
}

TEST_CASE("a takeover with Clean Start 0 cancels a delayed will, one of delay 0 goes out",
          "[corner][MQTT-3.1.2-8][MQTT-3.1.3-9]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "00000E10", "0000000A");
  broker.v5_durable("c");
  broker.after(1h);
  sub.expect_nothing();
  with_will(broker, "00000E10", "00000000");
  broker.v5_durable("c");
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
  with_will(broker, "00000E10", "0000000A");
  broker.v5("c");  // Clean Start 1 ends the session
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
}

TEST_CASE("a will fires at whichever is first, delay or expiry, and never early", "[corner]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  with_will(broker, "0000000A", "00000005").vanish();
  broker.after(4'999ms);
  sub.expect_nothing();
  broker.after(1ms);
  sub.expect("30 [<w> [] 'bye']");
  with_will(broker, "00000005", "0000000A").vanish();
  broker.after(4'999ms);
  sub.expect_nothing();
  broker.after(1ms);
  sub.expect("30 [<w> [] 'bye']");
  with_will(broker, "00000000", "0000000A").vanish();
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
}

TEST_CASE("a will survives a crash; a client that is back in time keeps it unsent",
          "[corner][MQTT-3.1.2-7]") {
  ScriptedBroker broker;
  with_will(broker, "00000E10", "00000000");
  broker.crash();
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  broker.after(29'999ms);
  sub.expect_nothing();
  broker.after(1ms);
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
  with_will(broker, "00000E10", "00000000");
  broker.crash();
  sub = broker.v5("sub").subscribe("w");
  broker.after(20s);
  CHECK(broker.v5_durable("c").session_present());
  broker.after(1h);
  sub.expect_nothing();
}

TEST_CASE("a will whose session had expiry 0 survives a crash, too", "[corner]") {
  ScriptedBroker broker;
  with_will(broker, "00000000", "00000000");
  broker.crash();
  ScriptedClient sub = broker.v5("sub").subscribe("w");
  broker.after(31s);
  sub.expect("30 [<w> [] 'bye']").expect_nothing();
}

TEST_CASE("message expiry counts whole seconds down, also retained, queued and over a restart",
          "[corner][MQTT-3.3.2-5][MQTT-3.3.2-6]") {
  ScriptedBroker broker;
  broker.v5_durable("sub").subscribe("a", "01").vanish();
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [02 0000003C] 'x']").expect("40 [0001]");
  pub.send("32 [<a> 0002 [02 00000014] 'short']").expect("40 [0002]");
  pub.send("33 [<r> 0003 [02 0000003C] 'x']").expect("40 [0003 10]");
  broker.after(1'001ms);
  broker.restart(20s);
  broker.v5("late").subscribe("r").expect("31 [<r> [02 00000026] 'x']");
  broker.v5_durable("sub").expect("32 [<a> 0001 [02 00000026] 'x']").expect_nothing();
  broker.after(39s);
  broker.v5("later").subscribe("r").expect_nothing();
}

TEST_CASE("a message with expiry 0 has expired when it comes", "[corner][MQTT-3.3.2-5]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a", "01");
  broker.v5("pub").send("33 [<a> 0001 [02 00000000] 'x']").take();
  sub.expect_nothing();
  broker.v5("late").subscribe("a").expect_nothing();
}

TEST_CASE("a resumed session obeys the new Receive Maximum before it resends",
          "[corner][MQTT-3.3.4-9]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub").subscribe("a", "01");
  ScriptedClient pub = broker.v5("pub");
  for (const char* const n : {"1", "2", "3"}) {
    pub.send("32 [<a> 0001 [] '" + std::string(n) + "']").expect("40 [0001]");
  }
  sub.expect("32 [<a> 0001 [] '1'] 32 [<a> 0002 [] '2'] 32 [<a> 0003 [] '3']");
  sub.vanish();
  sub = broker.v5_durable("sub", "21 0001");
  sub.expect("3A [<a> 0001 [] '1']").expect_nothing();
  sub.send("40 [0001]").expect("3A [<a> 0002 [] '2']").expect_nothing();
  sub.send("40 [0002]").expect("3A [<a> 0003 [] '3']").expect_nothing();
}

TEST_CASE("aliases: first come, no eviction; a resend carries the full topic", "[corner]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5_durable("sub", "22 0002").subscribe("#", "01");
  ScriptedClient pub = broker.v5("pub");
  pub.send("30 [<a> [] '1'] 30 [<b> [] '2'] 30 [<c> [] '3'] 30 [<b> [] '4']");
  sub.expect("30 [<a> [23 0001] '1'] 30 [<b> [23 0002] '2'] 30 [<c> [] '3'] 30 [<> [23 0002] '4']");
  pub.send("32 [<a> 0001 [] '5']").expect("40 [0001]");
  sub.expect("32 [<> 0001 [23 0001] '5']");
  sub.vanish();
  broker.v5_durable("sub").expect("3A [<a> 0001 [] '5']");
}

TEST_CASE("our alias limit bounds what a generous client allows", "[corner][MQTT-3.1.2-26]") {
  core::CoreConfig config;
  config.topic_alias_out_max = 1;
  ScriptedBroker broker(config);
  ScriptedClient sub = broker.v5("sub", "22 FFFF").subscribe("#");
  broker.v5("pub").send("30 [<a> [] '1'] 30 [<b> [] '2']");
  sub.expect("30 [<a> [23 0001] '1'] 30 [<b> [] '2']");
}

TEST_CASE("partial packets are no activity; while we do not read, the clock stands still",
          "[corner][MQTT-3.1.2-22]") {
  ScriptedBroker broker;
  ScriptedClient crumbs = broker.connect("10 [<MQTT> 05 02 000A [] <c>]").expect_connack();
  ScriptedClient paused = broker.connect("10 [<MQTT> 05 02 000A [] <d>]").expect_connack();
  broker.after(10s);
  crumbs.send("30 05").expect_nothing();
  paused.pause_reading(true);
  broker.after(5s);
  crumbs.expect_disconnect(ReasonCode::keep_alive_timeout);
  broker.after(60s);
  paused.expect_nothing();
  paused.pause_reading(false);
  broker.after(14'999ms);
  paused.expect_nothing();
  broker.after(1ms);
  paused.expect_disconnect(ReasonCode::keep_alive_timeout);
}

TEST_CASE("an over-long Remaining Length is accepted up to four bytes, in properties it is not",
          "[corner][MQTT-1.5.5-1]") {
  ScriptedBroker broker;
  ScriptedClient c = broker.v5("c");
  c.send("C0 8000").expect("D0 []").send("C0 808000").expect("D0 []");
  c.send("C0 80808000").expect("D0 []");
  c.send("30 [<a> 8000 'x']").expect_disconnect(ReasonCode::malformed_packet);
  broker.v5("d").send("C0 8080808000").expect_disconnect(ReasonCode::malformed_packet);
}

TEST_CASE("control characters pass in strings that are not names", "[corner][MQTT-1.5.4-1]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("a");
  ScriptedClient pub = broker.v5("pub");
  pub.send("30 [<a> [03 <{01 1F}> 26 <{0A}> <{EFBFBF}>] 'x']");
  sub.expect("30 [<a> [03 <{01 1F}> 26 <{0A}> <{EFBFBF}>] 'x']");
  pub.send("30 [<a{0A}> [] 'x']").expect_disconnect(ReasonCode::malformed_packet);
  broker.connect("10 [<MQTT> 05 02 0000 [] <a{1B}>]").expect_refused(ReasonCode::malformed_packet);
  broker.connect("10 [<MQTT> 05 82 0000 [] <c> <{07}>]")
      .expect_refused(ReasonCode::malformed_packet);
}

TEST_CASE("each kind of fault has the named code of its own", "[corner][MQTT-4.13.1-1]") {
  core::CoreConfig config;
  config.receive_maximum = 1;
  ScriptedBroker broker(config);
  const std::pair<const char*, ReasonCode> faults[] = {
      {"C1 []", ReasonCode::malformed_packet},
      {"32 [<a> 0000 [] 'x']", ReasonCode::protocol_error},
      {"30 [<a> [23 0000] 'x']", ReasonCode::topic_alias_invalid},
      {"30 FFFFFF7F", ReasonCode::packet_too_large},
      {"30 [<a/#> [] 'x']", ReasonCode::topic_name_invalid},
      {"30 [<a> [0B 01] 'x']", ReasonCode::protocol_error},
      {"82 [0001 [] <ok> 00 <a#> 00]", ReasonCode::malformed_packet},
      {"82 [0001 [] <$share//x> 00]", ReasonCode::protocol_error},
      {"82 [0001 [] <$share/g> 00]", ReasonCode::protocol_error},
  };
  for (const auto& [notation, reason] : faults) {
    INFO(notation);
    broker.v5("c").send(notation).expect_disconnect(reason);
  }
  ScriptedClient quota = broker.v5("c");
  quota.send("34 [<a> 0001 [] 'x'] 34 [<a> 0002 [] 'x']").expect("50 [0001 10]");
  quota.expect_disconnect(ReasonCode::receive_maximum_exceeded);
  broker.connect("10 [<MQTT> 05 02 0000 [16 <x>] <c>]").expect_refused(ReasonCode::protocol_error);
}

TEST_CASE("PUBACK waits for the disk where a durable session or a retained message is concerned",
          "[corner][MQTT-4.3.2-4]") {
  ScriptedBroker broker;
  ScriptedClient durable = broker.v5_durable("durable").subscribe("d", "01");
  ScriptedClient fleeting = broker.v5("fleeting").subscribe("f", "01");
  ScriptedClient pub = broker.v5("pub");
  broker.hold_commits();
  pub.send("32 [<f> 0001 [] 'x']").expect("40 [0001]").expect_nothing();
  pub.send("32 [<d> 0002 [] 'x']").expect_nothing();
  durable.expect("32 [<d> 0001 [] 'x']");  // delivery does not wait
  fleeting.expect("32 [<f> 0001 [] 'x']");
  pub.send("33 [<r> 0003 [] 'x']").expect_nothing();
  broker.commit();
  pub.expect("40 [0002] 40 [0003 10]").expect_nothing();
}

}  // namespace
