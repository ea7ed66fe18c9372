// Short of memory: what is shed, in which order, and what never.
#include "broker/base/metrics.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

using namespace lineshaft;
using namespace lineshaft::test;
using namespace std::chrono_literals;
using core::OverloadLevel;

namespace {

/// One PUBLISH above what makes a heavy sender.
std::string big_publish() {
  return "30 [<big> [] " + std::string("'0123456789ABCDEF0123456789ABCDEF' *4096") + "]";
}

void set_level(ScriptedBroker& broker, OverloadLevel level) {
  broker.run(core::OverloadChanged{level});
}

}  // namespace

TEST_CASE("the heaviest sender is read less often, the others go on", "[overload]") {
  ScriptedBroker broker;
  ScriptedClient heavy = broker.v5("heavy");
  ScriptedClient light = broker.v5("light");
  set_level(broker, OverloadLevel::slow_senders);
  heavy.send(big_publish());
  light.send("30 [<a> [] 'x']");
  CHECK_FALSE(heavy.reading_paused());
  broker.after(1s);
  CHECK(heavy.reading_paused());
  CHECK_FALSE(light.reading_paused());
  // Its pause ends by itself; it is slowed, not silenced.
  broker.after(1s);
  CHECK_FALSE(heavy.reading_paused());
  heavy.send(big_publish());
  broker.after(1s);
  CHECK(heavy.reading_paused());
  set_level(broker, OverloadLevel::none);
  CHECK_FALSE(heavy.reading_paused());
}

TEST_CASE("who is not read because memory is short keeps its connection", "[overload]") {
  ScriptedBroker broker;
  ScriptedClient heavy = broker.connect("10 [<MQTT> 05 02 0001 [] <heavy>]").expect_connack();
  set_level(broker, OverloadLevel::drop_qos0);
  heavy.send(big_publish());
  broker.after(1s);
  CHECK(heavy.reading_paused());
  broker.after(1s);
  broker.after(900ms);
  heavy.expect_nothing();
  CHECK(heavy.reading_paused());
}

TEST_CASE("with no memory for new clients only who comes back is let in", "[overload]") {
  ScriptedBroker broker;
  ScriptedClient known = broker.v5_durable("known");
  known.vanish();
  set_level(broker, OverloadLevel::no_new_clients);
  const auto before = counter_value(Counter::connects_refused_memory);
  broker.connect("10 [<MQTT> 05 02 0000 [] <new>]").expect_refused(ReasonCode::quota_exceeded);
  CHECK(counter_value(Counter::connects_refused_memory) - before == 1);
  broker.connect("10 [<MQTT> 05 00 0000 [11 00000E10] <known>]").expect_connack();
  set_level(broker, OverloadLevel::slow_senders);
  broker.v5("new");
}

TEST_CASE("at the last level QoS 0 is dropped, counted, but nothing vital and no QoS 1",
          "[overload]") {
  ScriptedBroker broker;
  ScriptedClient sub = broker.v5("sub").subscribe("#", "01");
  ScriptedClient will = broker.connect("10 [<MQTT> 05 06 0000 [] <w> [] <gone> <x>]");
  will.expect_connack();
  ScriptedClient pub = broker.v5("pub");
  set_level(broker, OverloadLevel::no_new_clients);
  pub.send("30 [<a> [] '1']");
  sub.expect("30 [<a> [] '1']");
  set_level(broker, OverloadLevel::drop_qos0);
  const auto before = counter_value(Counter::dropped_qos0_memory);
  pub.send("30 [<a> [] '2'] 30 [<spBv1.0/g/NDATA/n> [] '3']");
  sub.expect_nothing();
  CHECK(counter_value(Counter::dropped_qos0_memory) - before == 2);
  for (const char* const vital : {"spBv1.0/g/NDEATH/n", "spBv1.0/STATE/h", "STATE/h",
                                  "spBv1.0/g/NCMD/n", "spBv1.0/g/DCMD/n/d"}) {
    const std::string packet = "30 [<" + std::string(vital) + "> [] '4']";
    pub.send(packet);
    sub.expect(packet);
  }
  pub.send("32 [<a> 0001 [] '5']").expect("40 [0001]");
  sub.expect("32 [<a> 0001 [] '5']");
  will.vanish();
  sub.expect("30 [<gone> [] 'x']");
  set_level(broker, OverloadLevel::none);
  pub.send("30 [<a> [] '6']");
  sub.expect("30 [<a> [] '6']");
}
