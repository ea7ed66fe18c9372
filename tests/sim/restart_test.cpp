// What a restart with another configuration must not change.
#include "tests/sim/rig.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using lineshaft::sim::passing;
using lineshaft::sim::Rig;

TEST_CASE("what is in flight keeps its identifier when a start allows fewer",
          "[sim][MQTT-4.4.0-1]") {
  core::CoreConfig config;
  config.inflight_out_max = 4;
  Rig rig(config);
  rig.join_and_listen("sub", "a", 2);
  rig.lose("sub");
  rig.join("pub", passing);
  for (std::uint16_t id = 1; id <= 5; ++id) rig.publish("pub", "a", 2, id);
  rig.commit();
  rig.connect("sub");  // the first four get their identifiers, each in a record of its own
  rig.commit();
  CHECK(rig.take("sub") ==
        "CONNACK sp1, PUBLISH m1 q2 id1, PUBLISH m2 q2 id2, PUBLISH m3 q2 id3, PUBLISH m4 q2 id4");
  config.inflight_out_max = 1;
  config.queue_window = 1;
  rig.world().set_config(config);
  rig.crash();
  rig.connect("sub");
  rig.commit();
  CHECK(rig.take("sub") == "CONNACK sp1, PUBLISH m1 q2 id1 dup");
  for (std::uint16_t id = 1; id <= 4; ++id) {
    rig.ack("sub", "PUBREC", id);
    rig.commit();
    CHECK(rig.take("sub") == "PUBREL " + std::to_string(id));
    rig.ack("sub", "PUBCOMP", id);
    while (rig.world().answer_load()) {
    }
    rig.commit();
    const std::string next = std::to_string(id + 1);
    CHECK(rig.take("sub") ==
          (id < 4 ? "PUBLISH m" + next + " q2 id" + next + " dup" : "PUBLISH m5 q2 id1"));
  }
}
