#include <algorithm>
#include <cstring>
#include <future>

#include "broker/net/byte_stream.h"
#include "broker/net/proxy_layer.h"
#include "tests/unit/net/net_world.h"

using namespace lineshaft;
using namespace lineshaft::net;
using namespace lineshaft::net::test;

namespace {

constexpr char hello = 'H';
constexpr std::string_view welcome = "WELCOME";
constexpr std::string_view goodbye = "GOODBYE";
constexpr char mask = 0x55;

std::string masked(std::string bytes) {
  for (char& byte : bytes) byte = static_cast<char>(byte ^ mask);
  return bytes;
}

/// A layer as difficult as TLS and WebSocket together: a greeting each way, bytes that look
/// different on the wire, input that stays inside, output that the socket has not taken yet.
class MaskLayer final : public Layer {
 public:
  /// Handshake steps of the one shard, in all and between two flushes.
  struct Counts {
    std::atomic<int> all{0};
    int since_flush = 0;
    std::atomic<int> most_since_flush{0};
  };

  MaskLayer(std::unique_ptr<ByteStream> below, std::size_t bite, Counts* counts)
      : Layer(std::move(below)), bite_(bite), counts_(counts) {}

  IoResult read(std::span<char> into) override {
    if (is_handshaking()) {
      ++counts_->all;
      ++counts_->since_flush;
      counts_->most_since_flush = std::max<int>(counts_->most_since_flush, counts_->since_flush);
    }
    if (given_ == input_.size()) {
      input_.resize(64 * 1024);
      given_ = 0;
      const IoResult read = below().read(input_);
      input_.resize(read.size);
      if (read.state != IoState::ok) return read;
    }
    if (!greeted_) {
      if (input_[0] != hello) {
        refused_ = true;
        unsent_ = "NO";
        return {IoState::refused, 0};
      }
      greeted_ = true;
      given_ = 1;
      unsent_ = welcome;
      if (input_.size() == 1) return {IoState::blocked, 0};
    }
    const std::size_t size = std::min({bite_, into.size(), input_.size() - given_});
    const std::string piece = masked(input_.substr(given_, size));
    std::memcpy(into.data(), piece.data(), size);
    given_ += size;
    return {IoState::ok, size};
  }
  bool has_input() const override { return given_ < input_.size() || below().has_input(); }
  IoResult write(std::span<const iovec> pieces) override {
    counts_->since_flush = 0;
    if (const IoResult sent = send(); sent.state != IoState::ok) return sent;
    std::size_t size = 0;
    for (const iovec& piece : pieces) {
      unsent_ += masked({static_cast<const char*>(piece.iov_base), piece.iov_len});
      size += piece.iov_len;
    }
    return {send().state, size};
  }
  std::size_t unsent_bytes() const override { return unsent_.size() + below().unsent_bytes(); }
  IoResult finish() override {
    if (!refused_ && !std::exchange(finished_, true)) unsent_ += goodbye;
    return send();
  }
  bool is_handshaking() const override { return !greeted_; }
  void describe(core::Peer& peer) const override { peer.listener += " masked"; }
  Refusal refusal() const override { return {"mask", "it did not say hello"}; }

 private:
  IoResult send() {
    if (unsent_.empty()) return {};
    const iovec piece{unsent_.data(), unsent_.size()};
    const IoResult sent = below().write(std::span(&piece, 1));
    unsent_.erase(0, sent.size);
    return sent;
  }

  const std::size_t bite_;
  Counts* counts_;
  bool greeted_ = false;
  bool refused_ = false;
  bool finished_ = false;
  std::string input_;
  std::size_t given_ = 0;
  std::string unsent_;
};

class MaskFactory final : public LayerFactory {
 public:
  explicit MaskFactory(std::size_t bite) : bite_(bite) {}
  std::unique_ptr<ByteStream> wrap(std::unique_ptr<ByteStream> below, const core::Peer&,
                                   AddressCheck) const override {
    return std::make_unique<MaskLayer>(std::move(below), bite_, &counts);
  }

  mutable MaskLayer::Counts counts;

 private:
  const std::size_t bite_;
};

ServerOptions with_layer(std::shared_ptr<const MaskFactory> factory) {
  ServerOptions options;
  options.listeners.push_back({"test", "127.0.0.1", 0, {}, 1000, {std::move(factory)}});
  return options;
}

std::string connect_bytes(const std::string& client_id) {
  mqtt::ConnectPacket packet;
  packet.client_id = client_id;
  std::string bytes;
  REQUIRE(mqtt::encode(packet, mqtt::EncodeOptions{}, bytes));
  return bytes;
}

/// What comes until the end, or until `size` bytes are there.
std::string receive_bytes(const Client& client, std::size_t size = SIZE_MAX) {
  std::string all;
  std::vector<char> buffer(64 * 1024);
  while (all.size() < size) {
    const auto got = ::recv(client.socket(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return all;
}

std::string disconnect_bytes() {
  std::string bytes;
  REQUIRE(mqtt::encode(mqtt::DisconnectPacket{}, mqtt::EncodeOptions{}, bytes));
  return bytes;
}

}  // namespace

TEST_CASE("what leaves a socket is counted once, whatever became of it", "[net]") {
  int ends[2] = {};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  SocketStream stream(ends[0]);
  REQUIRE(::send(ends[1], "hello", 5, 0) == 5);
  std::array<char, 3> buffer{};
  CHECK(stream.read(buffer).size == 3);
  CHECK(stream.read(buffer).size == 2);
  CHECK(stream.read(buffer).state == IoState::blocked);
  CHECK(stream.take_received_bytes() == 5);
  CHECK(stream.take_received_bytes() == 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("behind a PROXY header the client's address is limited, not the balancer's",
          "[net][proxy]") {
  const auto header = [](const std::string& host) {
    return "PROXY TCP4 " + host + " 10.0.0.1 40312 1883\r\n";
  };
  const std::string nobody = "PROXY UNKNOWN\r\n";
  ServerOptions options;
  options.listeners.push_back({"balanced", "127.0.0.1", 0, {}, 1000});
  options.listeners[0].connections_per_address_max = 1;
  options.listeners[0].layers = {
      std::make_shared<ProxyFactory>(std::vector{*AddressRange::parse("127.0.0.1")})};
  World world(options);
  const auto refused = [] { return counter_value(Counter::connections_refused_address); };
  const auto before = refused();
  // Those that have said nothing yet hold no place.
  Client silent(world.port());
  Client first(world.port());
  first.send(header("192.0.2.7"));
  first.connect("first");
  Client other(world.port());
  other.send(header("192.0.2.8"));
  other.connect("other");
  Client again(world.port());
  again.send(header("192.0.2.7") + connect_bytes("again"));
  CHECK(again.receives_end());
  CHECK(refused() - before == 1);
  CHECK_FALSE(world.machine.has_heard("connect again"));
  // The balancer itself counts too: it checks whether we live.
  Client check(world.port());
  check.send(nobody);
  check.connect("check");
  Client second_check(world.port());
  second_check.send(nobody + connect_bytes("second"));
  CHECK(second_check.receives_end());
  CHECK(refused() - before == 2);
  // Who has gone has given its place back.
  first.close();
  wait_until([&] { return world.server.connections() == 3; });
  Client back(world.port());
  back.send(header("192.0.2.7"));
  back.connect("back");
  CHECK(refused() - before == 2);
}

TEST_CASE("input that stays inside a layer is read without the socket announcing it", "[net]") {
  World world(with_layer(std::make_shared<MaskFactory>(3)));
  Client client(world.port());
  // One write, one readiness: 200 packets come out in bites of three bytes.
  std::string bytes = connect_bytes("a");
  for (int i = 0; i < 200; ++i) bytes += Client::publish_bytes("plant/temp", "21.5");
  client.send(hello + masked(bytes + disconnect_bytes()));
  const std::string received = receive_bytes(client);
  CHECK(world.machine.has_heard("opened test masked"));
  const auto heard = world.machine.heard();
  CHECK(std::count(heard.begin(), heard.end(), "publish plant/temp") == 200);
  CHECK(received.starts_with(welcome));
  CHECK(received.ends_with(goodbye));
}

TEST_CASE("a layer's own bytes leave although the core has nothing to send", "[net]") {
  World world(with_layer(std::make_shared<MaskFactory>(1000)));
  Client client(world.port());
  client.send(std::string(1, hello));
  CHECK(receive_bytes(client, welcome.size()) == welcome);
}

TEST_CASE("what a layer refuses gets the layer's goodbye, and the core hears nothing", "[net]") {
  World world(with_layer(std::make_shared<MaskFactory>(1000)));
  Client client(world.port());
  client.send(std::string("what is this?"));
  CHECK(receive_bytes(client) == "NO");
  client.close();
  wait_until([&] { return world.server.connections() == 0; });
  CHECK(world.machine.heard().empty());
}

TEST_CASE("a large message passes a layer whose socket is full again and again", "[net]") {
  World world(with_layer(std::make_shared<MaskFactory>(100'000)));
  Client client(world.port());
  const std::string payload(1'500'000, 'x');
  client.send(hello + masked(connect_bytes("a") + Client::publish_bytes("t", payload, 7)));
  const std::string received = receive_bytes(client, welcome.size() + payload.size());
  CHECK(masked(received.substr(welcome.size())).find(payload.substr(0, 1000)) != std::string::npos);
  CHECK(received.size() > payload.size());
}

TEST_CASE("a turn does one step of a handshake, and all are served", "[net]") {
  const auto factory = std::make_shared<MaskFactory>(1000);
  World world(with_layer(factory));
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(std::make_unique<Client>(world.port()));
  // All greetings are there before the shard looks: more than one turn may serve.
  std::promise<void> sent;
  world.server.post_to_shard0([&] { sent.get_future().wait(); });
  for (const auto& client : clients) client->send(std::string(1, hello));
  sent.set_value();
  for (const auto& client : clients) CHECK(receive_bytes(*client, welcome.size()) == welcome);
  CHECK(factory->counts.all == 100);
  CHECK(factory->counts.most_since_flush == 1);
}

TEST_CASE("the deadline before CONNECT covers the time in a layer", "[net]") {
  World world(with_layer(std::make_shared<MaskFactory>(1000)));
  Client client(world.port());
  client.send(std::string(1, hello));
  REQUIRE(receive_bytes(client, welcome.size()) == welcome);
  world.clock.advance(limits::connect_deadline + Milliseconds{200});
  CHECK(client.receives_end());
}

TEST_CASE("a TLS client on a plain listener is closed", "[net]") {
  World world;
  Client client(world.port());
  client.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  receive_bytes(client);
  client.close();
  wait_until([&] { return world.server.connections() == 0; });
  CHECK(world.machine.has_heard("violation"));
}
