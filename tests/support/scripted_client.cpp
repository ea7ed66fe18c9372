#include "tests/support/scripted_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace lineshaft::test {
namespace {

constexpr std::uint64_t seed = 20'240'501;

const auto peer = std::make_shared<const core::Peer>(core::Peer{"test", "127.0.0.1:40312"});

std::string text(std::string_view part) { return std::string(part); }

}  // namespace

std::string cut_packet(std::string& bytes) {
  std::size_t size = 0;
  for (std::size_t i = 1; i < bytes.size() && i < 5; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    size |= std::size_t{byte & 0x7FU} << (7 * (i - 1));
    if ((byte & 0x80U) != 0) continue;
    if (bytes.size() < i + 1 + size) return {};
    std::string packet = bytes.substr(0, i + 1 + size);
    bytes.erase(0, packet.size());
    return packet;
  }
  return {};
}

ScriptedBroker::ScriptedBroker(core::CoreConfig config) : config_(std::move(config)) {
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets_) != 0) {
    throw std::runtime_error("no socket pair");
  }
  core_ = std::make_unique<core::Core>(config_, 1, seed);
}

ScriptedBroker::~ScriptedBroker() {
  ::close(sockets_[0]);
  ::close(sockets_[1]);
}

ScriptedClient ScriptedBroker::open() {
  const mqtt::DecoderLimits limits{config_.packet_size_bytes_max, limits::connect_size_bytes_max,
                                   config_.topic_alias_in_max, limits::user_properties_max};
  const auto slot = static_cast<std::uint32_t>(pipes_.size());
  pipes_.push_back(std::make_unique<Pipe>(limits, arena_));
  pipes_.back()->id = {0, slot, 1};
  return ScriptedClient(*this, slot);
}

ScriptedClient ScriptedBroker::connect(std::string_view notation) {
  ScriptedClient client = open();
  client.send(notation);
  return client;
}

ScriptedClient ScriptedBroker::v5(std::string_view client_id, std::string_view properties) {
  return connect("10 [<MQTT> 05 02 0000 [" + text(properties) + "] <" + text(client_id) + ">]")
      .expect_connack();
}

ScriptedClient ScriptedBroker::v5_durable(std::string_view client_id, std::string_view properties) {
  return connect("10 [<MQTT> 05 00 0000 [11 00000E10 " + text(properties) + "] <" +
                 text(client_id) + ">]")
      .expect_connack();
}

ScriptedClient ScriptedBroker::v3_1_1(std::string_view client_id, std::string_view connect_flags) {
  return connect("10 [<MQTT> 04 " + text(connect_flags) + " 0000 <" + text(client_id) + ">]")
      .expect_connack();
}

void ScriptedBroker::feed(Pipe& pipe, std::string_view bytes) {
  if (pipe.closed_by_broker || pipe.closed_by_client) return;
  std::vector<mqtt::Packet> packets;
  pipe.decoder.feed(bytes, packets);
  if (packets.empty()) return;
  if (!std::exchange(pipe.known_to_core, true)) run(core::ConnectionOpened{pipe.id, peer});
  run(core::PacketsArrived{pipe.id, std::move(packets)});
}

void ScriptedBroker::lose(Pipe& pipe) {
  if (pipe.closed_by_broker || std::exchange(pipe.closed_by_client, true)) return;
  if (pipe.known_to_core) run(core::ConnectionLost{pipe.id, core::LostBecause::network_error});
}

void ScriptedBroker::run(core::Input input) {
  inputs_.push_back(std::move(input));
  while (!inputs_.empty()) {
    core::Input next = std::move(inputs_.front());
    inputs_.pop_front();
    core_->apply(now_, std::move(next), effects_);
    take_effects();
  }
}

void ScriptedBroker::take_effects() {
  const core::ShardEffects& shard = effects_.shards[0];
  for (const core::Effect& effect : shard.list) {
    if (const auto* deliver = std::get_if<core::Deliver>(&effect)) {
      for (const core::Recipient& recipient : shard.recipients_of(*deliver)) {
        pipe_of(recipient.connection)
            .outbox.publish(*deliver, recipient, shard.identifiers_of(recipient), nullptr,
                            limits::outbox_bytes_max, totals_);
      }
    } else if (const auto* acknowledge = std::get_if<core::Acknowledge>(&effect)) {
      pipe_of(acknowledge->connection).outbox.packet(acknowledge->packet, totals_);
    } else if (const auto* configure = std::get_if<core::Configure>(&effect)) {
      pipe_of(configure->connection).outbox.configure(*configure);
    } else if (const auto* close = std::get_if<core::Close>(&effect)) {
      pipe_of(close->connection).closed_by_broker = true;
    } else if (const auto* reading = std::get_if<core::SetReading>(&effect)) {
      pipe_of(reading->connection).reading_paused = reading->paused;
    } else if (const auto* await = std::get_if<core::AwaitDrain>(&effect)) {
      inputs_.push_back(core::OutboxDrained{pipe_of(await->connection).id});
    }
  }
  for (const auto& pipe : pipes_) drain(*pipe);
  if (effects_.persist) {
    store_.persist(std::move(*effects_.persist), now_.wall);
    if (!holds_commits_) {
      inputs_.push_back(
          core::StoreCommitted{core::StoreSource::journal, store_.commit(store_.waiting())});
    }
  }
  for (const core::LoadQueue& load : effects_.loads) inputs_.push_back(store_.load(load));
  if (effects_.again) inputs_.push_back(core::TimeAdvanced{});
  effects_.clear();
}

void ScriptedBroker::drain(Pipe& pipe) {
  std::array<char, 65536> buffer;
  while (!pipe.outbox.empty()) {
    boost::system::error_code error;
    pipe.outbox.flush(sockets_[0], totals_, error);
    const ssize_t size = ::recv(sockets_[1], buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0) throw std::runtime_error("the socket pair does not take bytes");
    if (!pipe.closed_by_client) pipe.received.append(buffer.data(), static_cast<std::size_t>(size));
  }
  for (;;) {
    const ssize_t size = ::recv(sockets_[1], buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0) return;
    if (!pipe.closed_by_client) pipe.received.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

void ScriptedBroker::let_pass(Milliseconds time) {
  now_.steady += time;
  now_.wall += time;
}

void ScriptedBroker::after(Milliseconds time) {
  let_pass(time);
  run(core::TimeAdvanced{});
}

void ScriptedBroker::commit() {
  const std::uint64_t seq = store_.commit(store_.waiting());
  if (seq != 0) run(core::StoreCommitted{core::StoreSource::journal, seq});
}

void ScriptedBroker::store_accepts_writes(bool accepts) {
  run(core::StoreStateChanged{accepts, ReasonCode::quota_exceeded, false});
}

void ScriptedBroker::crash() {
  store_.crash();
  store_.crashed();
  start();
}

void ScriptedBroker::restart(Milliseconds away) {
  run(core::Request{1, core::DrainRequest{}});
  commit();
  store_.stopped(now_.wall);
  let_pass(away);
  start();
}

void ScriptedBroker::start() {
  for (const auto& pipe : pipes_) pipe->closed_by_broker = true;
  inputs_.clear();
  core_ = std::make_unique<core::Core>(config_, 1, seed + 1);
  for (core::Change& change : store_.records()) {
    CHECK(core_->restore(now_, std::move(change)));
  }
  core_->restored(now_, store_.summary(), effects_);
  take_effects();
  run(core::TimeAdvanced{});
}

void ScriptedBroker::request(core::Request request) { run(std::move(request)); }

void ScriptedBroker::reconfigure(core::CoreConfig config) {
  config_ = config;
  run(core::Reconfigured{std::move(config)});
}

ScriptedClient& ScriptedClient::send(std::string_view notation) {
  return send_bytes(wire(notation));
}

ScriptedClient& ScriptedClient::send_in_pieces(std::string_view notation) {
  for (const char byte : wire(notation)) broker_->feed(pipe(), {&byte, 1});
  return *this;
}

ScriptedClient& ScriptedClient::send_bytes(std::string_view bytes) {
  broker_->feed(pipe(), bytes);
  return *this;
}

ScriptedClient& ScriptedClient::expect(std::string_view notation) {
  INFO("expected " << notation);
  std::string expected = wire(notation);
  while (!expected.empty()) {
    const std::string packet = cut_packet(expected);
    REQUIRE_FALSE(packet.empty());
    REQUIRE(to_hex(take()) == to_hex(packet));
  }
  return *this;
}

ScriptedClient& ScriptedClient::expect_nothing() {
  CHECK(to_hex(pipe().received) == "");
  CHECK_FALSE(pipe().closed_by_broker);
  return *this;
}

ScriptedClient& ScriptedClient::expect_closed() {
  CHECK(to_hex(pipe().received) == "");
  CHECK(pipe().closed_by_broker);
  return *this;
}

ScriptedClient& ScriptedClient::expect_disconnect(ReasonCode reason) {
  const std::string bytes{'\xE0', 1, static_cast<char>(reason)};
  CHECK(to_hex(take()) == to_hex(bytes));
  return expect_closed();
}

ScriptedClient& ScriptedClient::expect_refused(ReasonCode reason) {
  const std::string bytes{0x20, 3, 0, static_cast<char>(reason), 0};
  CHECK(to_hex(take()) == to_hex(bytes));
  return expect_closed();
}

ScriptedClient& ScriptedClient::expect_connack() {
  const std::string packet = take();
  INFO("CONNACK 0x00 expected, got " << to_hex(packet));
  REQUIRE(packet.size() >= 4);
  REQUIRE(packet[0] == 0x20);
  REQUIRE(packet[3] == 0);
  REQUIRE((packet[2] & 0xFE) == 0);  // [MQTT-3.2.2-1]
  session_present_ = packet[2] == 1;
  return *this;
}

ScriptedClient& ScriptedClient::subscribe(std::string_view filter, std::string_view options,
                                          std::string_view properties) {
  const char granted = static_cast<char>('0' + (std::stoi(text(options), nullptr, 16) & 3));
  const bool is_v5 = pipe().decoder.version() == mqtt::Version::v5;
  const std::string middle = is_v5 ? "[" + text(properties) + "] " : "";
  send("82 [0A0A " + middle + "<" + text(filter) + "> " + text(options) + "]");
  return expect(text("90 [0A0A ") + (is_v5 ? "[] " : "") + "0" + granted + "]");
}

ScriptedClient& ScriptedClient::unsubscribe(std::string_view filter) {
  const bool is_v5 = pipe().decoder.version() == mqtt::Version::v5;
  send(text("A2 [0B0B ") + (is_v5 ? "[] " : "") + "<" + text(filter) + ">]");
  return expect(is_v5 ? "B0 [0B0B [] 00]" : "B0 [0B0B]");
}

std::string ScriptedClient::take() { return cut_packet(pipe().received); }

void ScriptedClient::vanish() { broker_->lose(pipe()); }

void ScriptedClient::pause_reading(bool paused) {
  broker_->run(core::ReadingPaused{pipe().id, paused});
}

}  // namespace lineshaft::test
