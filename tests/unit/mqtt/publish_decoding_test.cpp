// What becomes of a PUBLISH: the message, its properties, its alias.
#include <algorithm>

#include "broker/base/limits.h"
#include "broker/mqtt/decoder.h"
#include "tests/support/catch.h"
#include "tests/support/packet_cases.h"
#include "tests/unit/mqtt/packet_text.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::mqtt;
using namespace lineshaft::test;

struct Server : Decoding {
  explicit Server(Version version = Version::v5)
      : Decoding(Role::server_reads_client, packet_case_limits()) {
    decoder.set_version(version);
  }
  const Message& message(std::size_t index) const { return *packet<PublishPacket>(index).message; }
};

TEST_CASE("a PUBLISH carries topic, flags and payload on", "[mqtt][MQTT-3.3.2-1]") {
  Server server;
  server.feed(wire("3D [<a/b> 0102 [] 'hi'] 30 [<c> []]"));
  const auto& publish = server.packet<PublishPacket>(0);
  CHECK(publish.packet_id == 0x0102);
  CHECK(publish.dup);
  CHECK(publish.message->topic() == "a/b");
  CHECK(publish.message->payload() == "hi");
  CHECK(publish.message->qos() == QoS::exactly_once);
  CHECK(publish.message->retain());
  CHECK(publish.message->properties().empty());
  CHECK(publish.message->expiry_interval_s() == no_expiry_s);
  CHECK_FALSE(publish.message->request_response());
  CHECK(server.packet<PublishPacket>(1).packet_id == 0);
  CHECK_FALSE(server.message(1).retain());
}

TEST_CASE("nothing of a message points into the input", "[mqtt]") {
  Server server;
  std::string bytes = wire("30 [<a/b> [03 <t>] 'hi']");
  server.feed(bytes);
  bytes.assign(bytes.size(), 'X');
  CHECK(server.message(0).topic() == "a/b");
  CHECK(server.message(0).properties() == wire("03 <t>"));
  CHECK(server.message(0).payload() == "hi");
}

TEST_CASE("forwarded properties keep bytes and order", "[mqtt][MQTT-3.3.2-17][MQTT-3.3.2-18]") {
  Server server;
  server.feed(wire("30 [<a> [26 <k> <2> 03 <t> 26 <k> <1> 01 01 26 <k> <1>]]"));
  CHECK(server.message(0).properties() == wire("26 <k> <2> 03 <t> 26 <k> <1> 01 01 26 <k> <1>"));
}

TEST_CASE("what concerns one hop is pulled out wherever it stands",
          "[mqtt][MQTT-3.3.2-4][MQTT-3.3.2-15][MQTT-3.3.2-16]") {
  for (const auto* notation : {
           "30 [<a> [02 0000000A 23 0001 26 <k> <v> 01 01]]",
           "30 [<a> [26 <k> <v> 01 01 02 0000000A 23 0001]]",
           "30 [<a> [02 0000000A 26 <k> <v> 23 0001 01 01]]",
           "30 [<a> [26 <k> <v> 02 0000000A 01 01 23 0001]]",
       }) {
    INFO(notation);
    Server server;
    server.feed(wire(notation));
    CHECK(server.message(0).properties() == wire("26 <k> <v> 01 01"));
    CHECK(server.message(0).expiry_interval_s() == 10);
    CHECK(server.packet<PublishPacket>(0).topic_alias == 1);
  }
}

TEST_CASE("many gaps between forwarded properties are closed", "[mqtt]") {
  Decoding client(Role::client_reads_server, packet_case_limits());
  client.decoder.set_version(Version::v5);
  client.feed(wire("30 [<a> [26 <k> <1> 0B 01 26 <k> <2> 0B 02 26 <k> <3> 0B 03] 'x']"));
  const auto& publish = client.packet<PublishPacket>(0);
  CHECK(publish.message->properties() == wire("26 <k> <1> 26 <k> <2> 26 <k> <3>"));
  CHECK(publish.subscription_identifiers == std::vector<std::uint32_t>{1, 2, 3});
  // The next packet does not see what the last one gathered.
  client.feed(wire("30 [<a> [26 <k> <4> 0B 01 26 <k> <5>] 'x'] 30 [<a> [] 'x']"));
  CHECK(client.packet<PublishPacket>(1).message->properties() == wire("26 <k> <4> 26 <k> <5>"));
  CHECK(client.packet<PublishPacket>(2).message->properties().empty());
}

TEST_CASE("a request is recognised by its Response Topic or Correlation Data", "[mqtt]") {
  Server server;
  server.feed(wire("30 [<a> [08 <re>]] 30 [<a> [09 <x>]] 30 [<a> [03 <t>]]"));
  CHECK(server.message(0).request_response());
  CHECK(server.message(1).request_response());
  CHECK_FALSE(server.message(2).request_response());
}

TEST_CASE("an alias stands for the topic last mapped to it", "[mqtt][MQTT-3.3.2-12]") {
  Server server;
  server.feed(
      wire("30 [<a/b> [23 0040]] 32 [<> 0001 [23 0040] 'x'] 30 [<c> [23 0040]]"
           " 30 [<> [23 0040]] 30 [<d> [23 0001]] 30 [<> [23 0040]]"));
  REQUIRE_FALSE(server.decoder.failed());
  CHECK(server.message(1).topic() == "a/b");
  CHECK(server.packet<PublishPacket>(1).topic_alias == 0x40);
  CHECK(server.message(1).payload() == "x");
  CHECK(server.message(3).topic() == "c");
  CHECK(server.message(5).topic() == "c");
}

TEST_CASE("an alias dies with its decoder", "[mqtt][MQTT-3.3.2-7]") {
  Server first;
  first.feed(wire("30 [<a> [23 0001]]"));
  Server second;
  second.feed(wire("30 [<> [23 0001]]"));
  CHECK(second.fault().reason == ReasonCode::protocol_error);
}

TEST_CASE("a refused topic is not mapped", "[mqtt]") {
  Server server;
  server.feed(wire("30 [<a/+> [23 0001]]"));
  CHECK(server.fault().reason == ReasonCode::topic_name_invalid);
}

TEST_CASE("a small message lies in the arena, a large one has its own allocation", "[mqtt]") {
  Server server;
  server.feed(wire("30 [<a> [] 78*4096] 30 [<a> [] 78*4097]"));
  CHECK_FALSE(server.message(0).has_own_allocation());
  CHECK(server.message(1).has_own_allocation());
}

/// What comes of `bytes` in one piece, where the straight way for plain packets may be taken.
std::vector<std::string> straight(Version version, const std::string& bytes) {
  Server server(version);
  server.feed(bytes);
  return packet_texts(server.packets, version);
}

/// The same through the buffer for cut-off packets, which goes the general way.
std::vector<std::string> general(Version version, const std::string& bytes) {
  Server server(version);
  server.feed(bytes.substr(0, 1));
  server.feed(bytes.substr(1));
  return packet_texts(server.packets, version);
}

TEST_CASE("the straight way for plain packets agrees with the general one on every wrong byte",
          "[mqtt]") {
  const std::pair<Version, const char*> frames[] = {
      {Version::v5, "30 [<acme/lyon/line-1/temp> [] '21.5']"},
      {Version::v5, "3B [<acme/lyon/line-1/temp> 0001 [] '21.5']"},
      {Version::v5, "34 [<acme/lyon/line-1/temp> 0100 [] '']"},
      {Version::v5, "32 [<acme/lyon/line-1/temp> 0001 [01 01] '21.5']"},
      {Version::v3_1_1, "31 [<acme/lyon/line-1/temp> '21.5']"},
      {Version::v3_1_1, "32 [<acme/lyon/line-1/temp> 0001]"},
      {Version::v3_1, "3C [<acme/lyon/line-1/temp> 0001 78*200]"},
  };
  for (const auto& [version, notation] : frames) {
    INFO(notation);
    const std::string sound = wire(notation);
    REQUIRE(straight(version, sound).size() == 1);
    std::size_t different = 0;
    for (std::size_t at = 0; at < std::min<std::size_t>(sound.size(), 40); ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        std::string bytes = sound;
        bytes[at] = static_cast<char>(value);
        if (straight(version, bytes) != general(version, bytes)) ++different;
      }
    }
    CHECK(different == 0);
  }
}

TEST_CASE("a plain packet is refused like any other", "[mqtt][MQTT-2.2.1-3][MQTT-3.3.1-4]") {
  const std::pair<const char*, ReasonCode> table[] = {
      {"36 [<acme/lyon/line-1/temp> 0001 [] 'x']", ReasonCode::malformed_packet},
      {"38 [<acme/lyon/line-1/temp> [] 'x']", ReasonCode::malformed_packet},
      {"32 [<acme/lyon/line-1/temp> 0000 [] 'x']", ReasonCode::protocol_error},
      {"30 [<acme/lyon/line-1/temp>]", ReasonCode::malformed_packet},
      {"32 [<acme/lyon/line-1/temp> 00]", ReasonCode::malformed_packet},
      {"32 [<acme/lyon/line-1/temp> 0001]", ReasonCode::malformed_packet},
      {"30 [<acme/lyon/line-1/temp/#> [] 'x']", ReasonCode::topic_name_invalid},
      {"30 [<acme/lyon/line-1/t{1F}> [] 'x']", ReasonCode::malformed_packet},
      {"30 [<acme/lyon/line-1/temp> [23 0041] 'x']", ReasonCode::topic_alias_invalid},
      {"30 [<acme/lyon/line-1/temp> [] 78*2097152]", ReasonCode::packet_too_large},
  };
  for (const auto& [notation, reason] : table) {
    INFO(notation);
    Server server;
    server.feed(wire("30 [<acme/lyon/line-1/temp> [] 'x']") + wire(notation) + wire("C0 []"));
    CHECK(server.packets.size() == 2);
    CHECK(to_string(server.fault().reason) == to_string(reason));
  }
}

}  // namespace
