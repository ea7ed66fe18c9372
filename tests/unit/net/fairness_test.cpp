// What a flood leaves to the others: who is read and sent to first. fair_queue_test.cpp has the
// queue alone.
#include <algorithm>
#include <future>

#include "tests/unit/net/net_world.h"

using namespace lineshaft;
using namespace lineshaft::net;
using namespace lineshaft::net::test;

namespace {

constexpr std::size_t flooders = 40;
constexpr std::size_t packets_each = 48;

/// A thousand bytes each.
std::string flood(std::size_t packets) {
  std::string all;
  for (std::size_t i = 0; i < packets; ++i) {
    all += Client::publish_bytes("flood", std::string(1'000, 'x'));
  }
  return all;
}

struct Flood {
  explicit Flood(std::size_t listeners) : world(options(listeners), machine()) {
    for (std::size_t i = 0; i < flooders; ++i) {
      clients.push_back(std::make_unique<Client>(world.port()));
      clients.back()->connect("flooder " + std::to_string(i));
    }
  }

  static ServerOptions options(std::size_t listeners) {
    ServerOptions all;
    for (std::size_t i = 0; i < listeners; ++i) {
      all.listeners.push_back({std::to_string(i), "127.0.0.1", 0, {}, 1000});
    }
    return all;
  }
  static std::unique_ptr<SmallMachine> machine() {
    auto one = std::make_unique<SmallMachine>();
    one->only_acknowledge = true;
    return one;
  }

  /// All of `act` is in the sockets before the shard looks.
  void at_once(const std::function<void()>& act) {
    std::promise<void> done;
    world.server.post_to_shard0([sent = done.get_future().share()] { sent.wait(); });
    act();
    done.set_value();
  }
  void send_all(std::size_t packets) {
    const std::string bytes = flood(packets);
    for (const auto& client : clients) client->send(bytes);
  }
  std::ptrdiff_t heard(const std::string& word) {
    const auto all = world.machine.heard();
    return std::count(all.begin(), all.end(), word);
  }
  void await(std::size_t packets) {
    wait_until([&] { return heard("publish flood") == static_cast<std::ptrdiff_t>(packets); });
  }
  /// Packets of the flood that were taken before the first `word`.
  std::ptrdiff_t before(const std::string& word) {
    wait_until([&] { return heard(word) > 0; });
    const auto all = world.machine.heard();
    return std::count(all.begin(), std::find(all.begin(), all.end(), word), "publish flood");
  }

  World world;
  std::vector<std::unique_ptr<Client>> clients;
};

/// Packets of the flood that fit into two turns, and a few that were cut.
constexpr std::ptrdiff_t two_turns = 2 * limits::loop_read_bytes_max / 1'000 + 10;

}  // namespace

TEST_CASE("a message on a quiet listener does not wait for the flood on another", "[net]") {
  Flood flood(2);
  Client quiet(flood.world.server.bound()[1].port);
  quiet.connect("quiet");
  flood.at_once([&] {
    flood.send_all(packets_each);
    quiet.publish("quiet", "x");
  });
  CHECK(flood.before("publish quiet") <= two_turns);
  flood.await(flooders * packets_each);
}

TEST_CASE("who says little is read before those who flooded the same listener before", "[net]") {
  Flood flood(1);
  Client quiet(flood.world.port());
  quiet.connect("quiet");
  flood.send_all(packets_each);
  flood.await(flooders * packets_each);
  const auto known = flood.heard("publish flood");
  flood.at_once([&] {
    flood.send_all(packets_each);
    quiet.publish("quiet", "x");
  });
  CHECK(flood.before("publish quiet") - known <= two_turns);
}

TEST_CASE("what is more than one turn may send reaches everybody in the next ones", "[net]") {
  World world;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(world.port()));
    clients.back()->connect("client " + std::to_string(i));
  }
  const std::string payload(20'000, 'x');
  for (int i = 0; i < 5; ++i) clients[0]->publish(std::to_string(i), payload);
  for (const auto& client : clients) {
    for (int i = 0; i < 5; ++i) {
      CHECK(client->receive_publish() == std::pair(std::to_string(i), payload));
    }
  }
}

TEST_CASE("who closes its side at once gets the answers of before, however many do", "[net]") {
  World world;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<Client>(world.port()));
  std::promise<void> sent;
  world.server.post_to_shard0([all = sent.get_future().share()] { all.wait(); });
  for (const auto& client : clients) {
    client->send_connect("client");
    ::shutdown(client->socket(), SHUT_WR);
  }
  sent.set_value();
  for (const auto& client : clients) {
    const auto packet = client->receive();
    CHECK(std::holds_alternative<std::unique_ptr<mqtt::ConnackPacket>>(packet));
  }
}
