// Structure to bytes and back: every field of every packet, both directions.
#include "broker/mqtt/properties.h"
#include "tests/support/catch.h"
#include "tests/support/packet_cases.h"
#include "tests/unit/mqtt/packet_text.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::mqtt;
using namespace lineshaft::test;

/// The packet after its way through encoder and decoder.
template <class Sent>
std::unique_ptr<Sent> returned(const Sent& packet, Role role, Version version) {
  std::string bytes;
  REQUIRE(encode(packet, {version, 0, true}, bytes));
  Decoding decoding(role, packet_case_limits());
  if constexpr (!std::is_same_v<Sent, ConnectPacket>) decoding.decoder.set_version(version);
  decoding.feed(bytes);
  INFO(to_hex(bytes) << " " << decoding.fault().clause);
  REQUIRE(decoding.packets.size() == 1);
  REQUIRE_FALSE(decoding.decoder.failed());
  auto* held = std::get_if<std::unique_ptr<Sent>>(&decoding.packets[0]);
  REQUIRE(held != nullptr);
  return std::move(*held);
}

Notes notes() {
  Notes made;
  made.reason_string = "why";
  append_user_property(made.user_properties, "k", "v");
  append_user_property(made.user_properties, "k", "");
  return made;
}

void check_same(const Notes& a, const Notes& b) {
  CHECK(a.reason_string == b.reason_string);
  CHECK(a.user_properties == b.user_properties);
}

ConnectPacket full_connect() {
  ConnectPacket packet;
  packet.clean_start = false;
  packet.keep_alive_s = 65535;
  packet.client_id = "press-07";
  packet.user_name = "user";
  packet.password = std::string("\0\xFF", 2);
  packet.session_expiry_interval_s = 0xFFFFFFFE;
  packet.receive_maximum = 1;
  packet.maximum_packet_size = 1;
  packet.topic_alias_maximum = 65535;
  packet.request_response_information = true;
  packet.request_problem_information = false;
  packet.authentication_method = "SCRAM";
  packet.authentication_data = "data";
  packet.user_properties = notes().user_properties;
  MessageFields fields;
  const std::string properties = wire("01 01 03 <t> 08 <re> 09 <{00}> 26 <k> <v>");
  fields.topic = "w/t";
  fields.properties = properties;
  fields.payload = "bye";
  fields.qos = QoS::at_least_once;
  fields.retain = true;
  fields.request_response = true;
  fields.expiry_interval_s = 7;
  packet.will = Will{KeptMessage::make(fields, {}), 60};
  return packet;
}

TEST_CASE("CONNECT comes back with every field", "[mqtt][MQTT-3.1.3-1]") {
  const ConnectPacket sent = full_connect();
  const auto got = returned(sent, Role::server_reads_client, Version::v5);
  CHECK(got->version == Version::v5);
  CHECK(got->clean_start == sent.clean_start);
  CHECK(got->keep_alive_s == sent.keep_alive_s);
  CHECK(got->client_id == sent.client_id);
  CHECK(got->user_name == sent.user_name);
  CHECK(got->password == sent.password);
  CHECK(got->session_expiry_interval_s == sent.session_expiry_interval_s);
  CHECK(got->receive_maximum == sent.receive_maximum);
  CHECK(got->maximum_packet_size == sent.maximum_packet_size);
  CHECK(got->topic_alias_maximum == sent.topic_alias_maximum);
  CHECK(got->request_response_information == sent.request_response_information);
  CHECK(got->request_problem_information == sent.request_problem_information);
  CHECK(got->authentication_method == sent.authentication_method);
  CHECK(got->authentication_data == sent.authentication_data);
  CHECK(got->user_properties == sent.user_properties);
  REQUIRE(got->will);
  CHECK(got->will->delay_interval_s == sent.will->delay_interval_s);
  const KeptMessage& will = *got->will->message;
  const KeptMessage& sent_will = *sent.will->message;
  CHECK(will.topic() == sent_will.topic());
  CHECK(will.properties() == sent_will.properties());
  CHECK(will.payload() == sent_will.payload());
  CHECK(will.qos() == sent_will.qos());
  CHECK(will.retain() == sent_will.retain());
  CHECK(will.request_response() == sent_will.request_response());
  CHECK(will.expiry_interval_s() == sent_will.expiry_interval_s());
}

TEST_CASE("CONNECT of 3.x comes back without properties", "[mqtt]") {
  for (const Version version : {Version::v3_1, Version::v3_1_1}) {
    const auto got = returned(full_connect(), Role::server_reads_client, version);
    CHECK(got->version == version);
    CHECK(got->client_id == "press-07");
    CHECK(got->user_name == "user");
    CHECK(got->session_expiry_interval_s == 0xFFFFFFFF);
    CHECK(got->receive_maximum == 65535);
    REQUIRE(got->will);
    CHECK(got->will->message->payload() == "bye");
    CHECK(got->will->message->properties().empty());
    CHECK(got->will->message->qos() == QoS::at_least_once);
    CHECK(got->will->delay_interval_s == 0);
  }
}

TEST_CASE("CONNACK comes back with every field", "[mqtt][MQTT-3.2.2-8]") {
  ConnackPacket sent;
  sent.session_present = true;
  sent.session_expiry_interval_s = 9;
  sent.receive_maximum = 20;
  sent.maximum_qos = QoS::at_least_once;
  sent.retain_available = false;
  sent.maximum_packet_size = 100'000;
  sent.assigned_client_identifier = "auto-1";
  sent.topic_alias_maximum = 12;
  sent.wildcard_subscription_available = false;
  sent.subscription_identifiers_available = false;
  sent.shared_subscription_available = false;
  sent.server_keep_alive_s = 0;
  sent.response_information = "re";
  sent.server_reference = "other";
  sent.authentication_method = "SCRAM";
  sent.authentication_data = "data";
  sent.notes = notes();
  const auto got = returned(sent, Role::client_reads_server, Version::v5);
  CHECK(got->session_present);
  CHECK(got->reason == sent.reason);
  CHECK(got->session_expiry_interval_s == sent.session_expiry_interval_s);
  CHECK(got->receive_maximum == sent.receive_maximum);
  CHECK(got->maximum_qos == sent.maximum_qos);
  CHECK(got->retain_available == sent.retain_available);
  CHECK(got->maximum_packet_size == sent.maximum_packet_size);
  CHECK(got->assigned_client_identifier == sent.assigned_client_identifier);
  CHECK(got->topic_alias_maximum == sent.topic_alias_maximum);
  CHECK(got->wildcard_subscription_available == sent.wildcard_subscription_available);
  CHECK(got->subscription_identifiers_available == sent.subscription_identifiers_available);
  CHECK(got->shared_subscription_available == sent.shared_subscription_available);
  CHECK(got->server_keep_alive_s == sent.server_keep_alive_s);
  CHECK(got->response_information == sent.response_information);
  CHECK(got->server_reference == sent.server_reference);
  CHECK(got->authentication_method == sent.authentication_method);
  CHECK(got->authentication_data == sent.authentication_data);
  check_same(got->notes, sent.notes);
}

TEST_CASE("CONNACK of 3.1.1 comes back with the reason nearest to its code", "[mqtt]") {
  using enum ReasonCode;
  for (const auto& [sent_reason, expected] :
       {std::pair{success, success}, std::pair{banned, not_authorized},
        std::pair{server_busy, server_unavailable},
        std::pair{bad_user_name_or_password, bad_user_name_or_password}}) {
    ConnackPacket sent;
    sent.reason = sent_reason;
    CHECK(returned(sent, Role::client_reads_server, Version::v3_1_1)->reason == expected);
  }
}

TEST_CASE("PUBLISH comes back with every field, both ways", "[mqtt][MQTT-3.3.2-17]") {
  const std::string properties = wire("26 <k> <v> 01 00 03 <t> 08 <re> 09 <{00}>");
  MessageFields fields;
  fields.topic = "a/b";
  fields.properties = properties;
  fields.payload = "hi";
  fields.qos = QoS::exactly_once;
  fields.retain = true;
  fields.request_response = true;
  fields.expiry_interval_s = 3;
  PublishPacket sent{KeptMessage::make(fields, {}), 77, true, 5, {}};
  for (const Role role : {Role::server_reads_client, Role::client_reads_server}) {
    if (role == Role::client_reads_server) sent.subscription_identifiers = {1, 268'435'455};
    std::string bytes;
    REQUIRE(encode(sent, {Version::v5, 0, true}, bytes));
    Decoding decoding(role, packet_case_limits());
    decoding.decoder.set_version(Version::v5);
    decoding.feed(bytes);
    const auto& got = decoding.packet<PublishPacket>(0);
    CHECK(got.packet_id == 77);
    CHECK(got.dup);
    CHECK(got.topic_alias == 5);
    CHECK(got.subscription_identifiers == sent.subscription_identifiers);
    CHECK(got.message->topic() == "a/b");
    CHECK(got.message->properties() == properties);
    CHECK(got.message->payload() == "hi");
    CHECK(got.message->qos() == QoS::exactly_once);
    CHECK(got.message->retain());
    CHECK(got.message->request_response());
    CHECK(got.message->expiry_interval_s() == 3);
  }
}

TEST_CASE("acknowledgements come back with every field, both ways", "[mqtt]") {
  using enum PacketType;
  for (const Role role : {Role::server_reads_client, Role::client_reads_server}) {
    for (const PacketType type : {puback, pubrec, pubrel, pubcomp}) {
      const bool release = type == pubrel || type == pubcomp;
      const auto reason =
          release ? ReasonCode::packet_identifier_not_found : ReasonCode::quota_exceeded;
      const AckPacket sent{type, 65535, reason, std::make_shared<const Notes>(notes())};
      std::string bytes;
      REQUIRE(encode(sent, {Version::v5, 0, true}, bytes));
      Decoding decoding(role, packet_case_limits());
      decoding.decoder.set_version(Version::v5);
      decoding.feed(bytes);
      const auto& got = decoding.packet<AckPacket>(0);
      CHECK(got.type == type);
      CHECK(got.packet_id == 65535);
      CHECK(got.reason == reason);
      REQUIRE(got.notes);
      check_same(*got.notes, *sent.notes);
    }
  }
}

TEST_CASE("SUBSCRIBE and UNSUBSCRIBE come back with every field", "[mqtt][MQTT-3.8.4-5]") {
  SubscribePacket sent;
  sent.packet_id = 9;
  sent.subscription_identifier = 268'435'455;
  sent.user_properties = notes().user_properties;
  sent.items.push_back({"a/+/#", {QoS::exactly_once, true, true, 2}});
  sent.items.push_back({"$share/g/b", {QoS::at_least_once, false, true, 1}});
  const auto got = returned(sent, Role::server_reads_client, Version::v5);
  CHECK(got->packet_id == sent.packet_id);
  CHECK(got->subscription_identifier == sent.subscription_identifier);
  CHECK(got->user_properties == sent.user_properties);
  REQUIRE(got->items.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(got->items[i].filter == sent.items[i].filter);
    CHECK(got->items[i].options == sent.items[i].options);
  }
  const auto old = returned(sent, Role::server_reads_client, Version::v3_1_1);
  CHECK(old->items[0].options == SubscriptionOptions{QoS::exactly_once, false, false, 0});
  CHECK(old->subscription_identifier == 0);
  for (const Version version : {Version::v3_1_1, Version::v5}) {
    const UnsubscribePacket unsubscribe{8, {"a/+", "b"}};
    const auto back = returned(unsubscribe, Role::server_reads_client, version);
    CHECK(back->packet_id == 8);
    CHECK(back->filters == unsubscribe.filters);
  }
}

TEST_CASE("SUBACK and UNSUBACK come back with every field", "[mqtt][MQTT-3.9.3-1]") {
  using enum ReasonCode;
  const SubackPacket suback{
      PacketType::suback, 7, {success, granted_qos_2, quota_exceeded}, notes()};
  const auto got = returned(suback, Role::client_reads_server, Version::v5);
  CHECK(got->type == PacketType::suback);
  CHECK(got->packet_id == 7);
  CHECK(got->reasons == suback.reasons);
  check_same(got->notes, suback.notes);
  const auto old = returned(suback, Role::client_reads_server, Version::v3_1_1);
  CHECK(old->reasons == std::vector{success, granted_qos_2, unspecified_error});
  const SubackPacket unsuback{PacketType::unsuback, 7, {success, no_subscription_existed}, notes()};
  const auto back = returned(unsuback, Role::client_reads_server, Version::v5);
  CHECK(back->type == PacketType::unsuback);
  CHECK(back->reasons == unsuback.reasons);
  check_same(back->notes, unsuback.notes);
  CHECK(returned(unsuback, Role::client_reads_server, Version::v3_1)->reasons.empty());
}

TEST_CASE("DISCONNECT and AUTH come back with every field, both ways", "[mqtt]") {
  DisconnectPacket from_client;
  from_client.reason = ReasonCode::disconnect_with_will;
  from_client.session_expiry_interval_s = 0;
  from_client.notes = notes();
  const auto client = returned(from_client, Role::server_reads_client, Version::v5);
  CHECK(client->reason == from_client.reason);
  CHECK(client->session_expiry_interval_s == 0U);
  check_same(client->notes, from_client.notes);
  DisconnectPacket from_server;
  from_server.reason = ReasonCode::server_moved;
  from_server.server_reference = "other";
  from_server.notes = notes();
  const auto server = returned(from_server, Role::client_reads_server, Version::v5);
  CHECK(server->reason == from_server.reason);
  CHECK(server->server_reference == "other");
  check_same(server->notes, from_server.notes);
  const AuthPacket auth{ReasonCode::continue_authentication, "SCRAM", "data", notes()};
  for (const Role role : {Role::server_reads_client, Role::client_reads_server}) {
    const auto got = returned(auth, role, Version::v5);
    CHECK(got->reason == auth.reason);
    CHECK(got->authentication_method == "SCRAM");
    CHECK(got->authentication_data == "data");
    check_same(got->notes, auth.notes);
  }
}

}  // namespace
