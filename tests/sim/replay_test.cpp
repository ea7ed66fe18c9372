// A retained value may come twice, but never an older one after a newer one.
#include "tests/sim/rig.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using lineshaft::sim::passing;
using lineshaft::sim::Rig;

TEST_CASE("a newer value does not overtake a replay that waits for its identifier", "[sim]") {
  const int qos = GENERATE(0, 1);
  Rig rig;
  rig.join("pub", passing);
  rig.publish("pub", "a", 2, 1, true);
  rig.commit();
  rig.join("sub");
  rig.subscribe("sub", "a", 2, 5, 0);
  rig.commit();  // SUBACK leaves, the replay takes its identifier ...
  rig.take("pub");
  rig.join("sub");
  rig.subscribe("sub", "a", 2, 6, 0);
  rig.store().write(rig.store().waiting());
  REQUIRE(rig.world().answer_commit());  // ... and once more, now it is not on disk yet
  CHECK(rig.take("sub").rfind("SUBACK 6 [02]", 0) == 0);
  rig.publish("pub", "a", qos, qos == 0 ? std::uint16_t{0} : std::uint16_t{2});
  CHECK(rig.take("sub") == "");
  rig.commit();
  CHECK(rig.take("sub") == (qos == 0 ? "PUBLISH m1 q2 id2 retain, PUBLISH m2 q0"
                                     : "PUBLISH m1 q2 id2 retain, PUBLISH m2 q1 id3"));
}

TEST_CASE("a replay does not send past what the one before it has left waiting: seed 11989",
          "[sim]") {
  Rig rig;
  rig.join("pub", passing);
  rig.publish("pub", "a", 2, 1, true);
  rig.commit();
  rig.join("sub");
  rig.subscribe("sub", "a", 2, 5, 0);
  rig.subscribe("sub", "+", 1, 6, 0);
  rig.store().write(rig.store().waiting());
  REQUIRE(rig.world().answer_commit());  // the first has given m1 an identifier, not on disk yet
  CHECK(rig.take("sub") == "SUBACK 5 [02], SUBACK 6 [01]");
  rig.publish("pub", "a", 0, 0, true);  // what the second finds need not wait for any disk
  rig.drained("sub");
  CHECK(rig.take("sub") == "");
  rig.commit();
  rig.drained("sub");
  CHECK(rig.take("sub") == "PUBLISH m1 q2 id1 retain, PUBLISH m2 q0, PUBLISH m2 q0 retain");
}
