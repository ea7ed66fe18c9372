// seq: in order, twice, early, lost; and who asks for a rebirth when.
#include "tests/support/catch.h"
#include "tests/unit/sparkplug/plant.h"

namespace lineshaft::sparkplug {
namespace {

std::uint32_t bit(RebirthCause cause) { return 1u << static_cast<unsigned>(cause); }

/// Node and device born, next seq is 2.
Plant born(EdgeNodesConfig config = {}) {
  Plant plant(std::move(config));
  plant.nbirth(0);
  plant.dbirth(1);
  return plant;
}

}  // namespace

TEST_CASE("one counter runs over all topics of an edge node",
          "[sparkplug][tck-id-payloads-sequence-num-incrementing][tck-id-topics-ndata-seq-num]"
          "[tck-id-topics-ddata-seq-num][tck-id-topics-dbirth-seq][tck-id-topics-ddeath-seq-num]") {
  Plant plant = born();
  plant.ndata(2, 8);
  plant.ddata(3, 21);
  plant.publish("spBv1.0/G/DDEATH/E/D", payload_of({}, 4));
  plant.dbirth(5);
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.node().next_seq == 6);
  CHECK(plant.node().counts.messages == 5);
  CHECK(plant.rebirths == 0);
}

TEST_CASE("messages before any NBIRTH are not applied, and a rebirth is asked for",
          "[sparkplug][tck-id-message-flow-device-birth-publish-nbirth-wait]"
          "[tck-id-principles-birth-certificates-order]") {
  const std::string topic = GENERATE("spBv1.0/G/NDATA/E", "spBv1.0/G/DDATA/E/D",
                                     "spBv1.0/G/DBIRTH/E/D", "spBv1.0/G/DDEATH/E/D");
  Plant plant;
  const auto asked = Plant::all<RequestRebirth>(plant.publish(topic, payload_of({}, 3)));
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].causes == bit(RebirthCause::node_not_born));
  CHECK(plant.state() == NodeState::unknown);
  CHECK(plant.machine.totals().devices == 0);
  CHECK(plant.node().counts.rejected == 1);
  CHECK(plant.has_finding(Finding::not_born));
}

TEST_CASE("a DBIRTH is a certificate even when the state does not take it",
          "[sparkplug][tck-id-conformance-mqtt-aware-store]") {
  Plant plant;
  CHECK(plant.dbirth(3).is_certificate);
  CHECK(plant.machine.totals().devices == 0);
}

TEST_CASE("messages after the death are not applied", "[sparkplug]") {
  Plant plant = born();
  plant.publish("spBv1.0/G/NDEATH/E", node_death(0));
  plant.ddata(2, 33);
  CHECK(plant.temperature() == 20.5);
  CHECK(plant.state() == NodeState::offline);
  CHECK(plant.rebirths == 1);
}

TEST_CASE("without a reorder timeout a gap is a loss at once",
          "[sparkplug][tck-id-operational-behavior-host-reordering-param]") {
  Plant plant = born();
  const Outcome& outcome = plant.ddata(3, 33);
  const auto asked = Plant::all<RequestRebirth>(outcome);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].causes == bit(RebirthCause::gap));
  CHECK(plant.state() == NodeState::out_of_sync);
  CHECK(plant.quality() == Quality::stale);
  CHECK(plant.temperature() == 20.5);
  CHECK(plant.has_finding(Finding::seq_gap));
}

TEST_CASE("a message that comes early waits for the one before it",
          "[sparkplug][tck-id-operational-behavior-host-reordering-start]"
          "[tck-id-operational-behavior-host-reordering-success]") {
  Plant plant = born(reordering(100));
  plant.ddata(4, 24);
  plant.ddata(3, 23);
  CHECK(plant.state() == NodeState::reordering);
  CHECK(plant.quality() == Quality::good);
  CHECK(plant.temperature() == 20.5);
  CHECK(plant.machine.totals().reorder_bytes > 0);
  const Outcome& outcome = plant.ddata(2, 22);
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.temperature() == 24);
  CHECK(plant.node().next_seq == 5);
  CHECK(plant.machine.totals().reorder_bytes == 0);
  CHECK_FALSE(plant.machine.next_timer());
  // In the order they were sent, and their bytes are still there.
  const auto changes = Plant::all<MetricsChanged>(outcome);
  REQUIRE(changes.size() == 3);
  CHECK(std::bit_cast<double>(outcome.changes_of(changes[0])[0].value.number) == 22);
  CHECK(std::bit_cast<double>(outcome.changes_of(changes[2])[0].value.number) == 24);
  CHECK(plant.rebirths == 0);
}

TEST_CASE("a missing message that does not come is a loss",
          "[sparkplug][tck-id-operational-behavior-host-reordering-rebirth]") {
  Plant plant = born(reordering(100));
  plant.ddata(3, 23);
  CHECK(plant.machine.next_timer() == plant.now.steady + Milliseconds{100});
  plant.wait(99);
  CHECK(plant.state() == NodeState::reordering);
  plant.wait(1);
  CHECK(plant.state() == NodeState::out_of_sync);
  CHECK(plant.quality() == Quality::stale);
  CHECK(plant.rebirths == 1);
  CHECK(plant.machine.totals().reorder_bytes == 0);
  // What comes now cannot be trusted: its aliases may mean something else.
  plant.ddata(2, 99);
  CHECK(plant.temperature() == 20.5);
  CHECK(plant.node().counts.rejected == 1);
}

TEST_CASE("a second gap has its own time", "[sparkplug]") {
  Plant plant = born(reordering(100));
  plant.ddata(3, 23);
  plant.ddata(5, 25);
  plant.wait(80);
  plant.ddata(2, 22);
  CHECK(plant.state() == NodeState::reordering);
  plant.wait(80);
  CHECK(plant.state() == NodeState::reordering);
  plant.ddata(4, 24);
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.temperature() == 25);
}

TEST_CASE("a repetition is dropped and is no gap", "[sparkplug]") {
  Plant plant = born();
  plant.ddata(2, 22);
  plant.ddata(2, 22);
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.node().counts.duplicates == 1);
  CHECK(plant.node().next_seq == 3);
  SECTION("the same seq with other bytes is one") {
    plant.ddata(2, 23);
    CHECK(plant.state() == NodeState::out_of_sync);
  }
  SECTION("the same bytes for another device are one") {
    plant.ddata(2, 22, "D2");
    CHECK(plant.state() == NodeState::out_of_sync);
  }
}

TEST_CASE("a repetition of a message that waits is dropped", "[sparkplug]") {
  Plant plant = born(reordering(100));
  plant.ddata(4, 24);
  plant.ddata(4, 24);
  CHECK(plant.node().counts.duplicates == 1);
  CHECK(plant.state() == NodeState::reordering);
  plant.ddata(4, 25);
  CHECK(plant.state() == NodeState::out_of_sync);
}

TEST_CASE("an NBIRTH ends the waiting", "[sparkplug]") {
  Plant plant = born(reordering(100));
  plant.ddata(4, 24);
  plant.nbirth(1);
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.machine.totals().reorder_bytes == 0);
  CHECK_FALSE(plant.machine.next_timer());
  plant.wait(200);
  CHECK(plant.state() == NodeState::online);
}

TEST_CASE("a death ends the waiting", "[sparkplug]") {
  Plant plant = born(reordering(100));
  plant.ddata(4, 24);
  plant.publish("spBv1.0/G/NDEATH/E", node_death(0));
  CHECK(plant.state() == NodeState::offline);
  CHECK_FALSE(plant.machine.next_timer());
}

TEST_CASE("more may not wait than the limits say", "[sparkplug]") {
  EdgeNodesConfig config = reordering(100);
  SECTION("messages") { config.limits.reorder_messages = 2; }
  SECTION("bytes") { config.limits.reorder_bytes = 150; }
  SECTION("bytes of all") { config.limits.reorder_bytes_total = 150; }
  Plant plant = born(config);
  plant.ddata(3, 23);
  plant.ddata(4, 24);
  CHECK(plant.state() == NodeState::reordering);
  std::size_t reported = 0;
  for (std::uint64_t seq = 5; seq < 9; ++seq) {
    reported += Plant::all<LimitReached>(plant.ddata(seq, 25)).size();
  }
  CHECK(reported == 1);
  CHECK(plant.state() == NodeState::out_of_sync);
  CHECK(plant.machine.totals().reorder_bytes == 0);
}

TEST_CASE("a message without seq is applied while nothing is missing",
          "[sparkplug][tck-id-payloads-sequence-num-always-included]") {
  Plant plant = born(reordering(100));
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({by_alias(10, real(30))}, std::nullopt));
  CHECK(plant.temperature() == 30);
  CHECK(plant.has_finding(Finding::seq_missing));
  plant.ddata(4, 24);
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({by_alias(10, real(31))}, std::nullopt));
  CHECK(plant.temperature() == 30);
  CHECK(plant.node().next_seq == 2);
}

TEST_CASE("a seq above 255 never fits", "[sparkplug][tck-id-payloads-sequence-num-req-nbirth]") {
  Plant plant = born(reordering(100));
  plant.ddata(258, 24);
  CHECK(plant.state() == NodeState::out_of_sync);
  CHECK(plant.has_finding(Finding::seq_range));
}

TEST_CASE("an undecodable message uses no seq and changes nothing", "[sparkplug]") {
  Plant plant = born();
  CHECK(plant.publish("spBv1.0/G/DDATA/E/D", "hello").is_malformed);
  plant.ddata(2, 22);
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.temperature() == 22);
}

TEST_CASE("clients of the broker and bridges have reorder timeouts of their own", "[sparkplug]") {
  EdgeNodesConfig config;
  config.reorder_timeout = Milliseconds{100};
  config.reorder_timeout_direct = Milliseconds{0};
  Plant plant(config);
  plant.author.may_reorder = true;
  plant.nbirth(0);
  plant.ndata(2, 9);
  CHECK(plant.state() == NodeState::reordering);
}

}  // namespace lineshaft::sparkplug
