#include "auth/zones_authenticator.h"

#include <atomic>
#include <filesystem>
#include <mutex>

#include "broker/base/audit.h"
#include "broker/base/metrics.h"
#include "tests/support/catch.h"
#include "tests/unit/auth/answer_of.h"
#include "tests/unit/auth/identity_world.h"

namespace lineshaft::auth::test {
namespace {

class WallClock final : public Clock {
 public:
  Now now() override { return {Instant{Milliseconds{1'000'000}}, WallTime{now_ms}}; }
  Milliseconds now_ms{};
};

/// Keeps what is audited.
class Records final : public AuditSink {
 public:
  Records() { set_audit_sink(this); }
  ~Records() override { set_audit_sink(nullptr); }
  void write(const AuditRecord& record) noexcept override {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::string(record.type) + " " + std::string(record.zone) + "/" +
                   std::string(record.identity) + " " + std::string(record.address) + " " +
                   std::string(record.reason));
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(all_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> all_;
};

struct World {
  IdentityPlant plant;
  Records records;
  WallClock clock;
  ZonesAuthenticator authenticator{plant.shared_rules(), clock};

  World() { clock.now_ms = plant.now.time_since_epoch(); }

  core::AuthenticationAnswer ask(core::AuthenticationStep step) {
    return answer_of(authenticator, std::move(step));
  }
  core::Admission log_in(core::AuthenticationStep step) {
    return admission_of(authenticator, std::move(step));
  }

  /// A client on `listener`; what it shows is added by the callers.
  static core::AuthenticationStep step(const char* listener, std::shared_ptr<core::PeerTls> tls) {
    core::AuthenticationStep made;
    made.peer = std::make_shared<core::Peer>(core::Peer{listener, "10.0.0.9:4711", std::move(tls)});
    made.client_id = "c1";
    return made;
  }
  static std::shared_ptr<core::PeerTls> tls(std::string_view version = "TLSv1.3") {
    auto made = std::make_shared<core::PeerTls>();
    made->version = version;
    return made;
  }
  core::AuthenticationStep with(const Issued& shown, const TestPki& issuer,
                                const char* listener = "tls") {
    auto made = tls();
    made->certificate = std::make_unique<const core::PeerCertificate>(
        core::PeerCertificate{shown.certificate_der, issuer.spki()});
    return step(listener, std::move(made));
  }
  static core::AuthenticationStep with_password(const char* name, const char* password) {
    core::AuthenticationStep made = step("office", tls());
    made.user_name = name;
    made.password = password;
    return made;
  }
};

}  // namespace

TEST_CASE("a certificate proves name, zone and roles", "[auth][zones]") {
  World w;
  const core::Admission admission = w.log_in(w.with(w.plant.gateway("gw-07"), w.plant.ot));
  REQUIRE(admission.reason == ReasonCode::success);
  CHECK(admission.principal->zone == "ot");
  CHECK(admission.principal->name == "gw-07");
  CHECK(admission.principal->tls == 13);
  CHECK(admission.principal->listener == "tls");
  CHECK(w.records.take() ==
        std::vector<std::string>{"login_accepted ot/gw-07 10.0.0.9 certificate"});
}

TEST_CASE("a refused identity is counted and audited with its reason, the client learns none",
          "[auth][zones]") {
  World w;
  const auto before = counter_value(Counter::identities_refused);
  const Issued forged =
      w.plant.it.issue("gw", TestPki::Days{9}, IdentityPlant::shape("ot", "edge", "gw-07"));
  const core::Admission admission = w.log_in(w.with(forged, w.plant.it));
  CHECK(admission.reason == ReasonCode::not_authorized);
  CHECK(admission.principal == nullptr);
  CHECK(counter_value(Counter::identities_refused) == before + 1);
  CHECK(w.records.take() ==
        std::vector<std::string>{"login_refused ot/gw-07 10.0.0.9 ISSUER_NOT_FOR_ZONE"});
}

TEST_CASE("a certificate decides alone: user name and method of its client say nothing",
          "[auth][zones]") {
  World w;
  core::AuthenticationStep step = w.with(w.plant.gateway("gw"), w.plant.ot);
  step.user_name = "alice";
  step.password = "wrong";
  const core::Admission admission = w.log_in(step);
  REQUIRE(admission.reason == ReasonCode::success);
  CHECK(admission.principal->name == "gw");
  // Nor does a good password help a bad certificate.
  core::AuthenticationStep bad =
      w.with(w.plant.it.issue("x", TestPki::Days{9}, IdentityPlant::shape("ot", "edge", "x")),
             w.plant.it, "office");
  bad.user_name = "alice";
  bad.password = "pencil";
  CHECK(w.log_in(std::move(bad)).reason == ReasonCode::not_authorized);
  step.method = "SCRAM-SHA-256";
  CHECK(w.log_in(std::move(step)).reason == ReasonCode::bad_authentication_method);
}

TEST_CASE("a user gets the place the policy gives the name, after the right password",
          "[auth][zones]") {
  World w;
  const core::Admission alice = w.log_in(World::with_password("alice", "pencil"));
  REQUIRE(alice.reason == ReasonCode::success);
  CHECK(alice.principal->zone == "it");
  CHECK(alice.principal->roles == std::vector<std::string>{"reader"});
  CHECK(alice.principal->proof == core::Proof::password);
  CHECK(w.log_in(World::with_password("alice", "wrong")).reason ==
        ReasonCode::bad_user_name_or_password);
  // bob is in the users file and in no zone.
  CHECK(w.log_in(World::with_password("bob", "pencil")).reason == ReasonCode::not_authorized);
  core::AuthenticationStep ot = World::with_password("alice", "pencil");
  ot.peer = std::make_shared<core::Peer>(core::Peer{"tls", "10.0.0.9:1", World::tls()});
  CHECK(w.log_in(std::move(ot)).reason == ReasonCode::not_authorized);
}

TEST_CASE("SCRAM challenges a user as without zones", "[auth][zones]") {
  World w;
  core::AuthenticationStep first = World::step("office", World::tls());
  first.method = "SCRAM-SHA-256";
  first.data = "n,,n=alice,r=abc";
  CHECK(std::holds_alternative<core::Challenge>(w.ask(std::move(first))));
}

TEST_CASE("a pre-shared key is an identity of its own", "[auth][zones]") {
  World w;
  auto tls = World::tls("TLSv1.2");
  tls->psk_identity = "scale";
  CHECK(w.log_in(World::step("office", tls)).reason == ReasonCode::not_authorized);  // strength
  w.plant.config.zones["it"].sl_t = 1;
  w.authenticator.set_rules(w.plant.shared_rules());
  const core::Admission scale = w.log_in(World::step("office", tls));
  REQUIRE(scale.reason == ReasonCode::success);
  CHECK(scale.principal->proof == core::Proof::psk);
  CHECK(scale.principal->strength == 1);
}

TEST_CASE("who proves nothing has no place", "[auth][zones]") {
  World w;
  CHECK(w.log_in(World::step("office", World::tls())).reason == ReasonCode::not_authorized);
  CHECK(w.log_in(World::step("office", nullptr)).reason == ReasonCode::not_authorized);
  const auto records = w.records.take();
  REQUIRE(records.size() == 2);
  CHECK(records[0] == "login_refused / 10.0.0.9 NO_CERT");
}

TEST_CASE("a Client Identifier that is not the client's is refused as such", "[auth][zones]") {
  World w;
  w.plant.config.listeners["tls"].client_id = ClientIdRule::equal;
  w.authenticator.set_rules(w.plant.shared_rules());
  const Issued shown = w.plant.gateway("gw-07");
  core::AuthenticationStep step = w.with(shown, w.plant.ot);
  CHECK(w.log_in(step).reason == ReasonCode::client_identifier_not_valid);
  step.client_id = "gw-07";
  CHECK(w.log_in(step).reason == ReasonCode::success);
}

TEST_CASE("who came with fresh revocation lists comes back when they have ended", "[auth][zones]") {
  World w;
  const Issued known = w.plant.gateway("known");
  const Issued unknown = w.plant.gateway("unknown");
  REQUIRE(w.log_in(w.with(known, w.plant.ot)).reason == ReasonCode::success);
  w.plant.use_lists({w.plant.ot.revocations({}, TestPki::Days{-1}), w.plant.root.revocations({})});
  w.plant.config.crl_stale_grace = std::chrono::hours{48};
  w.authenticator.set_rules(w.plant.shared_rules());
  const auto before = counter_value(Counter::identities_on_grace);
  CHECK(w.log_in(w.with(known, w.plant.ot)).reason == ReasonCode::success);
  CHECK(counter_value(Counter::identities_on_grace) == before + 1);
  CHECK(w.log_in(w.with(unknown, w.plant.ot)).reason == ReasonCode::not_authorized);
  w.clock.now_ms += std::chrono::hours{25};
  CHECK(w.log_in(w.with(known, w.plant.ot)).reason == ReasonCode::not_authorized);
  CHECK(w.records.take().back() == "login_refused ot/known 10.0.0.9 CRL_STALE");
}

TEST_CASE("who came with fresh lists is known after a restart as well", "[auth][zones]") {
  World w;
  const std::string file = w.plant.folder / "known_certificates";
  const Issued known = w.plant.gateway("known");
  const auto comes_in = [&](const Issued& shown) {
    ZonesAuthenticator authenticator(w.plant.shared_rules(), w.clock, {}, file);
    return admission_of(authenticator, w.with(shown, w.plant.ot)).reason == ReasonCode::success;
  };
  REQUIRE(comes_in(known));
  w.plant.use_lists({w.plant.ot.revocations({}, TestPki::Days{-1}), w.plant.root.revocations({})});
  w.plant.config.crl_stale_grace = std::chrono::hours{48};
  CHECK(comes_in(known));
  CHECK_FALSE(comes_in(w.plant.gateway("unknown")));
  std::filesystem::resize_file(file, 31);
  CHECK_FALSE(comes_in(known));
}

TEST_CASE("what is known is kept while the broker runs, not at each login", "[auth][zones]") {
  World w;
  const std::string file = w.plant.folder / "known_certificates";
  FingerprintMemory memory(10, file);
  const Instant start{Milliseconds{1'000'000}};
  CHECK(memory.take_due(start).empty());
  memory.add(std::string(32, 'a'));
  CHECK(memory.take_due(start + Milliseconds{1'000}).empty());
  const std::string content = memory.take_due(start + Milliseconds{60'000});
  CHECK(content == std::string(32, 'a'));
  memory.add(std::string(32, 'a'));
  CHECK(memory.take().empty());
  write_fingerprints(file, content);
  CHECK(FingerprintMemory(10, file).contains(std::string(32, 'a')));
}

TEST_CASE("the end of revocation lists is said once, from the first moment on", "[auth][zones]") {
  World w;
  w.authenticator.poll(w.plant.now);
  CHECK(w.records.take().empty());
  const WallTime end = *w.plant.trust->lists_until(w.plant.ot.spki());
  w.authenticator.poll(end);
  // Of both CAs below the root.
  CHECK(w.records.take().size() == 2);
  w.authenticator.poll(end + Milliseconds{1});
  CHECK(w.records.take().empty());
}

TEST_CASE("only so many fingerprints are remembered, the newest", "[auth]") {
  FingerprintMemory memory(2);
  for (const char* const one : {"a", "b", "c"}) memory.add(one);
  CHECK(memory.contains("a"));
  memory.add("d");
  memory.add("e");
  CHECK_FALSE(memory.contains("a"));
  for (const char* const one : {"c", "d", "e"}) CHECK(memory.contains(one));
}

}  // namespace lineshaft::auth::test
