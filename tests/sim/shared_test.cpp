// Shared subscriptions with members that survive a crash and members that do not.
#include <algorithm>

#include "tests/sim/rig.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using lineshaft::sim::passing;
using lineshaft::sim::Rig;

namespace {

constexpr const char* filter = "$share/g/s/#";
constexpr sim::Hello one_at_a_time{.expiry_s = 0, .receive_maximum = 1};

}  // namespace

TEST_CASE("what has to wait waits with a member that survives a crash", "[sim]") {
  Rig rig;
  rig.join_and_listen("keeps", filter, 1);
  rig.lose("keeps");
  rig.join_and_listen("passing", filter, 1, one_at_a_time);
  rig.join("pub", passing);
  rig.publish("pub", "s/1", 1, 1);  // there is room for it
  rig.publish("pub", "s/1", 1, 2);  // this one has to wait
  rig.commit();
  CHECK(rig.take("pub") == "PUBACK 1, PUBACK 2");
  CHECK(rig.take("passing") == "PUBLISH m1 q1 id1");
  rig.crash();
  rig.connect("keeps");
  rig.commit();
  CHECK(rig.take("keeps") == "CONNACK sp1, PUBLISH m2 q1 id1");
}

TEST_CASE("what the store holds moves to members that survive a crash only", "[sim]") {
  Rig rig;
  rig.join_and_listen("keeps", filter, 1, {.receive_maximum = 1});
  rig.join("pub", passing);
  for (std::uint16_t id = 1; id <= 3; ++id) rig.publish("pub", "s/1", 1, id);
  rig.commit();
  CHECK(rig.take("keeps") == "PUBLISH m1 q1 id1");
  rig.join_and_listen("passing", filter, 1, passing);
  SECTION("none is there: it stays") {
    rig.lose("keeps");
    CHECK(rig.take("passing") == "");
    rig.crash();
    rig.connect("keeps");
    rig.commit();
    CHECK(rig.take("keeps") ==
          "CONNACK sp1, PUBLISH m1 q1 id1 dup, PUBLISH m2 q1 id2, PUBLISH m3 q1 id3");
  }
  SECTION("one is there") {
    rig.join_and_listen("other", filter, 1);
    rig.lose("keeps");
    CHECK(rig.take("passing") == "");
    CHECK(rig.take("other") == "PUBLISH m2 q1 id1, PUBLISH m3 q1 id2");
  }
  SECTION("its session ends for good: better somebody than nobody") {
    rig.disconnect("keeps");
    rig.connect("keeps", {.clean = true});
    CHECK(rig.take("passing") == "PUBLISH m1 q1 id1, PUBLISH m2 q1 id2, PUBLISH m3 q1 id3");
  }
}

TEST_CASE("more than a slice of messages moves in several turns", "[sim]") {
  Rig rig;
  rig.join_and_listen("keeps", filter, 1);
  rig.lose("keeps");
  rig.join("pub", passing);
  for (int i = 0; i < 2500; ++i) {
    rig.publish("pub", "s/1", 1, static_cast<std::uint16_t>(i % 200 + 1));
    if (i % 200 == 199) rig.commit();
  }
  rig.commit();
  const auto queued = [&](const char* client) {
    const auto& state = rig.store().latest();
    const auto session = state.sessions.find(client);
    if (session == state.sessions.end()) return std::size_t{0};
    return static_cast<std::size_t>(
        std::count_if(state.queue.begin(), state.queue.end(),
                      [&](const auto& entry) { return entry.first.first == session->second.sid; }));
  };
  SECTION("to who is connected when a member disconnects") {
    rig.join("keeps", {.receive_maximum = 1});
    rig.join_and_listen("other", filter, 1);
    rig.lose("keeps");
    CHECK(queued("other") == 1000);
    SECTION("the rest next time") {
      rig.pass(1);
      rig.pass(1);
      rig.pass(1);
      CHECK(queued("other") == 2499);
      CHECK(queued("keeps") == 1);  // the one that was sent stays
    }
    SECTION("a crash finds each in one of the two") {
      rig.commit();
      rig.crash();
      CHECK(queued("other") + queued("keeps") == 2500);
    }
    SECTION("back in between, it keeps the rest") {
      rig.connect("keeps");
      rig.pass(1);
      CHECK(queued("keeps") == 1500);
    }
  }
  SECTION("to who keeps them when its session ends") {
    rig.join_and_listen("other", filter, 1, {.expiry_s = 7200});
    rig.lose("other");
    rig.pass(3'600'000);
    CHECK(queued("other") == 1000);
    CHECK(queued("keeps") == 1500);
    SECTION("the rest next time, then the session is gone") {
      rig.pass(1);
      rig.pass(1);
      CHECK(queued("other") == 2500);
      CHECK(rig.store().latest().sessions.count("keeps") == 0);
    }
    SECTION("nobody comes back to it meanwhile") {
      rig.connect("keeps");
      CHECK(queued("other") == 2500);
      rig.commit();
      CHECK(rig.take("keeps") == "CONNACK sp0");
    }
    SECTION("it gets nothing meanwhile") {
      rig.publish("pub", "s/1", 1, 7);
      CHECK(queued("other") == 1001);
    }
    SECTION("a crash finds each in one of the two") {
      rig.commit();
      rig.crash();
      CHECK(queued("other") + queued("keeps") == 2500);
    }
  }
}
