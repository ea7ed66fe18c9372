// What is known after a restart.
#include <algorithm>
#include <map>
#include <string>

#include "tests/support/catch.h"
#include "tests/unit/sparkplug/plant.h"

namespace lineshaft::sparkplug {
namespace {

/// The store's side: certificates and records, as a broker would keep them.
struct Kept {
  std::string node_birth;
  std::string device_birth;
  std::map<std::string, std::string> records;

  void take(EdgeNodes& machine, std::size_t records_max = 1'000) {
    std::vector<KeptState> changes;
    while (machine.take_changes(records_max, changes)) {
      CHECK(changes.size() <= records_max + MetricTable::page_metrics);
      apply(changes);
    }
    apply(changes);
  }
  void apply(std::vector<KeptState>& changes) {
    for (KeptState& one : changes) {
      CHECK(one.value.size() <= limits::sparkplug_kept_bytes_max);
      if (one.value.empty()) {
        records.erase(one.key);
      } else {
        records[one.key] = one.value;
      }
    }
    changes.clear();
  }
  /// How many records the machine would not have.
  std::size_t give(Plant& plant) const {
    const WallTime received{Milliseconds{plant_epoch_ms}};
    CHECK(plant.machine.restore_birth(*parse_topic("spBv1.0/G/NBIRTH/E"), node_birth, received));
    if (!device_birth.empty()) {
      CHECK(plant.machine.restore_birth(*parse_topic("spBv1.0/G/DBIRTH/E/D"), device_birth,
                                        received));
    }
    const auto refused = std::ranges::count_if(records, [&](const auto& record) {
      return !plant.machine.restore(record.first, record.second);
    });
    plant.now.wall += Milliseconds{10'000};
    plant.machine.finish_restore(plant.now.wall);
    return static_cast<std::size_t>(refused);
  }
};

Kept kept_plant(Plant& plant) {
  Kept kept;
  kept.node_birth = node_birth(4, 0, {by_both("Uptime", 1, whole(7))});
  kept.device_birth =
      payload_of({by_both("Temp", 10, real(20.5)), by_both("Note", 11, text("born"))}, 1);
  plant.publish("spBv1.0/G/NBIRTH/E", kept.node_birth);
  plant.publish("spBv1.0/G/DBIRTH/E/D", kept.device_birth);
  return kept;
}

}  // namespace

TEST_CASE("after a restart everything is there at once, as stale", "[sparkplug]") {
  Plant before;
  Kept kept = kept_plant(before);
  Given note = by_alias(11, text("a longer text than before"));
  note.timestamp = plant_epoch_ms + 5;
  before.publish("spBv1.0/G/DDATA/E/D", payload_of({by_alias(10, real(33)), note}, 2));
  kept.take(before.machine);

  Plant after;
  CHECK(kept.give(after) == 0);
  CHECK(after.state() == NodeState::restored);
  CHECK(after.node().bd_seq == 4);
  CHECK(after.device_state() == DeviceState::stale);
  CHECK(after.temperature() == 33);
  CHECK(after.quality() == Quality::stale);
  CHECK(after.quality("", "Uptime") == Quality::stale);
  const MetricTable& table = after.machine.metrics(after.number(), after.device_number());
  CHECK(table.value(table.find_alias(11)).bytes == "a longer text than before");
  CHECK(table.timestamp(table.find_alias(11)) == plant_epoch_ms + 5);
  // It was there when the broker stopped: stale since it is back.
  CHECK(after.machine.stale_since(after.number(), no_device) == plant_epoch_ms + 10'000);
  CHECK_FALSE(after.machine.has_changes());

  SECTION("data before the birth are not applied") {
    after.ddata(3, 50);
    CHECK(after.temperature() == 33);
    CHECK(after.rebirths == 1);
  }
  SECTION("a death changes nothing") {
    CHECK(after.publish("spBv1.0/G/NDEATH/E", node_death(4)).actions.empty());
    CHECK(after.state() == NodeState::restored);
  }
  SECTION("a birth makes it live") {
    after.nbirth(5);
    CHECK(after.state() == NodeState::online);
    CHECK(after.quality("", "Uptime") == Quality::good);
    CHECK(after.device_state() == DeviceState::stale);
    after.dbirth(1);
    CHECK(after.quality() == Quality::good);
  }
}

TEST_CASE("an edge node that was offline stays stale since its death", "[sparkplug]") {
  Plant before;
  Kept kept = kept_plant(before);
  before.wait(100);
  before.publish("spBv1.0/G/NDEATH/E", node_death(4));
  kept.take(before.machine);
  Plant after;
  kept.give(after);
  CHECK(after.machine.stale_since(after.number(), no_device) == plant_epoch_ms + 100);
}

TEST_CASE("values of an earlier birth do not come back", "[sparkplug]") {
  Plant before;
  Kept kept = kept_plant(before);
  before.ddata(2, 33);
  kept.take(before.machine);
  kept.device_birth = payload_of({by_both("Temp", 10, real(1)), by_both("Note", 11, text(""))}, 3);
  Plant after;
  CHECK(kept.give(after) == 1);
  CHECK(after.temperature() == 1);
}

TEST_CASE("a transient value does not outlive its moment", "[sparkplug]") {
  Plant before;
  Kept kept = kept_plant(before);
  Given metric = by_alias(10, real(33));
  metric.is_transient = true;
  before.publish("spBv1.0/G/DDATA/E/D", payload_of({metric}, 2));
  kept.take(before.machine);
  Plant after;
  kept.give(after);
  CHECK(after.temperature() == 20.5);
}

TEST_CASE("large values have records of their own, and too large ones none", "[sparkplug]") {
  const std::size_t size = GENERATE(900u, 50'000u, 100'000u);
  Plant before;
  Kept kept = kept_plant(before);
  const std::string words(size, 'x');
  Given note = by_alias(11, text(words));
  note.timestamp = plant_epoch_ms + 5;
  before.publish("spBv1.0/G/DDATA/E/D", payload_of({note, by_alias(10, real(33))}, 2));
  kept.take(before.machine);
  Plant after;
  kept.give(after);
  const MetricTable& table = after.machine.metrics(after.number(), after.device_number());
  const std::uint32_t metric = table.find_alias(11);
  CHECK(after.temperature() == 33);
  CHECK(table.is_null(metric) == (size > limits::sparkplug_kept_bytes_max));
  if (!table.is_null(metric)) CHECK(table.value(metric).bytes == words);
}

TEST_CASE("a large value that has become small is not followed by its old record", "[sparkplug]") {
  Plant before;
  Kept kept = kept_plant(before);
  const std::string words(5'000, 'x');
  before.publish("spBv1.0/G/DDATA/E/D", payload_of({by_alias(11, text(words))}, 2));
  kept.take(before.machine);
  before.publish("spBv1.0/G/DDATA/E/D", payload_of({by_alias(11, text("small"))}, 3));
  kept.take(before.machine);
  Plant after;
  kept.give(after);
  const MetricTable& table = after.machine.metrics(after.number(), after.device_number());
  CHECK(table.value(table.find_alias(11)).bytes == "small");
}

TEST_CASE("only pages with new values are written, a few at a time", "[sparkplug]") {
  std::vector<std::string> names;
  for (int i = 0; i < 1'000; ++i) names.push_back("M" + std::to_string(i));
  std::vector<Given> metrics{by_name("bdSeq", whole(4))};
  for (std::size_t i = 0; i < names.size(); ++i) metrics.push_back(by_both(names[i], i, real(0)));
  Kept kept;
  kept.node_birth = payload_of(metrics, 0);
  Plant before;
  before.publish("spBv1.0/G/NBIRTH/E", kept.node_birth);
  std::vector<KeptState> changes;
  CHECK_FALSE(before.machine.take_changes(10, changes));
  CHECK(changes.size() == 1);
  before.publish(
      "spBv1.0/G/NDATA/E",
      payload_of({by_alias(0, real(1)), by_alias(5, real(2)), by_alias(999, real(3))}, 1));
  changes.clear();
  CHECK(before.machine.take_changes(1, changes));
  CHECK(changes.size() == 1);
  CHECK_FALSE(before.machine.take_changes(2, changes));
  CHECK(changes.size() == 2);
  kept.apply(changes);
  Plant after;
  CHECK(kept.give(after) == 0);
  const MetricTable& table = after.machine.metrics(after.number(), no_device);
  CHECK(std::bit_cast<double>(table.value(table.find_alias(5)).number) == 2);
  CHECK(std::bit_cast<double>(table.value(table.find_alias(999)).number) == 3);
}

TEST_CASE("what is forgotten leaves the store", "[sparkplug]") {
  Plant plant;
  Kept kept = kept_plant(plant);
  plant.ddata(2, 33);
  plant.ndata(3, 9);
  kept.take(plant.machine);
  CHECK(kept.records.size() == 3);
  plant.machine.forget(plant.number());
  kept.take(plant.machine);
  CHECK(kept.records.empty());
}

TEST_CASE("records that are damaged are refused and change no state", "[sparkplug]") {
  Plant before;
  Kept kept = kept_plant(before);
  before.ddata(2, 33);
  kept.take(before.machine);
  const auto intact = kept.records;
  for (const auto& [key, value] : intact) {
    for (std::size_t cut = 0; cut < value.size(); ++cut) {
      Plant after;
      kept.records = {{key, value.substr(0, cut)}};
      kept.give(after);
      CHECK(after.state() == NodeState::restored);
    }
  }
  for (const std::string& key : std::vector<std::string>{"", "x", "pG", {"pG\0E\0D\0", 7}}) {
    Plant after;
    kept.records = {{key, "value"}};
    CHECK(kept.give(after) == 1);
  }
}

TEST_CASE("a birth of this run is newer than the store", "[sparkplug]") {
  Plant before;
  Kept kept = kept_plant(before);
  before.ddata(2, 33);
  kept.take(before.machine);
  Plant after;
  after.nbirth(9);
  kept.give(after);
  CHECK(after.state() == NodeState::online);
  CHECK(after.node().bd_seq == 9);
}

}  // namespace lineshaft::sparkplug
