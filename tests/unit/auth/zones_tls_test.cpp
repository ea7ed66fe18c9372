// Identities over real handshakes: what TLS hands over is enough to find out who it is.
#include <future>

#include "auth/zones_authenticator.h"
#include "tests/unit/auth/identity_world.h"
#include "tests/unit/net/tls_checks.h"

namespace lineshaft::auth::test {
namespace {

using net::ClientCertificate;
using net::TlsOptions;
using net::test::TlsClient;
using net::test::TlsClientOptions;
using net::test::TlsWorld;

class FixedClock final : public Clock {
 public:
  explicit FixedClock(WallTime now) : now_(now) {}
  Now now() override { return {Instant{}, now_}; }

 private:
  WallTime now_;
};

TlsOptions asking_for_certificates() {
  TlsOptions options;
  options.client_certificate = ClientCertificate::require;
  options.passes_ended_crl = true;
  return options;
}

/// A listener that believes the plant's CAs, and the plant's rules behind it.
struct Door {
  IdentityPlant plant;
  TlsWorld tls{asking_for_certificates(), [this](TlsWorld& made, TlsOptions& options) {
                 options.ca_file = made.folder / "trust.pem";
                 options.crl_file = made.folder / "crl.pem";
                 write(made);
               }};
  FixedClock clock{plant.now};

  Door() { plant.config.listeners["test"].zones = {"ot"}; }

  void write(TlsWorld& world, const std::vector<long>& revoked = {}) {
    using lineshaft::test::replace_file;
    replace_file(world.folder / "trust.pem",
                 plant.root.ca_pem() + plant.ot.ca_pem() + plant.it.ca_pem());
    replace_file(
        world.folder / "crl.pem",
        plant.root.revocations({}) + plant.ot.revocations(revoked) + plant.it.revocations({}));
  }

  core::Admission admit(const std::shared_ptr<const core::Peer>& peer) {
    ZonesAuthenticator authenticator(plant.shared_rules(), clock);
    core::AuthenticationStep step;
    step.peer = peer;
    step.client_id = "c";
    std::promise<core::AuthenticationAnswer> promise;
    authenticator.authenticate(std::move(step), [&](core::AuthenticationAnswer answer) {
      promise.set_value(std::move(answer));
    });
    return std::get<core::Admission>(promise.get_future().get());
  }
  core::Admission admit(const TlsClientOptions& options) {
    TlsClient client(tls.port(), tls.pki.ca_file(), options);
    REQUIRE(client.connect("c"));
    return admit(tls.peer());
  }
};

TlsClientOptions with(const Issued& one, int version = TLS1_3_VERSION) {
  return {version, version, "DEFAULT", &one};
}

}  // namespace

TEST_CASE("over TLS 1.2 and 1.3 a certificate gives its client a place", "[auth][zones][tls]") {
  Door door;
  const Issued gateway = door.plant.gateway("gw-07");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const core::Admission admission = door.admit(with(gateway, version));
    REQUIRE(admission.reason == ReasonCode::success);
    CHECK(admission.principal->name == "gw-07");
    CHECK(admission.principal->zone == "ot");
    CHECK(admission.principal->issuer_spki == door.plant.ot.spki());
    CHECK(admission.principal->strength == 3);
    CHECK(admission.principal->tls == (version == TLS1_3_VERSION ? 13 : 12));
  }
}

TEST_CASE("the IT CA's certificate passes the handshake and still is nobody in OT",
          "[auth][zones][tls]") {
  Door door;
  const Issued forged =
      door.plant.it.issue("gw-07", TestPki::Days{9}, IdentityPlant::shape("ot", "edge", "gw-07"));
  const core::Admission admission = door.admit(with(forged));
  CHECK(admission.reason == ReasonCode::not_authorized);
  CHECK(admission.principal == nullptr);
}

TEST_CASE("a resumed connection is judged like a new one, by the rules of now",
          "[auth][zones][tls]") {
  Door door;
  const Issued gateway = door.plant.gateway("gw-07");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClientOptions options = with(gateway, version);
    TlsClient first(door.tls.port(), door.tls.pki.ca_file(), options);
    REQUIRE(first.connect("a"));
    options.session = first.session();
    TlsClient again(door.tls.port(), door.tls.pki.ca_file(), options);
    REQUIRE(again.connect("b"));
    REQUIRE(again.resumed());
    const auto peer = door.tls.peer();
    CHECK(door.admit(peer).reason == ReasonCode::success);
    // Revoked since: the ticket is no way around that.
    const auto lists = door.plant.files.lists;
    door.plant.use_lists(
        {door.plant.ot.revocations({gateway.serial}), door.plant.root.revocations({})});
    CHECK(door.admit(peer).reason == ReasonCode::not_authorized);
    door.plant.files.lists = lists;
    door.plant.use_files();
  }
}

TEST_CASE("new lists end the tickets that were given under the old ones", "[auth][zones][tls]") {
  Door door;
  const Issued gateway = door.plant.gateway("gw-07");
  TlsClientOptions options = with(gateway);
  TlsClient first(door.tls.port(), door.tls.pki.ca_file(), options);
  REQUIRE(first.connect("a"));
  options.session = first.session();
  door.write(door.tls, {4711});
  REQUIRE(door.tls.layer->reload(door.tls.clock_now));
  TlsClient again(door.tls.port(), door.tls.pki.ca_file(), options);
  REQUIRE(again.connect("b"));
  CHECK_FALSE(again.resumed());
  CHECK(door.admit(door.tls.peer()).reason == ReasonCode::success);
}

}  // namespace lineshaft::auth::test
