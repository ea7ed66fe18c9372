// Framing: what `feed` does with a stream, whatever the packets are.
#include "broker/mqtt/decoder.h"

#include "tests/support/catch.h"
#include "tests/support/packet_cases.h"
#include "tests/unit/mqtt/packet_text.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::mqtt;
using namespace lineshaft::test;

struct Server : Decoding {
  explicit Server(Version version = Version::v5, const DecoderLimits& limits = packet_case_limits())
      : Decoding(Role::server_reads_client, limits) {
    decoder.set_version(version);
  }
};

TEST_CASE("the version is taken from CONNECT", "[mqtt][MQTT-3.1.2-2]") {
  for (const Version version : {Version::v3_1, Version::v3_1_1, Version::v5}) {
    Decoding decoding(Role::server_reads_client, packet_case_limits());
    CHECK(decoding.decoder.version() == Version::v3_1_1);
    decoding.feed(wire(connect_notation(version)));
    CHECK(decoding.decoder.version() == version);
    CHECK(decoding.packet<std::unique_ptr<ConnectPacket>>(0)->version == version);
  }
}

TEST_CASE("a fault behind the version is answered in that version", "[mqtt]") {
  Decoding decoding(Role::server_reads_client, packet_case_limits());
  decoding.feed(wire("10 [<MQTT> 05 03 003C [] <id>]"));
  CHECK(decoding.decoder.failed());
  CHECK(decoding.decoder.version() == Version::v5);
  CHECK(decoding.packet<Violation>(0).version == Version::v5);
  Decoding unknown(Role::server_reads_client, packet_case_limits());
  unknown.feed(wire("10 [<MQTT> 06 02 003C [] <id>]"));
  CHECK(unknown.packet<Violation>(0).version == Version::v3_1_1);
}

TEST_CASE("packets before a fault are kept, those behind it are not", "[mqtt]") {
  Server server;
  server.feed(wire("C0 [] 30 [<a> []] C1 [] C0 []"));
  REQUIRE(server.packets.size() == 3);
  CHECK(std::holds_alternative<Violation>(server.packets[2]));
}

TEST_CASE("a cut-off packet is buffered and nothing more than it", "[mqtt]") {
  Server server;
  const std::string publish = wire("30 [<a/b> [] 'hello']");
  server.feed(publish.substr(0, 6));
  CHECK(server.decoder.pending_bytes() == 6);
  server.feed(publish.substr(6) + wire("C0 [] 30"));
  CHECK(server.packets.size() == 2);
  CHECK(server.decoder.pending_bytes() == 1);
  CHECK(server.packet<PublishPacket>(0).message->payload() == "hello");
}

TEST_CASE("an announced size reserves no memory", "[mqtt]") {
  Server server;
  server.feed(wire("30 FAFF7F 0001 'a' 00"));  // almost 2 MiB announced
  CHECK(server.decoder.pending_bytes() == 8);
  CHECK(server.decoder.pending_capacity() < 64);
}

TEST_CASE("memory is given back after a large packet", "[mqtt]") {
  Server server;
  const std::string publish = wire("30 [<a> [] 78*200000]");
  server.feed_in_pieces(publish, 1000);
  REQUIRE(server.packets.size() == 1);
  CHECK(server.packet<PublishPacket>(0).message->payload().size() == 200'000);
  CHECK(server.decoder.pending_bytes() == 0);
  CHECK(server.decoder.pending_capacity() <= 1024);
}

TEST_CASE("memory is given back after a fault", "[mqtt]") {
  Server server;
  server.feed(wire("30 [<a> [23 0001]]"));
  server.feed(wire("C1"));
  CHECK(server.decoder.failed());
  CHECK(server.decoder.pending_capacity() < 64);
}

TEST_CASE("a large packet in small pieces is buffered once", "[mqtt]") {
  // Work is counted, not time: the buffer may move only when its size has doubled.
  Server server;
  const std::string publish = wire("30 [<a> [] 78*1000000]");
  std::size_t moves = 0;
  std::size_t capacity = 0;
  for (std::size_t i = 0; i < publish.size(); i += 100) {
    server.feed(std::string_view(publish).substr(i, 100));
    if (server.decoder.pending_capacity() > capacity) ++moves;
    capacity = server.decoder.pending_capacity();
  }
  CHECK(server.packets.size() == 1);
  CHECK(moves < 20);
}

TEST_CASE("a packet too large is refused from its fixed header on", "[mqtt][MQTT-3.2.2-15]") {
  DecoderLimits limits = packet_case_limits();
  limits.packet_size_bytes_max = 100;
  Server fits(Version::v5, limits);
  fits.feed(wire("30 [<a> [] 78*94]"));
  CHECK_FALSE(fits.decoder.failed());
  Server exceeds(Version::v5, limits);
  exceeds.feed(wire("30 63"));
  CHECK(exceeds.fault().reason == ReasonCode::packet_too_large);
}

TEST_CASE("CONNECT has a limit of its own", "[mqtt]") {
  DecoderLimits limits = packet_case_limits();
  limits.connect_size_bytes_max = 20;
  limits.packet_size_bytes_max = 40;
  Decoding refused(Role::server_reads_client, limits);
  refused.feed(wire("10 13"));
  CHECK(refused.fault().reason == ReasonCode::packet_too_large);
  Decoding accepted(Role::server_reads_client, limits);
  accepted.feed(wire("10 [<MQTT> 05 02 003C [] <id>] 30 [<a> [] 78*30]"));
  CHECK(accepted.packets.size() == 2);
  CHECK_FALSE(accepted.decoder.failed());
}

TEST_CASE("CONNECT carries everything on", "[mqtt][MQTT-3.1.3-1]") {
  Decoding decoding(Role::server_reads_client, packet_case_limits());
  decoding.feed(
      wire("10 [<MQTT> 05 F6 003C [11 0000000A 21 0007 27 00000100 22 0005 19 01 17 00 26 <k> <v>]"
           " <id> [18 0000003C 02 00000009 26 <a> <b> 03 <t>] <w/t> <bye> <user> <secret>]"));
  REQUIRE_FALSE(decoding.decoder.failed());
  const auto& connect = *decoding.packet<std::unique_ptr<ConnectPacket>>(0);
  CHECK(connect.clean_start);
  CHECK(connect.keep_alive_s == 60);
  CHECK(connect.client_id == "id");
  CHECK(connect.user_name == "user");
  CHECK(connect.password == "secret");
  CHECK(connect.session_expiry_interval_s == 10);
  CHECK(connect.receive_maximum == 7);
  CHECK(connect.maximum_packet_size == 256);
  CHECK(connect.topic_alias_maximum == 5);
  CHECK(connect.request_response_information);
  CHECK_FALSE(connect.request_problem_information);
  CHECK(connect.user_properties == wire("26 <k> <v>"));
  REQUIRE(connect.will);
  CHECK(connect.will->delay_interval_s == 60);
  const KeptMessage& will = *connect.will->message;
  CHECK(will.topic() == "w/t");
  CHECK(will.payload() == "bye");
  CHECK(will.qos() == QoS::exactly_once);
  CHECK(will.retain());
  CHECK(will.expiry_interval_s() == 9);
  CHECK(will.properties() == wire("26 <a> <b> 03 <t>"));
}

TEST_CASE("a 3.x session lasts as Clean Session says", "[mqtt][MQTT-3.1.2-23]") {
  for (const auto& [notation, expiry] : {std::pair{"10 [<MQTT> 04 02 003C <id>]", 0U},
                                         std::pair{"10 [<MQTT> 04 00 003C <id>]", 0xFFFFFFFFU}}) {
    Decoding decoding(Role::server_reads_client, packet_case_limits());
    decoding.feed(wire(notation));
    CHECK(decoding.packet<std::unique_ptr<ConnectPacket>>(0)->session_expiry_interval_s == expiry);
  }
}

TEST_CASE("SUBSCRIBE carries filters and options in order", "[mqtt][MQTT-3.8.4-5]") {
  Server server;
  server.feed(wire("82 [000A [0B 8001 26 <k> <v>] <a/+> 2E <$share/g/b> 01]"));
  const auto& subscribe = *server.packet<std::unique_ptr<SubscribePacket>>(0);
  CHECK(subscribe.packet_id == 10);
  CHECK(subscribe.subscription_identifier == 128);
  CHECK(subscribe.user_properties == wire("26 <k> <v>"));
  REQUIRE(subscribe.items.size() == 2);
  CHECK(subscribe.items[0].filter == "a/+");
  CHECK(subscribe.items[0].options == SubscriptionOptions{QoS::exactly_once, true, true, 2});
  CHECK(subscribe.items[1].filter == "$share/g/b");
  CHECK(subscribe.items[1].options == SubscriptionOptions{QoS::at_least_once, false, false, 0});
}

TEST_CASE("acknowledgements share nothing when they say nothing", "[mqtt]") {
  Server server;
  server.feed(wire("40 [0007] 50 [0008 97 [1F <full> 26 <k> <v>]] 62 [0009 92 []]"));
  const auto& puback = server.packet<AckPacket>(0);
  CHECK(puback.type == PacketType::puback);
  CHECK(puback.packet_id == 7);
  CHECK(puback.reason == ReasonCode::success);
  CHECK(puback.notes == nullptr);
  const auto& pubrec = server.packet<AckPacket>(1);
  CHECK(pubrec.reason == ReasonCode::quota_exceeded);
  REQUIRE(pubrec.notes);
  CHECK(pubrec.notes->reason_string == "full");
  CHECK(pubrec.notes->user_properties == wire("26 <k> <v>"));
  CHECK(server.packet<AckPacket>(2).notes == nullptr);
}

}  // namespace
