#include "auth/identity_check.h"

#include "tests/support/catch.h"
#include "tests/unit/auth/identity_world.h"

namespace lineshaft::auth::test {
namespace {

using Days = TestPki::Days;

PolicyReason reason_of(const IdentityPlant& plant, const Issued& shown, const TestPki& issuer,
                       Arrival arrival = {}) {
  return plant.judge(shown, issuer, arrival).reason;
}

}  // namespace

TEST_CASE("issuer, claim and listener agree: the client has a place", "[auth][zones]") {
  IdentityPlant plant;
  const auto verdict = plant.judge(plant.gateway("gw-07"), plant.ot);
  REQUIRE(verdict.allowed());
  const core::Principal& principal = verdict.principal;
  CHECK(principal.name == "gw-07");
  CHECK(principal.zone == "ot");
  CHECK(principal.roles == std::vector<std::string>{"edge"});
  CHECK(principal.proof == core::Proof::certificate);
  CHECK(principal.strength == 3);
  CHECK(principal.tls == 13);
  CHECK(principal.listener == "tls");
  CHECK(principal.issuer_spki == plant.ot.spki());
  CHECK(principal.spki.size() == 32);
  CHECK_FALSE(principal.serial.empty());
  CHECK(principal.not_after > plant.now);
}

TEST_CASE("a certificate of the IT CA with an OT name has no place at all", "[auth][zones]") {
  IdentityPlant plant;
  const Issued forged = plant.it.issue("gw-07", Days{9}, plant.shape("ot", "edge", "gw-07"));
  const auto verdict = plant.judge(forged, plant.it);
  CHECK(verdict.reason == PolicyReason::issuer_not_for_zone);
  // Nor does a CA that vouches for nothing.
  TestPki other(plant.folder.path(), "Other", plant.root);
  const Issued foreign = other.issue("gw-07", Days{9}, plant.shape("ot", "edge", "gw-07"));
  CHECK(reason_of(plant, foreign, other) == PolicyReason::issuer_not_for_zone);
}

TEST_CASE("a zone that the listener is not open to is refused there", "[auth][zones]") {
  IdentityPlant plant;
  Arrival arrival;
  arrival.listener = "office";
  CHECK(reason_of(plant, plant.gateway("gw"), plant.ot, arrival) == PolicyReason::listener_zone);
  arrival.listener = "nowhere";
  CHECK(reason_of(plant, plant.gateway("gw"), plant.ot, arrival) == PolicyReason::listener_zone);
}

TEST_CASE("a zone that the policy does not have is nobody's place", "[auth][zones]") {
  IdentityPlant plant;
  plant.config.issuers[plant.ot.spki()].zones.push_back("lab");
  plant.config.listeners["tls"].zones.push_back("lab");
  const Issued one = plant.ot.issue("gw", Days{9}, plant.shape("lab", "edge", "gw"));
  CHECK(reason_of(plant, one, plant.ot) == PolicyReason::no_zone_claim);
}

TEST_CASE("a revoked certificate, and all of a revoked CA, are refused", "[auth][zones]") {
  IdentityPlant plant;
  const Issued stolen = plant.gateway("stolen");
  plant.use_lists({plant.ot.revocations({stolen.serial}), plant.root.revocations({})});
  CHECK(reason_of(plant, stolen, plant.ot) == PolicyReason::revoked);
  CHECK(reason_of(plant, plant.gateway("gw"), plant.ot) == PolicyReason::allowed);
  plant.use_lists({plant.ot.revocations({}), plant.root.revocations({plant.ot.serial()})});
  CHECK(reason_of(plant, plant.gateway("gw"), plant.ot) == PolicyReason::revoked);
}

TEST_CASE("a certificate that is not valid now, or nobody's, is refused", "[auth][zones]") {
  IdentityPlant plant;
  Arrival late;
  late.now = plant.now + std::chrono::hours{24 * 10};
  CHECK(reason_of(plant, plant.gateway("gw"), plant.ot, late) == PolicyReason::cert_invalid);
  Arrival early;
  early.now = plant.now - std::chrono::hours{24 * 10};
  CHECK(reason_of(plant, plant.gateway("gw"), plant.ot, early) == PolicyReason::cert_invalid);
  Issued damaged = plant.gateway("gw");
  damaged.certificate_der.pop_back();
  CHECK(reason_of(plant, damaged, plant.ot) == PolicyReason::cert_invalid);
  TempDir elsewhere;
  TestPki stranger(elsewhere.path(), "Stranger");
  plant.config.issuers[stranger.spki()].zones = {"ot"};
  plant.files.issuers.push_back({"stranger.crt", stranger.ca_pem()});
  plant.use_files();
  const Issued foreign = stranger.issue("gw", Days{9}, plant.shape("ot", "edge", "gw"));
  CHECK(reason_of(plant, foreign, stranger) == PolicyReason::cert_invalid);
}

TEST_CASE("a SPIFFE name of another trust domain is refused", "[auth][zones]") {
  IdentityPlant plant;
  plant.config.trust_domain = "plant2";
  CHECK(reason_of(plant, plant.gateway("gw"), plant.ot) == PolicyReason::no_zone_claim);
}

TEST_CASE("strength is what was proven, and a zone asks for its own", "[auth][zones]") {
  IdentityPlant plant;
  const Issued gateway = plant.gateway("gw");
  const auto strength = [&](const Issued& shown, std::uint8_t tls = 13) {
    Arrival arrival;
    arrival.tls = tls;
    return int{plant.judge(shown, plant.ot, arrival).principal.strength};
  };
  CHECK(strength(gateway) == 3);
  // A pinned key, or one of a CA that knows it lies in hardware; both only with TLS 1.3.
  plant.config.pins.insert(LeafCertificate::parse(gateway.certificate_der)->spki());
  CHECK(strength(gateway) == 4);
  CHECK(strength(gateway, 12) == 3);
  plant.config.pins.clear();
  plant.config.issuers[plant.ot.spki()].attested = true;
  CHECK(strength(gateway) == 4);
  CHECK(strength(gateway, 12) == 3);
  plant.config.issuers[plant.ot.spki()].attested = false;
  // A certificate that does not say it is for clients.
  TestPki::Shape silent = plant.shape("ot", "edge", "gw");
  silent.usage = "";
  CHECK(strength(plant.ot.issue("silent", Days{9}, silent)) == 2);
  CHECK(reason_of(plant, plant.ot.issue("silent", Days{9}, silent), plant.ot) ==
        PolicyReason::strength);
  plant.config.zones["ot"].sl_t = 4;
  CHECK(reason_of(plant, gateway, plant.ot) == PolicyReason::strength);
  // Without lists nobody knows whether it is good.
  plant.config.zones["ot"].sl_t = 3;
  plant.use_lists({});
  CHECK(strength(gateway) == 2);
  CHECK(reason_of(plant, gateway, plant.ot) == PolicyReason::strength);
  plant.config.zones["ot"].sl_t = 2;
  CHECK(reason_of(plant, gateway, plant.ot) == PolicyReason::allowed);
}

TEST_CASE("when lists have ended, known certificates come back for a while and only they",
          "[auth][zones]") {
  IdentityPlant plant;
  const Issued gateway = plant.gateway("gw");
  plant.use_lists({plant.ot.revocations({}, Days{5}), plant.root.revocations({}, Days{5})});
  const WallTime end = *plant.trust->lists_until(plant.ot.spki());
  const auto at = [&](Milliseconds after_end, bool is_known) {
    Arrival arrival;
    arrival.now = end + after_end;
    return plant.judge(gateway, plant.ot, arrival, is_known);
  };
  CHECK(at(Milliseconds{-1}, false).is_fresh);
  CHECK(at(Milliseconds{0}, false).reason == PolicyReason::crl_stale);
  const auto known = at(Milliseconds{0}, true);
  CHECK(known.allowed());
  CHECK(known.is_on_grace);
  CHECK_FALSE(known.is_fresh);
  CHECK(known.principal.strength == 3);
  plant.config.crl_stale_grace = Milliseconds{1000};
  CHECK(at(Milliseconds{999}, true).allowed());
  CHECK(at(Milliseconds{1000}, true).reason == PolicyReason::crl_stale);
  // Level 4 has no grace, level 2 needs none.
  plant.config.issuers[plant.ot.spki()].attested = true;
  plant.config.zones["ot"].sl_t = 4;
  CHECK(at(Milliseconds{-1}, true).allowed());
  CHECK(at(Milliseconds{0}, true).reason == PolicyReason::crl_stale);
  plant.config.zones["ot"].sl_t = 2;
  const auto weak = at(Milliseconds{5000}, false);
  CHECK(weak.allowed());
  CHECK(weak.principal.strength == 2);
}

TEST_CASE("a Client Identifier may have to be the client's name", "[auth][zones]") {
  IdentityPlant plant;
  const Issued gateway = plant.gateway("gw-07");
  const auto with = [&](ClientIdRule rule, const char* client_id) {
    plant.config.listeners["tls"].client_id = rule;
    Arrival arrival;
    arrival.client_id = client_id;
    return reason_of(plant, gateway, plant.ot, arrival) == PolicyReason::allowed;
  };
  CHECK(with(ClientIdRule::equal, "gw-07"));
  CHECK_FALSE(with(ClientIdRule::equal, "gw-08"));
  CHECK_FALSE(with(ClientIdRule::equal, ""));
  CHECK_FALSE(with(ClientIdRule::equal, "gw-07-1"));
  CHECK(with(ClientIdRule::prefix, "gw-07-1"));
  CHECK_FALSE(with(ClientIdRule::prefix, "gw-07"));
  CHECK_FALSE(with(ClientIdRule::prefix, "gw-07-"));
  CHECK_FALSE(with(ClientIdRule::prefix, "gw-071"));
  CHECK(with(ClientIdRule::bind, "anything"));
  CHECK(with(ClientIdRule::free, "anything"));
  // The zone's rule, where the listener has none.
  plant.config.listeners["tls"].client_id.reset();
  plant.config.zones["ot"].client_id = ClientIdRule::equal;
  CHECK(reason_of(plant, gateway, plant.ot) == PolicyReason::clientid_bound);
}

TEST_CASE("users and pre-shared keys have the zone and roles the policy gives them",
          "[auth][zones]") {
  IdentityPlant plant;
  const auto judge = [&](const char* name, core::Proof proof, std::uint8_t tls,
                         const char* listener = "office") {
    return judge_name(plant.rules(), name, proof, {listener, tls, "c", plant.now});
  };
  const auto alice = judge("alice", core::Proof::password, 13);
  REQUIRE(alice.allowed());
  CHECK(alice.principal.zone == "it");
  CHECK(alice.principal.roles == std::vector<std::string>{"reader"});
  CHECK(alice.principal.strength == 2);
  CHECK(judge("alice", core::Proof::scram, 0).principal.strength == 1);
  CHECK(judge("alice", core::Proof::scram, 0).reason == PolicyReason::strength);
  CHECK(judge("alice", core::Proof::password, 13, "tls").reason == PolicyReason::listener_zone);
  CHECK(judge("bob", core::Proof::password, 13).reason == PolicyReason::no_zone_claim);
  // The same name with another proof is somebody else.
  CHECK(judge("alice", core::Proof::psk, 12).reason == PolicyReason::no_zone_claim);
  CHECK(judge("scale", core::Proof::password, 12).reason == PolicyReason::no_zone_claim);
  CHECK(judge("scale", core::Proof::psk, 12).reason == PolicyReason::strength);
  plant.config.zones["it"].sl_t = 1;
  CHECK(judge("scale", core::Proof::psk, 12).principal.strength == 1);
  CHECK(judge("scale", core::Proof::psk, 12).allowed());
  CHECK(judge("", core::Proof::none, 13).reason == PolicyReason::no_cert);
}

TEST_CASE("who is here stays only while it would still be let in", "[auth][zones]") {
  IdentityPlant plant;
  const core::Principal gateway = plant.judge(plant.gateway("gw"), plant.ot).principal;
  const auto recheck = [&](const core::Principal& who) {
    return reverify(plant.rules(), who, plant.now).reason;
  };
  REQUIRE(recheck(gateway) == PolicyReason::allowed);
  const IdentityConfig before = plant.config;
  const auto after = [&](auto change) {
    plant.config = before;
    change(plant.config);
    return recheck(gateway);
  };
  CHECK(after([](IdentityConfig& c) { c.zones.erase("ot"); }) == PolicyReason::no_zone_claim);
  CHECK(after([&](IdentityConfig& c) { c.issuers.erase(plant.ot.spki()); }) ==
        PolicyReason::issuer_not_for_zone);
  CHECK(after([&](IdentityConfig& c) { c.issuers[plant.ot.spki()].zones = {"dmz"}; }) ==
        PolicyReason::issuer_not_for_zone);
  CHECK(after([](IdentityConfig& c) { c.listeners["tls"].zones = {"it"}; }) ==
        PolicyReason::listener_zone);
  CHECK(after([](IdentityConfig& c) { c.listeners.erase("tls"); }) == PolicyReason::listener_zone);
  CHECK(after([](IdentityConfig& c) { c.zones["ot"].sl_t = 4; }) == PolicyReason::strength);
  CHECK(after([](IdentityConfig& c) { c.claims_digest = 77; }) == PolicyReason::no_zone_claim);
  plant.config = before;
  const long serial = std::stol(gateway.serial, nullptr, 16);
  plant.use_lists({plant.ot.revocations({serial}), plant.root.revocations({})});
  CHECK(recheck(gateway) == PolicyReason::revoked);
  plant.use_lists({plant.ot.revocations({}), plant.root.revocations({plant.ot.serial()})});
  CHECK(recheck(gateway) == PolicyReason::revoked);
  plant.files.trust = {{"trust.pem", plant.it.ca_pem()}};
  plant.files.lists.clear();
  plant.use_files();
  CHECK(recheck(gateway) == PolicyReason::cert_invalid);
}

TEST_CASE("ended lists and a new certificate of the same CA disturb nobody who is here",
          "[auth][zones]") {
  IdentityPlant plant;
  const core::Principal gateway = plant.judge(plant.gateway("gw"), plant.ot).principal;
  plant.use_lists({plant.ot.revocations({}, Days{-1}), plant.root.revocations({}, Days{-1})});
  CHECK(reverify(plant.rules(), gateway, plant.now).reason == PolicyReason::allowed);
  plant.use_lists({});
  CHECK(reverify(plant.rules(), gateway, plant.now).reason == PolicyReason::allowed);
}

TEST_CASE("an expired certificate ends a connection where the zone wants it", "[auth][zones]") {
  IdentityPlant plant;
  const core::Principal gateway = plant.judge(plant.gateway("gw"), plant.ot).principal;
  const WallTime end = gateway.not_after;
  plant.config.zones["ot"].on_expiry = OnExpiry::disconnect;
  CHECK(identity_end(plant.rules(), gateway) == end);
  CHECK(reverify(plant.rules(), gateway, end - Milliseconds{1}).reason == PolicyReason::allowed);
  CHECK(reverify(plant.rules(), gateway, end).reason == PolicyReason::cert_invalid);
  plant.config.zones["ot"].on_expiry = OnExpiry::keep;
  CHECK(identity_end(plant.rules(), gateway) == std::nullopt);
  CHECK(reverify(plant.rules(), gateway, end).reason == PolicyReason::allowed);
}

TEST_CASE("a key that is pinned no more is worth less", "[auth][zones]") {
  IdentityPlant plant;
  plant.config.zones["ot"].sl_t = 4;
  const Issued shown = plant.gateway("gw");
  plant.config.pins.insert(LeafCertificate::parse(shown.certificate_der)->spki());
  const core::Principal gateway = plant.judge(shown, plant.ot).principal;
  REQUIRE(gateway.strength == 4);
  CHECK(reverify(plant.rules(), gateway, plant.now).reason == PolicyReason::allowed);
  plant.config.pins.clear();
  CHECK(reverify(plant.rules(), gateway, plant.now).reason == PolicyReason::strength);
}

TEST_CASE("the owner of a stored session is judged by what was stored", "[auth][zones]") {
  IdentityPlant plant;
  core::Principal stored;
  stored.name = "gw";
  stored.proof = core::Proof::certificate;
  stored.strength = 3;
  stored.zone = "ot";
  stored.roles = {"edge"};
  stored.issuer_spki = plant.ot.spki();
  CHECK(reverify(plant.rules(), stored, plant.now).reason == PolicyReason::allowed);
  stored.serial = "0a";
  plant.use_lists({plant.ot.revocations({10}), plant.root.revocations({})});
  CHECK(reverify(plant.rules(), stored, plant.now).reason == PolicyReason::revoked);
  // Stored under other rules, without zones.
  stored.zone.clear();
  CHECK(reverify(plant.rules(), stored, plant.now).reason == PolicyReason::no_zone_claim);
}

TEST_CASE("an identity is gone when nobody can be it again, not when it is locked out",
          "[auth][zones]") {
  IdentityPlant plant;
  const core::Principal gateway = plant.judge(plant.gateway("gw"), plant.ot).principal;
  const auto gone = [&](const core::Principal& who) { return is_gone(plant.rules(), who); };
  CHECK_FALSE(gone(gateway));
  // Revoked, too weak, or certificates are read otherwise: it may come with a better one.
  plant.config.zones["ot"].sl_t = 4;
  plant.config.claims_digest = 77;
  plant.use_lists({plant.ot.revocations({1, 2, 3}), plant.root.revocations({})});
  REQUIRE(reverify(plant.rules(), gateway, plant.now).reason != PolicyReason::allowed);
  CHECK_FALSE(gone(gateway));
  plant.config.issuers[plant.ot.spki()].zones = {"dmz"};
  CHECK(gone(gateway));
  plant.config.issuers[plant.ot.spki()].zones = {"ot"};
  plant.config.zones.erase("ot");
  CHECK(gone(gateway));

  const core::Principal alice = plant.user("alice");
  plant.config.users["alice"].roles = {"app"};
  CHECK_FALSE(gone(alice));
  plant.config.users.erase("alice");
  CHECK(gone(alice));
  CHECK(gone(core::Principal{}));
}

TEST_CASE("a CA vouches for the roles it may, and for no other", "[auth][zones]") {
  IdentityPlant plant;
  const Issued shown = plant.gateway("gw");
  const core::Principal gateway = plant.judge(shown, plant.ot).principal;
  plant.config.issuers[plant.ot.spki()].roles = {"edge", "reader"};
  CHECK(plant.judge(shown, plant.ot).allowed());
  plant.config.issuers[plant.ot.spki()].roles = {"reader"};
  CHECK(plant.judge(shown, plant.ot).reason == PolicyReason::issuer_not_for_zone);
  CHECK(reverify(plant.rules(), gateway, plant.now).reason == PolicyReason::issuer_not_for_zone);
  // It may come back with another role.
  CHECK_FALSE(is_gone(plant.rules(), gateway));
}

TEST_CASE("what a certificate proves ends with its CA's", "[auth][zones]") {
  IdentityPlant plant;
  TestPki brief(plant.folder.path(), "Brief", TestPki::Days{5});
  plant.files.trust.push_back({"brief.pem", brief.ca_pem()});
  plant.files.lists.push_back({"crl", brief.revocations({})});
  plant.use_files();
  plant.config.issuers[brief.spki()].zones = {"ot"};
  const Issued shown =
      brief.issue("gw", TestPki::Days{9}, IdentityPlant::shape("ot", "edge", "gw"));
  const IdentityVerdict verdict = plant.judge(shown, brief);
  REQUIRE(verdict.allowed());
  const WallTime end = *plant.trust->trusted_until(brief.spki());
  CHECK(verdict.principal.not_after == end);
  CHECK(reverify(plant.rules(), verdict.principal, end).reason == PolicyReason::cert_invalid);
  Arrival late;
  late.now = end;
  CHECK(plant.judge(shown, brief, late).reason == PolicyReason::cert_invalid);
}

TEST_CASE("the listener's rule for Client Identifiers comes before the zone's", "[auth][zones]") {
  IdentityPlant plant;
  core::Principal gateway = plant.judge(plant.gateway("gw"), plant.ot).principal;
  plant.config.zones["ot"].client_id = ClientIdRule::free;
  CHECK(client_id_rule(plant.rules(), gateway) == ClientIdRule::free);
  plant.config.listeners["tls"].client_id = ClientIdRule::bind;
  CHECK(client_id_rule(plant.rules(), gateway) == ClientIdRule::bind);
  gateway.listener.clear();
  CHECK(client_id_rule(plant.rules(), gateway) == ClientIdRule::free);
}

TEST_CASE("a user whose zone, roles or name are gone must come again", "[auth][zones]") {
  IdentityPlant plant;
  const core::Principal alice = plant.user("alice");
  const auto recheck = [&] { return reverify(plant.rules(), alice, plant.now).reason; };
  CHECK(recheck() == PolicyReason::allowed);
  plant.config.users["alice"].roles = {"app"};
  CHECK(recheck() == PolicyReason::no_zone_claim);
  plant.config.users["alice"] = {"dmz", {"reader"}};
  CHECK(recheck() == PolicyReason::no_zone_claim);
  plant.config.users["alice"] = {"it", {"reader"}};
  plant.users = make_users_policy({}, {}, false);
  CHECK(recheck() == PolicyReason::no_zone_claim);
  CHECK(reverify(plant.rules(), core::Principal{}, plant.now).reason != PolicyReason::allowed);
}

}  // namespace lineshaft::auth::test
