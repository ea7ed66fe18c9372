// What a client may do depends on the listener it came through.
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

using namespace lineshaft;
using namespace lineshaft::test;

namespace {

/// Every scripted client comes through the listener "test".
core::CoreConfig with_listener(const core::ClientLimits& limits) {
  core::CoreConfig config;
  config.listeners["test"] = limits;
  config.listeners["other"].receive_maximum = 1;
  return config;
}

}  // namespace

TEST_CASE("CONNACK names the limits of the listener", "[limits]") {
  core::ClientLimits limits;
  limits.receive_maximum = 9;
  limits.packet_size_bytes_max = 70'000;
  limits.topic_alias_in_max = 5;
  limits.keep_alive_s_max = 20;
  limits.session_expiry_s_max = 60;
  ScriptedBroker broker(with_listener(limits));
  broker.connect("10 [<MQTT> 05 02 0000 [11 00000E10] <c>]")
      .expect("20 [00 00 [11 0000003C 21 0009 27 00011170 22 0005 13 0014]]");
}

TEST_CASE("more subscriptions than the listener allows get 0x97, the others stay", "[limits]") {
  core::ClientLimits limits;
  limits.subscriptions_per_session_max = 2;
  limits.topic_levels_max = 3;
  ScriptedBroker broker(with_listener(limits));
  ScriptedClient c = broker.v5("c");
  c.send("82 [0001 [] <a> 00 <b/c/d> 00 <e> 00 <1/2/3/4> 00]").expect("90 [0001 [] 00 00 97 8F]");
  broker.v5("pub").send("30 [<b/c/d> [] 'x'] 30 [<e> [] 'y'] 30 [<a> [] 'z']");
  c.expect("30 [<b/c/d> [] 'x'] 30 [<a> [] 'z']");
}

TEST_CASE("a reload changes what sessions may do, also for those that are there", "[limits]") {
  core::ClientLimits limits;
  limits.subscriptions_per_session_max = 1;
  ScriptedBroker broker(with_listener(limits));
  ScriptedClient c = broker.v5("c");
  c.send("82 [0001 [] <a> 00 <b> 00]").expect("90 [0001 [] 00 97]");
  limits.subscriptions_per_session_max = 2;
  limits.packet_size_bytes_max = 70'000;
  broker.reconfigure(with_listener(limits));
  c.send("82 [0002 [] <b> 00]").expect("90 [0002 [] 00]");
  // What decoders were set up with is what CONNACK goes on to name.
  broker.connect("10 [<MQTT> 05 02 0000 [] <d>]")
      .expect("20 [00 00 [21 0100 27 00200000 22 0040]]");
}
