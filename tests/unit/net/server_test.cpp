#include "broker/net/server.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "tests/unit/net/net_world.h"

using namespace lineshaft;
using namespace lineshaft::net;
using namespace lineshaft::net::test;

namespace {

std::string socket_path(const std::string& name) {
  return (std::filesystem::temp_directory_path() / (name + std::to_string(::getpid()))).string();
}

ReasonCode reason_of(const mqtt::Packet& packet) {
  const auto* disconnect = std::get_if<std::unique_ptr<mqtt::DisconnectPacket>>(&packet);
  REQUIRE(disconnect != nullptr);
  return (*disconnect)->reason;
}

}  // namespace

TEST_CASE("a message goes from one client to another over IPv4, IPv6 and a Unix socket", "[net]") {
  const std::string path = socket_path("lineshaft-net-");
  ServerOptions options;
  options.listeners.push_back({"four", "127.0.0.1", 0, {}, 10});
  options.listeners.push_back({"six", "::1", 0, {}, 10});
  options.listeners.push_back({"local", {}, 0, path, 10});
  {
    World world(options);
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0660);
    Client four(world.server.bound()[0].port);
    four.connect("four");
    Client local(path);
    local.connect("local");
    CHECK(world.server.bound()[1].address.starts_with("[::1]:"));

    four.publish("plant/temp", "21.5");
    CHECK(four.receive_publish() == std::pair<std::string, std::string>("plant/temp", "21.5"));
    CHECK(local.receive_publish() == std::pair<std::string, std::string>("plant/temp", "21.5"));
    CHECK(world.machine.has_heard("opened local"));
    CHECK(world.server.connections() == 2);
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a connection that sends nothing costs the core nothing and is closed at the deadline",
          "[net]") {
  World world;
  const auto before = counter_value(Counter::connect_timeouts);
  Client silent(world.port());
  Client slow(world.port());
  slow.send(std::string("\x10", 1));  // the first byte of a CONNECT does not count as one
  Client quick(world.port());
  quick.connect("quick");
  world.clock.advance(limits::connect_deadline - Milliseconds{100});
  world.let_tick();
  CHECK(counter_value(Counter::connect_timeouts) == before);
  world.clock.advance(Milliseconds{200});
  CHECK(silent.receives_end());
  CHECK(slow.receives_end());
  quick.ping();
  CHECK(counter_value(Counter::connect_timeouts) - before == 2);
  CHECK_FALSE(world.machine.has_heard("lost 0"));
}

TEST_CASE("the core hears of a lost connection once, and not of one it closed", "[net]") {
  World world;
  {
    Client scanner(world.port());
    wait_until([&] { return world.server.connections() == 1; });
  }
  wait_until([&] { return world.server.connections() == 0; });
  CHECK(world.machine.heard().empty());
  Client rude(world.port());
  rude.connect("rude");
  rude.close();
  wait_until([&] { return world.machine.has_heard("lost 0"); });
  Client polite(world.port());
  polite.connect("polite");
  polite.send(mqtt::DisconnectPacket{});
  CHECK(polite.receives_end());
  polite.close();
  wait_until([&] { return world.server.connections() == 0; });
  const auto heard = world.machine.heard();
  CHECK(std::count(heard.begin(), heard.end(), "lost 0") == 1);
}

TEST_CASE("the reason of a close can be read although the client goes on sending", "[net]") {
  World world;
  Client client(world.port());
  client.connect("talker");
  // A reset because of unread bytes would destroy the DISCONNECT on its way.
  std::string bytes = Client::publish_bytes("do/close", "");
  for (int i = 0; i < 10'000; ++i) bytes += Client::publish_bytes("too/late", "value");
  client.send(bytes);
  mqtt::Packet packet = client.receive();
  while (std::holds_alternative<mqtt::PublishPacket>(packet)) packet = client.receive();
  CHECK(reason_of(packet) == ReasonCode::administrative_action);
  CHECK(client.receives_end());
}

TEST_CASE("a client that does not close after the goodbye is closed when its time is over",
          "[net]") {
  World world;
  Client client(world.port());
  client.connect("stays");
  client.publish("do/close", "");
  CHECK(reason_of(client.receive()) == ReasonCode::administrative_action);
  CHECK(client.receives_end());  // our side is shut down, theirs is still open
  Client other(world.port());
  other.connect("other");
  CHECK(world.server.connections() == 2);
  other.close();
  wait_until([&] { return world.server.connections() == 1; });
  world.clock.advance(limits::linger + Milliseconds{200});
  wait_until([&] { return world.server.connections() == 0; });
}

TEST_CASE("nothing is read while the core says so, and all of it afterwards", "[net]") {
  World world;
  Client paused(world.port());
  paused.connect("paused");
  Client other(world.port());
  other.connect("other");
  other.publish("do/pause_others", "");
  wait_until([&] { return world.machine.has_heard("publish do/pause_others"); });
  paused.publish("after/pause", "1");
  // The other client is served many times: plenty of opportunity to read.
  for (int i = 0; i < 20; ++i) {
    other.publish("other/" + std::to_string(i), "");
    other.receive_publish();
    paused.receive_publish();
  }
  CHECK_FALSE(world.machine.has_heard("publish after/pause"));
  other.send(mqtt::PingreqPacket{});
  wait_until([&] { return world.machine.has_heard("publish after/pause"); });
}

TEST_CASE("a slow consumer loses QoS 0, counted, and no QoS 1", "[net]") {
  ServerOptions options;
  options.listeners.push_back({"test", "127.0.0.1", 0, {}, 1000});
  options.listeners[0].limits.outbox_bytes_max = 100'000;
  World world(options);
  const auto dropped_before = counter_value(Counter::dropped_qos0_slow_consumer);
  Client slow(world.port());
  slow.connect("slow");
  Client fast(world.port());
  fast.connect("fast");
  const auto dropped = [&] {
    return counter_value(Counter::dropped_qos0_slow_consumer) - dropped_before;
  };
  const std::string payload(20'000, 'x');
  int sent = 0;
  while (dropped() == 0) {
    fast.publish("fill/0", payload);
    fast.receive_publish();
    ++sent;
  }
  fast.publish("kept/1", payload, 7);
  fast.receive_publish();
  fast.ping();
  fast.close();
  int received = 0;
  for (;;) {
    const auto [topic, value] = slow.receive_publish();
    CHECK(value == payload);
    if (topic == "kept/1") break;
    ++received;
  }
  CHECK(received == sent - static_cast<int>(dropped()));
}

TEST_CASE("a socket that takes nothing while data waits is closed", "[net]") {
  ServerOptions options;
  options.listeners.push_back({"test", "127.0.0.1", 0, {}, 1000});
  options.listeners[0].limits.outbox_bytes_max = 16'000'000;
  World world(options);
  const auto before = counter_value(Counter::slow_consumers_closed);
  Client stalled(world.port());
  stalled.connect("stalled");
  Client fast(world.port());
  fast.connect("fast");
  const std::string payload(100'000, 'x');
  const auto dropped_before = counter_value(Counter::dropped_qos0_slow_consumer);
  while (counter_value(Counter::dropped_qos0_slow_consumer) == dropped_before) {
    fast.publish("fill", payload);
    fast.receive_publish();
  }
  world.clock.advance(limits::stalled_socket - Milliseconds{1000});
  world.let_tick();
  // It takes a little: its time begins anew.
  const auto sent_before = counter_value(Counter::bytes_sent);
  std::vector<char> some(64 * 1024);
  while (counter_value(Counter::bytes_sent) == sent_before) {
    REQUIRE(::recv(stalled.socket(), some.data(), some.size(), 0) > 0);
    // Whoever reads faster than the shard counts reads everything.
    world.let_tick();
  }
  world.clock.advance(Milliseconds{2000});
  world.let_tick();
  CHECK_FALSE(world.machine.has_heard("lost 2"));
  world.clock.advance(limits::stalled_socket);
  wait_until([&] { return world.machine.has_heard("lost 2"); });
  CHECK(counter_value(Counter::slow_consumers_closed) - before == 1);
}

TEST_CASE("the core learns when an outbox is drained, at once when it is empty", "[net]") {
  World world;
  Client client(world.port());
  client.connect("drained");
  client.publish("do/await_drain", "");
  wait_until([&] { return world.machine.has_heard("drained"); });
}

TEST_CASE("a client above the listener's limit is closed at once, counted", "[net]") {
  ServerOptions options;
  options.listeners.push_back({"small", "127.0.0.1", 0, {}, 1});
  World world(options);
  const auto before = counter_value(Counter::connections_refused_limit);
  auto first = std::make_unique<Client>(world.port());
  first->connect("first");
  Client second(world.port());
  CHECK(second.receives_end());
  CHECK(counter_value(Counter::connections_refused_limit) - before == 1);
  first.reset();
  wait_until([&] { return world.server.connections() == 0; });
  Client third(world.port());
  third.connect("third");
}

TEST_CASE("above the connect rate clients wait for their turn, counted", "[net]") {
  ServerOptions options;
  options.listeners.push_back({"slow", "127.0.0.1", 0, {}, 1000});
  options.listeners[0].connects_per_s_max = 20;
  World world(options);
  const auto before = counter_value(Counter::accepts_delayed);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 25; ++i) clients.push_back(std::make_unique<Client>(world.port()));
  wait_until([&] { return counter_value(Counter::accepts_delayed) > before; });
  CHECK(world.server.connections() == 20);
  world.clock.advance(Milliseconds{250});
  wait_until([&] { return world.server.connections() == 25; });
  clients.back()->connect("last");
}

TEST_CASE("an address with too many or too fast connections is closed at once, counted", "[net]") {
  const auto total = [] {
    return counter_value(Counter::connections_refused_address) +
           counter_value(Counter::connections_refused_rate);
  };
  for (const bool by_rate : {false, true}) {
    ServerOptions options;
    options.listeners.push_back({"strict", "127.0.0.1", 0, {}, 1000});
    auto& limit = options.listeners[0];
    if (by_rate) {
      limit.connects_per_s_per_address_max = 2;
    } else {
      limit.connections_per_address_max = 2;
    }
    World world(options);
    const auto before = total();
    Client first(world.port());
    first.connect("first");
    Client second(world.port());
    second.connect("second");
    Client third(world.port());
    CHECK(third.receives_end());
    CHECK(total() - before == 1);
  }
}

TEST_CASE("the deadline before CONNECT does not run while a password is checked", "[net]") {
  class Held final : public core::Authenticator {
   public:
    void authenticate(core::AuthenticationStep,
                      std::function<void(core::AuthenticationAnswer)> done) override {
      const std::lock_guard lock(mutex);
      questions.push_back(std::move(done));
    }
    std::size_t size() {
      const std::lock_guard lock(mutex);
      return questions.size();
    }
    std::mutex mutex;
    std::vector<std::function<void(core::AuthenticationAnswer)>> questions;
  };
  Held held;
  World world({}, nullptr, &held);
  const auto before = counter_value(Counter::connect_timeouts);
  Client slow(world.port());
  slow.send_connect("slow");
  wait_until([&] { return held.size() == 1; });
  Client challenged(world.port());
  challenged.send_connect("challenged");
  wait_until([&] { return held.size() == 2; });
  world.clock.advance(limits::connect_deadline + Milliseconds{1000});
  world.let_tick();
  CHECK(counter_value(Counter::connect_timeouts) == before);
  held.questions[0](core::Admission{});
  CHECK(std::holds_alternative<std::unique_ptr<mqtt::ConnackPacket>>(slow.receive()));
  // It is the client's turn again, and the time is over.
  held.questions[1](core::Challenge{"prove it", nullptr});
  while (!challenged.receives_end()) {
  }
  CHECK(counter_value(Counter::connect_timeouts) == before + 1);
}

TEST_CASE("drain says goodbye with everything that was unsent before it", "[net]") {
  World world;
  Client client(world.port());
  client.connect("drained");
  Client fresh(world.port());
  wait_until([&] { return world.server.connections() == 2; });
  const std::string payload(300'000, 'x');
  for (int i = 0; i < 10; ++i) client.publish("big", payload, static_cast<std::uint16_t>(i + 1));
  // By the answer of the last one, all ten are in the outbox or further.
  wait_until([&] {
    const auto heard = world.machine.heard();
    return std::count(heard.begin(), heard.end(), "publish big") == 10;
  });
  std::atomic<bool> all_sent{false};
  std::thread stopper([&] { all_sent = world.server.drain(); });
  int publishes = 0;
  mqtt::Packet packet = client.receive();
  while (!std::holds_alternative<std::unique_ptr<mqtt::DisconnectPacket>>(packet)) {
    REQUIRE_FALSE(std::holds_alternative<mqtt::PingreqPacket>(packet));
    if (std::holds_alternative<mqtt::PublishPacket>(packet)) ++publishes;
    packet = client.receive();
  }
  CHECK(reason_of(packet) == ReasonCode::server_shutting_down);
  CHECK(publishes == 10);
  CHECK(client.receives_end());
  client.close();
  stopper.join();
  CHECK(all_sent);
  CHECK(fresh.receives_end());
  world.server.stop();
}

TEST_CASE("a request is answered on shard 0's thread", "[net]") {
  World world;
  Client client(world.port());
  client.connect("one");
  std::atomic<std::size_t> connections{0};
  std::atomic<bool> same_thread{false};
  std::thread::id shard_thread;
  std::atomic<bool> known{false};
  world.server.post_to_shard0([&] {
    shard_thread = std::this_thread::get_id();
    known = true;
  });
  wait_until([&] { return known.load(); });
  world.server.request({0, core::StatisticsRequest{}}, [&](core::Reply reply) {
    same_thread = std::this_thread::get_id() == shard_thread;
    connections = std::get<core::Statistics>(reply.what).connections;
  });
  wait_until([&] { return connections == 1; });
  CHECK(same_thread);
}

TEST_CASE("without file descriptors accepting pauses, counted, and goes on afterwards", "[net]") {
  World world;
  const auto before = counter_value(Counter::accepts_paused);
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
  rlimit none = old;
  none.rlim_cur = 0;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(world.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected = ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address);
  while (counter_value(Counter::accepts_paused) == before) std::this_thread::yield();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &old) == 0);
  CHECK(connected == 0);
  wait_until([&] { return world.server.connections() == 1; });
  ::close(socket);
}
