// Section 3.3.1.3, RETAIN: what is stored, and when it is sent.
#include <set>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;

TEST_CASE("RETAIN replaces the topic's message, QoS 0 too, with its properties", "[MQTT-3.3.1-5]") {
  ScriptedBroker broker;
  ScriptedClient pub = broker.v5("pub");
  pub.send("33 [<a> 0001 [26 <k> <v>] 'one']").expect("40 [0001 10]");
  broker.v5("s1").subscribe("a", "01").expect("33 [<a> 0001 [26 <k> <v>] 'one']");
  pub.send("31 [<a> [03 <t>] 'two']");
  broker.v5("s2").subscribe("a", "01").expect("31 [<a> [03 <t>] 'two']").expect_nothing();
}

TEST_CASE("an empty payload with RETAIN is forwarded, deletes, and is never stored",
          "[MQTT-3.3.1-6][MQTT-3.3.1-7]") {
  ScriptedBroker broker;
  ScriptedClient pub = broker.v5("pub");
  ScriptedClient sub = broker.v5("sub").subscribe("a", "08");
  pub.send("31 [<a> [] 'x']");
  pub.send("31 [<a> []]");
  sub.expect("31 [<a> [] 'x'] 31 [<a> []]").expect_nothing();
  broker.v5("late").subscribe("a").expect_nothing();
  CHECK(broker.statistics().retained == 0);
}

TEST_CASE("without RETAIN the stored message stays as it is", "[MQTT-3.3.1-8]") {
  ScriptedBroker broker;
  ScriptedClient pub = broker.v5("pub");
  pub.send("31 [<a> [] 'kept'] 30 [<a> [] 'passing'] 30 [<a> []]");
  broker.v5("late").subscribe("a").expect("31 [<a> [] 'kept']").expect_nothing();
}

TEST_CASE("Retain Handling 0 sends at every SUBSCRIBE, 1 at a new one, 2 never",
          "[MQTT-3.3.1-9][MQTT-3.3.1-10][MQTT-3.3.1-11][MQTT-3.8.4-4]") {
  ScriptedBroker broker;
  broker.v5("pub").send("31 [<a> [] 'x']");
  ScriptedClient zero = broker.v5("zero");
  zero.subscribe("a", "00").expect("31 [<a> [] 'x']").expect_nothing();
  zero.subscribe("a", "00").expect("31 [<a> [] 'x']").expect_nothing();
  ScriptedClient one = broker.v5("one");
  one.subscribe("a", "10").expect("31 [<a> [] 'x']").expect_nothing();
  one.subscribe("a", "10").expect_nothing();
  one.unsubscribe("a").subscribe("a", "10").expect("31 [<a> [] 'x']").expect_nothing();
  ScriptedClient two = broker.v5("two");
  two.subscribe("a", "20").expect_nothing();
  two.subscribe("a", "00").expect("31 [<a> [] 'x']").expect_nothing();
}

TEST_CASE("retained messages of all matching topics come, behind the SUBACK",
          "[MQTT-3.3.1-9][MQTT-3.3.1-13]") {
  ScriptedBroker broker;
  ScriptedClient pub = broker.v5("pub");
  pub.send("31 [<a/1> [] 'x'] 31 [<a/2> [] 'x'] 31 [<b> [] 'x'] 31 [<$SYS/x> [] 'x']");
  ScriptedClient sub = broker.v5("sub").subscribe("a/+");  // checks that SUBACK is first
  std::set<std::string> got{sub.take(), sub.take()};
  CHECK(got.count(std::string("\x31\x07\x00\x03"
                              "a/1\x00x",
                              9)) == 1);
  CHECK(got.count(std::string("\x31\x07\x00\x03"
                              "a/2\x00x",
                              9)) == 1);
  sub.expect_nothing();
}

TEST_CASE("a live message has RETAIN only for Retain As Published",
          "[MQTT-3.3.1-12][MQTT-3.3.1-13]") {
  ScriptedBroker broker;
  ScriptedClient plain = broker.v5("plain").subscribe("a", "00");
  ScriptedClient as_published = broker.v5("rap").subscribe("a", "08");
  ScriptedClient pub = broker.v5("pub");
  pub.send("31 [<a> [] 'x'] 30 [<a> [] 'y']");
  plain.expect("30 [<a> [] 'x'] 30 [<a> [] 'y']");
  as_published.expect("31 [<a> [] 'x'] 30 [<a> [] 'y']");
  // Because of a new subscription it is set whatever the option says.
  broker.v5("late").subscribe("a", "00").expect("31 [<a> [] 'x']").expect_nothing();
}

TEST_CASE("a retained message is sent at the lower of its own and the granted QoS",
          "[MQTT-3.8.4-8]") {
  ScriptedBroker broker;
  broker.v5("pub").send("35 [<a> 0001 [] 'x']").expect("50 [0001 10]");
  broker.v5("s0").subscribe("a", "00").expect("31 [<a> [] 'x']");
  broker.v5("s1").subscribe("a", "01").expect("33 [<a> 0001 [] 'x']");
  broker.v5("s2").subscribe("a", "02").expect("35 [<a> 0001 [] 'x']");
}

TEST_CASE("the expiry of a retained message runs, and then it is gone",
          "[MQTT-3.3.2-5][MQTT-3.3.2-6]") {
  ScriptedBroker broker;
  broker.v5("pub").send("31 [<a> [02 0000000A] 'x']");
  broker.after(4'001ms);
  broker.v5("s1").subscribe("a").expect("31 [<a> [02 00000005] 'x']");
  broker.after(5'999ms);
  broker.v5("s2").subscribe("a").expect_nothing();
  CHECK(broker.statistics().retained == 0);
}

TEST_CASE("the subscription's identifier comes with its retained messages", "[MQTT-3.3.4-3]") {
  ScriptedBroker broker;
  broker.v5("pub").send("31 [<a> [] 'x']");
  ScriptedClient sub = broker.v5("sub").subscribe("#", "00", "0B 07");
  sub.expect("31 [<a> [0B 07] 'x']").expect_nothing();
}

}  // namespace
