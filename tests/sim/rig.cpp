#include "tests/sim/rig.h"

#include <utility>

namespace lineshaft::sim {

using mqtt::PacketType;

namespace {

Settings settings_of(const core::CoreConfig& config, Fault fault) {
  Settings settings;
  settings.config = config;
  settings.fault = fault;
  return settings;
}

}  // namespace

Rig::Rig(const core::CoreConfig& config, Fault fault)
    : world_(settings_of(config, fault), chance_) {}

int Rig::client_index(const std::string& client) {
  return indexes_.try_emplace(client, static_cast<int>(indexes_.size())).first->second;
}

void Rig::send(const std::string& client, mqtt::Packet packet) {
  const int pipe = pipes_.at(client);
  world_.send(pipe, std::move(packet));
  world_.carry(pipe, 1);
}

void Rig::connect(const std::string& client, const Hello& hello) {
  auto packet = std::make_unique<mqtt::ConnectPacket>();
  packet->version = hello.version;
  packet->client_id = client;
  packet->clean_start = hello.clean;
  packet->session_expiry_interval_s = hello.expiry_s;
  packet->receive_maximum = hello.receive_maximum;
  if (hello.will != 0) {
    packet->will = mqtt::Will{world_.kept_message(hello.will), hello.will_delay_s};
  }
  pipes_[client] = world_.open(client_index(client));
  closed_told_[client] = false;
  send(client, std::move(packet));
}

void Rig::join(const std::string& client, const Hello& hello) {
  connect(client, hello);
  commit();
  take(client);
}

int Rig::publish(const std::string& client, const std::string& topic, int qos,
                 std::uint16_t packet_id, bool retain, std::string payload) {
  Sent& sent = world_.compose(topic, static_cast<QoS>(qos), retain, std::move(payload));
  sent.publisher = client_index(client);
  mqtt::PublishPacket packet;
  packet.message = world_.block_message(sent.number);
  packet.packet_id = packet_id;
  const int number = sent.number;
  send(client, std::move(packet));
  return number;
}

void Rig::publish_again(const std::string& client, int message, std::uint16_t packet_id) {
  mqtt::PublishPacket packet;
  packet.message = world_.block_message(message);
  packet.packet_id = packet_id;
  packet.dup = true;
  send(client, std::move(packet));
}

void Rig::subscribe(const std::string& client, const std::string& filter, int qos,
                    std::uint16_t packet_id, std::uint8_t retain_handling) {
  auto packet = std::make_unique<mqtt::SubscribePacket>();
  packet->packet_id = packet_id;
  mqtt::SubscriptionOptions options;
  options.qos = static_cast<QoS>(qos);
  options.retain_handling = retain_handling;
  packet->items.push_back({filter, options});
  send(client, std::move(packet));
}

void Rig::listen(const std::string& client, const std::string& filter, int qos) {
  subscribe(client, filter, qos, 1000);
  commit();
  take(client);
}

void Rig::join_and_listen(const std::string& client, const std::string& filter, int qos,
                          const Hello& hello) {
  join(client, hello);
  listen(client, filter, qos);
}

void Rig::unsubscribe(const std::string& client, const std::string& filter,
                      std::uint16_t packet_id) {
  auto packet = std::make_unique<mqtt::UnsubscribePacket>();
  packet->packet_id = packet_id;
  packet->filters.push_back(filter);
  send(client, std::move(packet));
}

void Rig::ack(const std::string& client, std::string_view type, std::uint16_t packet_id) {
  mqtt::AckPacket packet;
  packet.packet_id = packet_id;
  if (type == "PUBACK") packet.type = PacketType::puback;
  if (type == "PUBREC") packet.type = PacketType::pubrec;
  if (type == "PUBREL") packet.type = PacketType::pubrel;
  if (type == "PUBCOMP") packet.type = PacketType::pubcomp;
  send(client, packet);
}

void Rig::ping(const std::string& client) { send(client, mqtt::PingreqPacket{}); }

void Rig::disconnect(const std::string& client, ReasonCode reason,
                     std::optional<std::uint32_t> expiry_s) {
  auto packet = std::make_unique<mqtt::DisconnectPacket>();
  packet->reason = reason;
  packet->session_expiry_interval_s = expiry_s;
  send(client, std::move(packet));
}

void Rig::lose(const std::string& client) { world_.notice(pipes_.at(client)); }

void Rig::drained(const std::string& client) { world_.drained(pipes_.at(client)); }

int Rig::will(const std::string& topic, int qos, bool retain) {
  Sent& sent = world_.compose(topic, static_cast<QoS>(qos), retain, "will");
  sent.will = true;
  return sent.number;
}

std::string Rig::take(const std::string& client) {
  const int pipe = pipes_.at(client);
  std::string text;
  const auto add = [&text](const std::string& part) {
    if (!text.empty()) text += ", ";
    text += part;
  };
  while (const auto frame = world_.read(pipe)) add(text_of(*frame));
  if (world_.pipe(pipe).dead && !closed_told_[client]) {
    closed_told_[client] = true;
    add("closed");
  }
  return text;
}

bool Rig::wants_sync() const { return world_.journal.newest_wants_sync(); }

void Rig::crash(std::int64_t downtime_ms) { world_.crash(Milliseconds{downtime_ms}); }

void Rig::stop_and_start(std::int64_t downtime_ms) {
  world_.drain();
  world_.start_again(Milliseconds{downtime_ms}, true);
}

}  // namespace lineshaft::sim
