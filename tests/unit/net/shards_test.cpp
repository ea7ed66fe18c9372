#include <algorithm>
#include <memory>
#include <vector>

#include "tests/unit/net/net_world.h"

using namespace lineshaft;
using namespace lineshaft::net;
using namespace lineshaft::net::test;

namespace {

ServerOptions two_shards() {
  ServerOptions options;
  options.shards = 2;
  return options;
}

/// More than one loop turn takes: afterwards shard 0 has gone round at least once.
void let_shard0_go_round(Server& server) {
  for (int i = 0; i < 600; ++i) {
    std::atomic<bool> done{false};
    server.post_to_shard0([&] { done = true; });
    wait_until([&] { return done.load(); });
  }
}

}  // namespace

TEST_CASE("two shards: every client hears every publisher in its order", "[net]") {
  World world(two_shards());
  constexpr int clients_size = 4;
  constexpr int messages = 500;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < clients_size; ++i) {
    clients.push_back(std::make_unique<Client>(world.port()));
    clients.back()->connect("client" + std::to_string(i));
  }
  std::vector<std::thread> threads;
  std::atomic<bool> in_order{true};
  for (int i = 0; i < clients_size; ++i) {
    threads.emplace_back([&, i] {
      Client& client = *clients[static_cast<std::size_t>(i)];
      std::thread writer([&client, i] {
        for (int n = 0; n < messages; ++n) {
          client.publish("from/" + std::to_string(i), std::to_string(n),
                         static_cast<std::uint16_t>(n + 1));
        }
      });
      std::map<std::string, int> next;
      int received = 0;
      while (received < messages * clients_size) {
        const auto packet = client.receive();
        const auto* publish = std::get_if<mqtt::PublishPacket>(&packet);
        if (publish == nullptr) {
          if (std::holds_alternative<mqtt::AckPacket>(packet)) continue;
          in_order = false;
          break;
        }
        ++received;
        const int expected = next[std::string(publish->message->topic())]++;
        if (publish->message->payload() != std::to_string(expected)) in_order = false;
      }
      writer.join();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(in_order);
}

TEST_CASE("a connection with four batches unapplied stops reading until they are", "[net]") {
  auto machine = std::make_unique<SmallMachine>(2);
  std::atomic<bool> inside{false};
  std::atomic<bool> leave{false};
  machine->before_apply = [&](const core::Input& input) {
    const auto* arrived = std::get_if<core::PacketsArrived>(&input);
    if (arrived == nullptr) return;
    for (const auto& packet : arrived->packets) {
      const auto* publish = std::get_if<mqtt::PublishPacket>(&packet);
      if (publish == nullptr || publish->message->topic() != "block") continue;
      inside = true;
      wait_until([&] { return leave.load(); });
    }
  };
  World world(two_shards(), std::move(machine));
  world.machine.only_acknowledge = true;
  Client held(world.port());  // the first goes to shard 0, the second to shard 1
  held.connect("held");
  Client blocker(world.port());
  blocker.connect("blocker");
  blocker.publish("block", "");
  wait_until([&] { return inside.load(); });
  for (int i = 0; i < 8; ++i) {
    const auto before = counter_value(Counter::bytes_received);
    held.publish("batch/" + std::to_string(i), "");
    if (i < 4) wait_until([&] { return counter_value(Counter::bytes_received) > before; });
    let_shard0_go_round(world.server);
  }
  leave = true;
  wait_until([&] { return world.machine.has_heard("publish batch/7"); });
  const auto heard = world.machine.heard();
  const auto place = [&](const std::string& word) {
    return std::find(heard.begin(), heard.end(), word) - heard.begin();
  };
  CHECK(place("publish batch/3") < place("paused"));
  CHECK(place("paused") < place("resumed"));
  CHECK(place("resumed") < place("publish batch/4"));
}

TEST_CASE("a policy is in force when every shard has met it, and not before", "[net]") {
  core::CoreConfig config;
  config.has_store = false;
  core::Core core(config, 2, 1);
  HandClock clock;
  Server server(two_shards(), core, nullptr, clock);
  REQUIRE_FALSE(server.start());
  for (std::uint32_t i = 0; i < 10; ++i) {
    std::atomic<std::uint32_t> epoch{0};
    server.change_policy(nullptr, [&](const core::Reply& reply) {
      epoch = std::get<core::PolicyInForce>(reply.what).epoch;
    });
    wait_until([&] { return epoch.load() > 0; });
    CHECK(epoch == i + 2);
  }
  server.stop();
}

TEST_CASE("two shards drain: everybody gets the goodbye", "[net]") {
  World world(two_shards());
  Client one(world.port());
  one.connect("one");
  Client two(world.port());
  two.connect("two");
  std::atomic<bool> all_sent{false};
  std::thread stopper([&] { all_sent = world.server.drain(); });
  for (Client* client : {&one, &two}) {
    CHECK(std::holds_alternative<std::unique_ptr<mqtt::DisconnectPacket>>(client->receive()));
    CHECK(client->receives_end());
    client->close();
  }
  stopper.join();
  CHECK(all_sent);
}
