// Sections 4.7 and 4.8: topic names and filters, shared subscriptions.
#include <string>
#include <utility>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

std::string quoted(std::string_view text) { return "<" + std::string(text) + ">"; }

bool matches(std::string_view filter, std::string_view topic) {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe(filter);
  broker.v5("pub").send("31 [" + quoted(topic) + " [] 'x']");
  const bool live = !sub.take().empty();
  // What is stored is found by the same rules.
  ScriptedClient late = broker.v5("late").subscribe(filter);
  CHECK(!late.take().empty() == live);
  return live;
}

TEST_CASE("wildcards have no place in a topic name", "[MQTT-4.7.0-1]") {
  ScriptedBroker broker;
  for (const char* const topic : {"#", "+", "a/#", "a/+/b", "a#"}) {
    INFO(topic);
    broker.v5("c")
        .send("30 [" + quoted(topic) + " [] 'x']")
        .expect_disconnect(ReasonCode::topic_name_invalid);
  }
}

TEST_CASE("'#' stands alone or behind '/', and last; '+' fills a whole level",
          "[MQTT-4.7.1-1][MQTT-4.7.1-2]") {
  ScriptedBroker broker;
  for (const char* const filter : {"a#", "a/#/b", "#a", "##", "a+", "+a", "a/+b", "++", "a/b+/c"}) {
    INFO(filter);
    broker.v5("c")
        .send("82 [0001 [] " + quoted(filter) + " 00]")
        .expect_disconnect(ReasonCode::malformed_packet);
  }
  CHECK(matches("#", "a"));
  CHECK(matches("#", "a/b/c"));
  CHECK(matches("a/#", "a"));
  CHECK(matches("a/#", "a/b/c"));
  CHECK_FALSE(matches("a/#", "ab"));
  CHECK(matches("+", "a"));
  CHECK_FALSE(matches("+", "a/b"));
  CHECK_FALSE(matches("+", "/a"));
  CHECK(matches("+/+", "/a"));
  CHECK(matches("/+", "/a"));
  CHECK(matches("a/+", "a/"));
  CHECK_FALSE(matches("a/+", "a"));
  CHECK(matches("+/b/#", "a/b"));
  CHECK(matches("+/#", "a"));
}

TEST_CASE("a filter that begins with a wildcard does not match a name that begins with '$'",
          "[MQTT-4.7.2-1]") {
  ScriptedBroker broker;
  ScriptedClient hash = broker.v5("hash").subscribe("#");
  ScriptedClient plus = broker.v5("plus").subscribe("+/x").subscribe("+/#");
  ScriptedClient named = broker.v5("named").subscribe("$SYS/#");
  ScriptedClient below = broker.v5("below").subscribe("$SYS/+");
  const auto message = [] {
    MessageFields fields;
    fields.topic = "$SYS/x";
    fields.payload = "1";
    fields.retain = true;
    return KeptMessage::make(fields, KeepInfo{});
  };
  broker.request(core::Request{1, core::PublishRequest{{message()}}});
  hash.expect_nothing();
  plus.expect_nothing();
  named.expect("30 [<$SYS/x> [] '1']");
  below.expect("30 [<$SYS/x> [] '1']");
  broker.v5("late").subscribe("#").expect_nothing();
  broker.v5("later").subscribe("$SYS/#").expect("31 [<$SYS/x> [] '1']");
}

TEST_CASE("names and filters have 1 to 65535 bytes; we take up to 1024",
          "[MQTT-4.7.3-1][MQTT-4.7.3-3]") {
  ScriptedBroker broker;
  broker.v5("a").send("30 [<> [] 'x']").expect_disconnect(ReasonCode::protocol_error);
  broker.v5("b").send("82 [0001 [] <> 00]").expect_disconnect(ReasonCode::malformed_packet);
  broker.v5("c").send("A2 [0001 [] <>]").expect_disconnect(ReasonCode::malformed_packet);
  ScriptedClient d = broker.v5("d").subscribe("{61*1024}");
  broker.v5("e").send("30 [<{61*1024}> [] 'x']").expect_nothing();
  d.expect("30 [<{61*1024}> [] 'x']");
  broker.v5("f").send("30 [<{61*1025}> [] 'x']").expect_disconnect(ReasonCode::topic_name_invalid);
  d.send("82 [0001 [] <{61*65535}> 00]").expect("90 [0001 [] 8F]");
}

TEST_CASE("U+0000 is in no name and no filter", "[MQTT-4.7.3-2]") {
  ScriptedBroker broker;
  broker.v5("a").send("30 [<a{00}> [] 'x']").expect_disconnect(ReasonCode::malformed_packet);
  broker.v5("b").send("82 [0001 [] <a{00}> 00]").expect_disconnect(ReasonCode::malformed_packet);
}

TEST_CASE("names are compared byte by byte: no normalisation, empty levels count",
          "[MQTT-4.7.3-4]") {
  CHECK(matches("a", "a"));
  CHECK_FALSE(matches("a", "/a"));
  CHECK_FALSE(matches("a", "a/"));
  CHECK_FALSE(matches("a", "A"));
  CHECK(matches("/", "/"));
  CHECK(matches("a//b", "a//b"));
  CHECK_FALSE(matches("a/b", "a//b"));
  CHECK(matches("a/+/b", "a//b"));
  CHECK(matches("{C3A9}", "{C3A9}"));
  CHECK_FALSE(matches("{C3A9}", "e{CC81}"));  // the same letter in another form
  CHECK(matches("a b", "a b"));
}

TEST_CASE("a shared subscription needs a name without wildcards and a valid filter",
          "[MQTT-4.8.2-1][MQTT-4.8.2-2]") {
  ScriptedBroker broker;
  for (const char* const filter :
       {"$share//x", "$share/g", "$share/g/", "$share/g+/x", "$share/#/x", "$share/"}) {
    INFO(filter);
    broker.v5("c")
        .send("82 [0001 [] " + quoted(filter) + " 00]")
        .expect_disconnect(ReasonCode::protocol_error);
  }
  broker.v5("c")
      .send("82 [0001 [] <$share/g/a#> 00]")
      .expect_disconnect(ReasonCode::malformed_packet);
  ScriptedClient sub = broker.v5("sub").subscribe("$share/g//").subscribe("$share/g/+/b");
  broker.v5("pub").send("30 [</> [] '1'] 30 [<a/b> [] '2']");
  sub.expect("30 [</> [] '1'] 30 [<a/b> [] '2']").expect_nothing();
}

TEST_CASE("each message goes to one member, at that member's QoS", "[MQTT-4.8.2-3]") {
  ScriptedBroker broker;
  ScriptedClient one = broker.v5("one").subscribe("$share/g/a", "01", "0B 01");
  ScriptedClient zero = broker.v5("zero").subscribe("$share/g/a", "00", "0B 02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] '1']").expect("40 [0001]");
  pub.send("32 [<a> 0002 [] '2']").expect("40 [0002]");
  one.expect("32 [<a> 0001 [0B 01] '1']").expect_nothing();
  zero.expect("30 [<a> [0B 02] '2']").expect_nothing();
}

TEST_CASE("QoS 2 that was started with a member is finished with it or with nobody",
          "[MQTT-4.8.2-4][MQTT-4.8.2-5]") {
  ScriptedBroker broker;
  ScriptedClient one = broker.v5_durable("one").subscribe("$share/g/a", "02");
  broker.v5("pub").send("34 [<a> 0001 [] 'x']").expect("50 [0001]");
  one.expect("34 [<a> 0001 [] 'x']");
  ScriptedClient two = broker.v5_durable("two").subscribe("$share/g/a", "02");
  one.vanish();
  two.expect_nothing();
  one = broker.v5_durable("one");
  one.expect("3C [<a> 0001 [] 'x']").send("50 [0001]").expect("62 [0001]");
  one.send("E0 [00 [11 00000000]]");  // its session ends
  two.expect_nothing();
}

TEST_CASE("QoS 1 that was not acknowledged goes to another member when the session ends",
          "[MQTT-4.8.2-5]") {
  ScriptedBroker broker;
  ScriptedClient one = broker.v5("one").subscribe("$share/g/a", "01");
  broker.v5("pub").send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  one.expect("32 [<a> 0001 [] 'x']");
  ScriptedClient two = broker.v5("two").subscribe("$share/g/a", "01");
  one.vanish();
  two.expect("32 [<a> 0001 [] 'x']").expect_nothing();
}

TEST_CASE("a negative acknowledgement discards: nobody else gets it", "[MQTT-4.8.2-6]") {
  ScriptedBroker broker;
  ScriptedClient one = broker.v5("one").subscribe("$share/g/a", "02");
  ScriptedClient pub = broker.v5("pub");
  pub.send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  pub.send("34 [<a> 0002 [] 'y']").expect("50 [0002]");
  one.expect("32 [<a> 0001 [] 'x'] 34 [<a> 0002 [] 'y']");
  ScriptedClient two = broker.v5("two").subscribe("$share/g/a", "02");
  one.send("40 [0001 80] 50 [0002 80]").expect_nothing();
  one.vanish();
  two.expect_nothing();
}

}  // namespace
