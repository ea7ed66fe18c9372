// Enhanced authentication (section 4.12), with SCRAM-SHA-256 as the method.
#include <fmt/format.h>

#include "auth/base64.h"
#include "auth/crypto.h"
#include "auth/users_authenticator.h"
#include "auth/users_interceptor.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace lineshaft::test {
namespace {

using namespace auth;

class StoodClock final : public Clock {
 public:
  Now now() override { return {Instant{Milliseconds{1'000'000}}, WallTime{}}; }
};

/// A broker with the users alice ("pencil") and bob ("eraser").
struct World {
  StoodClock clock;
  UsersPolicyPtr policy = make_policy();
  UsersAuthenticator authenticator{policy, clock};
  ScriptedBroker broker;

  World() { broker.guard(&authenticator, std::make_shared<UsersInterceptor>(policy)); }

  static UsersPolicyPtr make_policy() {
    UserTable users;
    users["alice"].scram = make_scram_keys("pencil", "salt", 4096);
    users["bob"].scram = make_scram_keys("eraser", "salt", 4096);
    return make_users_policy(std::move(users), parse_user_rules("everybody\nboth #\n").rules,
                             false);
  }
};

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02X} ", static_cast<unsigned char>(c));
  return text;
}

/// Authentication Data as a property in the notation.
std::string auth_data(std::string_view bytes) {
  return fmt::format("16 {:04X} {}", bytes.size(), hex(bytes));
}

std::string first_message(const std::string& user) { return "n,,n=" + user + ",r=abc"; }

std::string connect_packet(const std::string& user, const char* method = "SCRAM-SHA-256") {
  return fmt::format("10 [<MQTT> 05 02 0000 [15 <{}> {}] <c-{}>]", method,
                     auth_data(first_message(user)), user);
}

std::string auth_packet(const char* code, std::string_view bytes,
                        const char* method = "SCRAM-SHA-256") {
  return fmt::format("F0 [{} [15 <{}> {}]]", code, method, auth_data(bytes));
}

/// The Authentication Data of an AUTH 0x18 with our method.
std::string challenge_of(const std::string& packet) {
  const std::string head = std::string(
      "\x15\x00\x0D"
      "SCRAM-SHA-256\x16",
      17);
  const std::size_t at = packet.find(head);
  REQUIRE(at != std::string::npos);
  CHECK(packet.substr(0, 1) == "\xF0");
  CHECK(packet[2] == '\x18');
  return packet.substr(at + head.size() + 2);
}

/// The client's last message and what the server must answer to it.
struct Proof {
  std::string message;
  std::string answer;
};

Proof prove(const std::string& user, const std::string& challenge, const std::string& password) {
  const std::string nonce = challenge.substr(2, challenge.find(',') - 2);
  const std::string salted = pbkdf2(Digest::sha256, password, "salt", 4096, 32);
  std::string key = hmac_sha256(salted, "Client Key");
  const std::string without_proof = "c=biws,r=" + nonce;
  const std::string text = "n=" + user + ",r=abc," + challenge + "," + without_proof;
  const std::string signature = hmac_sha256(sha256(key), text);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<char>(key[i] ^ signature[i]);
  const std::string server = hmac_sha256(hmac_sha256(salted, "Server Key"), text);
  return {without_proof + ",p=" + to_base64(key, Padding::with),
          "v=" + to_base64(server, Padding::with)};
}

/// A client that has got its CONNACK.
ScriptedClient logged_in(World& w, const std::string& user, const std::string& password) {
  ScriptedClient client = w.broker.connect(connect_packet(user));
  const Proof proof = prove(user, challenge_of(client.take()), password);
  client.send(auth_packet("18", proof.message)).expect_connack();
  return client;
}

}  // namespace

TEST_CASE("a challenge is AUTH 0x18, and CONNACK repeats the method and ends the exchange",
          "[MQTT-4.12.0-2][MQTT-4.12.0-3][MQTT-4.12.0-5]") {
  World w;
  ScriptedClient client = w.broker.connect(connect_packet("alice"));
  const Proof proof = prove("alice", challenge_of(client.take()), "pencil");
  client.send(auth_packet("18", proof.message))
      .expect(fmt::format("20 [00 00 [21 0100 27 00200000 22 0040 15 <SCRAM-SHA-256> {}]]",
                          auth_data(proof.answer)));
  client.send("C000").expect("D000");
}

TEST_CASE("a wrong proof and an unknown user are refused in the same words", "[MQTT-4.12.0-4]") {
  for (const char* user : {"alice", "mallory"}) {
    World w;
    ScriptedClient client = w.broker.connect(connect_packet(user));
    const Proof proof = prove(user, challenge_of(client.take()), "wrong");
    client.send(auth_packet("18", proof.message))
        .expect_refused(ReasonCode::bad_user_name_or_password);
  }
}

TEST_CASE("a method we do not know is refused with 0x8C, whoever asks", "[MQTT-4.12.0-1]") {
  World w;
  w.broker.connect(connect_packet("alice", "SCRAM-SHA-1"))
      .expect_refused(ReasonCode::bad_authentication_method);
}

TEST_CASE("before CONNACK nothing but AUTH of the same method may come",
          "[MQTT-3.1.2-30][MQTT-4.12.0-3]") {
  for (const std::string& packet :
       {std::string("C000"), std::string("30 [<a> [] 'x']"), auth_packet("19", "x"),
        auth_packet("18", "x", "OTHER"), std::string("82 [0001 [] <a> 00]")}) {
    INFO(packet);
    World w;
    ScriptedClient client = w.broker.connect(connect_packet("alice"));
    challenge_of(client.take());
    client.send(packet).expect_refused(ReasonCode::protocol_error);
    CHECK(w.broker.statistics().sessions == 0);
  }
}

TEST_CASE("what is sent behind CONNECT without waiting is no answer to a challenge",
          "[MQTT-3.1.2-30]") {
  World w;
  ScriptedClient client = w.broker.connect(connect_packet("alice") + " 30 [<a> [] 'x']");
  challenge_of(client.take());
  client.expect_refused(ReasonCode::protocol_error);
}

TEST_CASE("without a method there is no AUTH, and no method in CONNACK",
          "[MQTT-4.12.0-6][MQTT-4.12.0-7]") {
  World w;
  w.broker.connect("10 [<MQTT> 05 02 0000 [] <c>]").expect_refused(ReasonCode::not_authorized);
}

TEST_CASE("a connected client proves itself again and goes on meanwhile",
          "[MQTT-4.12.1-1][MQTT-4.12.0-5]") {
  World w;
  ScriptedClient client = logged_in(w, "alice", "pencil");
  client.send(auth_packet("19", first_message("alice")));
  const Proof proof = prove("alice", challenge_of(client.take()), "pencil");
  client.send("C000").expect("D000");
  client.send(auth_packet("18", proof.message)).expect(auth_packet("00", proof.answer));
  client.send("C000").expect("D000");
}

TEST_CASE("who fails to prove itself again is disconnected with 0x87", "[MQTT-4.12.1-2]") {
  World w;
  ScriptedClient client = logged_in(w, "alice", "pencil");
  client.send(auth_packet("19", first_message("alice")));
  const Proof proof = prove("alice", challenge_of(client.take()), "wrong");
  client.send(auth_packet("18", proof.message)).expect_disconnect(ReasonCode::not_authorized);
}

TEST_CASE("nobody becomes another user on the way", "[MQTT-4.12.1-2]") {
  World w;
  ScriptedClient client = logged_in(w, "alice", "pencil");
  client.send(auth_packet("19", first_message("bob")))
      .expect_disconnect(ReasonCode::not_authorized);
}

TEST_CASE("AUTH out of turn is a protocol error", "[MQTT-4.12.0-7][MQTT-4.12.1-1]") {
  World w;
  logged_in(w, "alice", "pencil")
      .send(auth_packet("18", "x"))
      .expect_disconnect(ReasonCode::protocol_error);
  logged_in(w, "alice", "pencil")
      .send(auth_packet("19", first_message("alice"), "OTHER"))
      .expect_disconnect(ReasonCode::protocol_error);
  ScriptedClient twice = logged_in(w, "alice", "pencil");
  twice.send(auth_packet("19", first_message("alice")));
  challenge_of(twice.take());
  twice.send(auth_packet("19", first_message("alice")))
      .expect_disconnect(ReasonCode::protocol_error);
}

}  // namespace lineshaft::test
