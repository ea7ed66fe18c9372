#include "broker/net/outbox.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "broker/base/limits.h"
#include "broker/base/metrics.h"
#include "broker/mqtt/decoder.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::net;

namespace {

constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

/// An outbox, the socket it writes to and the client at the other end.
struct Fixture {
  Fixture() {
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    const int small = 4096;
    ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    decoder.set_version(mqtt::Version::v5);
  }
  ~Fixture() {
    ::close(ends[0]);
    ::close(ends[1]);
  }

  void configure(std::uint32_t packet_size_bytes_max, std::uint16_t topic_alias_maximum,
                 mqtt::Version version = mqtt::Version::v5) {
    decoder.set_version(version);
    outbox.configure({{}, version, packet_size_bytes_max, true, topic_alias_maximum});
  }
  Outbox::Added publish(const std::string& topic, const std::string& payload,
                        QoS qos = QoS::at_most_once, bool dup = false,
                        std::size_t unsent_bytes_max = unlimited) {
    core::Deliver deliver;
    deliver.message = KeptMessage::make({topic, {}, payload, qos}, {});
    core::Recipient recipient;
    recipient.qos = qos;
    recipient.dup = dup;
    recipient.packet_id = qos == QoS::at_most_once ? std::uint16_t{0} : ++packet_id;
    return outbox.publish(deliver, recipient, {}, nullptr, unsent_bytes_max, totals);
  }
  Outbox::Flushed flush() { return outbox.flush(ends[0], totals); }
  /// Reads what has come, at most `size` bytes.
  void receive(std::size_t size = 1 << 20) {
    std::vector<char> buffer(size);
    const auto got = ::recv(ends[1], buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    bytes_received += static_cast<std::size_t>(got);
    decoder.feed({buffer.data(), static_cast<std::size_t>(got)}, packets);
  }
  void send_all() {
    while (flush() != Outbox::Flushed::all) receive();
    receive();
  }
  const mqtt::PublishPacket& received(std::size_t i) {
    REQUIRE(i < packets.size());
    return std::get<mqtt::PublishPacket>(packets[i]);
  }

  std::array<int, 2> ends{};
  Outbox outbox;
  SentTotals totals;
  MessageArena arena;
  mqtt::Decoder decoder{mqtt::Role::client_reads_server,
                        {limits::packet_size_bytes_max, limits::packet_size_bytes_max, 65535, 64},
                        arena};
  std::vector<mqtt::Packet> packets;
  std::size_t bytes_received = 0;
  std::uint16_t packet_id = 0;
};

}  // namespace

TEST_CASE("small packets and large payloads arrive in order through a socket that takes crumbs",
          "[net]") {
  Fixture f;
  std::vector<std::string> payloads;
  for (std::size_t i = 0; i < 300; ++i) {
    // 0, 4095, 4096, 4097, ... both sides of what is copied.
    const std::size_t size = i % 7 == 0 ? i : i % 3 == 0 ? 4000 + i : i % 5 == 0 ? 30'000 : 10;
    payloads.push_back(std::string(size, static_cast<char>('a' + i % 26)));
    REQUIRE(f.publish("topic/" + std::to_string(i), payloads.back(), QoS::at_least_once) ==
            Outbox::Added::yes);
    if (i % 10 == 0) f.flush();
    // An odd number of bytes, so that every part of the stream is cut somewhere.
    if (i % 20 == 0) f.receive(777);
  }
  const std::size_t unsent = f.outbox.unsent_bytes();
  CHECK(unsent > 0);
  f.send_all();
  CHECK(f.outbox.empty());
  REQUIRE(f.packets.size() == payloads.size());
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    CHECK(f.received(i).message->topic() == "topic/" + std::to_string(i));
    REQUIRE(f.received(i).message->payload() == payloads[i]);
    CHECK(f.received(i).packet_id == i + 1);
  }
  CHECK(f.totals.bytes == f.bytes_received);
  CHECK(f.totals.packets == 300);
}

TEST_CASE("a long backlog of large payloads is compacted while it drains", "[net]") {
  Fixture f;
  // Never empty: the sent part must go away while more is added.
  const std::string payload(5'000, 'x');
  for (int i = 0; i < 2'000; ++i) {
    f.publish("t", payload);
    if (i > 20) {
      f.flush();
      f.receive(5'000);
    }
  }
  CHECK_FALSE(f.outbox.empty());
  CHECK(f.outbox.memory_bytes() < 100'000);
  f.send_all();
  CHECK(f.packets.size() == 2'000);
}

TEST_CASE("memory is kept while active, not beyond its mark, and given back when idle", "[net]") {
  Fixture f;
  CHECK(f.outbox.memory_bytes() < 100);
  f.publish("t", "small");
  CHECK_FALSE(f.outbox.release_idle());
  f.send_all();
  const std::size_t kept = f.outbox.memory_bytes();
  CHECK(kept >= 500);
  CHECK(f.outbox.release_idle());
  CHECK(f.outbox.memory_bytes() < 100);
  for (int i = 0; i < 1'000; ++i) f.publish("t", std::string(1'000, 'x'));
  CHECK(f.outbox.memory_bytes() > Outbox::capacity_kept_bytes_max);
  f.send_all();
  CHECK(f.outbox.memory_bytes() <= Outbox::capacity_kept_bytes_max);
}

TEST_CASE("a first use carries topic and alias, a later one the alias alone, a repeated one both",
          "[net][MQTT-3.3.2-7]") {
  Fixture f;
  f.configure(0, 2);
  f.publish("a", "1");
  f.publish("a", "2");
  f.publish("b", "3");
  f.publish("c", "4");  // no alias is left, and none is taken away
  f.publish("c", "5");
  f.publish("a", "6", QoS::at_least_once, true);
  f.publish("b", "7");
  const std::size_t unsent = f.outbox.unsent_bytes();
  f.send_all();
  // Header 2, topic length 2, topic 1 or 0, property length 1, alias 3 or 0, payload 1.
  CHECK(unsent == 10 + 9 + 10 + 7 + 7 + (10 + 2) + 9);
  const std::vector<std::string> topics{"a", "a", "b", "c", "c", "a", "b"};
  const std::vector<int> aliases{1, 1, 2, 0, 0, 1, 2};
  for (std::size_t i = 0; i < topics.size(); ++i) {
    CHECK(f.received(i).message->topic() == topics[i]);
    CHECK(f.received(i).topic_alias == aliases[i]);
  }
}

TEST_CASE("an alias is not spent on a message that is not sent or would not fit with it",
          "[net][MQTT-3.1.2-25]") {
  Fixture f;
  f.configure(30, 1);
  CHECK(f.publish("too", std::string(100, 'x')) == Outbox::Added::too_large);
  // 2 + 2 + 3 + 1 + 20 = 28 bytes; with an alias 31.
  CHECK(f.publish("big", std::string(20, 'x')) == Outbox::Added::yes);
  CHECK(f.publish("fit", "x") == Outbox::Added::yes);
  f.send_all();
  REQUIRE(f.packets.size() == 2);
  CHECK(f.received(0).topic_alias == 0);
  CHECK(f.received(1).topic_alias == 1);
  CHECK(f.totals.packets == 2);
}

TEST_CASE("above the mark QoS 0 is refused, QoS 1 and a replay are taken", "[net]") {
  Fixture f;
  f.publish("t", std::string(1'000, 'x'));
  CHECK(f.publish("t", "x", QoS::at_most_once, false, 500) == Outbox::Added::slow_consumer);
  CHECK(f.publish("t", "x", QoS::at_least_once, false, 500) == Outbox::Added::yes);
  core::Deliver deliver;
  deliver.message = KeptMessage::make({"t", {}, "x"}, {});
  core::Recipient recipient;
  recipient.replay = true;
  CHECK(f.outbox.publish(deliver, recipient, {}, nullptr, 500, f.totals) == Outbox::Added::yes);
}

TEST_CASE("a shared frame is byte for byte what the encoder makes for each receiver", "[net]") {
  const std::size_t payload_size = GENERATE(0u, 10u, 4096u, 4097u, 100'000u);
  core::Deliver deliver;
  deliver.message = KeptMessage::make({"a/b", {}, std::string(payload_size, 'x')}, {});
  deliver.expiry_s = 77;
  FrameCache cache;
  cache.begin();
  for (int round = 0; round < 2; ++round) {
    for (const auto version : {mqtt::Version::v3_1_1, mqtt::Version::v5}) {
      for (const auto qos : {QoS::at_most_once, QoS::at_least_once, QoS::exactly_once}) {
        for (const bool retain : {false, true}) {
          Fixture shared;
          Fixture own;
          shared.configure(0, 0, version);
          own.configure(0, 0, version);
          core::Recipient recipient;
          recipient.qos = qos;
          recipient.retain = retain;
          if (qos != QoS::at_most_once) {
            recipient.packet_id = static_cast<std::uint16_t>(round == 0 ? 0x0102 : 0xFFFE);
          }
          shared.outbox.publish(deliver, recipient, {}, &cache, unlimited, shared.totals);
          own.outbox.publish(deliver, recipient, {}, nullptr, unlimited, own.totals);
          CHECK(shared.outbox.unsent_bytes() == own.outbox.unsent_bytes());
          shared.send_all();
          own.send_all();
          REQUIRE(shared.packets.size() == 1);
          const auto& packet = shared.received(0);
          CHECK(packet.packet_id == recipient.packet_id);
          CHECK(packet.message->payload() == deliver.message->payload());
          CHECK(packet.message->qos() == qos);
          CHECK(packet.message->retain() == retain);
          CHECK(packet.message->expiry_interval_s() ==
                own.received(0).message->expiry_interval_s());
        }
      }
    }
  }
}

TEST_CASE("what is unsent can be thrown away, unless a packet would be cut", "[net]") {
  Fixture f;
  f.configure(0, 0);
  f.publish("t", "secret");
  f.publish("t", std::string(100'000, 'x'));
  CHECK(f.outbox.discard());
  CHECK(f.outbox.empty());
  f.publish("u", "after");
  f.send_all();
  REQUIRE(f.packets.size() == 1);
  CHECK(std::get<mqtt::PublishPacket>(f.packets[0]).message->topic() == "u");
  // The socket has taken a part of this one.
  f.publish("t", std::string(1'000'000, 'x'));
  REQUIRE(f.flush() == Outbox::Flushed::blocked);
  CHECK_FALSE(f.outbox.discard());
  CHECK(f.outbox.empty());
}

TEST_CASE("a DISCONNECT has no form in 3.1.1 and leaves no byte", "[net]") {
  Fixture f;
  f.configure(0, 0, mqtt::Version::v3_1_1);
  CHECK_FALSE(f.outbox.packet(std::make_unique<mqtt::DisconnectPacket>(), f.totals));
  CHECK(f.outbox.empty());
  CHECK(f.outbox.packet(mqtt::PingrespPacket{}, f.totals));
  CHECK(f.outbox.unsent_bytes() == 2);
}

TEST_CASE("a socket that is gone is reported, not signalled", "[net]") {
  Fixture f;
  ::close(f.ends[1]);
  f.ends[1] = -1;
  f.publish("t", "x");
  CHECK(f.flush() == Outbox::Flushed::failed);
}
