#include "sparkplug/projector.h"

#include <map>
#include <string>

#include "sparkplug/payload.h"
#include "sparkplug/payload_writer.h"
#include "tests/support/catch.h"

namespace lineshaft::sparkplug {
namespace {

constexpr std::uint64_t stamp_ms = 1'763'600'000'000;
const std::string stamp = "\"timestamp\":\"2025-11-20T00:53:20.000Z\"";

MetricToWrite int32(std::string_view name, std::int32_t number) {
  MetricToWrite metric;
  metric.name = name;
  metric.timestamp = stamp_ms;
  metric.value = {
      DataType::int32, false, static_cast<std::uint64_t>(static_cast<std::int64_t>(number)), {}};
  return metric;
}

MetricToWrite bd_seq() {
  MetricToWrite metric = int32("bdSeq", 0);
  metric.value.type = DataType::int64;
  return metric;
}

std::string payload(const std::vector<MetricToWrite>& metrics, std::optional<std::uint64_t> seq) {
  PayloadWriter writer(stamp_ms);
  for (const MetricToWrite& metric : metrics) writer.add(metric);
  return writer.finish(seq);
}

std::string json_of(std::int32_t number, std::string_view quality) {
  return "{\"value\":" + std::to_string(number) + "," + stamp + ",\"quality\":\"" +
         std::string(quality) + "\",\"type\":\"Int32\"}";
}

/// An edge node, what the broker makes of it, and the plant's tree.
class Plant {
 public:
  explicit Plant(std::string path = "acme/{group}/{node}/{device}/{metric}")
      : nodes_(EdgeNodesConfig{}), projector_(projection(std::move(path)), nodes_) {}

  void publish(std::string_view topic, const std::string& bytes) {
    const auto parsed = parse_topic(topic);
    REQUIRE(parsed.has_value());
    Publication message{*parsed, bytes, {}, 0, false};
    message.author.connection = 1;
    message.author.client_id = "edge";
    projector_.apply(nodes_.on_publish(message, now_));
    take(projector_.take_ready());
  }

  /// The rest of every wave, in portions.
  std::size_t finish_waves(std::size_t portion = 2) {
    std::size_t count = 0;
    while (projector_.has_wave()) {
      std::vector<ProjectedMessage> messages;
      projector_.take_wave(portion, messages);
      CHECK(messages.size() <= portion);
      count += messages.size();
      take(std::move(messages));
    }
    return count;
  }

  void birth() {
    publish("spBv1.0/G/NBIRTH/E", payload({bd_seq(), int32("Uptime", 1)}, 0));
    publish("spBv1.0/G/DBIRTH/E/D", payload({int32("a", 10), int32("b/c", 20)}, 1));
    finish_waves();
  }
  void die() { publish("spBv1.0/G/NDEATH/E", payload({bd_seq()}, std::nullopt)); }

  const std::map<std::string, std::string>& tree() const { return tree_; }
  Projector& projector() { return projector_; }
  EdgeNodes& nodes() { return nodes_; }

 private:
  static Projection projection(std::string path) {
    ProjectionConfig config;
    config.rules.emplace_back().regex = "([^/]*)/.*";
    config.rules.back().path = std::move(path);
    std::vector<ProjectionProblem> problems;
    Projection made(std::move(config), problems);
    REQUIRE(problems.empty());
    return made;
  }

  void take(std::vector<ProjectedMessage> messages) {
    for (ProjectedMessage& message : messages) {
      if (message.payload.empty()) {
        CHECK(tree_.erase(message.topic) == 1);
      } else {
        tree_[message.topic] = std::move(message.payload);
      }
    }
  }

  Now now_{Instant{Milliseconds{1000}}, WallTime{Milliseconds{stamp_ms}}};
  EdgeNodes nodes_;
  Projector projector_;
  std::map<std::string, std::string> tree_;
};

}  // namespace

TEST_CASE("a birth becomes topics with its values, in portions", "[sparkplug]") {
  Plant plant;
  plant.publish("spBv1.0/G/NBIRTH/E", payload({bd_seq(), int32("Uptime", 1)}, 0));
  CHECK(plant.tree().empty());
  CHECK(plant.finish_waves() == 2);
  plant.publish("spBv1.0/G/DBIRTH/E/D", payload({int32("a", 10), int32("b/c", 20)}, 1));
  CHECK(plant.finish_waves(1) == 2);
  CHECK(plant.tree().at("acme/G/E/Uptime") == json_of(1, "Good"));
  CHECK(plant.tree().at("acme/G/E/D/a") == json_of(10, "Good"));
  CHECK(plant.tree().at("acme/G/E/D/b/c") == json_of(20, "Good"));
  CHECK(plant.projector().size() == 4);
}

TEST_CASE("data are told at once", "[sparkplug]") {
  Plant plant;
  plant.birth();
  plant.publish("spBv1.0/G/DDATA/E/D", payload({int32("a", 11)}, 2));
  CHECK(plant.tree().at("acme/G/E/D/a") == json_of(11, "Good"));
  CHECK_FALSE(plant.projector().has_wave());
}

TEST_CASE("a historical value goes to its own branch and moves no last value", "[sparkplug]") {
  Plant plant;
  plant.birth();
  MetricToWrite old = int32("a", 5);
  old.is_historical = true;
  plant.publish("spBv1.0/G/DDATA/E/D", payload({old}, 2));
  CHECK(plant.tree().at("_history/acme/G/E/D/a") == json_of(5, "Good"));
  CHECK(plant.tree().at("acme/G/E/D/a") == json_of(10, "Good"));
}

TEST_CASE("a death makes every value stale, once, however often the node goes and comes meanwhile",
          "[sparkplug][tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-"
          "tags-stale]"
          "[tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-"
          "stale]") {
  Plant plant;
  plant.birth();
  plant.die();
  CHECK(plant.tree().at("acme/G/E/D/a") == json_of(10, "Good"));
  CHECK(plant.finish_waves() == 4);
  CHECK(plant.tree().at("acme/G/E/Uptime") == json_of(1, "Stale"));
  CHECK(plant.tree().at("acme/G/E/D/a") == json_of(10, "Stale"));
  for (int time = 0; time < 3; ++time) {
    plant.publish("spBv1.0/G/NBIRTH/E", payload({bd_seq(), int32("Uptime", 1)}, 0));
    plant.publish("spBv1.0/G/DBIRTH/E/D", payload({int32("a", 10), int32("b/c", 20)}, 1));
    plant.die();
  }
  CHECK(plant.finish_waves() == 4);
  CHECK(plant.tree().at("acme/G/E/D/a") == json_of(10, "Stale"));
}

TEST_CASE("a metric that is not in the next birth leaves the tree", "[sparkplug]") {
  Plant plant;
  plant.birth();
  plant.publish("spBv1.0/G/DBIRTH/E/D", payload({int32("b/c", 21), int32("new", 1)}, 2));
  plant.finish_waves();
  CHECK(plant.tree().count("acme/G/E/D/a") == 0);
  CHECK(plant.tree().at("acme/G/E/D/b/c") == json_of(21, "Good"));
  CHECK(plant.tree().at("acme/G/E/D/new") == json_of(1, "Good"));
  plant.publish("spBv1.0/G/DDATA/E/D", payload({int32("b/c", 22)}, 3));
  CHECK(plant.tree().at("acme/G/E/D/b/c") == json_of(22, "Good"));
}

TEST_CASE("a forgotten edge node leaves the tree with its devices", "[sparkplug]") {
  Plant plant;
  plant.birth();
  plant.die();
  const auto number = plant.nodes().find_node("G", "E");
  REQUIRE(number.has_value());
  plant.projector().apply(plant.nodes().forget(*number));
  plant.finish_waves();
  CHECK(plant.tree().empty());
  CHECK(plant.projector().size() == 0);
}

TEST_CASE("of two metrics on one topic the first keeps it, and the other is reported",
          "[sparkplug]") {
  Plant plant("acme/{metric}");
  plant.birth();
  plant.publish("spBv1.0/G/DBIRTH/E/D2", payload({int32("a", 99)}, 2));
  plant.finish_waves();
  CHECK(plant.tree().at("acme/a") == json_of(10, "Good"));
  const auto collisions = plant.projector().take_collisions();
  REQUIRE(collisions.size() == 1);
  CHECK(collisions.front().topic == "acme/a");
  CHECK_FALSE(collisions.front().owner == collisions.front().refused);
  CHECK(plant.projector().take_collisions().empty());
  plant.publish("spBv1.0/G/DDATA/E/D2", payload({int32("a", 98)}, 3));
  CHECK(plant.tree().at("acme/a") == json_of(10, "Good"));
}

TEST_CASE("what is written becomes a command of the edge node or device, while it is there",
          "[sparkplug][tck-id-operational-behavior-data-commands-ncmd-metric-name]"
          "[tck-id-operational-behavior-data-commands-dcmd-metric-name]") {
  Plant plant;
  plant.birth();
  Projector& projector = plant.projector();
  CHECK(projector.is_writable("acme/G/E/D/b/c/_set"));
  CHECK_FALSE(projector.is_writable("acme/G/E/D/b/_set"));
  CHECK_FALSE(projector.is_writable("acme/G/E/D/b/c"));
  const auto device = projector.write("acme/G/E/D/b/c/_set", "7", stamp_ms);
  REQUIRE(device.has_value());
  CHECK(device->fault == WriteFault::none);
  CHECK(device->topic == "spBv1.0/G/DCMD/E/D");
  CHECK(device->payload == payload({int32("b/c", 7)}, std::nullopt));
  CHECK(projector.write("acme/G/E/Uptime/_set", "7", stamp_ms)->topic == "spBv1.0/G/NCMD/E");
  CHECK(projector.write("acme/G/E/D/a/_set", "true", stamp_ms)->fault == WriteFault::wrong_type);
  CHECK_FALSE(projector.write("acme/G/E/D/x/_set", "7", stamp_ms).has_value());
  plant.die();
  CHECK(projector.write("acme/G/E/D/a/_set", "7", stamp_ms)->fault == WriteFault::offline);
}

}  // namespace lineshaft::sparkplug
