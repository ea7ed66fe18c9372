#include "auth/trust_view.h"

#include "auth/certificate_leaf.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

namespace lineshaft::auth {
namespace {

using lineshaft::test::Issued;
using lineshaft::test::TempDir;
using lineshaft::test::TestPki;

/// A root with the CA of one zone below it.
struct Plant {
  TempDir folder;
  TestPki root{folder.path(), "Root"};
  TestPki ot{folder.path(), "OT", root};

  TrustView::Files files() const {
    return {{{"trust.pem", root.ca_pem()}}, {{"ot.crt", ot.ca_pem()}}, {}};
  }
};

TrustViewPtr view_of(const TrustView::Files& files) {
  std::vector<TrustView::Problem> problems;
  auto view = TrustView::make(files, problems);
  CHECK(problems.empty());
  return view;
}

std::string serial_of(const Issued& issued) {
  return LeafCertificate::parse(issued.certificate_der)->serial();
}

std::vector<TrustView::Problem> problems_of(const TrustView::Files& files) {
  std::vector<TrustView::Problem> problems;
  TrustView::make(files, problems);
  return problems;
}

}  // namespace

TEST_CASE("an issuer is trusted through its root, and known by its key", "[auth]") {
  Plant plant;
  const auto view = view_of(plant.files());
  CHECK(view->issuer(plant.ot.spki()) == TrustView::Issuer::trusted);
  CHECK(view->issuer(plant.root.spki()) == TrustView::Issuer::trusted);
  CHECK(view->issuer(std::string(32, 'x')) == TrustView::Issuer::unknown);
  const Issued gateway = plant.ot.issue("gw");
  CHECK(view->issuer_of(gateway.certificate_der) == plant.ot.spki());
  CHECK(view->issuer_of("no certificate").empty());
  // Without the root the zone's CA is just a certificate.
  TrustView::Files without = plant.files();
  without.trust.clear();
  CHECK(view_of(without)->issuer(plant.ot.spki()) == TrustView::Issuer::untrusted);
  TempDir elsewhere;
  TestPki stranger(elsewhere.path(), "Root");
  without.trust = {{"trust.pem", stranger.ca_pem()}};
  CHECK(view_of(without)->issuer(plant.ot.spki()) == TrustView::Issuer::untrusted);
}

TEST_CASE("a serial number is revoked by its own issuer only", "[auth]") {
  Plant plant;
  TestPki it(plant.folder.path(), "IT", plant.root);
  const Issued stolen = plant.ot.issue("stolen");
  TrustView::Files files = plant.files();
  files.issuers.push_back({"it.crt", it.ca_pem()});
  files.lists = {{"crl.pem", plant.ot.revocations({stolen.serial}) + it.revocations({})}};
  const auto view = view_of(files);
  CHECK(view->revocations() == 1);
  CHECK(view->is_revoked(plant.ot.spki(), serial_of(stolen)));
  CHECK_FALSE(view->is_revoked(it.spki(), serial_of(stolen)));
  CHECK_FALSE(view->is_revoked(plant.ot.spki(), "7f"));
}

TEST_CASE("a list in DER is read like one in PEM", "[auth]") {
  Plant plant;
  const Issued stolen = plant.ot.issue("stolen");
  TrustView::Files files = plant.files();
  files.lists = {{"ot.crl", plant.ot.revocations_der({stolen.serial})}};
  CHECK(view_of(files)->is_revoked(plant.ot.spki(), serial_of(stolen)));
}

TEST_CASE("what a revoked CA has issued counts no more", "[auth]") {
  Plant plant;
  TrustView::Files files = plant.files();
  files.lists = {{"crl.pem", plant.root.revocations({plant.ot.serial()})}};
  CHECK(view_of(files)->issuer(plant.ot.spki()) == TrustView::Issuer::revoked);
}

TEST_CASE("lists are fresh as long as all of them up to the root are", "[auth]") {
  using Days = TestPki::Days;
  Plant plant;
  TrustView::Files files = plant.files();
  CHECK(view_of(files)->lists_until(plant.ot.spki()) == std::nullopt);
  files.lists = {{"ot.crl", plant.ot.revocations({}, Days{30})}};
  CHECK(view_of(files)->lists_until(plant.ot.spki()) == std::nullopt);
  files.lists.push_back({"root.crl", plant.root.revocations({}, Days{9})});
  const auto view = view_of(files);
  REQUIRE(view->lists_until(plant.ot.spki()).has_value());
  CHECK(view->lists_until(plant.ot.spki()) == view->lists_until(plant.root.spki()));
  files.lists[0] = {"ot.crl", plant.ot.revocations({}, Days{1})};
  CHECK(*view_of(files)->lists_until(plant.ot.spki()) < *view->lists_until(plant.root.spki()));
}

TEST_CASE("of several lists the newest says how long they are fresh", "[auth]") {
  using Days = TestPki::Days;
  Plant plant;
  // What is issued began two days ago.
  const WallTime now =
      LeafCertificate::parse(plant.ot.issue("clock").certificate_der)->not_before() +
      std::chrono::hours{48};
  const auto days_left = [&](std::vector<std::string> lists) {
    TrustView::Files files = plant.files();
    files.lists = {{"root.crl", plant.root.revocations({}, Days{300})}};
    for (std::string& one : lists) files.lists.push_back({"ot.crl", std::move(one)});
    const auto until = view_of(files)->lists_until(plant.ot.spki());
    return until ? std::chrono::round<std::chrono::days>(*until - now).count() : -1;
  };
  const std::string week = plant.ot.revocations({}, {Days{7}, 9, Days{1}});
  // Forgotten there.
  const std::string old = plant.ot.revocations({}, {Days{200}, 8, Days{90}});
  CHECK(days_left({week}) == 7);
  CHECK(days_left({week, old}) == 7);
  CHECK(days_left({old, week}) == 7);
  CHECK(days_left({old}) == 200);
  // A higher number is newer, whatever the time says; without difference the first to end counts.
  CHECK(days_left({week, plant.ot.revocations({}, {Days{20}, 256, Days{1}})}) == 20);
  CHECK(days_left({week, plant.ot.revocations({}, {Days{20}, 9, Days{1}})}) == 7);
  // For authorities only, or for some reasons only: it says nothing about a client.
  for (const char* scope : {"onlyCA", "onlysomereasons:keyCompromise", "indirectCRL:TRUE"}) {
    INFO(scope);
    const std::string critical =
        std::string("critical,") + scope + (std::string_view(scope) == "onlyCA" ? ":TRUE" : "");
    const std::string partial =
        plant.ot.revocations({}, {Days{200}, 300, Days{0}, critical.c_str()});
    CHECK(days_left({week, partial}) == 7);
    CHECK(days_left({partial}) == -1);
  }
  CHECK(days_left({plant.ot.revocations({}, {Days{9}, 10, Days{0}, "critical,onlyuser:TRUE"})}) ==
        9);
}

TEST_CASE("a list for clients only says nothing about an authority", "[auth]") {
  Plant plant;
  TrustView::Files files = plant.files();
  files.lists = {{"ot.crl", plant.ot.revocations({})},
                 {"root.crl", plant.root.revocations({}, {TestPki::Days{30}, 1, TestPki::Days{1},
                                                          "critical,onlyuser:TRUE"})}};
  CHECK_FALSE(view_of(files)->lists_until(plant.ot.spki()).has_value());
}

TEST_CASE("trust ends with the first certificate on the way to the root", "[auth]") {
  TempDir folder;
  TestPki root(folder.path(), "Root", TestPki::Days{20});
  TestPki ot(folder.path(), "OT", root);
  const auto view = view_of({{{"trust.pem", root.ca_pem()}}, {{"ot.crt", ot.ca_pem()}}, {}});
  REQUIRE(view->trusted_until(ot.spki()).has_value());
  CHECK(view->trusted_until(ot.spki()) == view->trusted_until(root.spki()));
  CHECK_FALSE(view->trusted_until(std::string(32, 'x')).has_value());
}

TEST_CASE("a list that no known CA has signed does not count and is reported", "[auth]") {
  Plant plant;
  TempDir elsewhere;
  // The same name, another key.
  TestPki forger(elsewhere.path(), "OT", plant.root);
  TrustView::Files files = plant.files();
  files.lists = {{"forged.crl", forger.revocations({1, 2, 3})}};
  std::vector<TrustView::Problem> problems;
  const auto view = TrustView::make(files, problems);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].file == "forged.crl");
  CHECK_FALSE(problems[0].is_error);
  CHECK(view->revocations() == 0);
}

TEST_CASE("a file that is damaged, empty or something else is reported", "[auth]") {
  Plant plant;
  const std::string pem = plant.ot.ca_pem();
  for (const std::string& content :
       {std::string(), std::string("text"), pem.substr(0, 200), pem + pem.substr(0, 300)}) {
    TrustView::Files files = plant.files();
    files.issuers = {{"ot.crt", content}};
    const auto problems = problems_of(files);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].is_error);
    CHECK(spki_hashes(content) == std::nullopt);
  }
  const std::string list = plant.ot.revocations({});
  for (const std::string& content :
       {std::string(), std::string("text"), list.substr(0, 100), list + list.substr(0, 100)}) {
    TrustView::Files files = plant.files();
    files.lists = {{"ot.crl", content}};
    CHECK(problems_of(files).size() == 1);
  }
  CHECK(spki_hashes(plant.ot.ca_pem() + plant.root.ca_pem()) ==
        std::vector<std::string>{plant.ot.spki(), plant.root.spki()});
}

}  // namespace lineshaft::auth
