#include "tests/support/scripted_client.h"

#include <utility>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace lineshaft::test {
namespace {

std::string text(std::string_view part) { return std::string(part); }

}  // namespace

ScriptedClient ScriptedBroker::open() { return ScriptedClient(*this, open_pipe().id.slot); }

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
