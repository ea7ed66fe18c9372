#include "auth/users_authenticator.h"

#include "auth/base64.h"
#include "auth/crypto.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"
#include "tests/unit/auth/answer_of.h"

namespace lineshaft::auth {
namespace {

class StoodClock final : public Clock {
 public:
  Now now() override { return {Instant{Milliseconds{now_ms}}, WallTime{}}; }
  std::atomic<std::int64_t> now_ms = 1'000'000;
};

/// PBKDF2 with few iterations: these tests are not about what a hash costs.
UserTable users() {
  const auto record = [](std::string_view password) {
    Pbkdf2Hash hash{10, "salt", pbkdf2(Digest::sha512, password, "salt", 10, 32), false};
    return UserRecord{hash, make_scram_keys(password, "salt", 4096)};
  };
  return {{"alice", record("pencil")}, {"bob", record("eraser")}};
}

core::AuthenticationStep step_of(const char* user, const char* password,
                                 const char* peer = "10.0.0.1:1") {
  core::AuthenticationStep step;
  step.peer = std::make_shared<core::Peer>(core::Peer{"plant", peer});
  if (user != nullptr) step.user_name = user;
  if (password != nullptr) step.password = password;
  return step;
}

struct World {
  StoodClock clock;
  UsersAuthenticator authenticator{make_users_policy(users(), {}, false), clock};

  core::AuthenticationAnswer ask(core::AuthenticationStep step) {
    return test::answer_of(authenticator, std::move(step));
  }
  core::Admission log_in(core::AuthenticationStep step) {
    return test::admission_of(authenticator, std::move(step));
  }
  ReasonCode reason(const char* user, const char* password, const char* peer = "10.0.0.1:1") {
    return log_in(step_of(user, password, peer)).reason;
  }
};

core::AuthenticationStep scram_step(std::string data) {
  core::AuthenticationStep step = step_of(nullptr, nullptr);
  step.method = scram_method;
  step.data = std::move(data);
  return step;
}

/// The client's side of SCRAM after the challenge.
std::string client_final(const std::string& first_bare, const std::string& challenge,
                         const std::string& password) {
  const std::string nonce = challenge.substr(2, challenge.find(',') - 2);
  const std::size_t salt_at = challenge.find(",s=") + 3;
  const std::size_t count_at = challenge.find(",i=");
  const std::string salt = *from_base64(challenge.substr(salt_at, count_at - salt_at));
  const auto iterations = static_cast<std::uint32_t>(std::stoul(challenge.substr(count_at + 3)));
  const std::string salted = pbkdf2(Digest::sha256, password, salt, iterations, 32);
  std::string proof = hmac_sha256(salted, "Client Key");
  const std::string without_proof = "c=biws,r=" + nonce;
  const std::string text = first_bare + "," + challenge + "," + without_proof;
  const std::string signature = hmac_sha256(sha256(proof), text);
  for (std::size_t i = 0; i < proof.size(); ++i) {
    proof[i] = static_cast<char>(proof[i] ^ signature[i]);
  }
  return without_proof + ",p=" + to_base64(proof, Padding::with);
}

core::Admission scram(World& w, const std::string& user, const std::string& password) {
  const std::string bare = "n=" + user + ",r=abc";
  auto challenge = std::get<core::Challenge>(w.ask(scram_step("n,," + bare)));
  auto step = scram_step(client_final(bare, challenge.data, password));
  step.state = challenge.state;
  return w.log_in(std::move(step));
}

}  // namespace

TEST_CASE("the right password proves a user", "[auth]") {
  World w;
  const core::Admission admission = w.log_in(step_of("alice", "pencil"));
  REQUIRE(admission.reason == ReasonCode::success);
  CHECK(admission.principal->name == "alice");
  CHECK(admission.principal->proof == core::Proof::password);
}

TEST_CASE("a wrong password and an unknown user get the same answer", "[auth]") {
  World w;
  CHECK(w.reason("alice", "eraser") == ReasonCode::bad_user_name_or_password);
  CHECK(w.reason("alice", nullptr) == ReasonCode::bad_user_name_or_password);
  CHECK(w.reason("mallory", "pencil") == ReasonCode::bad_user_name_or_password);
  CHECK(w.reason("", "pencil") == ReasonCode::bad_user_name_or_password);
}

TEST_CASE("without a user name nobody gets in, unless the policy lets them", "[auth]") {
  World w;
  CHECK(w.reason(nullptr, nullptr) == ReasonCode::not_authorized);
  w.authenticator.set_policy(make_users_policy(users(), {}, true));
  const core::Admission admission = w.log_in(step_of(nullptr, nullptr));
  REQUIRE(admission.reason == ReasonCode::success);
  CHECK(admission.principal->is_anonymous());
  CHECK(w.reason("alice", "wrong") == ReasonCode::bad_user_name_or_password);
}

TEST_CASE("many wrong passwords are spaced out for their name and address only", "[auth]") {
  World w;
  for (int i = 0; i < 3; ++i) w.reason("alice", "wrong");
  CHECK(w.reason("alice", "pencil") == ReasonCode::connection_rate_exceeded);
  CHECK(w.reason("alice", "pencil", "10.0.0.2:1") == ReasonCode::success);
  CHECK(w.reason("bob", "eraser") == ReasonCode::success);
  w.clock.now_ms += 1000;
  CHECK(w.reason("alice", "pencil") == ReasonCode::success);
}

TEST_CASE("a policy that is replaced counts at once", "[auth]") {
  World w;
  UserTable fewer = users();
  fewer.erase("alice");
  w.authenticator.set_policy(make_users_policy(std::move(fewer), {}, false));
  CHECK(w.reason("alice", "pencil") == ReasonCode::bad_user_name_or_password);
  CHECK(w.reason("bob", "eraser") == ReasonCode::success);
}

TEST_CASE("SCRAM-SHA-256 proves a user, and the server to the client", "[auth][MQTT-4.12.0-5]") {
  World w;
  const core::Admission admission = scram(w, "alice", "pencil");
  REQUIRE(admission.reason == ReasonCode::success);
  CHECK(admission.principal->name == "alice");
  CHECK(admission.principal->proof == core::Proof::scram);
  CHECK(admission.data.starts_with("v="));
  CHECK(scram(w, "alice", "eraser").reason == ReasonCode::bad_user_name_or_password);
  CHECK(scram(w, "mallory", "pencil").reason == ReasonCode::bad_user_name_or_password);
}

TEST_CASE("guesses by SCRAM are spaced out like others", "[auth]") {
  World w;
  for (int i = 0; i < 3; ++i) scram(w, "alice", "wrong");
  CHECK(scram(w, "alice", "pencil").reason == ReasonCode::connection_rate_exceeded);
}

TEST_CASE("SCRAM for another user than the CONNECT names, or than the client is, is refused",
          "[auth][MQTT-4.12.1-1]") {
  World w;
  auto step = scram_step("n,,n=alice,r=abc");
  step.user_name = "bob";
  CHECK(w.log_in(std::move(step)).reason == ReasonCode::not_authorized);
  auto again = scram_step("n,,n=alice,r=abc");
  again.known = std::make_shared<core::Principal>(core::Principal{"bob", core::Proof::scram, 1});
  CHECK(w.log_in(std::move(again)).reason == ReasonCode::not_authorized);
  CHECK(w.log_in(scram_step("nonsense")).reason == ReasonCode::not_authorized);
}

TEST_CASE("a method we do not know is said to be that", "[auth][MQTT-4.12.0-1]") {
  World w;
  auto step = scram_step("n,,n=alice,r=abc");
  step.method = "SCRAM-SHA-1";
  CHECK(w.log_in(std::move(step)).reason == ReasonCode::bad_authentication_method);
}

TEST_CASE("with the same secret the salt of nobody is the same after a restart", "[auth]") {
  const auto challenge = [](const char* secret) {
    StoodClock clock;
    UsersAuthenticator authenticator(make_users_policy(users(), {}, false), clock, secret);
    std::string data;
    authenticator.authenticate(scram_step("n,,n=nobody,r=abc"),
                               [&](core::AuthenticationAnswer answer) {
                                 data = std::get<core::Challenge>(std::move(answer)).data;
                               });
    return data.substr(data.find(",s="));
  };
  CHECK(challenge("one") == challenge("one"));
  CHECK(challenge("one") != challenge("another"));
  CHECK(challenge("") != challenge(""));
}

TEST_CASE("the CN of a certificate is a user where the policy believes it", "[auth]") {
  lineshaft::test::TempDir folder;
  lineshaft::test::TestPki pki(folder.path());
  World w;
  const auto with = [&](const std::string& der) {
    auto tls = std::make_shared<core::PeerTls>();
    tls->version = "TLSv1.3";
    tls->certificate =
        std::make_unique<const core::PeerCertificate>(core::PeerCertificate{der, pki.spki()});
    core::AuthenticationStep step = step_of(nullptr, nullptr);
    step.peer = std::make_shared<core::Peer>(core::Peer{"plant", "10.0.0.1:1", std::move(tls)});
    return step;
  };
  const std::string alice = pki.issue("alice").certificate_der;
  CHECK(w.log_in(with(alice)).reason == ReasonCode::not_authorized);
  w.authenticator.set_policy(make_users_policy(users(), {}, false, true));
  const core::Admission admission = w.log_in(with(alice));
  REQUIRE(admission.reason == ReasonCode::success);
  CHECK(admission.principal->name == "alice");
  CHECK(admission.principal->proof == core::Proof::certificate);
  CHECK(admission.principal->issuer_spki == pki.spki());
  CHECK(w.log_in(with(pki.issue("mallory").certificate_der)).reason == ReasonCode::not_authorized);
  lineshaft::test::TestPki::Shape two;
  two.subject = {{"CN", "bob"}};
  CHECK(w.log_in(with(pki.issue("alice2", lineshaft::test::TestPki::Days{9}, two).certificate_der))
            .reason == ReasonCode::not_authorized);
  CHECK(w.log_in(with("no certificate")).reason == ReasonCode::not_authorized);
  // A user name says that a password comes.
  core::AuthenticationStep named = with(alice);
  named.user_name = "bob";
  named.password = "wrong";
  CHECK(w.log_in(std::move(named)).reason == ReasonCode::bad_user_name_or_password);
  // Nor does somebody without a certificate get in.
  CHECK(w.log_in(step_of(nullptr, nullptr)).reason == ReasonCode::not_authorized);
}

}  // namespace lineshaft::auth
