#include "broker/app/cert_folder.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "broker/app/cert_verb.h"
#include "broker/app/written_files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace lineshaft;
using namespace lineshaft::app;
using lineshaft::test::TempDir;

namespace {

namespace fs = std::filesystem;

constexpr WallTime now{Milliseconds{1'790'000'000'000}};
constexpr Milliseconds day{std::int64_t{24} * 3600 * 1000};

CertFolder::Order order(const std::string& zone, const std::string& name) {
  return {zone, "edge", name, auth::KeyType::p256, {}, 365 * day, {}};
}

/// A folder with zones ot and it.
struct Pki {
  Pki() { at().init("plant1", {"ot", "it"}, {"localhost", "127.0.0.1"}); }
  CertFolder at(Milliseconds later = Milliseconds{0}) const {
    return CertFolder(folder / "pki", now + later);
  }
  std::string file(const std::string& name) const { return folder / ("pki/" + name); }
  unsigned mode(const std::string& name) const {
    struct stat status {};
    REQUIRE(::stat(file(name).c_str(), &status) == 0);
    return status.st_mode & 0777u;
  }

  TempDir folder;
};

template <class Function>
VerbFailure failure(Function function) {
  try {
    function();
  } catch (const VerbFailure& failure) {
    return failure;
  }
  return {ExitCode::ok, {}};
}

}  // namespace

TEST_CASE("an authority is made whole or not at all, and never over something", "[app][cert]") {
  const Pki pki;
  for (const char* name : {"root.crt", "ot.crt", "it.crt", "trust.pem", "crl.pem", "server.crt"}) {
    CHECK(pki.mode(name) == 0644);
  }
  for (const char* name : {"private/root.key", "private/ot.key", "private/it.key", "server.key"}) {
    CHECK(pki.mode(name) == 0600);
  }
  CHECK(pki.mode("private") == 0700);
  CHECK(pki.mode("") == 0755);
  const std::string root = read_whole_file(pki.file("root.crt"));
  const auto again = failure([&] { pki.at().init("plant1", {"ot"}, {"localhost"}); });
  CHECK(again.exit_code == ExitCode::usage);
  CHECK(read_whole_file(pki.file("root.crt")) == root);

  const TempDir other;
  const auto fails = [&](const std::string& domain, const std::string& zone,
                         const std::string& host) {
    return failure([&] {
             CertFolder(other / "pki", now).init(domain, {"ot", zone}, {host});
           }).exit_code != ExitCode::ok;
  };
  CHECK(fails("Plant 1", "it", "localhost"));
  CHECK(fails("plant1", "it", "local host"));
  for (const char* zone : {"ot", "..", "a/b", "a.crt", "root", "server", "private", "issued", ""}) {
    INFO(zone);
    CHECK(fails("plant1", zone, "localhost"));
  }
  CHECK(fs::is_empty(other.path()));
  CHECK_FALSE(fails("plant1", "it", "localhost"));
}

TEST_CASE("a client gets a key, its certificate and its zone's", "[app][cert]") {
  const Pki pki;
  const auto made = pki.at().issue(order("ot", "edge-1"));
  CHECK(made.cert_file == pki.file("ot/edge-1.crt"));
  CHECK(pki.mode("ot/edge-1.key") == 0600);
  const auto chain = auth::split_certificates(read_whole_file(made.cert_file));
  REQUIRE(chain.has_value());
  REQUIRE(chain->size() == 2);
  CHECK((*chain)[1] == read_whole_file(pki.file("ot.crt")));
  CHECK(auth::read_certificate((*chain)[0])->identity.name == "edge-1");
  CHECK(made.facts.validity.end == now + 365 * day);

  const std::string key = read_whole_file(made.key_file);
  CHECK(failure([&] { pki.at().issue(order("ot", "edge-1")); }).exit_code == ExitCode::usage);
  CHECK(read_whole_file(made.key_file) == key);
  // The same name is another identity in another zone.
  pki.at().issue(order("it", "edge-1"));
  CHECK(pki.at().issued().size() == 2);
}

TEST_CASE("names that are none are refused before anything is written", "[app][cert]") {
  const Pki pki;
  for (const char* name : {"", "../x", "a/b", "a+", "#", "a b", ".x"}) {
    INFO(name);
    CHECK(failure([&] { pki.at().issue(order("ot", name)); }).exit_code == ExitCode::usage);
  }
  auto bad_role = order("ot", "edge-1");
  bad_role.role = "a/b";
  CHECK(failure([&] { pki.at().issue(bad_role); }).exit_code == ExitCode::usage);
  CHECK(failure([&] { pki.at().issue(order("dmz", "edge-1")); }).exit_code == ExitCode::usage);
  CHECK(pki.at().issued().empty());
}

TEST_CASE("no certificate outlives its authority", "[app][cert]") {
  const Pki pki;
  auto long_lived = order("ot", "edge-1");
  long_lived.validity = 3650 * day;
  const auto made = pki.at(1000 * day).issue(long_lived);
  CHECK(made.facts.validity.end ==
        auth::read_certificate(read_whole_file(pki.file("ot.crt")))->validity.end);
}

TEST_CASE("revoked is what the list says, and the next list says it too", "[app][cert]") {
  const Pki pki;
  pki.at().issue(order("ot", "edge-1"));
  pki.at().issue(order("ot", "edge-2"));
  const std::string before = read_whole_file(pki.file("crl.pem"));
  const auto done = pki.at(day).revoke("edge-1", {}, 90 * day);
  REQUIRE(done.size() == 1);
  CHECK(read_whole_file(pki.file("crl.pem")) != before);
  CHECK(pki.at().lists_end() == now + 91 * day);
  CHECK(pki.at(day).revoke("edge-1", {}, 90 * day).empty());

  CHECK(pki.at(2 * day).renew_lists(90 * day).empty());
  CHECK(pki.at().lists_end() == now + 92 * day);
  const auto list = auth::read_revocation_list(read_whole_file(pki.file("crl.pem")),
                                               read_whole_file(pki.file("ot.crt")));
  REQUIRE(list.has_value());
  CHECK(list->number == 3);
  const auto all = pki.at().issued();
  REQUIRE(all.size() == 2);
  CHECK(all[0].revoked == now + day);
  CHECK_FALSE(all[1].revoked);
  CHECK(failure([&] { pki.at().revoke("edge-3", {}, day); }).exit_code == ExitCode::usage);
}

TEST_CASE("a name in two zones is revoked in the one that is said", "[app][cert]") {
  const Pki pki;
  pki.at().issue(order("ot", "edge-1"));
  const auto other = pki.at().issue(order("it", "edge-1"));
  CHECK(failure([&] { pki.at().revoke("edge-1", {}, day); }).exit_code == ExitCode::usage);
  CHECK(pki.at().revoke("edge-1", "ot", day).front().facts.identity.zone == "ot");
  CHECK(pki.at().revoke(other.facts.serial, {}, day).size() == 1);
}

TEST_CASE("a list that is gone is never taken for an empty one", "[app][cert]") {
  const Pki pki;
  pki.at().issue(order("ot", "edge-1"));
  pki.at().revoke("edge-1", {}, day);
  std::ofstream(pki.file("crl.pem")) << "";
  CHECK(failure([&] { pki.at().renew_lists(day); }).exit_code == ExitCode::config);
  CHECK(failure([&] { pki.at().issued(); }).exit_code == ExitCode::config);
  CHECK(fs::is_empty(pki.file("crl.pem")));
}

TEST_CASE("an authority without its key keeps its list, and signs nothing", "[app][cert]") {
  const Pki pki;
  fs::remove(pki.file("private/root.key"));
  CHECK(pki.at(day).renew_lists(90 * day) == std::vector<std::string>{"root"});
  CHECK(pki.at().lists_end() == now + 90 * day);
  CHECK(failure([&] { pki.at().add_zone("dmz", {}); }).exit_code == ExitCode::config);
  CHECK(pki.at().issue(order("ot", "edge-1")).facts.identity.name == "edge-1");
}

TEST_CASE("a zone is added, with a CA of ours or of the plant", "[app][cert]") {
  const Pki pki, plant;
  pki.at().add_zone("dmz", {});
  pki.at().issue(order("dmz", "historian"));
  CHECK(failure([&] { pki.at().add_zone("dmz", {}); }).exit_code == ExitCode::usage);

  const std::string chain =
      read_whole_file(plant.file("it.crt")) + read_whole_file(plant.file("root.crt"));
  pki.at().add_zone("plant", chain);
  CHECK(pki.at().zones() == std::vector<std::string>{"dmz", "it", "ot", "plant"});
  CHECK(read_whole_file(pki.file("plant.crt")) == read_whole_file(plant.file("it.crt")));
  CHECK(read_whole_file(pki.file("trust.pem")).ends_with(chain));
  CHECK(failure([&] { pki.at().issue(order("plant", "x")); }).exit_code == ExitCode::config);
  // Its lists are the plant's; ours are renewed without them.
  CHECK(pki.at().renew_lists(day) == std::vector<std::string>{"plant"});
  const auto leaf = plant.at().issue(order("it", "x"));
  CHECK(failure([&] { pki.at().add_zone("more", read_whole_file(leaf.cert_file)); }).exit_code ==
        ExitCode::config);
}

TEST_CASE("the broker's certificate is renewed for the key it has", "[app][cert]") {
  const Pki pki;
  const std::string before = read_whole_file(pki.file("server.crt"));
  const std::string key = read_whole_file(pki.file("server.key"));
  CHECK(pki.at(day).renew_server({"broker.example"}).validity.end == now + 731 * day);
  CHECK(read_whole_file(pki.file("server.crt")) != before);
  CHECK(read_whole_file(pki.file("server.key")) == key);
}
