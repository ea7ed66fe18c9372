// What a connection leaves behind when it ends at an awkward moment, and what a reload leaves
// alone.
#include <string>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;

TEST_CASE("a takeover in the middle of a retained replay starts the replay again",
          "[MQTT-3.1.4-3][MQTT-3.3.1-9]") {
  ScriptedBroker broker;
  ScriptedClient pub = broker.v5("pub");
  const std::string payload = "'" + std::string(10'000, 'x') + "'";
  constexpr int topics = 100;
  for (int i = 0; i < topics; ++i)
    pub.send("31 [<t/" + std::to_string(i) + "> [] " + payload + "]");
  ScriptedClient old = broker.v5_durable("sub");
  broker.hold_drains(true);
  old.subscribe("t/#");
  CHECK_FALSE(old.take().empty());
  broker.hold_drains(false);
  ScriptedClient fresh = broker.v5_durable("sub");
  int received = 0;
  while (!fresh.take().empty()) ++received;
  CHECK(received == topics);
}

TEST_CASE("a reload leaves the Receive Maximum of connections that stand", "[MQTT-3.3.4-7]") {
  core::CoreConfig config;
  config.receive_maximum = 2;
  ScriptedBroker broker(config);
  broker.v5_durable("sub").subscribe("a", "01").vanish();
  ScriptedClient pub = broker.v5("pub");
  config.receive_maximum = 1;
  broker.reconfigure(config);
  broker.hold_commits();
  pub.send("32 [<a> 0001 [] 'x'] 32 [<a> 0002 [] 'y']").expect_nothing();
  broker.commit();
  pub.expect("40 [0001] 40 [0002]").expect_nothing();
}

TEST_CASE("a session that ends leaves a shared payload to those who store it", "[MQTT-4.5.0-1]") {
  ScriptedBroker broker;
  broker.v5_durable("first").subscribe("a", "01").vanish();
  broker.v5_durable("second").subscribe("a", "01").vanish();
  ScriptedClient leaving = broker.v5_durable("leaving").subscribe("a", "00");
  ScriptedClient pub = broker.v5_durable("pub");
  const std::string payload = "'" + std::string(2'000, 'x') + "'";
  broker.hold_commits();
  // Of QoS 2: what goes to the leaving one with QoS 0 waits in its queue.
  pub.send("34 [<a> 0001 [] " + payload + "]");
  leaving.send("E0 [00 [11 00000000]]").expect_closed();
  broker.commit();
  pub.expect("50 [0001]");
  const auto back = [&broker](const std::string& id) {
    ScriptedClient client = broker.connect("10 [<MQTT> 05 00 0000 [11 00000E10] <" + id + ">]");
    broker.commit();
    return client.expect_connack();
  };
  back("first").expect("32 [<a> 0001 [] " + payload + "]").send("40 [0001]").vanish();
  broker.commit();
  broker.crash();
  back("second").expect("32 [<a> 0001 [] " + payload + "]");
}

TEST_CASE("a client whose answers wait for the store is not read beyond a limit", "[corner]") {
  ScriptedBroker broker;
  ScriptedBroker::Pipe& pipe = broker.open_pipe();
  const auto feed = [&](const std::string& notation) {
    broker.feed(pipe, WireNotation(notation).to_bytes());
  };
  feed("10 [<MQTT> 04 00 0000 <c>]");
  broker.hold_commits();
  feed("82 [0001 <a> 01]");
  for (std::size_t i = 2; i < limits::held_packets_max; ++i) feed("A2 [0B0B <b>]");
  CHECK_FALSE(pipe.reading_paused);
  feed("A2 [0B0B <b>]");
  CHECK(pipe.reading_paused);
  broker.commit();
  CHECK_FALSE(pipe.reading_paused);
  CHECK(broker.statistics().held_acknowledgements == 0);
}

TEST_CASE("short of space, a client with a session comes back and reads its queue",
          "[MQTT-3.1.2-5][MQTT-4.5.0-1]") {
  ScriptedBroker broker;
  broker.v5_durable("c").subscribe("a", "01").vanish();
  broker.v5("pub").send("32 [<a> 0001 [] 'x']").expect("40 [0001]");
  broker.store_accepts_writes(false);
  ScriptedClient again = broker.v5_durable("c");
  CHECK(again.session_present());
  again.expect("32 [<a> 0001 [] 'x']").send("40 [0001]");
  // A new session needs space.
  broker.connect("10 [<MQTT> 05 00 0000 [11 00000E10] <new>]")
      .expect_refused(ReasonCode::server_unavailable);
}

}  // namespace
