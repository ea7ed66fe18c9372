// Every point at which a message or a client could get somewhere: the core asks there, and does
// what it is told. For 5.0 and 3.1.1.
#include "tests/support/policy_world.h"

namespace lineshaft::test {

TEST_CASE("a publish is refused with what its version can be told", "[policy][MQTT-3.4.2-1]") {
  PolicyWorld w;
  w.rules->publishes[{"bob", "qos"}] = {ReasonCode::qos_not_supported};
  w.rules->publishes[{"bob", "retain"}] = {ReasonCode::retain_not_supported};
  w.rules->publishes[{"bob", "rate"}] = {ReasonCode::quota_exceeded, false};
  w.rules->publishes[{"bob", "no"}] = {ReasonCode::not_authorized};
  ScriptedClient all = w.in("a", "alice");
  all.subscribe("#", "02");
  ScriptedClient bob = w.in("b", "bob");
  // 0x9A and 0x9B are no Reason Codes of PUBACK and PUBREC.
  bob.send("32 [<qos> 0001 [] 'x']").expect("40 [0001 87]");
  bob.send("35 [<retain> 0001 [] 'x']").expect("50 [0001 87]");
  bob.send("32 [<rate> 0001 [] 'x']").expect("40 [0001 97]");
  bob.send("34 [<no> 0001 [] 'x']").expect("50 [0001 87]");
  bob.send("30 [<no> [] 'x']").expect_nothing();
  ScriptedClient old = w.in_3_1_1("o", "bob");
  old.send("32 [<no> 0001 'x']").expect("40020001");
  old.send("34 [<rate> 0002 'x']").expect("50020002").send("62020002").expect("70020002");
  old.send("31 [<retain> 'x']").expect_nothing();
  all.expect_nothing();
  CHECK(w.broker.statistics().retained == 0);
}

TEST_CASE("a topic alias is judged as the topic it stands for", "[policy][MQTT-3.3.2-12]") {
  PolicyWorld w;
  w.rules->publishes[{"bob", "no"}] = {ReasonCode::not_authorized};
  ScriptedClient all = w.in("a", "alice");
  all.subscribe("#");
  ScriptedClient bob = w.in("b", "bob");
  bob.send("32 [<no> 0001 [23 0001] 'x']").expect("40 [0001 87]");
  bob.send("32 [<> 0002 [23 0001] 'x']").expect("40 [0002 87]");
  bob.send("30 [<yes> [23 0001] 'x']").send("30 [<> [23 0001] 'y']");
  all.expect("30 [<yes> [] 'x']").expect("30 [<yes> [] 'y']").expect_nothing();
}

TEST_CASE("where the policy says so a refused publish ends the connection", "[policy]") {
  PolicyWorld w;
  w.rules->publishes[{"bob", "no"}] = {ReasonCode::not_authorized, false, true};
  w.in("b", "bob")
      .send("32 [<no> 0001 [] 'x']")
      .expect("40 [0001 87]")
      .expect_disconnect(ReasonCode::not_authorized);
  w.in("c", "bob").send("30 [<no> [] 'x']").expect_disconnect(ReasonCode::not_authorized);
  w.in_3_1_1("o", "bob").send("32 [<no> 0001 'x']").expect("40020001").expect_closed();
}

TEST_CASE("a refusal is asked for again while it has something to say", "[policy]") {
  PolicyWorld w;
  w.rules->publishes[{"bob", "no"}] = {
      ReasonCode::not_authorized, true, false, {"NO_CONDUIT", "r"}};
  std::size_t questions = 0;
  w.rules->at_publish = [&](const Message&) { ++questions; };
  ScriptedClient bob = w.in("b", "bob");
  bob.send("30 [<no> [] 'x']").send("30 [<no> [] 'x']");
  CHECK(questions == 2);
  bob.send("30 [<yes> [] 'x']").send("30 [<yes> [] 'x']");
  CHECK(questions == 3);
}

TEST_CASE("a delivery has at most the QoS the policy allows", "[policy][MQTT-3.8.4-8]") {
  PolicyWorld w;
  core::DeliverVerdict at_most_1 = core::DeliverVerdict::all(true);
  at_most_1.qos_max = QoS::at_least_once;
  w.rules->delivers[{"alice", "t"}] = at_most_1;
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("t", "02");
  ScriptedClient old = w.in_3_1_1("o", "alice");
  old.send("82 [0001 <t> 02]").expect("90 [0001 02]");
  ScriptedClient bob = w.in("b", "bob");
  bob.send("34 [<t> 0001 [] 'x']").expect("50 [0001]");
  alice.expect("32 [<t> 0001 [] 'x']");
  old.expect("32 [<t> 0001 'x']").send("40020001");
  // It is asked anew for each message: what is not plain cannot be remembered with a bit.
  bob.send("62 [0001]").expect("70 [0001]").send("34 [<t> 0002 [] 'y']");
  alice.expect("32 [<t> 0002 [] 'y']");
}

TEST_CASE("RETAIN is shown only where the policy allows it", "[policy][MQTT-3.3.1-13]") {
  PolicyWorld w;
  core::DeliverVerdict plain = core::DeliverVerdict::all(true);
  plain.strips_retain = true;
  w.rules->delivers[{"alice", "t"}] = plain;
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("t", "09");
  w.in("b", "bob").send("31 [<t> [] 'x']");
  alice.expect("30 [<t> [] 'x']");
  ScriptedClient late = w.in("l", "alice");
  late.send("82 [0001 [] <t> 00]").expect("90 [0001 [] 00]").expect("30 [<t> [] 'x']");
  ScriptedClient carol = w.in("c", "carol");
  carol.send("82 [0001 [] <t> 00]").expect("90 [0001 [] 00]").expect("31 [<t> [] 'x']");
}

TEST_CASE("what waited leaves as the policy of that moment wants it", "[policy]") {
  PolicyWorld w;
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("#", "02");
  alice.vanish();
  ScriptedClient bob = w.in("b", "bob");
  for (const char* topic : {"no", "one", "zero", "two"}) {
    bob.send(fmt::format("34 [<{}> 0001 [] 'x']", topic)).expect("50 [0001]");
    bob.send("62 [0001]").expect("70 [0001]");
  }
  auto later = std::make_shared<Answering>();
  later->delivers[{"alice", "no"}] = denied_delivery();
  later->delivers[{"alice", "one"}] = core::DeliverVerdict::all(true);
  later->delivers[{"alice", "one"}].qos_max = QoS::at_least_once;
  later->delivers[{"alice", "zero"}] = core::DeliverVerdict::all(true);
  later->delivers[{"alice", "zero"}].qos_max = QoS::at_most_once;
  w.change(later);
  CHECK(w.broker.statistics().queued == 4);
  ScriptedClient back = w.in("a", "alice", "80");
  back.expect("32 [<one> 0001 [] 'x']").expect("30 [<zero> [] 'x']");
  back.expect("34 [<two> 0002 [] 'x']").expect_nothing();
  back.send("40 [0001]").send("50 [0002]").expect("62 [0002]").send("70 [0002]");
  CHECK(w.broker.statistics().queued == 0);
  CHECK(w.broker.statistics().queued_bytes == 0);
}

TEST_CASE("a member of a shared subscription gets what it may get, with its QoS",
          "[policy][MQTT-4.8.2-3]") {
  PolicyWorld w;
  w.rules->delivers[{"bob", "t"}] = denied_delivery();
  w.rules->delivers[{"carol", "t"}] = core::DeliverVerdict::all(true);
  w.rules->delivers[{"carol", "t"}].qos_max = QoS::at_most_once;
  ScriptedClient bob = w.in("b", "bob");
  ScriptedClient carol = w.in("c", "carol");
  for (ScriptedClient* one : {&bob, &carol}) {
    one->send("82 [0001 [] <$share/g/t> 02]").expect("90 [0001 [] 02]");
  }
  ScriptedClient sender = w.in("s", "sender");
  for (int i = 0; i < 3; ++i) {
    sender.send("34 [<t> 0001 [] 'x']").expect("50 [0001]");
    sender.send("62 [0001]").expect("70 [0001]");
    carol.expect("30 [<t> [] 'x']");
  }
  bob.expect_nothing();
}

TEST_CASE("a member of another zone takes no message of a shared subscription away", "[policy]") {
  PolicyWorld w;
  const auto subscribe = [](ScriptedClient& one) {
    one.send("82 [0001 [] <$share/g/t> 01]").expect("90 [0001 [] 01]");
  };
  ScriptedClient historian = w.in("h", "ot/historian");
  ScriptedClient reader = w.in("r", "it/reader");
  for (ScriptedClient* one : {&historian, &reader}) subscribe(*one);
  ScriptedClient sender = w.in("s", "ot/sender");
  for (int i = 0; i < 3; ++i) {
    sender.send("30 [<t> [] 'x']");
    historian.expect("30 [<t> [] 'x']");
    reader.expect("30 [<t> [] 'x']");
  }
  CHECK(w.broker.statistics().shared_groups == 2);
  SECTION("nor after a restart, when it leaves some behind") {
    historian.vanish();
    reader.vanish();
    sender.send("32 [<t> 0001 [] 'y']").expect("40 [0001]");
    w.broker.crash();
    CHECK(w.broker.statistics().shared_groups == 2);
    // Another one of its zone takes the historian's, the reader has its own.
    ScriptedClient second = w.in("h2", "ot/second");
    subscribe(second);
    w.in("h", "ot/historian");
    second.expect("32 [<t> 0001 [] 'y']").send("40 [0001]");
    w.in("r", "it/reader", "80").expect("32 [<t> 0001 [] 'y']");
  }
  SECTION("a user that a reload has given another zone is a member there") {
    reader.vanish();
    ScriptedClient back = w.in("r", "ot/reader", "80");
    CHECK(w.broker.statistics().shared_groups == 1);
    sender.send("30 [<t> [] '1']").send("30 [<t> [] '2']");
    // They take turns.
    for (ScriptedClient* one : {&historian, &back}) {
      CHECK_FALSE(one->take().empty());
      one->expect_nothing();
    }
  }
}

TEST_CASE("a will is judged when it is stored and when it goes out, each by itself", "[policy]") {
  PolicyWorld w;
  w.rules->publishes[{"bob", "no"}] = {ReasonCode::not_authorized};
  w.connect("10 [<MQTT> 05 86 0000 [] <b> [] <no> <gone> <bob>]")
      .expect_refused(ReasonCode::not_authorized);
  w.connect("10 [<MQTT> 04 86 0000 <b> <no> <gone> <bob>]").expect("20020005").expect_closed();
  w.rules->wills_due[{"bob", "late"}] = {ReasonCode::not_authorized};
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("#");
  w.connect("10 [<MQTT> 05 86 0000 [] <b> [] <late> <gone> <bob>]").expect_connack().vanish();
  w.connect("10 [<MQTT> 04 86 0000 <c> <late> <gone> <bob>]").expect("20020000").vanish();
  w.connect("10 [<MQTT> 04 86 0000 <c> <will> <gone> <bob>]").expect("20020000").vanish();
  alice.expect("30 [<will> [] 'gone']").expect_nothing();
}

TEST_CASE("a delayed will is judged after a restart, for who left it", "[policy]") {
  PolicyWorld w;
  w.connect("10 [<MQTT> 05 86 0000 [11 00000E10] <b> [18 0000000A] <t> <gone> <ot/bob>]")
      .expect_connack()
      .vanish();
  w.rules->wills_due[{"bob", "t"}] = {ReasonCode::not_authorized};
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("#");
  w.broker.crash();
  w.in("a", "alice", "80").subscribe("#");
  w.broker.after(Milliseconds{60'000});
  CHECK(w.broker.statistics().wills == 0);
  w.in("z", "alice").expect_nothing();
  CHECK(counter_value(Counter::wills_denied) > 0);
}

TEST_CASE("a retained message is shown while its author may stand behind it, after a restart too",
          "[policy]") {
  PolicyWorld w;
  w.in("b", "ot/bob").send("33 [<t/1> 0001 [] 'x']").expect("40 [0001 10]");
  w.in("b2", "it/bea").send("33 [<t/2> 0001 [] 'y']").expect("40 [0001 10]");
  w.rules->hidden_authors["bob"] = true;
  const auto look = [&](const char* client_id) {
    ScriptedClient alice = w.in(client_id, "alice");
    alice.send("82 [0001 [] <t/#> 00]").expect("90 [0001 [] 00]");
    alice.expect("31 [<t/2> [] 'y']").expect_nothing();
  };
  look("a1");
  w.broker.crash();
  look("a2");
  // The same Client Identifier in other hands is another author.
  w.rules->connects["carl"].taken = ReasonCode::success;
  w.in("b", "ot/carl").send("33 [<t/1> 0001 [] 'z']").expect("40 [0001]");
  ScriptedClient alice = w.in("a3", "alice");
  alice.send("82 [0001 [] <t/1> 00]").expect("90 [0001 [] 00]").expect("31 [<t/1> [] 'z']");
}

TEST_CASE("a retained message whose author nobody knows is told apart", "[policy]") {
  PolicyWorld w;
  MessageFields fields;
  fields.topic = "own";
  fields.payload = "x";
  fields.retain = true;
  w.broker.request({0, core::PublishRequest{{KeptMessage::make(fields, {})}}});
  w.rules->hidden_authors[""] = true;
  ScriptedClient alice = w.in("a", "alice");
  alice.send("82 [0001 [] <own> 00]").expect("90 [0001 [] 00]").expect_nothing();
}

TEST_CASE("over its rate a delivery of QoS 0 is dropped, others wait for a timer", "[policy]") {
  PolicyWorld w;
  w.rules->delivers[{"alice", "t"}] = core::DeliverVerdict::all(true);
  w.rules->delivers[{"alice", "t"}].limited = true;
  bool full = true;
  w.rules->send_waits = [&] { return Milliseconds{full ? 1000 : 0}; };
  ScriptedClient zero = w.in("z", "alice");
  zero.subscribe("t");
  ScriptedClient one = w.in("o", "alice");
  one.subscribe("t", "01");
  ScriptedClient bob = w.in("b", "bob");
  bob.send("32 [<t> 0001 [] '1']").send("32 [<t> 0002 [] '2']");
  bob.expect("40 [0001]").expect("40 [0002]");
  zero.expect_nothing();
  one.expect_nothing();
  const std::size_t asked = w.rules->send_questions;
  w.broker.after(Milliseconds{500});
  CHECK(w.rules->send_questions == asked);  // a timer, no spinning
  full = false;
  one.expect_nothing();
  w.broker.after(Milliseconds{500});
  one.expect("32 [<t> 0001 [] '1']").expect("32 [<t> 0002 [] '2']");
  zero.expect_nothing();
  bob.send("32 [<t> 0003 [] '3']");
  zero.expect("30 [<t> [] '3']");
}

TEST_CASE("who holds a rate back and leaves finds everything when it is back", "[policy]") {
  PolicyWorld w;
  w.rules->delivers[{"alice", "t"}] = core::DeliverVerdict::all(true);
  w.rules->delivers[{"alice", "t"}].limited = true;
  w.rules->send_waits = [] { return Milliseconds{1000}; };
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("t", "01");
  w.in("b", "bob").send("32 [<t> 0001 [] '1']").expect("40 [0001]");
  alice.vanish();
  w.broker.after(Milliseconds{5000});
  w.rules->send_waits = {};
  w.in("a", "alice", "80").expect("32 [<t> 0001 [] '1']").expect_nothing();
}

TEST_CASE("the CONNECT gets what the policy says, and its identifier is its owner's", "[policy]") {
  PolicyWorld w;
  w.rules->connects["mallory"] = {ReasonCode::not_authorized};
  w.connect("10 [<MQTT> 05 82 0000 [] <m> <mallory>]").expect_refused(ReasonCode::not_authorized);
  w.connect("10 [<MQTT> 04 82 0000 <m> <mallory>]").expect("20020005").expect_closed();
  ScriptedClient owner = w.in("c", "ot/alice");
  owner.subscribe("t", "01");
  w.rules->connects["bob"].taken = ReasonCode::client_identifier_not_valid;
  w.connect("10 [<MQTT> 05 80 0000 [] <c> <ot/bob>]")
      .expect_refused(ReasonCode::client_identifier_not_valid);
  w.connect("10 [<MQTT> 04 80 0000 <c> <ot/bob>]").expect("20020002").expect_closed();
  owner.expect_nothing();
  // Where identifiers are free the session of the other one ends, unread.
  w.rules->connects["carl"].taken = ReasonCode::success;
  w.in("s", "sender").send("32 [<t> 0001 [] 'x']").expect("40 [0001]");
  ScriptedClient carl = w.in("c", "ot/carl", "80");
  CHECK_FALSE(carl.session_present());
  carl.expect_nothing();
}

TEST_CASE("a subscription that is covered as a whole costs no question per message", "[policy]") {
  PolicyWorld w;
  w.rules->subscribes[{"alice", "t/#"}].covers_all_topics = true;
  w.rules->has_classes = false;
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("t/#");
  ScriptedClient bob = w.in("b", "bob");
  bob.send("30 [<t/1> [] 'x']");
  alice.expect("30 [<t/1> [] 'x']");
  CHECK(w.rules->deliver_questions == 0);
  alice.subscribe("+/1");
  bob.send("30 [<t/1> [] 'y']");
  alice.expect("30 [<t/1> [] 'y']");
  CHECK(w.rules->deliver_questions == 1);
  // Under another policy it must be looked at again first.
  auto later = std::make_shared<Answering>();
  later->delivers[{"alice", "t/1"}] = denied_delivery();
  w.change(later);
  bob.send("30 [<t/1> [] 'z']");
  alice.expect_nothing();
}

TEST_CASE("a subscription the policy refuses gets 0x87, in 3.1.1 0x80", "[policy][MQTT-3.9.3-2]") {
  PolicyWorld w;
  w.rules->subscribes[{"alice", "no/#"}].reason = ReasonCode::not_authorized;
  w.in("a", "alice")
      .send("82 [0001 [] <no/#> 00 <$share/g/no/#> 01 <yes> 01]")
      .expect("90 [0001 [] 87 87 01]");
  w.in_3_1_1("o", "alice").send("82 [0001 <no/#> 00 <yes> 00]").expect("90 [0001 80 00]");
}

TEST_CASE("the interceptor learns that a connection is gone", "[policy]") {
  PolicyWorld w;
  w.in("a", "alice").vanish();
  w.in("b", "bob");
  w.in("b", "bob");
  CHECK(w.rules->gone == std::vector<std::string>{"a", "b"});
}

}  // namespace lineshaft::test
