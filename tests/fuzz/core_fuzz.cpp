// The whole decision machine under input from strangers. The first byte chooses the configuration;
// every further byte is an action with its arguments: clients that connect, subscribe, publish,
// acknowledge, send raw bytes or vanish; commits that wait, crashes, time, a full disk, page reads.
// Whatever happens: what we send is sound (our own client-side decoder takes it), CONNACK is first
// and alone, nothing follows a close, windows and packet limits hold, a restart takes every stored
// record back, and when everybody has left and all expiries are over, nothing is left anywhere.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/base/log.h"
#include "tests/support/scripted_broker.h"

using namespace lineshaft;
using test::ScriptedBroker;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// The fuzzer's bytes; zeros behind their end.
class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size_bytes)
      : rest_(reinterpret_cast<const char*>(data), size_bytes) {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view bytes(std::size_t size) {
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(part.size());
    return part;
  }

 private:
  std::string_view rest_;
};

constexpr std::string_view topics[] = {"a", "a/b", "a/", "b", "c/d/e", "$SYS/x", "/", "a/b/c"};
constexpr std::string_view filters[] = {"a",          "#",          "a/+",        "a/#",
                                        "$share/g/a", "$share/g/#", "$share/h/+", "+/b"};
constexpr std::string_view properties[] = {
    {"", 0},                               // none
    {"\x02\0\0\0\x02", 5},                 // expires in 2 s
    {"\x02\0\0\0\0", 5},                   // has expired
    {"\x26\0\1k\0\1v\x01\1", 9},           // User Property, Payload Format Indicator
    {"\x23\0\1", 3},                       // Topic Alias 1
    {"\x08\0\1r\x09\0\1c", 8},             // request
    {"\x02\xFF\xFF\xFF\xFE\x03\0\1t", 9},  // expires in 136 years, Content Type
    {"\x0B\1", 2},                         // a protocol error
};

std::string with_size(std::string_view text) {
  return std::string{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())} +
         std::string(text);
}

/// All that is written here is shorter than 128 bytes.
std::string packet(unsigned first, const std::string& body) {
  return std::string{static_cast<char>(first), static_cast<char>(body.size())} + body;
}

std::string id_bytes(unsigned id) { return {'\0', static_cast<char>(id)}; }

core::CoreConfig config_of(std::uint8_t choice) {
  core::CoreConfig config;
  config.overflow = static_cast<core::Overflow>(choice & 3);
  config.durability = (choice & 4) != 0 ? core::Durability::async : core::Durability::sync;
  config.qos1_always_sync = (choice & 8) != 0;
  config.has_store = (choice & 0x30) != 0x30;
  config.last_values = (choice & 0x40) != 0;
  const bool roomy = (choice & 0x80) != 0;
  config.receive_maximum = roomy ? 256 : 4;
  config.inflight_out_max = roomy ? 64 : 2;
  config.queued_max = roomy ? 1000 : 6;
  config.queued_bytes_max = roomy ? 100'000 : 300;
  config.queue_window = 2;
  config.queue_page = 2;
  config.subscriptions_per_session_max = 5;
  config.sessions_max = 5;
  config.ram_topics_max = roomy ? 100 : 3;
  config.topic_entries_idle_max = 2;
  config.inline_bytes_max = 16;
  config.topic_alias_in_max = 2;
  config.topic_alias_out_max = 2;
  config.packet_size_bytes_max = 1000;
  return config;
}

/// A client's side: reads what the broker sends as strictly as the broker reads clients.
struct Client {
  ScriptedBroker::Pipe* pipe = nullptr;
  std::unique_ptr<mqtt::Decoder> decoder;
  /// Raw bytes were sent: nobody knows what it announced or acknowledged.
  bool wild = false;
  bool connack = false;
  bool ended = false;
  std::size_t receive_maximum = 65535;
  std::size_t packet_size_bytes_max = 0;
  std::set<std::uint16_t> in_flight;
};

class Machine {
 public:
  explicit Machine(Script& script)
      : script_(script), config_(config_of(script.byte())), broker_(config_), clients_(4) {}

  void run() {
    while (!script_.empty()) {
      step(script_.byte());
      for (Client& client : clients_) read(client);
    }
    finish();
  }

 private:
  void step(std::uint8_t action) {
    Client& client = clients_[action >> 4 & 3];
    switch (action & 15) {
      case 0:
        return raw(client);
      case 1:
        return connect(client);
      case 2:
        return subscribe(client);
      case 3:
      case 4:
      case 5:
        return publish(client);
      case 6:
      case 7:
        return acknowledge(client);
      case 8:
        if (client.pipe != nullptr) broker_.lose(*client.pipe);
        return;
      case 9:
        return broker_.commit(1U + (action >> 4));
      case 10:
        return restart(script_.byte());
      case 11:
        return broker_.after(Milliseconds{std::int64_t{1} << (script_.byte() % 32)});
      case 12:
        return store(script_.byte());
      case 13:
        return unsubscribe(client);
      case 14:
        return send(client, packet(0xE0, {static_cast<char>((action & 0x80) != 0 ? 4 : 0)}));
      default:
        return net(client, script_.byte());
    }
  }

  void send(Client& client, std::string_view bytes) {
    if (client.pipe != nullptr) broker_.feed(*client.pipe, bytes);
  }

  void raw(Client& client) {
    if (client.pipe == nullptr || client.ended) open(client);
    client.wild = true;
    send(client, script_.bytes(script_.byte()));
  }

  void open(Client& client) {
    if (client.pipe != nullptr) broker_.lose(*client.pipe);
    client = Client{};
    client.pipe = &broker_.open_pipe();
    const mqtt::DecoderLimits limits{1U << 20, 1U << 20, 0xFFFF, 64};
    client.decoder =
        std::make_unique<mqtt::Decoder>(mqtt::Role::client_reads_server, limits, arena_);
  }

  void connect(Client& client) {
    const std::uint8_t choice = script_.byte();
    const std::uint8_t more = script_.byte();
    open(client);
    const bool v5 = (choice & 1) == 0;
    std::string flags(1, static_cast<char>(choice & 2));
    if ((choice & 4) != 0) flags[0] = static_cast<char>(flags[0] | 0x04 | (choice & 0x30));
    if ((flags[0] & 0x18) == 0x18) flags[0] = static_cast<char>(flags[0] & ~0x10);
    std::string body = with_size("MQTT") + std::string(1, v5 ? 5 : 4) + flags +
                       id_bytes((choice & 8) != 0 ? 10 : 0);
    if (v5) body += connect_properties(client, more);
    body += with_size(std::string(1, static_cast<char>('A' + (choice >> 6))));
    if ((choice & 4) != 0) {
      const std::string_view delay{"\x18\0\0\0\x05", (more & 0x40) != 0 ? 5U : 0U};
      if (v5) body += std::string(1, static_cast<char>(delay.size())) + std::string(delay);
      body += with_size(topics[more & 3]) + with_size("will");
    }
    send(client, packet(0x10, body));
  }

  static std::string connect_properties(Client& client, std::uint8_t more) {
    std::string list;
    if ((more & 1) != 0) list += {0x11, 0, 0, 0, 60};
    if ((more & 2) != 0) list += {0x11, 0, 0, 0, 1};
    if ((more & 3) == 3) list.resize(5);
    if ((more & 4) != 0) list += {0x21, 0, 1};
    if ((more & 8) != 0) list += {0x27, 0, 0, 0, 40};
    if ((more & 16) != 0) list += {0x22, 0, 3};
    if ((more & 4) != 0) client.receive_maximum = 1;
    if ((more & 8) != 0) client.packet_size_bytes_max = 40;
    return std::string(1, static_cast<char>(list.size())) + list;
  }

  static bool is_v5(const Client& client) {
    return client.pipe != nullptr && client.pipe->decoder.version() == mqtt::Version::v5;
  }

  void subscribe(Client& client) {
    const std::uint8_t choice = script_.byte();
    const std::uint8_t options = script_.byte();
    std::string body = id_bytes(1);
    if (is_v5(client)) body += (choice & 8) != 0 ? std::string{2, 0x0B, 7} : std::string(1, '\0');
    body += with_size(filters[choice & 7]);
    body += static_cast<char>(is_v5(client) ? options & 0x3F : options & 3);
    send(client, packet(0x82, body));
  }

  void unsubscribe(Client& client) {
    std::string body = id_bytes(2);
    if (is_v5(client)) body += '\0';
    send(client, packet(0xA2, body + with_size(filters[script_.byte() & 7])));
  }

  void publish(Client& client) {
    const std::uint8_t choice = script_.byte();
    const std::uint8_t more = script_.byte();
    unsigned qos = choice & 3;
    if (qos == 3) qos = 0;
    const unsigned first = 0x30 | qos << 1 | (choice >> 2 & 1) | (qos != 0 ? choice & 8U : 0U);
    std::string body = with_size(topics[choice >> 4 & 7]);
    if ((choice & 0x80) != 0 && (more & 7) == 4) body = with_size("");  // by alias
    if (qos != 0) body += id_bytes(1 + (more >> 3 & 3));
    if (is_v5(client)) {
      const std::string_view list = properties[more & 7];
      body += std::string(1, static_cast<char>(list.size())) + std::string(list);
    }
    body.append(std::size_t{more} / 32 * 4, 'x');
    send(client, packet(first, body));
  }

  void acknowledge(Client& client) {
    const std::uint8_t choice = script_.byte();
    // PUBACK, PUBREC, PUBREL, PUBCOMP.
    constexpr unsigned firsts[] = {0x40, 0x50, 0x62, 0x70};
    const unsigned first = firsts[choice & 3];
    const unsigned id = 1 + (choice >> 2 & 7);
    const bool refuses = (choice & 0x80) != 0 && is_v5(client) && (choice & 3) < 2;
    std::string body = id_bytes(id);
    if (refuses) body += '\x80';
    // Before it is sent: the answer may be the next message with the same identifier.
    const bool ends = first == 0x40 || first == 0x70 || refuses;
    if (ends) client.in_flight.erase(static_cast<std::uint16_t>(id));
    send(client, packet(first, body));
  }

  void restart(std::uint8_t choice) {
    if (!config_.has_store) return;
    if ((choice & 1) != 0) {
      broker_.crash();
    } else {
      broker_.restart(Milliseconds{choice} * 1000);
    }
    for (Client& client : clients_) client = Client{};
  }

  void store(std::uint8_t choice) {
    if ((choice & 1) != 0) broker_.hold_commits();
    if ((choice & 2) != 0) broker_.hold_loads();
    if ((choice & 4) != 0) broker_.answer_loads((choice & 8) != 0);
    if ((choice & 0x10) != 0) broker_.store_accepts_writes((choice & 0x20) != 0);
    if ((choice & 0x40) != 0) {
      broker_.run(core::StoreStateChanged{true, ReasonCode::quota_exceeded, (choice & 0x80) != 0});
    }
  }

  void net(Client& client, std::uint8_t choice) {
    if (client.pipe == nullptr || !client.pipe->known_to_core) return;
    if ((choice & 3) == 0) return broker_.run(core::ReadingPaused{client.pipe->id, true});
    if ((choice & 3) == 1) return broker_.run(core::ReadingPaused{client.pipe->id, false});
    if ((choice & 3) == 2) return broker_.run(core::OutboxDrained{client.pipe->id});
    MessageFields fields;
    fields.topic = "$SYS/x";
    fields.payload = "1";
    fields.retain = (choice & 4) != 0;
    broker_.run(core::Request{1, core::PublishRequest{{KeptMessage::make(fields, KeepInfo{})}}});
  }

  /// Looks at everything that has come.
  void read(Client& client) {
    if (client.pipe == nullptr) return;
    std::string& received = client.pipe->received;
    for (std::string one = test::cut_packet(received); !one.empty();
         one = test::cut_packet(received)) {
      require(!client.ended);
      if (!client.connack) client.decoder->set_version(version_of(client, one));
      std::vector<mqtt::Packet> packets;
      client.decoder->feed(one, packets);
      require(packets.size() == 1 && !client.decoder->failed());
      check(client, packets[0], one.size());
    }
    require(received.empty());
    client.ended = client.pipe->closed_by_broker || client.pipe->closed_by_client;
  }

  /// A refusal before CONNECT was understood is in the form of 3.1.1.
  static mqtt::Version version_of(const Client& client, const std::string& connack) {
    require(static_cast<unsigned char>(connack[0]) == 0x20);
    return connack.size() == 4 ? mqtt::Version::v3_1_1 : client.pipe->decoder.version();
  }

  void check(Client& client, const mqtt::Packet& packet, std::size_t size_bytes) {
    if (const auto* connack = std::get_if<std::unique_ptr<mqtt::ConnackPacket>>(&packet)) {
      require(!client.connack);
      client.connack = true;
      require((*connack)->reason == ReasonCode::success || client.pipe->closed_by_broker);
      return;
    }
    require(client.connack);
    if (std::holds_alternative<std::unique_ptr<mqtt::DisconnectPacket>>(packet)) {
      require(is_v5(client) && client.pipe->closed_by_broker);
    }
    if (client.wild) return;
    if (client.packet_size_bytes_max != 0) require(size_bytes <= client.packet_size_bytes_max);
    const auto* publish = std::get_if<mqtt::PublishPacket>(&packet);
    if (publish == nullptr || publish->packet_id == 0) return;
    require(client.in_flight.insert(publish->packet_id).second);
    const std::size_t window = std::min<std::size_t>(client.receive_maximum, 64);
    require(client.in_flight.size() <= window);
  }

  /// Everybody leaves, everything expires.
  void finish() {
    for (Client& client : clients_) {
      if (client.pipe != nullptr) broker_.lose(*client.pipe);
    }
    broker_.store_accepts_writes(true);
    settle();
    for (int day = 0; day < 3; ++day) {
      broker_.after(std::chrono::hours{24 * 20});
      settle();
    }
    const core::Statistics left = broker_.statistics();
    require(left.connections == 0 && left.sessions == 0 && left.subscriptions == 0);
    require(left.shared_groups == 0 && left.queued == 0 && left.queued_bytes == 0);
    require(left.wills == 0 && left.held_acknowledgements == 0 && left.queue_drops == 0);
    for (const core::Change& change : broker_.store().records()) {
      require(std::holds_alternative<core::NameRecord>(change) ||
              std::holds_alternative<core::RetainedRecord>(change) ||
              std::holds_alternative<core::LastValueRecord>(change));
    }
  }

  void settle() {
    for (int i = 0; i < 4; ++i) {
      broker_.commit();
      broker_.answer_loads();
    }
  }

  Script& script_;
  core::CoreConfig config_;
  ScriptedBroker broker_;
  MessageArena arena_;
  std::vector<Client> clients_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 2 || size_bytes > 4096) return 0;
  log::set_level(log::Level::critical);
  Script script(data, size_bytes);
  Machine(script).run();
  return 0;
}
