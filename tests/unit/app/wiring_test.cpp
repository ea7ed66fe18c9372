#include "broker/app/wiring.h"

#include <filesystem>

#include "broker/app/clock.h"
#include "broker/base/log.h"
#include "tests/support/catch.h"
#include "tests/unit/app/config_world.h"

using namespace lineshaft;
using namespace lineshaft::app;

namespace {

/// A configuration whose data is in its own folder and whose port the system chooses.
class BrokerWorld : public ConfigWorld {
 public:
  BrokerWorld() {
    sources.listen = {"127.0.0.1:0"};
    sources.data_dir = path("data");
    log::set_level(log::Level::error);
  }
  ~BrokerWorld() { log::set_level(log::Level::info); }

  SystemClock clock;
};

}  // namespace

TEST_CASE("net and storage get their parts of the options", "[app]") {
  ConfigWorld world;
  world.configure(R"(
authorization = "open"
shards = 3
node.data_dir = "/srv/mqtt"
net = { connect_deadline_ms = 1500, outbox_max_kb = 70, stalled_socket_s = 8, drain_s = 9 }
mqtt = { packet_size_bytes_max = 4096, topic_alias_in_max = 12 }
[storage]
durability = "async"
cache_mb = 20
wal_sync_ms = 22
journal_queue_max_mb = 25
reserve_mb = 28
on_corruption = "recover"
[listeners.a]
bind = "[::1]:1884"
connections_max = 7
connects_per_s_max = 8
connects_per_s_per_address_max = 9
connections_per_address_max = 10
[listeners.b]
bind = "unix:/run/mqtt.sock"
limits = { packet_size_bytes_max = 2048, max_queued_mb = 1 }
)");
  const auto options = world.load();
  const net::ServerOptions net = server_options(*options);
  CHECK(net.shards == 3);
  CHECK(net.drain == Milliseconds{9000});
  REQUIRE(net.listeners.size() == 2);
  CHECK(net.listeners[0].limits.connect_deadline == Milliseconds{1500});
  CHECK(net.listeners[0].limits.outbox_bytes_max == 70u * 1024);
  CHECK(net.listeners[0].limits.packet_size_bytes_max == 4096);
  CHECK(net.listeners[0].connects_per_s_max == 8);
  CHECK(net.listeners[0].connects_per_s_per_address_max == 9);
  CHECK(net.listeners[0].connections_per_address_max == 10);
  CHECK(net.listeners[1].connects_per_s_max == limits::connects_per_s_max);
  core::ClientLimits strict = net.listeners[0].limits;
  strict.packet_size_bytes_max = 2048;
  strict.queued_bytes_max = 1024 * 1024;
  CHECK(net.listeners[1].limits == strict);
  CHECK(options->core.listeners.at("b") == strict);
  CHECK(net.listeners[0].name == "a");
  CHECK(net.listeners[0].address == "::1");
  CHECK(net.listeners[0].port == 1884);
  CHECK(net.listeners[0].unix_path.empty());
  CHECK(net.listeners[0].connections_max == 7);
  CHECK(net.listeners[1].unix_path == "/run/mqtt.sock");
  const storage::StorageOptions store = storage_options(*options);
  CHECK(store.path == "/srv/mqtt");
  CHECK(store.durability == core::Durability::async);
  CHECK(store.cache_mb == 20);
  CHECK(store.wal_sync == Milliseconds{22});
  CHECK(store.journal_queue_bytes_max == 25u * 1024 * 1024);
  CHECK(store.reserve_mb == 28);
  CHECK(store.on_corruption == storage::OnCorruption::recover);
}

TEST_CASE("a broker starts, says where it listens and stops in order", "[app]") {
  BrokerWorld world;
  const auto options = world.load();
  {
    Broker broker(*options, world.clock, [] {});
    REQUIRE_FALSE(broker.start().has_value());
    REQUIRE(broker.addresses().size() == 1);
    CHECK(broker.addresses()[0].starts_with("127.0.0.1:"));
    CHECK(broker.addresses()[0] != "127.0.0.1:0");
    CHECK(broker.stop());
  }
  Broker again(*options, world.clock, [] {});
  REQUIRE_FALSE(again.start().has_value());
  CHECK(again.restored().summary.clean);
  CHECK(again.stop());
}

TEST_CASE("a port that is taken is said before anything is written", "[app]") {
  BrokerWorld world;
  const auto options = world.load();
  Broker broker(*options, world.clock, [] {});
  REQUIRE_FALSE(broker.start().has_value());

  BrokerWorld second;
  second.sources.listen = broker.addresses();
  const auto same_port = second.load();
  Broker refused(*same_port, second.clock, [] {});
  const auto failure = refused.start();
  REQUIRE(failure.has_value());
  CHECK(failure->exit_code == ExitCode::unavailable);
  CHECK(failure->sentences.find(broker.addresses()[0]) != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(second.path("data")));
}

TEST_CASE("a data folder that another broker uses is refused", "[app]") {
  BrokerWorld world;
  const auto options = world.load();
  Broker broker(*options, world.clock, [] {});
  REQUIRE_FALSE(broker.start().has_value());
  Broker refused(*options, world.clock, [] {});
  const auto failure = refused.start();
  REQUIRE(failure.has_value());
  CHECK(failure->exit_code == ExitCode::cannot_create);
  CHECK(failure->sentences.find(world.path("data")) != std::string::npos);
}

TEST_CASE("a socket's path that cannot be used is said before anything is written", "[app]") {
  BrokerWorld world;
  world.write("taken", "not a socket");
  world.sources.listen = {"unix:" + world.path("taken")};
  const auto options = world.load();
  Broker refused(*options, world.clock, [] {});
  const auto failure = refused.start();
  REQUIRE(failure.has_value());
  CHECK(failure->exit_code == ExitCode::config);
  CHECK_FALSE(std::filesystem::exists(world.path("data")));
}

TEST_CASE("a listener that fails after the restore leaves the store as it was", "[app]") {
  BrokerWorld world;
  const auto right = world.load();
  {
    Broker broker(*right, world.clock, [] {});
    REQUIRE_FALSE(broker.start().has_value());
    REQUIRE(broker.stop());
  }
  const WallTime stopped = world.clock.now().wall;
  // The same path under two names: each is free until the other is opened.
  world.sources.listen = {"unix:" + world.path("socket"), "unix:" + world.path("./socket")};
  const auto wrong = world.load();
  {
    Broker refused(*wrong, world.clock, [] {});
    const auto failure = refused.start();
    REQUIRE(failure.has_value());
    CHECK(failure->exit_code == ExitCode::unavailable);
  }
  CHECK_FALSE(std::filesystem::exists(world.path("socket")));
  Broker broker(*right, world.clock, [] {});
  REQUIRE_FALSE(broker.start().has_value());
  CHECK(broker.restored().summary.clean);
  CHECK(broker.restored().summary.stopped_at <= stopped);
}

TEST_CASE("a start that is told to stop ends in the restore, without a complaint", "[app]") {
  BrokerWorld world;
  const auto options = world.load();
  {
    Broker broker(*options, world.clock, [] {});
    REQUIRE_FALSE(broker.start().has_value());
    REQUIRE(broker.stop());
  }
  const WallTime stopped = world.clock.now().wall;
  {
    Broker given_up(*options, world.clock, [] {});
    const auto failure = given_up.start([] { return true; });
    REQUIRE(failure.has_value());
    CHECK(failure->exit_code == ExitCode::ok);
    CHECK(failure->sentences.empty());
  }
  Broker broker(*options, world.clock, [] {});
  REQUIRE_FALSE(broker.start().has_value());
  CHECK(broker.restored().summary.clean);
  CHECK(broker.restored().summary.stopped_at <= stopped);
}
