#pragma once

#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "auth/crypto.h"
#include "auth/identity_check.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

/// A plant with two zones, their CAs, and the rules that say who belongs where.
namespace lineshaft::auth::test {

using lineshaft::test::Issued;
using lineshaft::test::TempDir;
using lineshaft::test::TestPki;

struct IdentityPlant {
  TempDir folder;
  TestPki root{folder.path(), "Root"};
  TestPki ot{folder.path(), "OT", root};
  TestPki it{folder.path(), "IT", root};
  /// What is issued begins two days ago.
  WallTime now{LeafCertificate::parse(ot.issue("clock").certificate_der)->not_before() +
               std::chrono::hours{48}};
  IdentityConfig config;
  TrustView::Files files{
      {{"trust.pem", root.ca_pem()}}, {{"ot.crt", ot.ca_pem()}, {"it.crt", it.ca_pem()}}, {}};
  TrustViewPtr trust;
  UsersPolicyPtr users;

  IdentityPlant() {
    ClaimExtractor by_san;
    by_san.from = ClaimSource::san_uri;
    by_san.match = *ClaimTemplate::parse("spiffe://plant1/zone/{zone}/role/{role}/{name}");
    by_san.required = true;
    config.extractors = {by_san};
    config.claims_digest = 1;
    config.issuers[ot.spki()].zones = {"ot"};
    config.issuers[it.spki()].zones = {"it"};
    config.zones["ot"] = {3, OnExpiry::disconnect, ClientIdRule::bind};
    config.zones["it"] = {2, OnExpiry::keep, ClientIdRule::bind};
    config.listeners["tls"].zones = {"ot"};
    config.listeners["office"].zones = {"it"};
    config.users["alice"] = {"it", {"reader"}};
    config.psk["scale"] = {"it", {"reader"}};
    const Pbkdf2Hash hash{10, "salt", pbkdf2(Digest::sha512, "pencil", "salt", 10, 32), false};
    UserTable table;
    table["alice"] = {hash, make_scram_keys("pencil", "salt", 4096)};
    table["bob"] = {hash, make_scram_keys("pencil", "salt", 4096)};
    users = make_users_policy(std::move(table), {}, false);
    use_lists({ot.revocations({}), it.revocations({}), root.revocations({})});
  }

  void use_files() {
    std::vector<TrustView::Problem> problems;
    trust = TrustView::make(files, problems);
    REQUIRE(problems.empty());
  }
  void use_lists(std::vector<std::string> lists) {
    files.lists.clear();
    for (std::string& one : lists) files.lists.push_back({"crl", std::move(one)});
    use_files();
  }

  IdentityRules rules() const {
    return {std::make_shared<const IdentityConfig>(config), trust, users, 7};
  }
  IdentityRulesPtr shared_rules() const { return std::make_shared<const IdentityRules>(rules()); }

  static TestPki::Shape shape(const std::string& zone, const std::string& role,
                              const std::string& name) {
    TestPki::Shape made;
    made.usage = "clientAuth";
    made.san = "URI:spiffe://plant1/zone/" + zone + "/role/" + role + "/" + name;
    return made;
  }
  /// Of the zone ot, for nine days.
  Issued gateway(const std::string& name) {
    return ot.issue(name, TestPki::Days{9}, shape("ot", "edge", name));
  }

  core::Principal user(std::string_view name) const {
    return judge_name(rules(), name, core::Proof::password, {"office", 13, "a", now}).principal;
  }

  /// What `arrival` leaves out: through "tls", with TLS 1.3, now.
  IdentityVerdict judge(const Issued& shown, const TestPki& issuer, Arrival arrival = {},
                        bool is_known = false) const {
    if (arrival.listener.empty()) arrival.listener = "tls";
    if (arrival.tls == 0) arrival.tls = 13;
    if (arrival.now == WallTime{}) arrival.now = now;
    return judge_certificate(rules(), {shown.certificate_der, issuer.spki(), is_known}, arrival);
  }
};

}  // namespace lineshaft::auth::test
