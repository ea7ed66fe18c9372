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

/// Entries of its queue in the store.
std::size_t queued(Rig& rig, const char* client) {
  const auto& state = rig.store().latest();
  const auto session = state.sessions.find(client);
  if (session == state.sessions.end()) return 0;
  return static_cast<std::size_t>(
      std::count_if(state.queue.begin(), state.queue.end(),
                    [&](const auto& entry) { return entry.first.first == session->second.sid; }));
}

void publish_many(Rig& rig, int messages) {
  for (int i = 0; i < messages; ++i) {
    rig.publish("pub", "s/1", 1, static_cast<std::uint16_t>(i % 200 + 1));
    if (i % 200 == 199) rig.commit();
  }
  rig.commit();
  rig.take("pub");
}

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
  publish_many(rig, 2500);
  SECTION("to who is connected when a member disconnects") {
    rig.join("keeps", {.receive_maximum = 1});
    rig.join_and_listen("other", filter, 1);
    rig.lose("keeps");
    CHECK(queued(rig, "other") == 1000);
    SECTION("the rest next time") {
      rig.pass(1);
      rig.pass(1);
      rig.pass(1);
      CHECK(queued(rig, "other") == 2499);
      CHECK(queued(rig, "keeps") == 1);  // the one that was sent stays
    }
    SECTION("a crash finds each in one of the two") {
      rig.commit();
      rig.crash();
      CHECK(queued(rig, "other") + queued(rig, "keeps") == 2500);
    }
    SECTION("back in between, it keeps the rest") {
      rig.connect("keeps");
      rig.pass(1);
      CHECK(queued(rig, "keeps") == 1500);
    }
  }
  SECTION("to who keeps them when its session ends") {
    rig.join_and_listen("other", filter, 1, {.expiry_s = 7200});
    rig.lose("other");
    rig.pass(3'600'000);
    CHECK(queued(rig, "other") == 1000);
    CHECK(queued(rig, "keeps") == 1500);
    SECTION("the rest next time, then the session is gone") {
      rig.pass(1);
      rig.pass(1);
      CHECK(queued(rig, "other") == 2500);
      CHECK(rig.store().latest().sessions.count("keeps") == 0);
    }
    SECTION("nobody comes back to it meanwhile") {
      rig.connect("keeps");
      CHECK(queued(rig, "other") == 2500);
      rig.commit();
      CHECK(rig.take("keeps") == "CONNACK sp0");
    }
    SECTION("it gets nothing meanwhile") {
      rig.publish("pub", "s/1", 1, 7);
      CHECK(queued(rig, "other") == 1001);
    }
    SECTION("a crash finds each in one of the two") {
      rig.commit();
      rig.crash();
      CHECK(queued(rig, "other") + queued(rig, "keeps") == 2500);
    }
  }
}

TEST_CASE("shared messages move to members with room only", "[sim]") {
  core::CoreConfig config;
  config.queued_max = 100;
  config.overflow = GENERATE(core::Overflow::drop_oldest, core::Overflow::drop_newest,
                             core::Overflow::disconnect, core::Overflow::reject_publisher);
  CAPTURE(static_cast<int>(config.overflow));
  Rig rig(config);
  rig.join_and_listen("a", filter, 1, {.receive_maximum = 1});
  rig.join_and_listen("b", filter, 1, {.receive_maximum = 1});
  rig.join("pub", passing);
  publish_many(rig, 150);
  CHECK(queued(rig, "a") + queued(rig, "b") == 150);
  rig.take("a");
  rig.take("b");
  SECTION("the rest stays with the member that only disconnects") {
    rig.lose("a");
    CHECK(rig.take("b") == "");
    CHECK(rig.world().drops() == 0U);
    CHECK(queued(rig, "b") == 101);
    CHECK(queued(rig, "a") == 49);
  }
  SECTION("what nobody has room for when the session ends is a counted drop") {
    SECTION("by a clean start") {
      rig.lose("a");
      rig.connect("a", {.clean = true});
    }
    SECTION("by DISCONNECT") { rig.disconnect("a", ReasonCode::success, 0); }
    CHECK(rig.take("b") == "");
    CHECK(queued(rig, "b") == 101);
    CHECK(rig.world().drops() == 49U);
  }
}

TEST_CASE("a stored session that came back with expiry 0 leaves its shared messages to others",
          "[sim]") {
  Rig rig;
  rig.join_and_listen("a", filter, 1, {.receive_maximum = 1});
  rig.join("pub", passing);
  publish_many(rig, 20);
  rig.lose("a");
  rig.join_and_listen("b", filter, 1, {.receive_maximum = 1});
  const int will = rig.will("w", 0);
  const bool has_will = GENERATE(false, true);
  const bool clean = GENERATE(false, true);
  CAPTURE(has_will, clean);
  rig.join("a", {.expiry_s = 0, .receive_maximum = 1, .will = has_will ? will : 0});
  if (clean) {
    rig.stop_and_start();
  } else {
    rig.crash();
  }
  rig.connect("b");
  rig.commit();
  // A will waits so long for its client, and the end of its session with it.
  if (has_will) CHECK(queued(rig, "a") == 20);
  rig.pass(60'000);
  rig.commit();
  CHECK(rig.store().latest().sessions.count("a") == 0);
  CHECK(queued(rig, "b") == 20);
}

TEST_CASE("a session ended by DISCONNECT stays over while its shared messages move", "[sim]") {
  Rig rig;
  rig.join_and_listen("a", filter, 1, {.receive_maximum = 1});
  rig.join("pub", passing);
  publish_many(rig, 2500);
  rig.join_and_listen("b", filter, 1, {.receive_maximum = 1});
  rig.disconnect("a", ReasonCode::success, 0);
  CHECK(queued(rig, "b") == 1001);
  rig.commit();
  rig.crash();
  rig.connect("a");
  rig.commit();
  CHECK(rig.take("a") == "CONNACK sp0");
  CHECK(queued(rig, "b") == 2500);
}

TEST_CASE("nobody comes back to a session that is over when the store is short of space", "[sim]") {
  Rig rig;
  rig.join_and_listen("a", filter, 1, {.receive_maximum = 1});
  rig.join("pub", passing);
  publish_many(rig, 2500);
  rig.join_and_listen("b", filter, 1, {.receive_maximum = 1});
  rig.disconnect("a", ReasonCode::success, 0);
  rig.world().store_state(false, false);
  rig.connect("a");
  CHECK(rig.take("a") == "CONNACK sp0 88, closed");
  rig.pass(1);
  rig.pass(1);
  CHECK(queued(rig, "b") == 2500);
  CHECK(queued(rig, "a") == 0);
}

TEST_CASE("all sessions that leave shared messages share the slice of a turn", "[sim]") {
  Rig rig;
  rig.join_and_listen("a", filter, 1, {.receive_maximum = 1});
  rig.join_and_listen("b", filter, 1, {.receive_maximum = 1});
  rig.join("pub", passing);
  publish_many(rig, 2402);
  rig.join_and_listen("other", filter, 1, {.receive_maximum = 1});
  CHECK(queued(rig, "a") == 1201);
  rig.disconnect("a", ReasonCode::success, 0);
  CHECK(queued(rig, "a") == 200);
  const std::size_t before = queued(rig, "b");
  rig.disconnect("b", ReasonCode::success, 0);
  CHECK(queued(rig, "b") == before - 1);  // what was in flight moves at once
  rig.pass(1);
  CHECK(queued(rig, "a") == 0);
  CHECK(queued(rig, "b") == before - 1 - 800);
  for (int i = 0; i < 4; ++i) rig.pass(1);
  CHECK(queued(rig, "other") == 2402);
}

TEST_CASE("a shared message that nobody takes counts like one that moves", "[sim]") {
  Rig rig;
  rig.join_and_listen("a", "$share/g1/s/#", 1, {.receive_maximum = 1});
  rig.listen("a", "$share/g2/s/#", 1);
  rig.listen("a", "$share/g3/s/#", 1);
  rig.join("pub", passing);
  publish_many(rig, 700);
  rig.join_and_listen("other", "$share/g3/s/#", 1, {.receive_maximum = 1});
  CHECK(queued(rig, "a") == 2100);
  rig.lose("a");
  CHECK(queued(rig, "a") > 1700);
  for (int i = 0; i < 4; ++i) rig.pass(1);
  CHECK(queued(rig, "other") >= 699);
  CHECK(queued(rig, "a") + queued(rig, "other") == 2100);
}
