// Devices, and what becomes of single metrics.
#include <string>

#include "sparkplug/nested.h"
#include "tests/support/catch.h"
#include "tests/unit/sparkplug/plant.h"

namespace lineshaft::sparkplug {
namespace {

std::string field(int number, std::string_view content) {
  std::string out;
  const unsigned tag = static_cast<unsigned>(number) << 3 | 2;
  if (tag >= 0x80) out += static_cast<char>(tag | 0x80);
  out += static_cast<char>(tag >= 0x80 ? tag >> 7 : tag);
  out += static_cast<char>(content.size());
  out += content;
  return out;
}

/// A PropertySet with Quality = `number`.
std::string quality_property(std::uint64_t number) {
  std::string value("\x08\x03", 2);
  value += '\x18';
  for (; number >= 0x80; number >>= 7) value += static_cast<char>(number | 0x80);
  value += static_cast<char>(number);
  return field(1, "Quality") + field(2, value);
}

/// A member of a template: Int32.
std::string member(std::string_view name, char value, bool with_datatype) {
  std::string metric = field(1, name);
  if (with_datatype) metric += std::string("\x20\x03", 2);
  metric += '\x50';
  metric += value;
  return field(2, metric);
}

Value template_value(std::string_view bytes) { return {DataType::template_type, false, 0, bytes}; }

std::string json_of(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

/// Node and device born, next seq is 2.
Plant born() {
  Plant plant;
  plant.nbirth(0);
  plant.dbirth(1);
  return plant;
}

}  // namespace

TEST_CASE("a device is online from its DBIRTH on",
          "[sparkplug][tck-id-topics-dbirth-metrics][tck-id-payloads-dbirth-order]") {
  Plant plant;
  plant.nbirth(0);
  const Outcome& outcome = plant.dbirth(1);
  const auto changed = Plant::all<DeviceChanged>(outcome);
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].from == DeviceState::unknown);
  CHECK(changed[0].to == DeviceState::online);
  CHECK(outcome.is_certificate);
  CHECK(plant.quality() == Quality::good);
}

TEST_CASE("a DBIRTH replaces the device's metrics and aliases", "[sparkplug]") {
  Plant plant = born();
  const Outcome& outcome =
      plant.publish("spBv1.0/G/DBIRTH/E/D", payload_of({by_both("Flow", 12, real(3))}, 2));
  REQUIRE(Plant::all<Born>(outcome).size() == 1);
  CHECK(Plant::all<Born>(outcome)[0].previous->find_name("Temp") != MetricTable::npos);
  const MetricTable& table = plant.machine.metrics(plant.number(), plant.device_number());
  CHECK(table.find_name("Temp") == MetricTable::npos);
  CHECK(table.find_alias(10) == MetricTable::npos);
  CHECK(table.find_alias(12) != MetricTable::npos);
  CHECK(plant.machine.totals().metrics == 4);
}

TEST_CASE("the same device id at another edge node is another device",
          "[sparkplug][tck-id-topic-structure-namespace-duplicate-device-id-across-edge-node]") {
  Plant plant = born();
  plant.publish("spBv1.0/G/NBIRTH/E2", node_birth(0));
  plant.publish("spBv1.0/G/DBIRTH/E2/D", payload_of({by_both("Temp", 10, real(5))}, 1));
  CHECK(plant.temperature() == 20.5);
  CHECK(plant.machine.totals().devices == 2);
}

TEST_CASE("two devices may have the same aliases, which is a finding",
          "[sparkplug][tck-id-payloads-alias-uniqueness]") {
  Plant plant = born();
  plant.dbirth(2, "D2");
  CHECK(plant.has_finding(Finding::alias_twice));
  plant.ddata(3, 42, "D2");
  CHECK(plant.temperature("D2") == 42);
  CHECK(plant.temperature("D") == 20.5);
}

TEST_CASE("data of a device that is not born ask for a rebirth, and use their seq", "[sparkplug]") {
  Plant plant = born();
  SECTION("never") {
    const auto asked = Plant::all<RequestRebirth>(plant.ddata(2, 1, "X"));
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].causes == 1u << static_cast<unsigned>(RebirthCause::device_not_born));
    CHECK(plant.device_number("X") == no_device);
    CHECK(plant.node().next_seq == 3);
  }
  SECTION("after its death") {
    plant.publish("spBv1.0/G/DDEATH/E/D", payload_of({}, 2));
    plant.ddata(3, 1);
    CHECK(plant.temperature() == 20.5);
    CHECK(plant.rebirths == 1);
  }
  SECTION("not in this session") {
    plant.nbirth(0);
    plant.ddata(1, 1);
    CHECK(plant.temperature() == 20.5);
    CHECK(plant.rebirths == 1);
  }
}

TEST_CASE(
    "a DDEATH takes the device along at the payload's time",
    "[sparkplug]"
    "[tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline]"
    "[tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale]"
    "[tck-id-operational-behavior-device-ddeath]") {
  Plant plant = born();
  const Outcome& outcome =
      plant.publish("spBv1.0/G/DDEATH/E/D", payload_of({}, 2, plant_epoch_ms - 300));
  REQUIRE(Plant::all<DeviceChanged>(outcome).size() == 1);
  CHECK(plant.device_state() == DeviceState::offline);
  CHECK(plant.quality() == Quality::stale);
  CHECK(plant.quality("", "Uptime") == Quality::good);
  CHECK(plant.machine.stale_since(plant.number(), plant.device_number()) == plant_epoch_ms - 300);
  // Once more, and of a device nobody knows: nothing, but for the seq.
  CHECK(plant.publish("spBv1.0/G/DDEATH/E/D", payload_of({}, 3)).actions.empty());
  CHECK(plant.publish("spBv1.0/G/DDEATH/E/X", payload_of({}, 4)).actions.empty());
  CHECK(plant.node().next_seq == 5);
  // A device that died is not born in the next session either.
  plant.nbirth(0);
  CHECK(plant.device_state() == DeviceState::stale);
  plant.publish("spBv1.0/G/DDEATH/E/D", payload_of({}, 1));
  CHECK(plant.device_state() == DeviceState::offline);
}

TEST_CASE("an unknown alias asks for a rebirth once and leaves the others alone",
          "[sparkplug][tck-id-payloads-alias-data-cmd-requirement]") {
  Plant plant = born();
  const Outcome& outcome = plant.publish(
      "spBv1.0/G/DDATA/E/D",
      payload_of({by_alias(77, real(1)), by_alias(10, real(2)), by_alias(78, real(3))}, 2));
  CHECK(plant.temperature() == 2);
  CHECK(Plant::all<MetricsChanged>(outcome).size() == 1);
  CHECK(plant.rebirths == 1);
  CHECK(plant.has_finding(Finding::unknown_alias));
  // An alias that is unknown is not looked up by its name.
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({by_both("Temp", 99, real(9))}, 3));
  CHECK(plant.temperature() == 2);
}

TEST_CASE("without alias a metric is found by its name",
          "[sparkplug][tck-id-payloads-name-requirement]") {
  Plant plant = born();
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({by_name("Temp", real(3))}, 2));
  CHECK(plant.temperature() == 3);
  CHECK(plant.has_finding(Finding::datatype_in_data));
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({by_name("Other", real(3))}, 3));
  CHECK(plant.has_finding(Finding::unknown_metric));
  CHECK(plant.rebirths == 1);
}

TEST_CASE("data without a datatype have the birth's",
          "[sparkplug][tck-id-payloads-metric-datatype-not-req]") {
  Plant plant;
  plant.publish("spBv1.0/G/NBIRTH/E",
                node_birth(0, 0, {by_both("N", 3, whole(1, DataType::int8))}));
  plant.publish("spBv1.0/G/NDATA/E", payload_of({by_alias(3, whole(169, DataType::uint8))}, 1));
  const MetricTable& table = plant.machine.metrics(plant.number(), no_device);
  const Value value = table.value(table.find_alias(3));
  CHECK(value.type == DataType::int8);
  CHECK(json_of(value) == "-87");
}

TEST_CASE("a value that its datatype cannot be is left, with the others applied", "[sparkplug]") {
  Plant plant = born();
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({by_alias(10, text("warm"))}, 2));
  CHECK(plant.temperature() == 20.5);
  CHECK(plant.has_finding(Finding::value_mismatch));
  CHECK(plant.node().next_seq == 3);
}

TEST_CASE("a null has no value and keeps its place", "[sparkplug]") {
  Plant plant = born();
  Given metric = by_alias(10, real(0));
  metric.value.is_null = true;
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({metric}, 2));
  const MetricTable& table = plant.machine.metrics(plant.number(), plant.device_number());
  CHECK(table.is_null(table.find_alias(10)));
  plant.ddata(3, 4);
  CHECK_FALSE(table.is_null(table.find_alias(10)));
}

TEST_CASE("a historical value is an event and moves no last value", "[sparkplug]") {
  Plant plant = born();
  Given metric = by_alias(10, real(-1));
  metric.is_historical = true;
  metric.timestamp = plant_epoch_ms - 1'000;
  const Outcome& outcome = plant.publish("spBv1.0/G/DDATA/E/D", payload_of({metric}, 2));
  const auto changed = Plant::all<MetricsChanged>(outcome);
  REQUIRE(changed.size() == 1);
  CHECK(outcome.changes_of(changed[0])[0].is_historical);
  CHECK(outcome.changes_of(changed[0])[0].timestamp == plant_epoch_ms - 1'000);
  CHECK(plant.temperature() == 20.5);
}

TEST_CASE("the same metric twice in a message are two events, and the last is the value",
          "[sparkplug]") {
  Plant plant = born();
  const Outcome& outcome = plant.publish(
      "spBv1.0/G/DDATA/E/D", payload_of({by_alias(10, real(1)), by_alias(10, real(2))}, 2));
  CHECK(outcome.changes_of(Plant::all<MetricsChanged>(outcome)[0]).size() == 2);
  CHECK(plant.temperature() == 2);
}

TEST_CASE("the property Quality is the value's quality, and its absence is Good",
          "[sparkplug][tck-id-payloads-propertyset-quality-value-value]") {
  Plant plant = born();
  Given metric = by_alias(10, real(1));
  const auto [number, quality] = GENERATE(table<std::uint64_t, Quality>(
      {{0, Quality::bad}, {192, Quality::good}, {500, Quality::stale}}));
  const std::string properties = quality_property(number);
  metric.properties = properties;
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({metric}, 2));
  CHECK(plant.quality() == quality);
  plant.ddata(3, 1);
  CHECK(plant.quality() == Quality::good);
}

TEST_CASE(
    "a timestamp is the metric's, else the payload's, else the time of receipt; and values "
    "count in the order they come",
    "[sparkplug][tck-id-payloads-name-birth-data-requirement]") {
  Plant plant = born();
  const auto timestamp_of = [&] {
    const MetricTable& table = plant.machine.metrics(plant.number(), plant.device_number());
    return table.timestamp(table.find_alias(10));
  };
  Given metric = by_alias(10, real(1));
  metric.timestamp = 5;
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({metric}, 2));
  CHECK(timestamp_of() == 5);
  CHECK(plant.temperature() == 1);
  metric.timestamp.reset();
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({metric}, 3, 6));
  CHECK(timestamp_of() == 6);
  plant.publish("spBv1.0/G/DDATA/E/D", payload_of({metric}, 4, std::nullopt));
  CHECK(timestamp_of() == plant_epoch_ms);
  CHECK(plant.has_finding(Finding::metric_timestamp_missing));
  CHECK(plant.has_finding(Finding::timestamp_missing));
}

TEST_CASE("strings are kept, grow and shrink", "[sparkplug]") {
  Plant plant;
  plant.publish("spBv1.0/G/NBIRTH/E", node_birth(0, 0, {by_both("S", 3, text("first"))}));
  std::uint64_t seq = 1;
  for (const std::size_t size : {0u, 3u, 500u, 40u, 41u, 0u, 100'000u, 1u}) {
    const std::string words(size, 'x');
    plant.publish("spBv1.0/G/NDATA/E", payload_of({by_alias(3, text(words))}, seq++));
    const MetricTable& table = plant.machine.metrics(plant.number(), no_device);
    CHECK(table.value(table.find_alias(3)).bytes == words);
    CHECK(plant.machine.totals().value_bytes == table.value_bytes());
  }
}

TEST_CASE("a template in data brings some members, the others stay",
          "[sparkplug][tck-id-payloads-template-instance-members-data]"
          "[tck-id-payloads-template-instance-members-birth]") {
  const std::string whole_instance =
      member("a", 1, true) + member("b", 2, true) + field(4, "Motor");
  Plant plant;
  plant.publish("spBv1.0/G/NBIRTH/E",
                node_birth(0, 0, {by_both("M", 3, template_value(whole_instance))}));
  const std::string part = member("b", 9, false) + member("stranger", 5, false);
  plant.publish("spBv1.0/G/NDATA/E", payload_of({by_alias(3, template_value(part))}, 1));
  const MetricTable& table = plant.machine.metrics(plant.number(), no_device);
  const Value value = table.value(table.find_alias(3));
  TemplateWalk walk(value.bytes);
  CHECK(walk.reference() == "Motor");
  MetricView metric;
  REQUIRE(walk.next_metric(metric));
  CHECK(metric.name == "a");
  CHECK(metric.value.number == 1);
  REQUIRE(walk.next_metric(metric));
  CHECK(metric.name == "b");
  CHECK(metric.value.number == 9);
  CHECK(metric.datatype == 3);
  CHECK_FALSE(walk.next_metric(metric));
}

}  // namespace lineshaft::sparkplug
