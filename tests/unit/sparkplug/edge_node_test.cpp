// Section by section of the edge node's life: births, deaths, connections.
#include "tests/support/catch.h"
#include "tests/unit/sparkplug/plant.h"

namespace lineshaft::sparkplug {
namespace {

Author client(ConnectionNumber connection, std::string_view id, bool is_will = false) {
  return {connection, id, is_will, false};
}

}  // namespace

TEST_CASE("an edge node is online from its NBIRTH on, with the bdSeq it names",
          "[sparkplug][tck-id-topics-nbirth-bdseq-included][tck-id-payloads-nbirth-bdseq]") {
  Plant plant;
  const Outcome& outcome = plant.nbirth(4);
  const auto changed = Plant::all<NodeChanged>(outcome);
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].from == NodeState::unknown);
  CHECK(changed[0].to == NodeState::online);
  CHECK_FALSE(changed[0].is_rebirth);
  CHECK(outcome.is_certificate);
  REQUIRE(Plant::all<Born>(outcome).size() == 1);
  CHECK(Plant::all<Born>(outcome)[0].previous == nullptr);
  CHECK(plant.node().bd_seq == 4);
  CHECK(plant.node().next_seq == 1);
  CHECK(plant.quality("", "Uptime") == Quality::good);
}

TEST_CASE("an NBIRTH may begin with any seq, and 0 follows 255",
          "[sparkplug][tck-id-payloads-sequence-num-req-nbirth][tck-id-payloads-nbirth-seq]") {
  Plant plant;
  plant.nbirth(0, 255);
  plant.dbirth(0);
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.device_state() == DeviceState::online);
}

TEST_CASE("a birth within the session is a rebirth, and devices wait for their own",
          "[sparkplug][tck-id-payloads-nbirth-bdseq-repeat]"
          "[tck-id-operational-behavior-data-commands-rebirth-action-2]") {
  Plant plant;
  plant.nbirth(4);
  plant.dbirth(1);
  plant.wait(50);
  const auto changed = Plant::all<NodeChanged>(plant.nbirth(4));
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].is_rebirth);
  CHECK(changed[0].quality_changed);
  CHECK(plant.device_state() == DeviceState::stale);
  CHECK(plant.temperature() == 20.5);
  CHECK(plant.quality() == Quality::stale);
  CHECK(plant.machine.stale_since(plant.number(), plant.device_number()) == plant_epoch_ms + 50);
  CHECK(plant.node().counts.rebirths == 1);
  plant.dbirth(1);
  CHECK(plant.quality() == Quality::good);
}

TEST_CASE("a birth hands out the set it replaced", "[sparkplug]") {
  Plant plant;
  plant.publish("spBv1.0/G/NBIRTH/E", node_birth(0, 0, {by_name("Gone", whole(1))}));
  const Outcome& outcome =
      plant.publish("spBv1.0/G/NBIRTH/E", node_birth(0, 0, {by_name("New", whole(1))}));
  const auto born = Plant::all<Born>(outcome);
  REQUIRE(born.size() == 1);
  REQUIRE(born[0].previous != nullptr);
  CHECK(born[0].previous->find_name("Gone") != MetricTable::npos);
  CHECK(plant.machine.metrics(plant.number(), no_device).find_name("Gone") == MetricTable::npos);
}

TEST_CASE("births that are empty or do not decode are no certificates and change nothing",
          "[sparkplug][tck-id-conformance-mqtt-aware-store]") {
  Plant plant;
  for (const std::string_view payload : {"", "\x12\x05", "hello"}) {
    const Outcome& outcome = plant.publish("spBv1.0/G/NBIRTH/E", payload);
    CHECK_FALSE(outcome.is_certificate);
    CHECK(outcome.is_malformed);
    CHECK(outcome.actions.empty());
  }
  CHECK(plant.number() == no_node);
  plant.nbirth(4);
  plant.publish("spBv1.0/G/NBIRTH/E", "hello");
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.node().next_seq == 1);
  CHECK(plant.node().counts.malformed == 1);
}

TEST_CASE("an NDEATH of the session takes node, devices and values along at the broker's time",
          "[sparkplug]"
          "[tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline]"
          "[tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale]"
          "[tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-offline]"
          "[tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-stale"
          "]") {
  Plant plant;
  plant.nbirth(4);
  plant.dbirth(1);
  plant.wait(70);
  const auto changed = Plant::all<NodeChanged>(plant.publish("spBv1.0/G/NDEATH/E", node_death(4)));
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].to == NodeState::offline);
  CHECK(changed[0].reason == OfflineReason::death);
  CHECK(changed[0].quality_changed);
  CHECK(plant.device_state() == DeviceState::offline);
  CHECK(plant.quality() == Quality::stale);
  CHECK(plant.quality("", "Uptime") == Quality::stale);
  CHECK(plant.temperature() == 20.5);
  CHECK(plant.machine.stale_since(plant.number(), plant.device_number()) == plant_epoch_ms + 70);
}

TEST_CASE("an NDEATH of another session is counted and ignored",
          "[sparkplug][tck-id-payloads-ndeath-bdseq]") {
  Plant plant;
  plant.nbirth(4);
  CHECK(plant.publish("spBv1.0/G/NDEATH/E", node_death(3)).actions.empty());
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.node().counts.stale_deaths == 1);
  // Never by order: a counter that starts again is another one, too.
  plant.publish("spBv1.0/G/NDEATH/E", node_death(5));
  CHECK(plant.state() == NodeState::online);
}

TEST_CASE("bdSeq is compared as a number whatever its datatype", "[sparkplug]") {
  Plant plant;
  plant.publish("spBv1.0/G/NBIRTH/E",
                payload_of({by_name("bdSeq", whole(7, DataType::uint64))}, 0));
  plant.publish("spBv1.0/G/NDEATH/E", node_death(7));
  CHECK(plant.state() == NodeState::offline);
}

TEST_CASE("a death without bdSeq counts when its author was born here",
          "[sparkplug][tck-id-payloads-ndeath-bdseq]") {
  Plant plant;
  plant.nbirth(4);
  plant.publish("spBv1.0/G/NDEATH/E", node_death({}), client(2, "other"));
  CHECK(plant.state() == NodeState::online);
  plant.publish("spBv1.0/G/NDEATH/E", node_death({}), client(1, "gateway", true));
  CHECK(plant.state() == NodeState::offline);
}

TEST_CASE("after an NBIRTH without bdSeq deaths match by connection",
          "[sparkplug][tck-id-topics-nbirth-bdseq-included]") {
  Plant plant;
  plant.nbirth({});
  CHECK(plant.has_finding(Finding::bdseq_missing));
  plant.publish("spBv1.0/G/NDEATH/E", node_death(4), client(2, "other"));
  CHECK(plant.state() == NodeState::online);
  plant.publish("spBv1.0/G/NDEATH/E", node_death(4), client(1, "gateway", true));
  CHECK(plant.state() == NodeState::offline);
}

TEST_CASE("a death of somebody who is not here changes nothing",
          "[sparkplug][tck-id-payloads-ndeath-will-message-publisher]") {
  Plant plant;
  CHECK(plant.publish("spBv1.0/G/NDEATH/E", node_death(4)).actions.empty());
  CHECK(plant.number() == no_node);
  plant.nbirth(4);
  plant.publish("spBv1.0/G/NDEATH/E", node_death(4));
  // Published, and the will behind it.
  CHECK(plant.publish("spBv1.0/G/NDEATH/E", node_death(4), client(1, "gateway", true))
            .actions.empty());
  CHECK(plant.node().counts.deaths == 1);
}

TEST_CASE("a connection that is lost without a will takes its edge node along", "[sparkplug]") {
  Plant plant;
  plant.nbirth(4);
  plant.dbirth(1);
  const auto changed = Plant::all<NodeChanged>(plant.disconnect(1, ConnectionEnd::lost));
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].reason == OfflineReason::lost);
  CHECK(plant.quality() == Quality::stale);
  CHECK(plant.has_finding(Finding::no_will));
}

TEST_CASE("a will with the bdSeq of another session does not keep a lost node alive",
          "[sparkplug]") {
  Plant plant;
  plant.connect(3, plant.author);
  plant.nbirth(4);
  plant.publish("spBv1.0/G/NDEATH/E", node_death(3), client(1, "gateway", true));
  CHECK(plant.state() == NodeState::online);
  plant.disconnect(1, ConnectionEnd::lost);
  CHECK(plant.state() == NodeState::offline);
  CHECK(plant.node().reason == OfflineReason::lost);
  CHECK(plant.has_finding(Finding::bdseq_differs));
}

TEST_CASE("while a will waits the edge node stays as it is", "[sparkplug]") {
  Plant plant;
  plant.connect(4, plant.author);
  plant.nbirth(4);
  plant.disconnect(1, ConnectionEnd::will_waits);
  CHECK(plant.state() == NodeState::online);
  plant.publish("spBv1.0/G/NDEATH/E", node_death(4), client(1, "gateway", true));
  CHECK(plant.node().reason == OfflineReason::death);
}

TEST_CASE("a DISCONNECT without NDEATH leaves last known values",
          "[sparkplug][tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath]") {
  const bool stays_good = GENERATE(false, true);
  EdgeNodesConfig config;
  config.detached_stays_good = stays_good;
  Plant plant(config);
  plant.nbirth(4);
  plant.dbirth(1);
  plant.disconnect(1, ConnectionEnd::disconnected);
  CHECK(plant.node().reason == OfflineReason::detached);
  CHECK(plant.device_state() == DeviceState::offline);
  CHECK(plant.quality() == (stays_good ? Quality::good : Quality::stale));
  CHECK(plant.has_finding(Finding::ndeath_missing));
}

TEST_CASE("a DISCONNECT behind the NDEATH changes nothing more", "[sparkplug]") {
  Plant plant;
  plant.nbirth(4);
  plant.publish("spBv1.0/G/NDEATH/E", node_death(4));
  CHECK(plant.disconnect(1, ConnectionEnd::disconnected).actions.empty());
  CHECK(plant.node().reason == OfflineReason::death);
}

TEST_CASE("a takeover ends the old session and begins the new one", "[sparkplug]") {
  Plant plant;
  plant.connect(4, plant.author);
  plant.nbirth(4);
  SECTION("the old will comes first") {
    plant.publish("spBv1.0/G/NDEATH/E", node_death(4), client(1, "gateway", true));
    plant.disconnect(1, ConnectionEnd::lost);
    CHECK(plant.state() == NodeState::offline);
    plant.author = client(2, "gateway");
    plant.nbirth(5);
  }
  SECTION("the new birth comes first") {
    plant.author = client(2, "gateway");
    plant.nbirth(5);
    plant.publish("spBv1.0/G/NDEATH/E", node_death(4), client(1, "gateway", true));
    plant.disconnect(1, ConnectionEnd::lost);
  }
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.node().bd_seq == 5);
  CHECK(plant.node().connection == 2);
  CHECK(plant.node().counts.conflicts == 0);
}

TEST_CASE("of two publishers the last birth counts, and both are named",
          "[sparkplug][tck-id-payloads-nbirth-edge-node-descriptor]") {
  Plant plant;
  plant.nbirth(4);
  plant.author = client(2, "twin");
  const auto conflicts = Plant::all<DescriptorConflict>(plant.nbirth(9));
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].before_client_id == "gateway");
  CHECK(conflicts[0].now_client_id == "twin");
  CHECK(plant.node().counts.conflicts == 1);
  CHECK(plant.node().bd_seq == 9);
  plant.disconnect(1, ConnectionEnd::lost);
  CHECK(plant.state() == NodeState::online);
  plant.disconnect(2, ConnectionEnd::lost);
  CHECK(plant.state() == NodeState::offline);
}

TEST_CASE("behind a link that is down everything is stale, and asked for when it is up",
          "[sparkplug]") {
  Plant plant;
  plant.author.may_reorder = true;
  plant.nbirth(4);
  plant.machine.on_link(1, false, plant.now);
  CHECK(plant.node().reason == OfflineReason::unreachable);
  CHECK(plant.quality("", "Uptime") == Quality::stale);
  const auto asked = Plant::all<RequestRebirth>(plant.machine.on_link(1, true, plant.now));
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].causes == 1u << static_cast<unsigned>(RebirthCause::link_up));
}

TEST_CASE("a forgotten edge node is gone with its devices, and may come back", "[sparkplug]") {
  Plant plant;
  plant.nbirth(4);
  plant.dbirth(1);
  const auto forgotten = Plant::all<NodeForgotten>(plant.machine.forget(plant.number()));
  CHECK(forgotten.size() == 1);
  CHECK(plant.number() == no_node);
  CHECK(plant.machine.totals().metrics == 0);
  CHECK(plant.machine.totals().devices == 0);
  plant.nbirth(5);
  CHECK(plant.state() == NodeState::online);
  CHECK(plant.device_state() == DeviceState::unknown);
}

}  // namespace lineshaft::sparkplug
