// When edge nodes are asked to be born again, and what host applications say of themselves.
#include <string>

#include "sparkplug/well_known.h"
#include "tests/support/catch.h"
#include "tests/unit/sparkplug/plant.h"

namespace lineshaft::sparkplug {
namespace {

std::uint32_t bit(RebirthCause cause) { return 1u << static_cast<unsigned>(cause); }

/// Times of the requests within `total` milliseconds, a look every 100.
std::vector<std::int64_t> request_times(Plant& plant, std::int64_t total) {
  std::vector<std::int64_t> times;
  for (std::int64_t at = 100; at <= total; at += 100) {
    const std::size_t before = plant.rebirths;
    plant.wait(100);
    if (plant.rebirths != before) times.push_back(at);
  }
  return times;
}

}  // namespace

TEST_CASE("reasons are merged into one request, and the next waits its time",
          "[sparkplug][tck-id-operational-behavior-data-commands-ncmd-rebirth-verb]") {
  Plant plant;
  plant.ndata(4, 1);
  CHECK(plant.rebirths == 1);
  for (std::uint64_t seq = 5; seq < 50; ++seq) plant.ndata(seq, 1);
  CHECK(plant.rebirths == 1);
  CHECK(plant.node().rebirth.causes[static_cast<std::size_t>(RebirthCause::node_not_born)] == 46);
  const auto times = request_times(plant, 6'000);
  REQUIRE(times.size() == 1);
  CHECK(times[0] >= 5'000);
  CHECK(times[0] <= 5'700);
}

TEST_CASE("requests without an answer are asked again at doubled distances, up to the longest",
          "[sparkplug]") {
  EdgeNodesConfig config;
  config.rebirth.interval_max = Milliseconds{20'000};
  config.rebirth.unanswered_max = 6;
  Plant plant(config);
  plant.ndata(4, 1);
  const auto times = request_times(plant, 300'000);
  REQUIRE(times.size() == 5);
  const std::int64_t expected[] = {5'000, 10'000, 20'000, 20'000, 20'000};
  std::int64_t last = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(times[i] - last >= expected[i]);
    CHECK(times[i] - last <= expected[i] + expected[i] / 8 + 200);
    last = times[i];
  }
  SECTION("then somebody is told once, and only a new cause asks") {
    CHECK(plant.node().rebirth.unanswered == 6);
    plant.ndata(5, 1);
    CHECK(plant.rebirths == 7);
  }
}

TEST_CASE("the last request in vain is an event", "[sparkplug]") {
  EdgeNodesConfig config;
  config.rebirth.unanswered_max = 2;
  Plant plant(config);
  plant.ndata(4, 1);
  std::size_t alarms = 0;
  for (int i = 0; i < 1'000; ++i) alarms += Plant::all<RebirthUnanswered>(plant.wait(100)).size();
  CHECK(alarms == 1);
}

TEST_CASE("an NBIRTH resets the distance", "[sparkplug]") {
  Plant plant;
  plant.ndata(4, 1);
  plant.wait(60'000);
  plant.wait(60'000);
  CHECK(plant.node().rebirth.unanswered == 3);
  plant.nbirth(0);
  CHECK(plant.node().rebirth.unanswered == 0);
  CHECK_FALSE(plant.machine.next_timer());
  plant.wait(6'000);
  plant.ndata(9, 1);
  CHECK(plant.rebirths == 4);
}

TEST_CASE("births that never help are asked for ever less often", "[sparkplug]") {
  Plant plant;
  std::vector<std::int64_t> times;
  std::int64_t at = 0;
  std::uint64_t seq = 0;
  std::size_t seen = 0;
  // An edge node that always sends an alias it has not named, and answers every request.
  for (; at < 300'000; at += 1'000) {
    if (plant.rebirths != seen || at == 0) {
      seen = plant.rebirths;
      times.push_back(at);
      plant.nbirth(0);
      seq = 0;
    }
    plant.publish("spBv1.0/G/NDATA/E", payload_of({by_alias(99, real(1))}, ++seq & 255));
    plant.wait(1'000);
  }
  CHECK(plant.state() == NodeState::online);
  CHECK(times.size() < 12);
  CHECK(times.size() > 4);
}

TEST_CASE("two publishers of one edge node do not drive each other", "[sparkplug]") {
  Plant plant;
  std::size_t last = 0;
  std::size_t early = 0;
  for (int second = 0; second < 600; ++second) {
    // Each answers each request; then both go on with their own seq.
    if (plant.rebirths != last || second == 0) {
      last = plant.rebirths;
      for (const ConnectionNumber who : {1u, 2u}) {
        plant.author = {who, who == 1 ? "one" : "two", false, false};
        plant.nbirth(0);
      }
      plant.author = {1, "one", false, false};
    }
    plant.ndata(200, 1);
    plant.wait(1'000);
    if (second == 60) early = plant.rebirths;
  }
  CHECK(plant.node().counts.conflicts > 1);
  CHECK(plant.rebirths - early < 10);
}

TEST_CASE("requests to all edge nodes keep to a rate, and none is forgotten", "[sparkplug]") {
  EdgeNodesConfig config;
  config.rebirth.per_second = 10;
  Plant plant(config);
  for (int i = 0; i < 60; ++i) {
    plant.publish("spBv1.0/G/NDATA/E" + std::to_string(i), payload_of({}, 3));
  }
  CHECK(plant.rebirths == 10);
  REQUIRE(plant.machine.next_timer().has_value());
  CHECK(*plant.machine.next_timer() > plant.now.steady);
  for (int tenth = 1; tenth <= 40; ++tenth) {
    plant.wait(100);
    CHECK(plant.rebirths <= static_cast<std::size_t>(10 + tenth));
  }
  CHECK(plant.rebirths == 50);
  plant.wait(1'000);
  CHECK(plant.rebirths == 60);
}

TEST_CASE("another host's request counts as ours", "[sparkplug]") {
  Plant plant;
  plant.nbirth(0);
  plant.publish("spBv1.0/G/NCMD/E", payload_of({by_name(rebirth_name, flag(true))}, std::nullopt));
  plant.ndata(7, 1);
  CHECK(plant.state() == NodeState::out_of_sync);
  CHECK(plant.rebirths == 0);
  plant.wait(5'700);
  CHECK(plant.rebirths == 1);
  SECTION("a command that asks for something else does not") {
    Plant other;
    other.nbirth(0);
    other.publish("spBv1.0/G/NCMD/E",
                  payload_of({by_name(rebirth_name, flag(false))}, std::nullopt));
    other.ndata(7, 1);
    CHECK(other.rebirths == 1);
  }
}

TEST_CASE("groups with a host of their own are not asked, but for an operator", "[sparkplug]") {
  EdgeNodesConfig config;
  config.rebirth.groups_off = {"G"};
  Plant plant(config);
  plant.nbirth(0);
  plant.ndata(7, 1);
  CHECK(plant.rebirths == 0);
  CHECK(plant.node().rebirth.causes[static_cast<std::size_t>(RebirthCause::gap)] == 1);
  const auto asked =
      Plant::all<RequestRebirth>(plant.machine.ask_rebirth(plant.number(), plant.now));
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].causes == bit(RebirthCause::operator_asked));
}

TEST_CASE("nobody asks an edge node that has gone", "[sparkplug]") {
  Plant plant;
  plant.nbirth(0);
  plant.ndata(7, 1);
  CHECK(plant.rebirths == 1);
  plant.publish("spBv1.0/G/NDEATH/E", node_death(0));
  CHECK_FALSE(plant.machine.next_timer());
}

TEST_CASE("the newest STATE of a host counts, an older one is a late will",
          "[sparkplug][tck-id-message-flow-edge-node-birth-publish-phid-wait-timestamp]"
          "[tck-id-host-topic-phid-birth-payload]") {
  Plant plant;
  const auto state = [&](std::string_view payload, bool retain = true) {
    return Plant::all<HostChanged>(
               plant.publish("spBv1.0/STATE/scada", payload, plant.author, 1, retain))
        .size();
  };
  CHECK(state(R"({"online":true,"timestamp":1000})") == 1);
  CHECK(state(R"({"online":true,"timestamp":1000})") == 0);
  CHECK(state(R"({"online":false,"timestamp":900})") == 0);
  const HostTable::Host* host = plant.machine.hosts().find("scada");
  REQUIRE(host != nullptr);
  CHECK(host->is_online);
  CHECK(host->has_late_retained);
  CHECK(host->late == 1);
  CHECK(state(R"({"online":false,"timestamp":1000})") == 1);
  CHECK_FALSE(host->is_online);
  CHECK_FALSE(host->has_late_retained);
}

TEST_CASE("what is no STATE changes no host", "[sparkplug]") {
  Plant plant;
  for (const std::string_view payload :
       {"", "ONLINE", "[]", "{}", R"({"online":1,"timestamp":1})", R"({"online":true})",
        R"({"online":true,"timestamp":-1})", R"({"online":true,"timestamp":1.5})",
        R"({"online":true,"timestamp":1)"}) {
    CHECK(plant.publish("spBv1.0/STATE/scada", payload).is_malformed);
  }
  CHECK(plant.machine.hosts().hosts().empty());
}

TEST_CASE("hosts are bounded", "[sparkplug]") {
  EdgeNodesConfig config;
  config.limits.hosts = 1;
  Plant plant(config);
  plant.publish("spBv1.0/STATE/a", R"({"online":true,"timestamp":1})");
  CHECK(
      Plant::all<LimitReached>(plant.publish("spBv1.0/STATE/b", R"({"online":true,"timestamp":1})"))
          .size() == 1);
  CHECK(plant.machine.hosts().hosts().size() == 1);
}

}  // namespace lineshaft::sparkplug
