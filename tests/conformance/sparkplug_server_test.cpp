// The Sparkplug extension behind the real core: what edge nodes, hosts and operators get to see.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "broker/base/audit.h"
#include "broker/base/metrics.h"
#include "sparkplug/payload.h"
#include "sparkplug/payload_writer.h"
#include "sparkplug/sparkplug_extension.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace lineshaft::test {
namespace {

using namespace sparkplug;
using Json = nlohmann::json;

std::string hex_of(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02X} ", static_cast<unsigned char>(c));
  return hex;
}

std::string publish(std::string_view topic, std::string_view payload) {
  return fmt::format("30 [<{}> [] {}]", topic, hex_of(payload));
}

void add(PayloadWriter& writer, std::string_view name, DataType type, std::uint64_t number,
         std::optional<std::uint64_t> alias = std::nullopt) {
  MetricToWrite metric;
  metric.name = name;
  metric.alias = alias;
  metric.timestamp = 1'700'000'000'000;
  metric.value = Value{type, false, number, {}};
  writer.add(metric);
}

std::string nbirth(std::uint64_t bd_seq, std::uint64_t count = 7) {
  PayloadWriter writer(1'700'000'000'000);
  add(writer, "bdSeq", DataType::int64, bd_seq);
  add(writer, "Node Control/Rebirth", DataType::boolean, 0);
  add(writer, "count", DataType::int32, count, 1);
  return writer.finish(0);
}

std::string ndata(std::uint64_t seq, std::uint64_t count) {
  PayloadWriter writer(1'700'000'001'000);
  MetricToWrite metric;
  metric.alias = 1;
  metric.timestamp = 1'700'000'001'000;
  metric.value = Value{DataType::int32, false, count, {}};
  metric.with_datatype = false;
  writer.add(metric);
  return writer.finish(seq);
}

std::string ndeath(std::uint64_t bd_seq) {
  PayloadWriter writer(std::nullopt);
  add(writer, "bdSeq", DataType::int64, bd_seq);
  return writer.finish(std::nullopt);
}

struct Plant {
  ScriptedBroker broker;
  std::shared_ptr<SparkplugExtension> extension;

  explicit Plant(SparkplugConfig config = {}) {
    broker.extend([this, config] {
      extension = std::make_shared<SparkplugExtension>(config);
      return extension;
    });
  }
  /// Edge node G/E with its will and birth.
  ScriptedClient edge_node(std::uint64_t bd_seq = 3) {
    ScriptedClient node = broker.connect(fmt::format(
        "10 [<MQTT> 05 0E 0000 [] <E> [] <spBv1.0/G/NDEATH/E> <{{{}}}>]", hex_of(ndeath(bd_seq))));
    node.expect_connack();
    node.send(publish("spBv1.0/G/NBIRTH/E", nbirth(bd_seq)));
    return node;
  }
  Json ask(std::string verb, Json body) {
    broker.take_replies();
    broker.request({1, core::ExtensionRequest{"sparkplug", std::move(verb), body.dump()}});
    const auto replies = broker.take_replies();
    REQUIRE(replies.size() == 1);
    return Json::parse(std::get<core::RequestAnswer>(replies.front().what).body);
  }
  Json node() { return ask("nodes", {{"group", "G"}, {"node", "E"}}).at("nodes").at(0); }
  /// Value and quality of the metric "count".
  std::string count() {
    const Json answer = ask("metrics", {{"group", "G"}, {"node", "E"}});
    for (const Json& metric : answer.at("metrics")) {
      if (metric.at("name") != "count") continue;
      return metric.at("value").dump() + " " + metric.at("quality").get<std::string>();
    }
    return "none";
  }
};

}  // namespace

TEST_CASE("an edge node is born, speaks and dies, and its values say so",
          "[sparkplug][tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-"
          "offline]") {
  Plant plant;
  ScriptedClient node = plant.edge_node();
  CHECK(plant.node().at("state") == "online");
  CHECK(plant.count() == "7 Good");
  node.send(publish("spBv1.0/G/NDATA/E", ndata(1, 8)));
  CHECK(plant.count() == "8 Good");

  SECTION("by a broken connection: the will tells") {
    node.vanish();
    CHECK(plant.node().at("state") == "offline");
    CHECK(plant.node().at("reason") == "death");
    CHECK(plant.count() == "8 Stale");
  }
  SECTION("by a goodbye without an NDEATH") {
    node.send("E0 []").expect_closed();
    CHECK(plant.node().at("reason") == "detached");
    CHECK(plant.count() == "8 Stale");
  }
  SECTION("somebody takes its Client Identifier over: the old will does not kill the new birth") {
    plant.edge_node(4);
    CHECK(plant.node().at("state") == "online");
    CHECK(plant.node().at("bdSeq") == 4);
    CHECK(plant.count() == "7 Good");
  }
}

TEST_CASE("a death carries the time of its delivery, also as a will",
          "[sparkplug][tck-id-conformance-mqtt-aware-ndeath-timestamp]") {
  Plant plant;
  ScriptedClient host = plant.broker.v5("host").subscribe("spBv1.0/G/NDEATH/#");
  plant.edge_node().vanish();
  const std::string expected = patched_timestamp(
      ndeath(3), static_cast<std::uint64_t>(plant.broker.wall().time_since_epoch().count()));
  CHECK(expected != ndeath(3));
  host.expect(publish("spBv1.0/G/NDEATH/E", expected)).expect_nothing();
}

TEST_CASE("an empty NDEATH deletes the retained one and is forwarded as it is", "[sparkplug]") {
  Plant plant;
  ScriptedClient host = plant.broker.v5("host").subscribe("spBv1.0/#");
  ScriptedClient repair = plant.broker.v5("repair");
  const std::string death = hex_of(ndeath(3));
  repair.send(fmt::format("31 [<spBv1.0/G/NDEATH/E> [] {}]", death));
  CHECK_FALSE(host.take().empty());
  CHECK_FALSE(plant.broker.v5("late").subscribe("spBv1.0/#").take().empty());
  repair.send("31 [<spBv1.0/G/NDEATH/E> []]");
  host.expect("30 [<spBv1.0/G/NDEATH/E> []]").expect_nothing();
  plant.broker.v5("later").subscribe("spBv1.0/#").expect_nothing();
}

TEST_CASE("a missing message leads to one request for a rebirth, within the configured rate",
          "[sparkplug][tck-id-operational-behavior-data-commands-ncmd-rebirth-verb]") {
  Plant plant;
  ScriptedClient node = plant.edge_node();
  node.subscribe("spBv1.0/G/NCMD/E");
  node.send(publish("spBv1.0/G/NDATA/E", ndata(2, 9)));
  plant.broker.after(Milliseconds{1'000});
  const std::string command = node.take();
  CHECK(command.find("Node Control/Rebirth") != std::string::npos);
  CHECK(plant.node().at("state") == "out_of_sync");
  CHECK(plant.count() == "7 Stale");
  node.send(publish("spBv1.0/G/NDATA/E", ndata(3, 9)));
  plant.broker.after(Milliseconds{1'000});
  node.expect_nothing();
  plant.broker.after(Milliseconds{6'000});
  CHECK_FALSE(node.take().empty());
  node.send(publish("spBv1.0/G/NBIRTH/E", nbirth(3, 10)));
  CHECK(plant.count() == "10 Good");
}

TEST_CASE("values are there again after a restart, as stale", "[sparkplug][storage]") {
  Plant plant;
  ScriptedClient node = plant.edge_node();
  node.send(publish("spBv1.0/G/NDATA/E", ndata(1, 8)));

  SECTION("in order") { plant.broker.restart(); }
  SECTION("by a crash, when they had their time") {
    plant.broker.after(Milliseconds{1'500});
    plant.broker.crash();
  }
  CHECK(plant.node().at("state") == "restored");
  CHECK(plant.count() == "8 Stale");
  plant.edge_node(4);
  CHECK(plant.count() == "7 Good");
}

TEST_CASE("who comes late and asks for it gets births with current values, then what is live",
          "[sparkplug]") {
  Plant plant;
  ScriptedClient node = plant.edge_node();
  node.send(publish("spBv1.0/G/NDATA/E", ndata(1, 8)));
  constexpr const char* asks = "26 <lineshaft-snapshot> <1>";
  ScriptedClient host = plant.broker.v5("host");
  host.send(fmt::format("82 [0001 [{}] <spBv1.0/G/#> 00]", asks));
  node.send(publish("spBv1.0/G/NDATA/E", ndata(2, 9)));

  std::string birth = host.take();
  const std::size_t payload_at = birth.find("spBv1.0/G/NBIRTH/E") + 19;
  REQUIRE(payload_at < birth.size());
  PayloadReader reader;
  REQUIRE(reader.read(std::string_view(birth).substr(payload_at)) == PayloadFault::none);
  CHECK(reader.payload().seq == 1);
  REQUIRE(reader.payload().metrics.size() == 3);
  const MetricView& count = reader.payload().metrics[2];
  CHECK(count.name == "count");
  CHECK(count.alias == 1);
  CHECK(count.value.number == 8);
  host.expect("90 [0001 [] 00]").expect(publish("spBv1.0/G/NDATA/E", ndata(2, 9)));

  SECTION("nobody else sees it, and who does not ask gets none") {
    host.expect_nothing();
    plant.broker.v5("quiet").subscribe("spBv1.0/#").expect_nothing();
  }
  SECTION("not of an edge node that is gone") {
    node.vanish();
    plant.broker.v5("late").subscribe("spBv1.0/#", "00", asks).expect_nothing();
  }
  SECTION("once for a filter in one connection") {
    host.send(fmt::format("82 [0002 [{}] <spBv1.0/G/#> 00]", asks));
    host.expect("90 [0002 [] 00]").expect_nothing();
    host.send("E0 []").expect_closed();
    ScriptedClient again = plant.broker.v5("host");
    again.send(fmt::format("82 [0001 [{}] <spBv1.0/G/#> 00]", asks));
    CHECK(again.take().find("spBv1.0/G/NBIRTH/E") != std::string::npos);
  }
  SECTION("for so many filters in one connection; what is beyond is counted") {
    for (int i = 0; i < 99; ++i) {
      host.send(fmt::format("82 [0003 [{}] <other/{}> 00]", asks, i)).expect("90 [0003 [] 00]");
    }
    const auto before = counter_value(Counter::sparkplug_snapshots_cut);
    host.send(fmt::format("82 [0004 [{}] <spBv1.0/+/#> 00]", asks));
    host.expect("90 [0004 [] 00]").expect_nothing();
    CHECK(counter_value(Counter::sparkplug_snapshots_cut) == before + 1);
  }
  SECTION("only of what the filter matches") {
    plant.broker.v5("late").subscribe("spBv1.0/G/NDATA/#", "00", asks).expect_nothing();
  }
}

TEST_CASE("what does not decode is plain MQTT and changes nothing", "[sparkplug]") {
  Plant plant;
  ScriptedClient node = plant.edge_node();
  ScriptedClient host = plant.broker.v5("host").subscribe("spBv1.0/#");
  for (const char* type : {"NBIRTH", "NDATA", "NDEATH"}) {
    const std::string bad = publish(fmt::format("spBv1.0/G/{}/E", type), "no payload");
    node.send(bad);
    host.expect(bad);
  }
  host.expect_nothing();
  CHECK(plant.node().at("state") == "online");
  CHECK(plant.node().at("counts").at("malformed").get<int>() > 0);
  CHECK(plant.count() == "7 Good");
}

TEST_CASE("operators see edge nodes below $SYS and can forget one", "[sparkplug]") {
  Plant plant;
  plant.edge_node();
  plant.broker.after(Milliseconds{2'000});
  ScriptedClient reader = plant.broker.v5("reader").subscribe("$SYS/broker/sparkplug/nodes/#");
  CHECK(reader.take().find(R"("state":"online")") != std::string::npos);
  reader.expect_nothing();
  plant.ask("forget", {{"group", "G"}, {"node", "E"}});
  reader.expect("30 [<$SYS/broker/sparkplug/nodes/G/E> []]").expect_nothing();
  CHECK(plant.ask("nodes", Json::object()).at("nodes").empty());
  plant.broker.v5("late").subscribe("$sparkplug/certificates/#").expect_nothing();
  CHECK(plant.ask("rebirth", {{"group", "G"}, {"node", "E"}}).contains("error"));
}

TEST_CASE("with an edge node certificates go that the view had no place for", "[sparkplug]") {
  Plant plant;
  ScriptedClient node = plant.broker.v5("X");
  // Without an NBIRTH it is no birth to the view.
  node.send(publish("spBv1.0/G/DBIRTH/X/D", nbirth(0)));
  CHECK_FALSE(plant.broker.v5("before").subscribe("$sparkplug/certificates/#").take().empty());
  plant.ask("forget", {{"group", "G"}, {"node", "X"}});
  plant.broker.v5("late").subscribe("$sparkplug/certificates/#").expect_nothing();
  CHECK(plant.ask("forget", {{"group", "+"}, {"node", "X"}}).contains("error"));
}

TEST_CASE("what operators do to an edge node is in the audit log", "[sparkplug]") {
  struct Sink final : AuditSink {
    std::vector<std::string> records;
    void write(const AuditRecord& record) noexcept override {
      records.push_back(fmt::format("{} {} {}", record.type, record.op, record.topic));
    }
  };
  Plant plant;
  plant.edge_node();
  Sink sink;
  set_audit_sink(&sink);
  plant.ask("rebirth", {{"group", "G"}, {"node", "E"}});
  plant.ask("forget", {{"group", "G"}, {"node", "E"}});
  plant.ask("forget", {{"group", "G"}, {"node", "E"}});
  set_audit_sink(nullptr);
  CHECK(sink.records == std::vector<std::string>{"edge_node_rebirth_asked admin G/E",
                                                 "edge_node_forgotten admin G/E"});
}

}  // namespace lineshaft::test
