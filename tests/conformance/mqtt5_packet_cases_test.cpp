// The packet case table against the whole broker: every fault has its answer, and nobody else
// notices.
#include <string>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/packet_cases.h"
#include "tests/support/scripted_client.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::test;

/// What a refused CONNECT is answered with, in hexadecimal; "" for nothing.
std::string refusal(const PacketCase& one) {
  const std::string bytes = one.bytes();
  const bool is_connect = bytes[0] == 0x10;
  const bool is_v5 = is_connect && bytes.find(std::string("\0\4MQTT\5", 7)) != std::string::npos;
  const char reason = static_cast<char>(one.expected);
  if (is_v5) return to_hex(std::string{0x20, 3, 0, reason, 0});
  // 3.x knows codes for these two only; everything else just ends.
  if (one.expected == ReasonCode::unsupported_protocol_version) return to_hex(wire("20 [00 01]"));
  if (one.expected == ReasonCode::client_identifier_not_valid) return to_hex(wire("20 [00 02]"));
  return "";
}

TEST_CASE("every broken CONNECT is refused with its code, or just closed when 3.x has none",
          "[MQTT-3.1.4-1][MQTT-4.13.1-1][MQTT-3.14.0-1][MQTT-3.2.2-7]") {
  ScriptedBroker broker;
  ScriptedClient bystander = broker.v5("bystander");
  for (const PacketCase& one : packet_cases()) {
    if (one.role != mqtt::Role::server_reads_client || one.needs_connect || one.accepted())
      continue;
    INFO(one.name << " | " << one.notation);
    ScriptedClient client = broker.connect(one.notation);
    CHECK(to_hex(client.take()) == refusal(one));
    client.expect_closed();
    bystander.send("C0 []").expect("D0 []");
  }
}

TEST_CASE("every broken packet ends its connection with its code, and nobody else's",
          "[MQTT-4.13.1-1][MQTT-4.13.2-1][MQTT-2.1.3-1][MQTT-3.1.4-1]") {
  ScriptedBroker broker;
  ScriptedClient bystander = broker.v5("bystander");
  for (const PacketCase& one : packet_cases()) {
    if (!one.needs_connect || one.accepted()) continue;
    INFO(one.name << " | " << one.notation);
    ScriptedClient client = broker.connect(connect_notation(one.version)).expect_connack();
    client.send(one.notation);
    // Of several packets the last one is the broken one: what the others cause is no matter here.
    std::string last;
    for (std::string next = client.take(); !next.empty(); next = client.take()) last = next;
    client.expect_closed();
    if (one.version == mqtt::Version::v5) {
      CHECK(to_hex(last) == to_hex(std::string{'\xE0', 1, static_cast<char>(one.expected)}));
    } else {
      CHECK((last.empty() || last[0] != '\xE0'));
    }
    bystander.send("C0 []").expect("D0 []");
  }
}

TEST_CASE("every sound packet is taken and leaves the connection open", "[MQTT-3.1.4-5]") {
  ScriptedBroker broker;
  for (const PacketCase& one : packet_cases()) {
    if (!one.needs_connect || !one.accepted()) continue;
    INFO(one.name << " | " << one.notation);
    ScriptedClient client = broker.connect(connect_notation(one.version)).expect_connack();
    client.send(one.notation);
    const auto type = static_cast<unsigned char>(one.bytes()[0]) >> 4U;
    const bool ends = type == 14 || type == 15;  // DISCONNECT; AUTH without a method
    while (!client.take().empty()) continue;
    if (ends) {
      client.expect_closed();
    } else {
      client.expect_nothing();
      client.vanish();
    }
  }
}

}  // namespace
