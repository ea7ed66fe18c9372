// Bytes written, compared with bytes written by hand.
#include "broker/mqtt/encoder.h"

#include "broker/mqtt/properties.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::mqtt;
using lineshaft::test::to_hex;
using lineshaft::test::wire;

/// The packet's bytes in hexadecimal, "refused" when it has no form.
template <class Sent>
std::string encoded(const Sent& packet, const EncodeOptions& options = {}) {
  std::string out = "before";
  if (!encode(packet, options, out)) {
    CHECK(out == "before");
    return "refused";
  }
  REQUIRE(out.starts_with("before"));
  return to_hex(std::string_view(out).substr(6));
}

std::string hex(std::string_view notation) { return to_hex(wire(notation)); }

constexpr EncodeOptions v5{};
constexpr EncodeOptions v3_1_1{Version::v3_1_1, 0, true};
constexpr EncodeOptions v3_1{Version::v3_1, 0, true};

EncodeOptions at_most(std::uint32_t size_bytes) { return {Version::v5, size_bytes, true}; }

Notes notes() {
  Notes made;
  made.reason_string = "why";
  append_user_property(made.user_properties, "k", "v");
  return made;
}

TEST_CASE("acknowledgements take four bytes when they can", "[mqtt][MQTT-2.2.1-5]") {
  AckPacket ack{PacketType::puback, 0x0102, ReasonCode::success, nullptr};
  CHECK(encoded(ack) == "40020102");
  CHECK(encoded(ack, v3_1_1) == "40020102");
  ack.reason = ReasonCode::no_matching_subscribers;
  CHECK(encoded(ack) == "4003010210");
  CHECK(encoded(ack, v3_1_1) == "40020102");
  ack.type = PacketType::pubrel;
  ack.reason = ReasonCode::packet_identifier_not_found;
  CHECK(encoded(ack) == "6203010292");
  ack.type = PacketType::pubrec;
  ack.reason = ReasonCode::success;
  CHECK(encoded(ack) == "50020102");
  ack.type = PacketType::pubcomp;
  CHECK(encoded(ack) == "70020102");
}

TEST_CASE("an acknowledgement's notes need the Reason Code", "[mqtt]") {
  const AckPacket ack{PacketType::puback, 1, ReasonCode::success,
                      std::make_shared<const Notes>(notes())};
  CHECK(encoded(ack) == hex("40 [0001 00 [1F <why> 26 <k> <v>]]"));
  CHECK(encoded(ack, v3_1_1) == "40020001");
}

TEST_CASE("notes are left out where they would exceed the peer's limit",
          "[mqtt][MQTT-3.4.2-2][MQTT-3.4.2-3][MQTT-3.2.2-19][MQTT-3.2.2-20]") {
  const AckPacket ack{PacketType::puback, 1, ReasonCode::quota_exceeded,
                      std::make_shared<const Notes>(notes())};
  const std::string both = hex("40 [0001 97 [1F <why> 26 <k> <v>]]");
  const std::string only_reason = hex("40 [0001 97 [1F <why>]]");
  const std::string only_user = hex("40 [0001 97 [26 <k> <v>]]");
  CHECK(encoded(ack, at_most(19)) == both);
  CHECK(encoded(ack, at_most(18)) == only_reason);
  CHECK(encoded(ack, at_most(12)) == only_reason);
  CHECK(encoded(ack, at_most(5)) == hex("40 [0001 97]"));
  CHECK(encoded(ack, at_most(4)) == "refused");
  Notes long_reason = notes();
  long_reason.reason_string.assign(100, 'x');
  const AckPacket other{PacketType::puback, 1, ReasonCode::quota_exceeded,
                        std::make_shared<const Notes>(long_reason)};
  CHECK(encoded(other, at_most(20)) == only_user);

  ConnackPacket connack;
  connack.reason = ReasonCode::not_authorized;
  connack.notes = notes();
  CHECK(encoded(connack, at_most(18)) == hex("20 [00 87 [1F <why> 26 <k> <v>]]"));
  CHECK(encoded(connack, at_most(17)) == hex("20 [00 87 [1F <why>]]"));
  CHECK(encoded(connack, at_most(5)) == hex("20 [00 87 []]"));
  CHECK(encoded(connack, at_most(4)) == "refused");
}

TEST_CASE("no problem information: notes on CONNACK and DISCONNECT only", "[mqtt][MQTT-3.1.2-29]") {
  const EncodeOptions quiet{Version::v5, 0, false};
  const auto shared = std::make_shared<const Notes>(notes());
  CHECK(encoded(AckPacket{PacketType::pubrec, 1, ReasonCode::quota_exceeded, shared}, quiet) ==
        "5003000197");
  SubackPacket suback{PacketType::suback, 1, {ReasonCode::granted_qos_1}, notes()};
  CHECK(encoded(suback, quiet) == hex("90 [0001 [] 01]"));
  suback.type = PacketType::unsuback;
  CHECK(encoded(suback, quiet) == hex("B0 [0001 [] 01]"));
  AuthPacket auth{ReasonCode::continue_authentication, "M", "", notes()};
  CHECK(encoded(auth, quiet) == hex("F0 [18 [15 <M>]]"));
  ConnackPacket connack;
  connack.notes = notes();
  CHECK(encoded(connack, quiet) == hex("20 [00 00 [1F <why> 26 <k> <v>]]"));
  DisconnectPacket disconnect;
  disconnect.reason = ReasonCode::server_shutting_down;
  disconnect.notes = notes();
  CHECK(encoded(disconnect, quiet) == hex("E0 [8B [1F <why> 26 <k> <v>]]"));
}

TEST_CASE("CONNACK tells only what differs from the default", "[mqtt][MQTT-3.2.2-1]") {
  ConnackPacket connack;
  CHECK(encoded(connack) == hex("20 [00 00 []]"));
  connack.session_present = true;
  CHECK(encoded(connack) == hex("20 [01 00 []]"));
  CHECK(encoded(connack, v3_1_1) == hex("20 [01 00]"));
  CHECK(encoded(connack, v3_1) == hex("20 [00 00]"));
  connack.session_expiry_interval_s = 0;
  connack.receive_maximum = 256;
  connack.maximum_qos = QoS::at_least_once;
  connack.retain_available = false;
  connack.maximum_packet_size = 1024;
  connack.assigned_client_identifier = "id";
  connack.topic_alias_maximum = 64;
  connack.wildcard_subscription_available = false;
  connack.subscription_identifiers_available = false;
  connack.shared_subscription_available = false;
  connack.server_keep_alive_s = 30;
  CHECK(encoded(connack) ==
        hex("20 [01 00 [11 00000000 21 0100 24 01 25 00 27 00000400 12 <id> 22 0040 28 00 29 00"
            " 2A 00 13 001E]]"));
}

TEST_CASE("a refusal has no Session Present", "[mqtt][MQTT-3.2.2-6]") {
  ConnackPacket connack;
  connack.session_present = true;
  connack.reason = ReasonCode::server_busy;
  CHECK(encoded(connack) == hex("20 [00 89 []]"));
  CHECK(encoded(connack, v3_1_1) == hex("20 [00 03]"));
}

TEST_CASE("3.x has five return codes for all refusals", "[mqtt][MQTT-3.2.2-8]") {
  using enum ReasonCode;
  const std::pair<ReasonCode, const char*> table[] = {
      {success, "00"},
      {unsupported_protocol_version, "01"},
      {client_identifier_not_valid, "02"},
      {server_unavailable, "03"},
      {server_busy, "03"},
      {quota_exceeded, "03"},
      {connection_rate_exceeded, "03"},
      {bad_user_name_or_password, "04"},
      {not_authorized, "05"},
      {banned, "05"},
      {bad_authentication_method, "05"},
      {malformed_packet, "03"},
      {protocol_error, "03"},
  };
  for (const auto& [reason, code] : table) {
    INFO(to_string(reason));
    ConnackPacket connack;
    connack.reason = reason;
    CHECK(encoded(connack, v3_1_1) == std::string("200200") + code);
  }
}

TEST_CASE("SUBACK and UNSUBACK in each version", "[mqtt][MQTT-3.9.3-1][MQTT-3.11.3-1]") {
  SubackPacket suback{PacketType::suback,
                      0x0A0B,
                      {ReasonCode::success, ReasonCode::granted_qos_2, ReasonCode::not_authorized},
                      {}};
  CHECK(encoded(suback) == hex("90 [0A0B [] 00 02 87]"));
  CHECK(encoded(suback, v3_1_1) == hex("90 [0A0B 00 02 80]"));
  const SubackPacket unsuback{
      PacketType::unsuback, 1, {ReasonCode::no_subscription_existed}, notes()};
  CHECK(encoded(unsuback) == hex("B0 [0001 [1F <why> 26 <k> <v>] 11]"));
  CHECK(encoded(unsuback, v3_1_1) == hex("B0 [0001]"));
}

TEST_CASE("PINGREQ and PINGRESP are two bytes", "[mqtt][MQTT-3.12.4-1]") {
  CHECK(encoded(PingreqPacket{}) == "C000");
  CHECK(encoded(PingrespPacket{}, v3_1_1) == "D000");
}

TEST_CASE("DISCONNECT is as short as it can be", "[mqtt][MQTT-3.14.2-1]") {
  DisconnectPacket disconnect;
  CHECK(encoded(disconnect) == "E000");
  CHECK(encoded(disconnect, v3_1_1) == "E000");
  disconnect.reason = ReasonCode::session_taken_over;
  CHECK(encoded(disconnect) == "E0018E");
  CHECK(encoded(disconnect, v3_1_1) == "refused");
  disconnect.server_reference = "other";
  CHECK(encoded(disconnect) == hex("E0 [8E [1C <other>]]"));
  DisconnectPacket normal;
  normal.session_expiry_interval_s = 5;
  CHECK(encoded(normal) == hex("E0 [00 [11 00000005]]"));
}

TEST_CASE("AUTH exists in 5.0 only", "[mqtt][MQTT-3.15.2-1]") {
  CHECK(encoded(AuthPacket{}, v3_1_1) == "refused");
  CHECK(encoded(AuthPacket{}) == "F000");
  CHECK(encoded(AuthPacket{ReasonCode::continue_authentication, "M", "x", {}}) ==
        hex("F0 [18 [15 <M> 16 <x>]]"));
}

KeptMessagePtr message(QoS qos, std::string_view properties = {}) {
  MessageFields fields;
  fields.topic = "a/b";
  fields.properties = properties;
  fields.payload = "hi";
  fields.qos = qos;
  return KeptMessage::make(fields, {});
}

/// Both ways to write a PUBLISH; they must agree with the size that was told.
std::string publish(const Message& sent, const PublishHeader& header) {
  std::string whole = "x";
  encode_publish(sent, header, whole);
  std::string head = "x";
  encode_publish_head(sent, header, head);
  head += sent.payload();
  CHECK(whole == head);
  CHECK(publish_size_bytes(sent, header) == whole.size() - 1);
  return to_hex(std::string_view(whole).substr(1));
}

TEST_CASE("PUBLISH is written as its header says", "[mqtt][MQTT-3.3.1-1][MQTT-2.2.1-2]") {
  const auto sent = message(QoS::exactly_once);
  PublishHeader header;
  CHECK(publish(*sent, header) == hex("30 [<a/b> [] 'hi']"));
  header.version = Version::v3_1_1;
  CHECK(publish(*sent, header) == hex("30 [<a/b> 'hi']"));
  header.retain = true;
  header.qos = QoS::at_least_once;
  header.packet_id = 0x0102;
  CHECK(publish(*sent, header) == hex("33 [<a/b> 0102 'hi']"));
  header.version = Version::v5;
  header.dup = true;
  header.qos = QoS::exactly_once;
  CHECK(publish(*sent, header) == hex("3D [<a/b> 0102 [] 'hi']"));
}

TEST_CASE("PUBLISH properties of hop and sender stand together",
          "[mqtt][MQTT-3.3.2-6][MQTT-3.3.2-11][MQTT-3.3.4-3][MQTT-3.3.4-4]") {
  const auto sent = message(QoS::at_most_once, wire("26 <k> <v> 01 01"));
  const std::uint32_t identifiers[] = {1, 300};
  PublishHeader header;
  CHECK(publish(*sent, header) == hex("30 [<a/b> [26 <k> <v> 01 01] 'hi']"));
  header.expiry_s = 9;
  header.topic_alias = 3;
  header.subscription_identifiers = identifiers;
  CHECK(publish(*sent, header) ==
        hex("30 [<a/b> [23 0003 02 00000009 0B 01 0B AC02 26 <k> <v> 01 01] 'hi']"));
  header.topic_by_alias = true;
  CHECK(publish(*sent, header) ==
        hex("30 [<> [23 0003 02 00000009 0B 01 0B AC02 26 <k> <v> 01 01] 'hi']"));
}

TEST_CASE("3.x gets no property of a PUBLISH", "[mqtt]") {
  const auto sent = message(QoS::at_most_once, wire("26 <k> <v>"));
  const std::uint32_t identifiers[] = {1};
  PublishHeader header;
  header.version = Version::v3_1_1;
  header.expiry_s = 9;
  header.topic_alias = 3;
  header.subscription_identifiers = identifiers;
  CHECK(publish(*sent, header) == hex("30 [<a/b> 'hi']"));
}

TEST_CASE("long PUBLISH packets have long lengths", "[mqtt][MQTT-1.5.5-1]") {
  for (const std::size_t size : {119U, 120U, 121U, 122U, 123U, 16'000U, 16'380U, 2'097'200U}) {
    MessageFields fields;
    const std::string payload(size, 'x');
    const std::string properties = wire("26 <k> <v>");
    fields.topic = "a/b";
    fields.properties = properties;
    fields.payload = payload;
    const auto sent = KeptMessage::make(fields, {});
    INFO(size);
    CHECK(publish(*sent, {}) == hex("30 [<a/b> [26 <k> <v>] 78*" + std::to_string(size) + "]"));
  }
}

TEST_CASE("a decoded PUBLISH above the peer's limit is refused", "[mqtt][MQTT-3.1.2-24]") {
  PublishPacket packet;
  packet.message = message(QoS::at_most_once);
  CHECK(encoded(packet, at_most(10)) == hex("30 [<a/b> [] 'hi']"));
  CHECK(encoded(packet, at_most(9)) == "refused");
}

TEST_CASE("clients' packets in each version", "[mqtt]") {
  ConnectPacket connect;
  connect.client_id = "id";
  connect.keep_alive_s = 60;
  CHECK(encoded(connect, v5) == hex("10 [<MQTT> 05 02 003C [] <id>]"));
  CHECK(encoded(connect, v3_1_1) == hex("10 [<MQTT> 04 02 003C <id>]"));
  CHECK(encoded(connect, v3_1) == hex("10 [<MQIsdp> 03 02 003C <id>]"));
  SubscribePacket subscribe;
  subscribe.packet_id = 1;
  subscribe.items.push_back({"a", {QoS::at_least_once, true, true, 2}});
  CHECK(encoded(subscribe, v5) == hex("82 [0001 [] <a> 2D]"));
  CHECK(encoded(subscribe, v3_1_1) == hex("82 [0001 <a> 01]"));
  const UnsubscribePacket unsubscribe{1, {"a", "b"}};
  CHECK(encoded(unsubscribe, v5) == hex("A2 [0001 [] <a> <b>]"));
  CHECK(encoded(unsubscribe, v3_1_1) == hex("A2 [0001 <a> <b>]"));
}

}  // namespace
