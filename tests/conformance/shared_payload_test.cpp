// A larger message that several queues hold is stored once (docs/decisions/0006): it must be there
// as long as any of them refers to it.
#include <string>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;

const std::string large(600, 'x');

TEST_CASE("a message that two queues share survives a crash in both", "[MQTT-4.5.0-1]") {
  ScriptedBroker broker;
  for (const auto* name : {"one", "two"}) broker.v5_durable(name).subscribe("a", "01").vanish();
  broker.v5("pub").send("32 [<a> 0001 [] '" + large + "']").expect("40 [0001]");
  broker.crash();
  for (const auto* name : {"one", "two"}) {
    broker.v5_durable(name).expect("32 [<a> 0001 [] '" + large + "']");
  }
}

TEST_CASE("a retained message whose first receivers are done can be queued again",
          "[MQTT-4.5.0-1][MQTT-3.3.1-9]") {
  ScriptedBroker broker;
  ScriptedClient one = broker.v5_durable("one").subscribe("a", "01");
  ScriptedClient two = broker.v5_durable("two").subscribe("a", "01");
  broker.v5("pub").send("33 [<a> 0001 [] '" + large + "']").expect("40 [0001]");
  for (ScriptedClient* client : {&one, &two}) {
    client->expect("32 [<a> 0001 [] '" + large + "']").send("40 [0001]");
  }
  ScriptedClient three = broker.v5_durable("three").subscribe("a", "01");
  three.expect("33 [<a> 0001 [] '" + large + "']");  // not acknowledged
  broker.crash();
  broker.v5_durable("three").expect("3B [<a> 0001 [] '" + large + "']");
}

}  // namespace
