// Bounds, memory, and what an edge node does wrong.
#include <malloc.h>

#include <string>

#include "tests/support/catch.h"
#include "tests/unit/sparkplug/plant.h"

namespace lineshaft::sparkplug {
namespace {

std::vector<std::string> names(std::size_t size) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < size; ++i) all.push_back("Line/Motor/Speed-" + std::to_string(i));
  return all;
}

std::string large_birth(const std::vector<std::string>& all, std::uint64_t seq) {
  std::vector<Given> metrics{by_name("bdSeq", whole(0))};
  for (std::size_t i = 0; i < all.size(); ++i) metrics.push_back(by_both(all[i], i, real(1)));
  return payload_of(metrics, seq);
}

}  // namespace

TEST_CASE("an edge node that was never born makes room for another one", "[sparkplug]") {
  EdgeNodesConfig config;
  config.limits.nodes = 3;
  config.limits.unborn_nodes = 2;
  Plant plant(config);
  for (const std::string name : {"A", "B", "C"}) {
    plant.publish("spBv1.0/G/NDATA/" + name, payload_of({}, 1));
  }
  CHECK(plant.number("A") == no_node);
  CHECK(plant.machine.totals().nodes == 2);
  for (const std::string name : {"X", "Y", "Z"}) {
    plant.publish("spBv1.0/G/NBIRTH/" + name, node_birth(0));
  }
  CHECK(plant.machine.totals().nodes == 3);
  for (const std::string name : {"X", "Y", "Z"}) {
    CHECK(plant.node(name).state == NodeState::online);
  }
  const Outcome& outcome = plant.publish("spBv1.0/G/NBIRTH/Full", node_birth(0));
  CHECK(Plant::all<LimitReached>(outcome).size() == 1);
  CHECK(outcome.is_certificate);
  CHECK(plant.number("Full") == no_node);
}

TEST_CASE("devices beyond the limit are not known, and nobody asks for their birth",
          "[sparkplug]") {
  EdgeNodesConfig config;
  SECTION("of one edge node") { config.limits.devices_per_node = 1; }
  SECTION("of all") { config.limits.devices = 1; }
  Plant plant(config);
  plant.nbirth(0);
  plant.dbirth(1, "D");
  plant.dbirth(2, "D2");
  plant.ddata(3, 4, "D2");
  CHECK(plant.machine.totals().devices == 1);
  CHECK(plant.rebirths == 0);
  CHECK(plant.state() == NodeState::online);
}

TEST_CASE("metrics beyond the limit have no last value, and nobody asks for them", "[sparkplug]") {
  EdgeNodesConfig config;
  config.limits.metrics = 4;
  Plant plant(config);
  plant.nbirth(0);
  plant.publish("spBv1.0/G/DBIRTH/E/D",
                payload_of({by_both("Temp", 10, real(1)), by_both("Flow", 11, real(2))}, 1));
  CHECK(plant.machine.totals().metrics == 4);
  plant.publish("spBv1.0/G/DDATA/E/D",
                payload_of({by_alias(10, real(5)), by_alias(11, real(6))}, 2));
  CHECK(plant.temperature() == 5);
  CHECK(plant.rebirths == 0);
  // A birth with fewer gives room back.
  plant.dbirth(3);
  CHECK_FALSE(plant.machine.metrics(plant.number(), plant.device_number()).is_truncated());
}

TEST_CASE("a value for which there is no room is null", "[sparkplug]") {
  EdgeNodesConfig config;
  config.limits.value_bytes = 64;
  Plant plant(config);
  plant.publish("spBv1.0/G/NBIRTH/E", node_birth(0, 0, {by_both("S", 3, text("short"))}));
  const std::string words(100, 'x');
  plant.publish("spBv1.0/G/NDATA/E", payload_of({by_alias(3, text(words))}, 1));
  const MetricTable& table = plant.machine.metrics(plant.number(), no_device);
  CHECK(table.is_omitted(table.find_alias(3)));
  CHECK(table.is_null(table.find_alias(3)));
  CHECK(plant.machine.totals().value_bytes == 0);
  plant.publish("spBv1.0/G/NDATA/E", payload_of({by_alias(3, text("fits"))}, 2));
  CHECK(table.value(table.find_alias(3)).bytes == "fits");
}

TEST_CASE("connections beyond the limit are counted", "[sparkplug]") {
  EdgeNodesConfig config;
  config.limits.sessions = 1;
  Plant plant(config);
  plant.nbirth(0);
  plant.author = {2, "second", false, false};
  CHECK(Plant::all<LimitReached>(plant.publish("spBv1.0/G/NBIRTH/E2", node_birth(0))).size() == 1);
  plant.disconnect(1, ConnectionEnd::lost);
  plant.publish("spBv1.0/G/NBIRTH/E2", node_birth(0));
  CHECK(plant.node("E2").connection == 2);
}

TEST_CASE("a metric costs less than 200 bytes beyond its name", "[sparkplug]") {
  const bool with_gaps = GENERATE(false, true);
  const auto all = names(10'000);
  std::vector<Given> metrics{by_name("bdSeq", whole(0))};
  std::size_t name_bytes = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    // Aliases close to each other, and far apart.
    metrics.push_back(by_both(all[i], with_gaps ? i * 1'000'003 : i, real(1)));
    name_bytes += all[i].size();
  }
  const std::string birth = payload_of(metrics, 0);
  Plant plant;
  plant.publish("spBv1.0/G/NBIRTH/E", birth);
  plant.wait(1);
  const std::size_t before = mallinfo2().uordblks;
  plant.publish("spBv1.0/G/NBIRTH/E2", birth);
  plant.wait(1);
  const std::size_t used = mallinfo2().uordblks - before;
  CHECK(used < name_bytes + 200 * all.size());
  const MetricTable& table = plant.machine.metrics(plant.number("E2"), no_device);
  CHECK(table.memory_bytes() < name_bytes + 120 * all.size());
}

TEST_CASE("the death of an edge node with 10,000 metrics touches none of them", "[sparkplug]") {
  Plant plant;
  const auto all = names(10'000);
  plant.publish("spBv1.0/G/NBIRTH/E", large_birth(all, 0));
  std::vector<KeptState> kept;
  while (plant.machine.take_changes(100, kept)) {
  }
  const Outcome& outcome = plant.publish("spBv1.0/G/NDEATH/E", node_death(0));
  CHECK(outcome.actions.size() == 1);
  CHECK(outcome.changes.empty());
  CHECK(plant.quality("", all[5'000]) == Quality::stale);
  // What is written to the store is the edge node's record.
  kept.clear();
  CHECK_FALSE(plant.machine.take_changes(100, kept));
  CHECK(kept.size() == 1);
}

TEST_CASE("every finding has words, and an assertion that exists", "[sparkplug]") {
  for (std::size_t i = 0; i < findings_size; ++i) {
    const auto finding = static_cast<Finding>(i);
    CHECK_FALSE(finding_name(finding).empty());
    CHECK_FALSE(finding_text(finding).empty());
    CHECK(finding_id(finding).starts_with("tck-id-"));
  }
}

TEST_CASE("an edge node that does all as it should has no findings", "[sparkplug]") {
  Plant plant;
  plant.connect(4, plant.author);
  plant.nbirth(4);
  plant.dbirth(1);
  plant.ddata(2, 5);
  plant.publish("spBv1.0/G/DDEATH/E/D", payload_of({}, 3));
  plant.publish("spBv1.0/G/NDEATH/E", node_death(4));
  plant.disconnect(1, ConnectionEnd::disconnected);
  for (std::size_t i = 0; i < findings_size; ++i) {
    INFO(finding_name(static_cast<Finding>(i)));
    CHECK_FALSE(plant.has_finding(static_cast<Finding>(i)));
  }
}

TEST_CASE("what is wrong with a birth is found, and the birth counts",
          "[sparkplug][tck-id-topics-nbirth-rebirth-metric]"
          "[tck-id-operational-behavior-data-commands-rebirth-datatype]"
          "[tck-id-operational-behavior-data-commands-rebirth-value]"
          "[tck-id-operational-behavior-data-commands-rebirth-name-aliases]"
          "[tck-id-case-sensitivity-metric-names][tck-id-payloads-metric-datatype-req]") {
  const auto found = [](std::vector<Given> metrics, Finding finding) {
    Plant plant;
    plant.publish("spBv1.0/G/NBIRTH/E", payload_of(metrics, 0));
    CHECK(plant.state() == NodeState::online);
    return plant.has_finding(finding);
  };
  const std::string_view rebirth = "Node Control/Rebirth";
  Given bare = by_name("M", real(1));
  bare.with_datatype = false;
  Given timeless = by_name("M", real(1));
  timeless.timestamp.reset();
  Given nameless = by_alias(3, real(1));
  CHECK(found({}, Finding::rebirth_metric_missing));
  CHECK(found({by_name(rebirth, whole(0))}, Finding::rebirth_metric_type));
  CHECK(found({by_name(rebirth, flag(true))}, Finding::rebirth_metric_value));
  CHECK(found({by_both(rebirth, 1, flag(false))}, Finding::rebirth_metric_alias));
  CHECK(found({by_name("a", real(1)), by_name("A", real(1))}, Finding::metric_name_case));
  CHECK(found({by_name("a", real(1)), by_name("a", real(1))}, Finding::name_twice));
  CHECK(found({by_both("a", 1, real(1)), by_both("b", 1, real(1))}, Finding::alias_twice));
  CHECK(found({by_both("a", 1, real(1)), by_name("b", real(1))}, Finding::alias_missing));
  CHECK(found({bare}, Finding::datatype_missing));
  CHECK(found({timeless}, Finding::metric_timestamp_missing));
  CHECK(found({nameless}, Finding::name_missing));
  CHECK(found({by_name("bdSeq", whole(256))}, Finding::bdseq_range));
}

TEST_CASE("ids that differ in case only are two, and found",
          "[sparkplug][tck-id-case-sensitivity-sparkplug-ids]") {
  Plant plant;
  plant.nbirth(0);
  plant.dbirth(1, "Press");
  plant.dbirth(2, "press");
  CHECK(plant.has_finding(Finding::id_case));
  CHECK(plant.machine.totals().devices == 2);
  plant.publish("spBv1.0/G/NBIRTH/e", node_birth(0));
  CHECK(plant.node("e").findings.find(Finding::id_case) != nullptr);
}

TEST_CASE("QoS, retain and the clock of a message are found", "[sparkplug]") {
  Plant plant;
  plant.publish("spBv1.0/G/NBIRTH/E", node_birth(0), plant.author, 1, true);
  CHECK(plant.has_finding(Finding::qos));
  CHECK(plant.has_finding(Finding::retained));
  CHECK_FALSE(plant.has_finding(Finding::clock_skew));
  plant.publish("spBv1.0/G/NDATA/E", payload_of({}, 1, plant_epoch_ms - 90'000));
  CHECK(plant.has_finding(Finding::clock_skew));
  CHECK(plant.node().clock_skew_ms == -90'000);
  const Findings::Entry* entry = plant.node().findings.find(Finding::qos);
  CHECK(entry->count == 1);
}

}  // namespace lineshaft::sparkplug
