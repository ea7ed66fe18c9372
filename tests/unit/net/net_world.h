#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "broker/base/metrics.h"
#include "broker/mqtt/decoder.h"
#include "broker/mqtt/encoder.h"
#include "broker/net/server.h"
#include "tests/support/catch.h"

/// A server with a small machine in place of the core, and clients that speak to it.
namespace lineshaft::net::test {

/// Stands still until a test moves it.
class HandClock final : public Clock {
 public:
  Now now() override {
    const Milliseconds at{at_ms_.load()};
    return {Instant{at}, WallTime{at}};
  }
  void advance(Milliseconds by) { at_ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> at_ms_{1'000'000};
};

/// Waits for something other threads do; the test's own time limit ends it when it never comes.
template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

/// Every publish goes to every connected client with the quality it was published with. Records
/// what it is told as words, and obeys topics that begin with "do/".
class SmallMachine final : public Machine {
 public:
  explicit SmallMachine(std::size_t shards = 1) : shards_size(shards) {}

  void apply(Now, core::Input&& input, core::Effects& effects) override {
    if (before_apply) before_apply(input);
    std::visit([&](auto& one) { on(one, effects); }, input);
  }

  std::vector<std::string> heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  bool has_heard(const std::string& word) {
    const auto all = heard();
    return std::find(all.begin(), all.end(), word) != all.end();
  }

  const std::size_t shards_size;
  std::atomic<int> ticks{0};
  /// On the thread that runs the turn.
  std::function<void(const core::Input&)> before_apply;
  /// Sent with Configure to the next client.
  std::uint16_t topic_alias_maximum = 0;
  /// Publishes are acknowledged and not handed out.
  bool only_acknowledge = false;

 private:
  using ConnectionId = core::ConnectionId;

  static core::ConnectionRef ref(ConnectionId id) { return {id.slot, id.generation}; }
  static std::vector<core::Effect>& list(ConnectionId id, core::Effects& effects) {
    return effects.shards[id.shard].list;
  }
  void hear(std::string word) {
    const std::lock_guard lock(mutex_);
    heard_.push_back(std::move(word));
  }

  void on(core::ConnectionOpened& in, core::Effects&) { hear("opened " + in.peer->listener); }
  void on(core::ConnectionLost& in, core::Effects&) {
    hear("lost " + std::to_string(static_cast<int>(in.because)));
    std::erase(clients_, in.connection);
  }
  void on(core::ReadingPaused& in, core::Effects&) { hear(in.paused ? "paused" : "resumed"); }
  void on(core::OutboxDrained&, core::Effects&) { hear("drained"); }
  void on(core::TimeAdvanced&, core::Effects&) { ++ticks; }
  void on(core::Request& in, core::Effects& effects) {
    if (std::holds_alternative<core::StatisticsRequest>(in.what)) {
      core::Statistics statistics;
      statistics.connections = clients_.size();
      effects.replies.push_back({in.id, statistics});
    } else if (std::holds_alternative<core::DrainRequest>(in.what)) {
      for (const ConnectionId id : clients_) close(id, ReasonCode::server_shutting_down, effects);
      clients_.clear();
      effects.replies.push_back({in.id, core::DrainDone{}});
    }
  }
  void on(core::PacketsArrived& in, core::Effects& effects) {
    for (mqtt::Packet& packet : in.packets) {
      std::visit([&](auto& one) { on(in.connection, one, effects); }, packet);
    }
  }
  template <class Other>
  void on(Other&, core::Effects&) {}

  void on(ConnectionId id, std::unique_ptr<mqtt::ConnectPacket>& in, core::Effects& effects) {
    core::Configure configure{ref(id), in->version, in->maximum_packet_size, true, 0};
    configure.topic_alias_maximum = topic_alias_maximum;
    list(id, effects).push_back(configure);
    list(id, effects)
        .push_back(core::Acknowledge{ref(id), std::make_unique<mqtt::ConnackPacket>()});
    clients_.push_back(id);
    hear("connect " + in->client_id);
  }
  void on(ConnectionId id, mqtt::PublishPacket& in, core::Effects& effects) {
    const std::string topic(in.message->topic());
    if (topic == "do/pause_others") {
      for (const ConnectionId one : clients_) {
        if (one != id) list(one, effects).push_back(core::SetReading{ref(one), true});
      }
    } else if (topic == "do/close") {
      close(id, ReasonCode::administrative_action, effects);
      std::erase(clients_, id);
    } else if (topic == "do/await_drain") {
      list(id, effects).push_back(core::AwaitDrain{ref(id)});
    } else if (!only_acknowledge) {
      hand_out(in, effects);
    }
    hear("publish " + topic);
    if (in.message->qos() == QoS::at_least_once) {
      list(id, effects)
          .push_back(
              core::Acknowledge{ref(id), mqtt::AckPacket{mqtt::PacketType::puback, in.packet_id,
                                                         ReasonCode::success, nullptr}});
    }
  }
  void on(ConnectionId id, mqtt::PingreqPacket&, core::Effects& effects) {
    list(id, effects).push_back(core::Acknowledge{ref(id), mqtt::PingrespPacket{}});
    // A ping also lets everybody read again.
    for (const ConnectionId one : clients_) {
      list(one, effects).push_back(core::SetReading{ref(one), false});
    }
  }
  void on(ConnectionId id, std::unique_ptr<mqtt::DisconnectPacket>&, core::Effects& effects) {
    std::erase(clients_, id);
    list(id, effects).push_back(core::Close{ref(id)});
    hear("disconnect");
  }
  void on(ConnectionId id, mqtt::Violation& in, core::Effects& effects) {
    std::erase(clients_, id);
    close(id, in.error.reason, effects);
    hear("violation");
  }
  template <class Other>
  void on(ConnectionId, Other&, core::Effects&) {}

  void close(ConnectionId id, ReasonCode reason, core::Effects& effects) {
    auto packet = std::make_unique<mqtt::DisconnectPacket>();
    packet->reason = reason;
    list(id, effects).push_back(core::Acknowledge{ref(id), std::move(packet)});
    list(id, effects).push_back(core::Close{ref(id)});
  }
  void hand_out(const mqtt::PublishPacket& in, core::Effects& effects) {
    for (std::size_t i = 0; i < effects.shards.size(); ++i) {
      core::ShardEffects& shard = effects.shards[i];
      core::Deliver deliver{in.message, no_expiry_s,
                            static_cast<std::uint32_t>(shard.recipients.size()), 0};
      for (const ConnectionId id : clients_) {
        if (id.shard != i) continue;
        core::Recipient recipient;
        recipient.connection = ref(id);
        recipient.qos = in.message->qos();
        recipient.packet_id = recipient.qos == QoS::at_most_once ? std::uint16_t{0} : next_id();
        shard.recipients.push_back(recipient);
        ++deliver.recipients_size;
      }
      if (deliver.recipients_size > 0) shard.list.push_back(std::move(deliver));
    }
  }
  std::uint16_t next_id() {
    return packet_id_ = static_cast<std::uint16_t>(packet_id_ % 60'000 + 1);
  }

  std::mutex mutex_;
  std::vector<std::string> heard_;
  std::vector<ConnectionId> clients_;
  std::uint16_t packet_id_ = 0;
};

/// A blocking client. Speaks MQTT 5.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    decoder_.set_version(mqtt::Version::v5);
  }
  explicit Client(const std::string& unix_path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, unix_path.data(), unix_path.size());
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    decoder_.set_version(mqtt::Version::v5);
  }
  ~Client() { close(); }
  Client(const Client&) = delete;

  void send(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto size = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) return;
      sent += static_cast<std::size_t>(size);
    }
  }
  template <class Packet>
  void send(const Packet& packet) {
    std::string bytes;
    REQUIRE(mqtt::encode(packet, mqtt::EncodeOptions{}, bytes));
    send(bytes);
  }
  void send_connect(const std::string& client_id) {
    mqtt::ConnectPacket packet;
    packet.client_id = client_id;
    send(packet);
  }
  /// CONNECT and the CONNACK that comes back.
  void connect(const std::string& client_id) {
    send_connect(client_id);
    const auto packet = receive();
    REQUIRE(std::holds_alternative<std::unique_ptr<mqtt::ConnackPacket>>(packet));
  }
  static std::string publish_bytes(const std::string& topic, const std::string& payload,
                                   std::uint16_t packet_id = 0) {
    MessageArena arena;
    const QoS qos = packet_id == 0 ? QoS::at_most_once : QoS::at_least_once;
    const auto message = arena.make({topic, {}, payload, qos, false, false, no_expiry_s});
    mqtt::PublishHeader header;
    header.qos = qos;
    header.packet_id = packet_id;
    std::string bytes;
    mqtt::encode_publish(*message, header, bytes);
    return bytes;
  }
  void publish(const std::string& topic, const std::string& payload, std::uint16_t packet_id = 0) {
    send(publish_bytes(topic, payload, packet_id));
  }

  /// The next packet; a `PingreqPacket` (which servers never send) stands for the end.
  mqtt::Packet receive() {
    std::vector<char> buffer(64 * 1024);
    while (next_ == packets_.size()) {
      packets_.clear();
      next_ = 0;
      const auto size = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (size <= 0) return mqtt::PingreqPacket{};
      decoder_.feed({buffer.data(), static_cast<std::size_t>(size)}, packets_);
    }
    return std::move(packets_[next_++]);
  }
  bool receives_end() { return std::holds_alternative<mqtt::PingreqPacket>(receive()); }
  /// The next packet is a PUBLISH; its topic and payload.
  std::pair<std::string, std::string> receive_publish() {
    const auto packet = receive();
    const auto* publish = std::get_if<mqtt::PublishPacket>(&packet);
    REQUIRE(publish != nullptr);
    return {std::string(publish->message->topic()), std::string(publish->message->payload())};
  }
  /// Waits until everything sent was answered.
  void ping() {
    send(mqtt::PingreqPacket{});
    while (!std::holds_alternative<mqtt::PingrespPacket>(receive())) {
    }
  }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  int socket() const { return socket_; }

 private:
  int socket_;
  MessageArena arena_;
  mqtt::Decoder decoder_{mqtt::Role::client_reads_server,
                         {limits::packet_size_bytes_max, limits::connect_size_bytes_max, 65535, 64},
                         arena_};
  std::vector<mqtt::Packet> packets_;
  std::size_t next_ = 0;
};

/// A started server; `options.listeners` empty means one on any free port of 127.0.0.1.
class World {
 public:
  explicit World(ServerOptions options = {}, std::unique_ptr<SmallMachine> small = nullptr,
                 core::Authenticator* authenticator = nullptr)
      : owned_(small ? std::move(small) : std::make_unique<SmallMachine>(options.shards)),
        machine(*owned_),
        server(with_defaults(options), std::move(owned_), nullptr, clock) {
    if (authenticator != nullptr) server.set_authenticator(authenticator);
    const auto error = server.start();
    REQUIRE_FALSE(error.has_value());
  }
  static ServerOptions with_defaults(ServerOptions options) {
    if (options.listeners.empty()) options.listeners.push_back({"test", "127.0.0.1", 0, {}, 1000});
    // The test moves the clock; the server looks at it often.
    options.shard.tick = Milliseconds{1};
    return options;
  }
  /// Afterwards every shard 0 deadline of the clock's present time has fired.
  void let_tick() {
    const int before = machine.ticks;
    wait_until([&] { return machine.ticks >= before + 2; });
  }
  std::uint16_t port() const { return server.bound().front().port; }

  HandClock clock;

 private:
  std::unique_ptr<SmallMachine> owned_;

 public:
  SmallMachine& machine;
  Server server;
};

}  // namespace lineshaft::net::test
