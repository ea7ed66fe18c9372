#include "auth/identity_config.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

namespace lineshaft::auth::test {
namespace {

using nlohmann::json;

const std::string ot_key(64, 'a');
const std::string it_key(64, 'b');

json example() {
  json document = json::parse(R"({
    "pki": { "trust": "trust.pem", "crl": "crl.pem", "crl_stale_grace": "2h",
             "trust_domain": "plant1", "issuers": {} },
    "identity": [
      { "from": "san_uri", "match": "spiffe://plant1/zone/{zone}/role/{role}/{name}",
        "require": true },
      { "from": "oid:1.3.6.1.4.1.99999.1", "match": "{zone}" } ],
    "listeners": { "tls": { "bind": "0.0.0.0:8883", "zones": ["ot", "it"] },
                   "strict": { "zones": ["ot"], "client_id": "equal" } },
    "zones": { "ot": { "sl_t": 3, "owns": ["plant1/ot/#"] },
               "it": { "sl_t": 2, "owns": ["plant1/it/#"] } },
    "roles": { "edge": { "publish": ["plant1/ot/#"] }, "reader": { "subscribe": ["plant1/#"] } },
    "users": { "alice": { "zone": "it", "roles": ["reader", "edge"] },
               "psk:scale": { "zone": "it", "roles": ["reader"] } }
  })");
  document["pki"]["issuers"]["sha256:" + ot_key] = json::array({"ot"});
  document["pki"]["issuers"]["sha256:" + it_key] = {{"zones", json::array({"it"})},
                                                    {"attested", true}};
  document["pki"]["pins"] = json::array({"sha256:" + std::string(64, 'c')});
  return document;
}

CompiledIdentity compile(const json& document) {
  const CompiledPolicy policy = compile_policy(example(), {}, WallTime{});
  REQUIRE(policy.policy != nullptr);
  return compile_identity(document, {}, *policy.policy);
}

/// Pointers of the errors.
std::vector<std::string> errors_in(const json& document) {
  const CompiledIdentity compiled = compile(document);
  std::vector<std::string> pointers;
  for (const Diagnostic& one : compiled.diagnostics) {
    CHECK_FALSE(one.message.empty());
    if (one.severity == Diagnostic::Severity::error) pointers.push_back(one.pointer);
  }
  CHECK((compiled.identity == nullptr) == !pointers.empty());
  return pointers;
}

using Pointers = std::vector<std::string>;

/// Of a document whose policy is its own.
Pointers said_of(const json& document, Diagnostic::Severity severity) {
  const CompiledPolicy policy = compile_policy(document, {}, WallTime{});
  REQUIRE(policy.policy != nullptr);
  Pointers pointers;
  for (const Diagnostic& one : compile_identity(document, {}, *policy.policy).diagnostics) {
    if (one.severity == severity) pointers.push_back(one.pointer);
  }
  return pointers;
}

Pointers errors_after(const std::function<void(json&)>& change) {
  json document = example();
  change(document);
  return errors_in(document);
}

}  // namespace

TEST_CASE("the policy's tables say who is who", "[auth][zones]") {
  const CompiledIdentity compiled = compile(example());
  REQUIRE(compiled.identity != nullptr);
  CHECK(compiled.diagnostics.empty());
  const IdentityConfig& config = *compiled.identity;
  CHECK(config.trust_domain == "plant1");
  CHECK(config.crl_stale_grace == std::chrono::hours{2});
  CHECK(config.pins.contains(std::string(32, '\xcc')));
  CHECK(config.issuers.at(std::string(32, '\xaa')).zones == std::vector<std::string>{"ot"});
  CHECK(config.issuers.at(std::string(32, '\xbb')).attested);
  REQUIRE(config.extractors.size() == 2);
  CHECK(config.extractors[0].required);
  CHECK(config.extractors[1].from == ClaimSource::oid);
  CHECK(config.extractors[1].oid == "1.3.6.1.4.1.99999.1");
  CHECK(config.zones.at("ot").sl_t == 3);
  CHECK(config.zones.at("ot").on_expiry == OnExpiry::disconnect);
  CHECK(config.zones.at("it").on_expiry == OnExpiry::keep);
  CHECK(config.listeners.at("tls").zones == std::vector<std::string>{"ot", "it"});
  CHECK_FALSE(config.listeners.at("tls").client_id.has_value());
  CHECK(config.listeners.at("strict").client_id == ClientIdRule::equal);
  CHECK(config.users.at("alice").roles == std::vector<std::string>{"edge", "reader"});
  CHECK(config.psk.at("scale").zone == "it");
  CHECK_FALSE(config.users.contains("psk:scale"));
}

TEST_CASE("a role with ${client_id} needs a rule for Client Identifiers", "[auth][zones]") {
  json document = example();
  document["roles"]["edge"]["publish"] = json::array({"plant1/ot/${client_id}/#"});
  CHECK(said_of(document, Diagnostic::Severity::error) ==
        Pointers{"/roles/edge", "/roles/edge"});  // in ot and in it
  document["zones"]["it"]["client_id"] = "prefix";
  CHECK(said_of(document, Diagnostic::Severity::error) == Pointers{"/roles/edge"});
  document["zones"]["ot"]["client_id"] = "equal";
  CHECK(said_of(document, Diagnostic::Severity::error).empty());
  // A listener may be laxer than its zone.
  document["listeners"]["tls"]["client_id"] = "free";
  CHECK(said_of(document, Diagnostic::Severity::error).size() == 2);
  document["listeners"]["tls"]["client_id"] = "equal";
  document["zones"]["ot"].erase("client_id");
  document["zones"]["it"].erase("client_id");
  CHECK(said_of(document, Diagnostic::Severity::error).empty());
  // Zones whose clients cannot have the role do not matter.
  document["listeners"]["tls"].erase("client_id");
  document["users"].erase("alice");
  document["zones"]["ot"]["client_id"] = "equal";
  document["pki"]["issuers"]["sha256:" + it_key]["roles"] = json::array({"reader"});
  CHECK(said_of(document, Diagnostic::Severity::error).empty());
}

TEST_CASE("a CA may vouch for some roles only, and who commands should have one", "[auth][zones]") {
  json document = example();
  document["roles"]["edge"]["sparkplug"] = json::array({"NCMD"});
  CHECK(said_of(document, Diagnostic::Severity::lint) == Pointers{"/roles/edge"});
  document["pki"]["issuers"]["sha256:" + it_key]["roles"] = json::array({"reader"});
  CHECK(said_of(document, Diagnostic::Severity::lint).empty());
  const CompiledIdentity compiled = compile(document);
  REQUIRE(compiled.identity != nullptr);
  const auto& issuer = compiled.identity->issuers.at(std::string(32, '\xbb'));
  CHECK(issuer.may_vouch_for("reader"));
  CHECK_FALSE(issuer.may_vouch_for("edge"));
  CHECK(compiled.identity->issuers.at(std::string(32, '\xaa')).may_vouch_for("edge"));
  document["pki"]["issuers"]["sha256:" + it_key]["roles"] = json::array({"nobody"});
  CHECK(errors_in(document).size() == 1);
}

TEST_CASE("other rules for reading certificates have another digest", "[auth][zones]") {
  const std::uint32_t digest = compile(example()).identity->claims_digest;
  CHECK(digest != 0);
  CHECK(compile(example()).identity->claims_digest == digest);
  json document = example();
  document["identity"][1]["match"] = "{name}";
  CHECK(compile(document).identity->claims_digest != digest);
  document = example();
  document["zones"]["ot"]["sl_t"] = 2;
  CHECK(compile(document).identity->claims_digest == digest);
}

TEST_CASE("a key, a place or a template that is none is an error where it stands",
          "[auth][zones]") {
  CHECK(errors_after([](json& d) {
          d["pki"]["issuers"] = {{"ot.crt", json::array({"ot"})}};
        }) == Pointers{"/pki/issuers/ot.crt"});
  CHECK(errors_after([](json& d) { d["pki"]["pins"] = json::array({"aabb"}); }) ==
        Pointers{"/pki/pins/0"});
  CHECK(errors_after([](json& d) { d["pki"]["crl_stale_grace"] = "soon"; }) ==
        Pointers{"/pki/crl_stale_grace"});
  CHECK(errors_after([](json& d) { d["identity"][0]["from"] = "san_url"; }) ==
        Pointers{"/identity/0/from"});
  CHECK(errors_after([](json& d) { d["identity"][1]["from"] = "oid"; }) ==
        Pointers{"/identity/1/from"});
  CHECK(errors_after([](json& d) { d["identity"][1]["from"] = "oid:1..2"; }) ==
        Pointers{"/identity/1/from"});
  CHECK(errors_after([](json& d) { d["identity"][1]["match"] = "{zone}{name}"; }) ==
        Pointers{"/identity/1/match"});
  CHECK(errors_after([](json& d) { d["identity"][1].erase("match"); }) == Pointers{"/identity/1"});
  CHECK(errors_after([](json& d) { d["identity"][1]["zone"] = "ot"; }) ==
        Pointers{"/identity/1/zone"});
  CHECK(errors_after([](json& d) { d["identity"][1]["roles"] = json::array({"king"}); }) ==
        Pointers{"/identity/1/roles/0"});
  CHECK(errors_after([](json& d) { d["identity"][1]["requires"] = true; }) ==
        Pointers{"/identity/1/requires"});
  CHECK(errors_after([](json& d) { d["pki"]["trust_domain"] = "plant2"; }) ==
        Pointers{"/identity/0/match"});
  CHECK(errors_after([](json& d) { d["listeners"]["tls"]["client_id"] = "bound"; }) ==
        Pointers{"/listeners/tls/client_id"});
  CHECK(errors_after([](json& d) { d["listeners"]["tls"]["zones"] = json::array({"lab"}); }) ==
        Pointers{"/listeners/tls"});
  CHECK(errors_after([](json& d) { d["users"]["alice"]["zone"] = "lab"; }) ==
        Pointers{"/users/alice/zone"});
  CHECK(errors_after([](json& d) {
          d["users"]["psk:a/b"] = {{"zone", "it"}};
        }) == Pointers{"/users/psk:a~1b"});
  CHECK(errors_after([](json& d) { d["users"] = json::array(); }) == Pointers{"/users"});
}

TEST_CASE("issuers without a way to read zone and name are an error", "[auth][zones]") {
  CHECK(errors_after([](json& d) { d.erase("identity"); }) == Pointers{"/identity"});
  CHECK(errors_after([](json& d) {
          d["identity"] = json::array({json::object({{"from", "ou"}, {"match", "{zone}"}})});
        }) == Pointers{"/identity"});
  CHECK(errors_after([](json& d) {
          d["identity"] =
              json::array({json::object({{"from", "cn"}, {"match", "{name}"}, {"zone", "ot"}})});
        }).empty());
}

TEST_CASE("what shuts everybody out is said", "[auth][zones]") {
  json document = example();
  document["listeners"]["tls"].erase("zones");
  const CompiledIdentity compiled = compile(document);
  REQUIRE(compiled.identity != nullptr);
  REQUIRE(compiled.diagnostics.size() == 1);
  CHECK(compiled.diagnostics[0].severity == Diagnostic::Severity::lint);
  CHECK(compiled.diagnostics[0].pointer == "/listeners/tls");
}

}  // namespace lineshaft::auth::test
