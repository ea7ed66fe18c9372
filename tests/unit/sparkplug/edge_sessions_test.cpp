// The shared traces of one edge node each, with what a host view must show after every step.
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/catch.h"
#include "tests/unit/sparkplug/plant.h"

namespace lineshaft::sparkplug {
namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    int one = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, one, 16);
    bytes += static_cast<char>(one);
  }
  return bytes;
}

std::string json_of(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

struct Place {
  DeviceNumber device = no_device;
  std::uint32_t metric = MetricTable::npos;
};

/// "Device/metric", or a metric of the edge node; names may have slashes of their own.
Place place_of(const EdgeNodes& machine, NodeNumber node, const std::string& name) {
  for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
    const auto device = machine.find_device(node, name.substr(0, at));
    if (!device) continue;
    return {*device, machine.metrics(node, *device).find_name(name.substr(at + 1))};
  }
  return {no_device, machine.metrics(node, no_device).find_name(name)};
}

void check(const EdgeNodes& machine, NodeNumber node, const nlohmann::json& expected) {
  if (expected.contains("node")) {
    const bool is_here = machine.node(node)->is_here();
    CHECK((is_here ? "ONLINE" : "OFFLINE") == expected["node"].get<std::string>());
  }
  const auto devices = expected.value("devices", nlohmann::json::object());
  for (const auto& [name, state] : devices.items()) {
    INFO("device " << name);
    const auto device = machine.find_device(node, name);
    REQUIRE(device.has_value());
    const bool is_online = machine.device_state(*device) == DeviceState::online;
    CHECK(is_online == (state.get<std::string>() == "ONLINE"));
  }
  const auto metrics = expected.value("metrics", nlohmann::json::object());
  for (const auto& [name, metric] : metrics.items()) {
    INFO("metric " << name);
    const Place place = place_of(machine, node, name);
    REQUIRE(place.metric != MetricTable::npos);
    const Value value = machine.metrics(node, place.device).value(place.metric);
    CHECK(nlohmann::json::parse(json_of(value)).get<double>() == metric["v"].get<double>());
    const bool is_good = machine.quality(node, place.device, place.metric) == Quality::good;
    CHECK((is_good ? "GOOD" : "STALE") == metric["q"].get<std::string>());
  }
}

void run(const std::string& file) {
  std::ifstream stream("tests/vectors/sparkplug/sessions/" + file);
  REQUIRE(stream.good());
  const auto trace = nlohmann::json::parse(stream);
  EdgeNodesConfig config = reordering(trace["reorderMs"].get<std::int64_t>());
  config.rebirth.interval = Milliseconds{trace["throttleMs"].get<std::int64_t>()};
  Plant plant(config);
  std::int64_t passed = 0;
  int step = 0;
  for (const auto& event : trace["steps"]) {
    INFO(file << " step " << step++);
    const std::size_t rebirths = plant.rebirths;
    const auto at = event["at"].get<std::int64_t>();
    if (at > passed) plant.wait(at - std::exchange(passed, at));
    if (event["event"] == "tick") {
      plant.wait(event["ms"].get<std::int64_t>());
    } else {
      plant.publish(event["topic"].get<std::string>(), from_hex(event["hex"].get<std::string>()));
    }
    if (!event.contains("expect")) continue;
    const auto& expected = event["expect"];
    const std::size_t due = expected.value("rebirth", false) ? 1 : 0;
    CHECK(plant.rebirths - rebirths == due);
    const auto node = plant.machine.find_node(trace["group"].get<std::string>(),
                                              trace["node"].get<std::string>());
    REQUIRE(node.has_value());
    check(plant.machine, *node, expected);
  }
}

}  // namespace

TEST_CASE("a session from birth to death ends as expected", "[sparkplug]") { run("s1-happy.json"); }

TEST_CASE("deaths of other sessions change nothing", "[sparkplug][tck-id-payloads-ndeath-bdseq]") {
  run("s2-bdseq.json");
}

TEST_CASE("a seq that wraps from 255 to 0 is no gap",
          "[sparkplug][tck-id-payloads-sequence-num-incrementing]") {
  run("s3-wrap.json");
}

TEST_CASE("a lost message leads to exactly one rebirth request",
          "[sparkplug][tck-id-operational-behavior-host-reordering-rebirth]") {
  run("s4-gap.json");
}

}  // namespace lineshaft::sparkplug
