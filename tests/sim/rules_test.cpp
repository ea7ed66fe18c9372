// The rules that keep acknowledgements true: one scripted run each.
#include <algorithm>
#include <string>

#include "broker/base/metrics.h"
#include "tests/sim/rig.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using lineshaft::sim::passing;
using lineshaft::sim::Rig;

TEST_CASE("a repeated QoS 2 PUBLISH waits for what the first one stored", "[sim][MQTT-4.3.3-10]") {
  Rig rig;
  rig.join("pub");
  rig.publish("pub", "a/1", 2, 7);
  rig.lose("pub");
  rig.connect("pub");
  rig.publish_again("pub", 1, 7);
  CHECK(rig.take("pub") == "");
  rig.commit();
  CHECK(rig.take("pub") == "CONNACK sp1, PUBREC 7");
}

TEST_CASE("a repeated SUBSCRIBE waits for the first one", "[sim]") {
  Rig rig;
  rig.join("c");
  rig.subscribe("c", "a/#", 1, 5);
  rig.subscribe("c", "a/#", 1, 6);
  CHECK(rig.take("c") == "");
  rig.commit();
  CHECK(rig.take("c") == "SUBACK 5 [01], SUBACK 6 [01]");
}

TEST_CASE("a second CONNECT waits for the first one", "[sim]") {
  Rig rig;
  rig.connect("c");
  rig.lose("c");
  rig.connect("c");
  CHECK(rig.take("c") == "");
  rig.commit();
  CHECK(rig.take("c") == "CONNACK sp1");
}

TEST_CASE("a repeated PUBREL waits for the erasure it confirms", "[sim][MQTT-4.3.3-11]") {
  Rig rig;
  rig.join("pub");
  rig.publish("pub", "a/1", 2, 7);
  rig.commit();
  CHECK(rig.take("pub") == "PUBREC 7");
  rig.ack("pub", "PUBREL", 7);
  rig.ack("pub", "PUBREL", 7);
  CHECK(rig.take("pub") == "");
  rig.commit();
  CHECK(rig.take("pub") == "PUBCOMP 7, PUBCOMP 7 92");
}

TEST_CASE("held frames leave in the order of their requests, CONNACK first",
          "[sim][MQTT-3.2.0-1]") {
  Rig rig;
  rig.connect("c");
  rig.publish("c", "nobody/listens", 1, 1);  // need not wait, stands behind all the same
  rig.subscribe("c", "a/#", 0, 2);
  rig.publish("c", "x", 1, 3);
  CHECK(rig.take("c") == "");
  rig.store().write(1);
  REQUIRE(rig.world().answer_commit());
  CHECK(rig.take("c") == "CONNACK sp0, PUBACK 1");
  rig.commit();
  CHECK(rig.take("c") == "SUBACK 2 [00], PUBACK 3");
}

TEST_CASE("PINGRESP does not wait behind the disk", "[sim][MQTT-3.12.4-1]") {
  Rig rig;
  rig.join("c");
  rig.subscribe("c", "a/#", 1, 5);
  rig.ping("c");
  CHECK(rig.take("c") == "PINGRESP");
}

TEST_CASE("frames held for a connection that is closed are dropped", "[sim]") {
  Rig rig;
  rig.join("c");
  rig.subscribe("c", "a/#", 1, 5);
  CHECK(rig.world().core().statistics().held_acknowledgements == 1);
  rig.lose("c");
  CHECK(rig.world().core().statistics().held_acknowledgements == 0);
  rig.join("c");
  CHECK(rig.take("c") == "");
}

TEST_CASE("a takeover while CONNACK is held just closes the old socket", "[sim][MQTT-3.14.0-1]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 1);
  rig.connect("c");
  sim::World& world = rig.world();
  const int old = world.live().back();
  rig.connect("c");
  CHECK(world.pipe(old).dead);
  CHECK(world.pipe(old).down.empty());
  rig.commit();
  CHECK(rig.take("c") == "CONNACK sp1");
}

TEST_CASE("what an old connection had under way is dropped", "[sim]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 1);
  rig.join("pub", passing);
  rig.publish("pub", "a/1", 1, 7);
  rig.commit();
  CHECK(rig.take("sub") == "PUBLISH m1 q1 id1");
  const core::ConnectionId old = rig.world().pipe(rig.world().live().front()).id;
  rig.join("sub");
  // The PUBACK of the old generation arrives late: the message is still unacknowledged.
  core::PacketsArrived late;
  late.connection = old;
  late.packets.emplace_back(mqtt::AckPacket{mqtt::PacketType::puback, 1, ReasonCode::success, {}});
  rig.world().submit(std::move(late));
  rig.lose("sub");
  rig.connect("sub");
  rig.commit();
  CHECK(rig.take("sub") == "CONNACK sp1, PUBLISH m1 q1 id1 dup");
}

TEST_CASE("a stopping broker sends what it holds, then DISCONNECT 0x8B", "[sim]") {
  Rig rig;
  rig.join("v5");
  rig.join("v3", {.version = mqtt::Version::v3_1_1, .expiry_s = 0xFFFFFFFF});
  rig.connect("late", {.will = rig.will("w", 1)});
  rig.subscribe("v5", "a/#", 1, 5);
  rig.publish("v3", "b", 1, 9, true);
  rig.world().drain();
  CHECK(rig.take("v5") == "SUBACK 5 [01], DISCONNECT 8b, closed");
  CHECK(rig.take("v3") == "PUBACK 9, closed");
  CHECK(rig.take("late") == "CONNACK sp0, DISCONNECT 8b, closed");
  CHECK(rig.world().core().statistics().held_acknowledgements == 0);
  rig.world().start_again(Milliseconds{1000}, true);
  rig.connect("v5");
  rig.commit();
  CHECK(rig.take("v5") == "CONNACK sp1");
}

TEST_CASE("a QoS 2 delivery that waits goes to the connection of the commit", "[sim]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 2);
  rig.join("pub");
  rig.publish("pub", "a/1", 2, 7);
  rig.lose("sub");
  rig.connect("sub");
  CHECK(rig.take("sub") == "");
  rig.commit();
  CHECK(rig.take("sub") == "CONNACK sp1, PUBLISH m1 q2 id1");
  CHECK(rig.take("pub") == "PUBREC 7");
}

TEST_CASE("a QoS 2 message is held from QoS 0 and 1 subscribers too", "[sim]") {
  Rig rig;
  rig.join_and_listen("zero", "a/#", 0, passing);
  rig.join_and_listen("one", "a/#", 1, passing);
  rig.join("pub");
  rig.publish("pub", "a/1", 2, 7);
  CHECK(rig.take("zero") == "");
  CHECK(rig.take("one") == "");
  rig.commit();
  CHECK(rig.take("zero") == "PUBLISH m1 q0");
  CHECK(rig.take("one") == "PUBLISH m1 q1 id1");
}

TEST_CASE("a QoS 0 value goes to the journal with the flush, a Persist of it clears the mark",
          "[sim]") {
  Rig rig;
  rig.join("pub", passing);
  rig.pass(500);
  rig.commit();
  rig.publish("pub", "a/1", 0, 0, true);
  CHECK(rig.store().waiting() <= 1);  // at most the publisher's name
  rig.publish("pub", "a/1", 1, 7, true);
  rig.commit();
  CHECK(sim::number_of(*rig.store().synced().retained.at("a/1").message) == 2);
  rig.pass(500);
  CHECK(rig.store().waiting() == 0);
  rig.publish("pub", "a/1", 0, 0, true);
  rig.pass(500);
  CHECK(rig.store().waiting() == 1);
  CHECK_FALSE(rig.wants_sync());
  rig.commit();
  CHECK(sim::number_of(*rig.store().synced().retained.at("a/1").message) == 3);
}

TEST_CASE("a journal that is behind pauses those that wait for it, nobody else", "[sim]") {
  Rig rig;
  rig.join("load");
  rig.join("other");
  sim::World& world = rig.world();
  const int load = world.live()[0];
  const int other = world.live()[1];
  world.store_state(true, true);
  rig.subscribe("load", "a/#", 1, 5);
  CHECK(world.pipe(load).paused);
  CHECK_FALSE(world.pipe(other).paused);
  rig.ping("other");
  CHECK(rig.take("other") == "PINGRESP");
  rig.commit();
  world.store_state(true, false);
  CHECK_FALSE(world.pipe(load).paused);
  CHECK(rig.take("load") == "SUBACK 5 [01]");
}

TEST_CASE("a spilled queue is read up to the commit, and nothing overtakes it", "[sim]") {
  core::CoreConfig config;
  config.queue_window = 2;
  config.queue_page = 2;
  config.inflight_out_max = 1;
  Rig rig(config);
  rig.join_and_listen("sub", "a", 1);
  rig.join("pub", passing);
  for (std::uint16_t id = 1; id <= 8; ++id) {
    rig.publish("pub", "a", 1, id);
    if (id == 6) rig.commit();  // what comes behind is not on disk yet
  }
  std::string seen = rig.take("sub");
  for (const core::LoadQueue& load : rig.store().loads) {
    CHECK(load.last_seq <= rig.store().synced().queue.rbegin()->first.second);
  }
  for (std::uint16_t id = 1; id <= 9; ++id) {
    if (id == 4) rig.publish("pub", "a", 1, 9);
    rig.ack("sub", "PUBACK", id);
    while (rig.world().answer_load()) {
    }
    if (id == 6) rig.commit();
    while (rig.world().answer_load()) {
    }
    seen += " " + rig.take("sub");
  }
  CHECK(seen ==
        "PUBLISH m1 q1 id1 PUBLISH m2 q1 id2 PUBLISH m3 q1 id3 PUBLISH m4 q1 id4 PUBLISH m5 q1 id5 "
        "PUBLISH m6 q1 id6 PUBLISH m7 q1 id7 PUBLISH m8 q1 id8 PUBLISH m9 q1 id9 ");
}

TEST_CASE("reject_publisher looks at every recipient before it changes one", "[sim]") {
  core::CoreConfig config;
  config.overflow = core::Overflow::reject_publisher;
  config.queued_max = 2;
  Rig rig(config);
  for (const char* name : {"empty", "full"}) {
    rig.join_and_listen(name, "a", 1);
    rig.lose(name);
  }
  rig.join("pub", passing);
  rig.join("filler", passing);
  rig.connect("empty");
  rig.commit();
  rig.publish("pub", "a", 1, 1);
  rig.publish("pub", "a", 1, 2);
  rig.commit();
  CHECK(rig.take("pub") == "PUBACK 1, PUBACK 2");
  CHECK(rig.take("empty") == "CONNACK sp1, PUBLISH m1 q1 id1, PUBLISH m2 q1 id2");
  core::PacketsArrived third;  // past the model, which knows no refusal by a queue
  third.connection = rig.world().pipe(rig.world().live().front()).id;
  const auto queued = rig.world().core().statistics().queued;
  const int refused = rig.world().compose("a", QoS::at_least_once, false, "x").number;
  mqtt::PublishPacket packet;
  packet.message = rig.world().block_message(refused);
  packet.packet_id = 3;
  third.packets.emplace_back(std::move(packet));
  CHECK_THROWS_WITH(rig.world().submit(std::move(third)),
                    ContainsSubstring("a refusal") || ContainsSubstring("success"));
  CHECK(rig.world().core().statistics().queued == queued);
  CHECK(rig.take("empty") == "");
}

TEST_CASE("numbers are never used twice, also when the clock goes back", "[sim]") {
  Rig rig;
  rig.join_and_listen("sub", "a", 1);
  rig.lose("sub");
  rig.join("pub", passing);
  rig.publish("pub", "a", 1, 1);
  rig.commit();
  const auto before = rig.store().synced().last_seq;
  rig.crash(-60'000);
  rig.join("pub", passing);
  rig.publish("pub", "a", 1, 1);  // the journal refuses a number that does not grow
  rig.commit();
  CHECK(rig.store().synced().last_seq > before);
  rig.connect("sub");
  rig.commit();
  CHECK(rig.take("sub") == "CONNACK sp1, PUBLISH m1 q1 id1, PUBLISH m2 q1 id2");
}

TEST_CASE("a replay of many retained messages is paced and complete", "[sim][MQTT-3.3.1-9]") {
  Rig rig;
  rig.join("pub", passing);
  for (int i = 0; i < 3000; ++i) rig.publish("pub", "t/" + std::to_string(i), 0, 0, true);
  rig.join("sub", passing);
  rig.subscribe("sub", "#", 0, 1, 0);
  std::size_t seen = 0;
  for (int round = 0; round < 100; ++round) {
    const std::string frames = rig.take("sub");
    seen += static_cast<std::size_t>(std::count(frames.begin(), frames.end(), 'm'));
    rig.drained("sub");
  }
  CHECK(seen == 3000);
  CHECK_NOTHROW(rig.world().model().finish(rig.world().core().statistics(), 0));
}

TEST_CASE("what waited for the disk until it expired is not delivered", "[sim][MQTT-3.3.2-5]") {
  Rig rig;
  rig.join_and_listen("sub", "a", 2);
  rig.join("pub");
  sim::Sent& sent = rig.world().compose("a", QoS::exactly_once, false, "x");
  sent.expiry_s = 5;
  rig.publish_again("pub", sent.number, 1);
  rig.pass(6'000);
  rig.commit();
  CHECK(rig.take("pub") == "PUBREC 1");
  CHECK(rig.take("sub") == "");
}

TEST_CASE("a SUBSCRIBE behind a held CONNECT gets its SUBACK before the replay", "[sim]") {
  Rig rig;
  rig.join("pub", passing);
  rig.publish("pub", "a", 1, 1, true);
  rig.commit();
  rig.connect("c");
  rig.subscribe("c", "a", 0, 5, 0);
  rig.commit();
  CHECK(rig.take("c") == "CONNACK sp0, SUBACK 5 [00], PUBLISH m1 q0 retain");
}
