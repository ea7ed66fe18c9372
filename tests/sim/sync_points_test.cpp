// One test per row of the sync-point table (docs/architecture.md, storage): what must be on disk
// before an acknowledgement leaves. Every one of them fails when the core stops waiting.
#include "tests/sim/rig.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using lineshaft::sim::Hello;
using lineshaft::sim::passing;
using lineshaft::sim::Rig;
using lineshaft::sim::v3;

TEST_CASE("a QoS 1 message for a stored session is on disk before its PUBACK", "[sim]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 1);
  rig.join("pub", passing);
  rig.publish("pub", "a/1", 1, 7);
  CHECK(rig.wants_sync());
  CHECK(rig.take("sub") == "PUBLISH m1 q1 id1");  // delivery does not wait
  CHECK(rig.take("pub") == "");
  rig.commit();
  CHECK(rig.take("pub") == "PUBACK 7");
  rig.crash();
  rig.connect("sub");
  rig.commit();
  CHECK(rig.take("sub") == "CONNACK sp1, PUBLISH m1 q1 id1 dup");
}

TEST_CASE("a retained QoS 1 message is on disk before its PUBACK", "[sim]") {
  Rig rig;
  rig.join("pub", passing);
  rig.publish("pub", "a/1", 1, 7, true);
  CHECK(rig.wants_sync());
  CHECK(rig.take("pub") == "");
  rig.commit();
  CHECK(rig.take("pub") == "PUBACK 7");
  rig.crash();
  rig.join("sub", passing);
  rig.subscribe("sub", "#", 0, 1, 0);
  CHECK(rig.take("sub") == "SUBACK 1 [00], PUBLISH m1 q0 retain");
}

TEST_CASE("the deletion of a retained message is on disk before its PUBACK", "[sim]") {
  Rig rig;
  rig.join("pub", passing);
  rig.publish("pub", "a/1", 1, 7, true);
  rig.commit();
  CHECK(rig.take("pub") == "PUBACK 7");
  rig.publish("pub", "a/1", 1, 8, true, "");
  CHECK(rig.wants_sync());
  CHECK(rig.take("pub") == "");
  SECTION("deleted again, it waits for the same commit") {
    rig.publish("pub", "a/1", 1, 9, true, "");
    CHECK(rig.take("pub") == "");
    rig.commit();
    CHECK(rig.take("pub") == "PUBACK 8, PUBACK 9");
  }
  SECTION("after a crash it stays deleted") {
    rig.commit();
    CHECK(rig.take("pub") == "PUBACK 8");
    rig.crash();
    rig.join("sub", passing);
    rig.subscribe("sub", "#", 0, 1, 0);
    CHECK(rig.take("sub") == "SUBACK 1 [00]");
  }
}

TEST_CASE("a QoS 1 message that nobody keeps is acknowledged at once", "[sim]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 1, passing);
  rig.join("pub", passing);
  rig.publish("pub", "a/1", 1, 7);
  CHECK(rig.take("pub") == "PUBACK 7");
  CHECK(rig.take("sub") == "PUBLISH m1 q1 id1");
}

TEST_CASE("qos1_always_sync makes it wait all the same", "[sim]") {
  core::CoreConfig config;
  config.qos1_always_sync = true;
  Rig rig(config);
  rig.join("pub", passing);
  rig.publish("pub", "a/1", 1, 7);
  CHECK(rig.wants_sync());
  CHECK(rig.take("pub") == "");
  rig.commit();
  CHECK(rig.take("pub") == "PUBACK 7");
}

TEST_CASE("identifier and queue entries of a QoS 2 message are one Persist before PUBREC",
          "[sim][MQTT-4.3.3-8]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 2);
  rig.join("pub");
  rig.publish("pub", "a/1", 2, 7);
  CHECK(rig.store().waiting() == 1);
  CHECK(rig.wants_sync());
  CHECK(rig.take("pub") == "");
  CHECK(rig.take("sub") == "");
  SECTION("committed, both go on") {
    rig.commit();
    CHECK(rig.take("pub") == "PUBREC 7");
    CHECK(rig.take("sub") == "PUBLISH m1 q2 id1");
  }
  SECTION("lost in a crash, the repeated PUBLISH is the first") {
    rig.crash();
    rig.join("sub");
    rig.join("pub");
    rig.publish_again("pub", 1, 7);
    rig.commit();
    CHECK(rig.take("pub") == "PUBREC 7");
    CHECK(rig.take("sub") == "PUBLISH m1 q2 id1");
  }
  SECTION("kept over a crash, the repeated PUBLISH is no second message") {
    rig.commit();
    CHECK(rig.take("sub") == "PUBLISH m1 q2 id1");
    rig.crash();
    rig.join("pub");
    rig.publish_again("pub", 1, 7);
    rig.commit();
    CHECK(rig.take("pub") == "PUBREC 7");
    rig.connect("sub");
    rig.commit();
    CHECK(rig.take("sub") == "CONNACK sp1, PUBLISH m1 q2 id1 dup");
  }
}

TEST_CASE("a released QoS 2 identifier is forgotten on disk before PUBCOMP",
          "[sim][MQTT-4.3.3-11][MQTT-4.3.3-12]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 1);
  rig.join("pub");
  rig.publish("pub", "a/1", 2, 7);
  rig.commit();
  CHECK(rig.take("pub") == "PUBREC 7");
  CHECK(rig.take("sub") == "PUBLISH m1 q1 id1");
  rig.ack("pub", "PUBREL", 7);
  CHECK(rig.wants_sync());
  CHECK(rig.take("pub") == "");
  rig.commit();
  CHECK(rig.take("pub") == "PUBCOMP 7");
  rig.ack("sub", "PUBACK", 1);
  rig.commit();
  rig.crash();
  rig.join("sub");
  rig.join("pub");
  // The identifier used again is a new message.
  rig.publish("pub", "a/1", 2, 7);
  rig.commit();
  CHECK(rig.take("sub") == "PUBLISH m2 q1 id1");
}

TEST_CASE("an outgoing QoS 2 identifier is on disk before its PUBLISH", "[sim][MQTT-4.3.3-1]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 2);
  rig.lose("sub");
  rig.join("pub", passing);
  rig.publish("pub", "a/1", 2, 7);
  rig.commit();
  CHECK(rig.take("pub") == "PUBREC 7");
  rig.join("sub");  // the identifier is taken when CONNACK has left ...
  rig.commit();     // ... and stored by now
  rig.crash();
  rig.connect("sub");
  rig.commit();
  CHECK(rig.take("sub") == "CONNACK sp1, PUBLISH m1 q2 id1 dup");
}

TEST_CASE("an outgoing QoS 1 identifier is stored, but nobody waits for it", "[sim]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 1);
  rig.lose("sub");
  rig.join("pub", passing);
  rig.publish("pub", "a/1", 1, 7);
  rig.commit();
  CHECK(rig.take("pub") == "PUBACK 7");
  rig.connect("sub");
  rig.store().write(rig.store().waiting());
  REQUIRE(rig.world().answer_commit());
  CHECK(rig.take("sub") == "CONNACK sp1, PUBLISH m1 q1 id1");
  CHECK(rig.store().waiting() == 1);
  CHECK_FALSE(rig.wants_sync());
  rig.commit();
  rig.crash();
  rig.connect("sub");
  rig.commit();
  CHECK(rig.take("sub") == "CONNACK sp1, PUBLISH m1 q1 id1 dup");
}

TEST_CASE("a received PUBREC is on disk before PUBREL", "[sim][MQTT-4.3.3-4][MQTT-4.3.3-6]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 2);
  rig.join("pub");
  rig.publish("pub", "a/1", 2, 7);
  rig.commit();
  CHECK(rig.take("sub") == "PUBLISH m1 q2 id1");
  rig.ack("sub", "PUBREC", 1);
  CHECK(rig.wants_sync());
  CHECK(rig.take("sub") == "");
  rig.commit();
  CHECK(rig.take("sub") == "PUBREL 1");
  rig.crash();
  rig.connect("sub");
  rig.commit();
  CHECK(rig.take("sub") == "CONNACK sp1, PUBREL 1");
}

TEST_CASE("the end of a delivery is stored, but nobody waits for it", "[sim]") {
  Rig rig;
  rig.join_and_listen("sub", "a/#", 1);
  rig.join("pub", passing);
  rig.publish("pub", "a/1", 1, 7);
  rig.commit();
  CHECK(rig.take("sub") == "PUBLISH m1 q1 id1");
  rig.ack("sub", "PUBACK", 1);
  CHECK(rig.store().waiting() == 1);
  CHECK_FALSE(rig.wants_sync());
  rig.commit();
  rig.crash();
  rig.connect("sub");
  rig.commit();
  CHECK(rig.take("sub") == "CONNACK sp1");
}

TEST_CASE("CONNECT, SUBSCRIBE and UNSUBSCRIBE of a stored session wait for the disk", "[sim]") {
  Rig rig;
  const Hello& hello = GENERATE(Hello{}, v3);
  rig.connect("c", hello);
  CHECK(rig.wants_sync());
  CHECK(rig.take("c") == "");
  rig.commit();
  CHECK(rig.take("c") == "CONNACK sp0");
  rig.subscribe("c", "a/#", 1, 5);
  CHECK(rig.wants_sync());
  CHECK(rig.take("c") == "");
  rig.commit();
  CHECK(rig.take("c") == "SUBACK 5 [01]");
  rig.unsubscribe("c", "a/#", 6);
  CHECK(rig.wants_sync());
  CHECK(rig.take("c") == "");
  rig.commit();
  CHECK(rig.take("c").rfind("UNSUBACK 6", 0) == 0);
}

TEST_CASE("a session that ends with its connection waits for nothing", "[sim]") {
  Rig rig;
  rig.connect("c", passing);
  CHECK(rig.take("c") == "CONNACK sp0");
  rig.subscribe("c", "a/#", 1, 5);
  CHECK(rig.take("c") == "SUBACK 5 [01]");
  rig.unsubscribe("c", "a/#", 6);
  CHECK(rig.take("c") == "UNSUBACK 6 [00]");
  CHECK(rig.store().waiting() == 0);
}

TEST_CASE("a takeover waits for the disk", "[sim][MQTT-3.1.4-3]") {
  Rig rig;
  rig.join("c");
  rig.connect("c");
  CHECK(rig.wants_sync());
  CHECK(rig.take("c") == "");
  rig.commit();
  CHECK(rig.take("c") == "CONNACK sp1");
}

TEST_CASE("a clean start over a stored session waits until that is gone", "[sim][MQTT-3.1.2-4]") {
  Rig rig;
  rig.join_and_listen("c", "a/#", 1);
  rig.disconnect("c");
  rig.commit();
  rig.connect("c", {.clean = true, .expiry_s = 0});
  CHECK(rig.wants_sync());
  CHECK(rig.take("c") == "");
  rig.commit();
  CHECK(rig.take("c") == "CONNACK sp0");
  rig.crash();
  rig.connect("c");
  rig.commit();
  CHECK(rig.take("c") == "CONNACK sp0");
}

TEST_CASE("a will is on disk before CONNACK, of every client that has one", "[sim]") {
  Rig rig;
  rig.join_and_listen("watch", "w", 1);
  const int will = rig.will("w", 1);
  rig.connect("c", {.expiry_s = 0, .will = will});
  CHECK(rig.wants_sync());
  CHECK(rig.take("c") == "");
  rig.commit();
  CHECK(rig.take("c") == "CONNACK sp0");
  rig.crash();
  rig.join("watch");
  rig.pass(29'000);
  CHECK(rig.take("watch") == "");
  rig.pass(1'000);  // will_grace_s after the start
  CHECK(rig.take("watch") == "PUBLISH m1 q1 id1");
}

TEST_CASE("a will that DISCONNECT clears is erased without waiting", "[sim][MQTT-3.14.4-3]") {
  Rig rig;
  rig.join("c", {.will = rig.will("w", 1)});
  rig.disconnect("c");
  CHECK(rig.store().waiting() == 1);
  CHECK_FALSE(rig.wants_sync());
  rig.commit();
  CHECK(rig.store().synced().wills.empty());
}
