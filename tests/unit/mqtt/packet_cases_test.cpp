// The packet case table: every clause of the decoder, all packet types, both directions.
#include "tests/support/packet_cases.h"

#include <algorithm>
#include <set>

#include "tests/support/catch.h"
#include "tests/unit/mqtt/packet_text.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;

/// A decoder that stands where the case begins, its connection open if it needs one.
std::unique_ptr<Decoding> opened(const PacketCase& one) {
  auto decoding = std::make_unique<Decoding>(one.role, packet_case_limits());
  if (one.needs_connect) {
    decoding->feed(wire(connect_notation(one.version)));
    REQUIRE(decoding->packets.size() == 1);
    decoding->packets.clear();
  } else if (one.role == mqtt::Role::client_reads_server) {
    decoding->decoder.set_version(one.version);
  }
  return decoding;
}

std::string label(const PacketCase& one) {
  return std::string(one.name) + " | " + std::string(one.notation);
}

TEST_CASE("every packet of the table is accepted or refused as the specification says",
          "[mqtt][MQTT-2.1.3-1][MQTT-3.1.4-1][MQTT-4.13.1-1]") {
  for (const PacketCase& one : packet_cases()) {
    INFO(label(one));
    const auto decoding = opened(one);
    decoding->feed(one.bytes());
    REQUIRE_FALSE(decoding->packets.empty());
    const Error fault = decoding->fault();
    CHECK(to_string(fault.reason) == to_string(one.expected));
    if (!one.accepted()) CHECK(fault.clause == one.clause);
    CHECK(decoding->decoder.failed() == !one.accepted());
    CHECK(decoding->decoder.pending_bytes() == 0);
  }
}

TEST_CASE("packets are the same however the stream is cut", "[mqtt][MQTT-4.2.0-1]") {
  for (const PacketCase& one : packet_cases()) {
    INFO(label(one));
    const std::string bytes = one.bytes();
    const auto whole = opened(one);
    whole->feed(bytes);
    const auto expected = packet_texts(whole->packets, one.version);
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U}) {
      const auto cut = opened(one);
      cut->feed_in_pieces(bytes, piece);
      CHECK(packet_texts(cut->packets, one.version) == expected);
    }
  }
}

TEST_CASE("a packet cut anywhere waits or is refused, and is never accepted", "[mqtt]") {
  for (const PacketCase& one : packet_cases()) {
    if (!one.accepted()) continue;
    INFO(label(one));
    const std::string bytes = one.bytes();
    const auto whole = opened(one);
    whole->feed(bytes);
    const auto cut = opened(one);
    cut->feed(std::string_view(bytes).substr(0, bytes.size() - 1));
    CHECK(cut->packets.size() == whole->packets.size() - 1);
    CHECK_FALSE(cut->decoder.failed());
    CHECK(cut->decoder.pending_bytes() > 0);
  }
}

TEST_CASE("what was accepted comes back the same through the encoder", "[mqtt]") {
  for (const PacketCase& one : packet_cases()) {
    if (!one.accepted()) continue;
    INFO(label(one));
    const auto first = opened(one);
    first->feed(one.bytes());
    const auto again = opened(one);
    for (const auto& packet : first->packets) {
      again->feed(wire(packet_text(packet, one.version)));
    }
    CHECK(packet_texts(again->packets, one.version) == packet_texts(first->packets, one.version));
  }
}

TEST_CASE("nothing is read behind a fault", "[mqtt][MQTT-3.1.4-6]") {
  for (const PacketCase& one : packet_cases()) {
    if (one.accepted()) continue;
    INFO(label(one));
    const auto decoding = opened(one);
    decoding->feed(one.bytes() + wire("C0 []"));
    const std::size_t count = decoding->packets.size();
    decoding->feed(wire("C0 []"));
    CHECK(decoding->packets.size() == count);
    CHECK(std::holds_alternative<mqtt::Violation>(decoding->packets.back()));
    CHECK(decoding->decoder.pending_bytes() == 0);
  }
}

TEST_CASE("the table has at least one refusal of every packet type", "[mqtt]") {
  CHECK(packet_cases().size() >= 200);
  std::set<std::string_view> names;
  std::set<unsigned> refused_types;
  for (const PacketCase& one : packet_cases()) {
    if (!one.accepted()) refused_types.insert(static_cast<unsigned char>(one.bytes()[0]) >> 4U);
  }
  CHECK(refused_types.size() == 16);
}

}  // namespace
