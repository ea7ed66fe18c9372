#include "broker/app/tls_setup.h"

#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"
#include "tests/unit/app/config_world.h"

using namespace lineshaft;
using namespace lineshaft::app;
using lineshaft::test::TempDir;
using lineshaft::test::TestPki;

namespace {

std::string problem_of(ConfigWorld& world, const std::string& config) {
  world.configure(config);
  try {
    check_tls_files(*world.load());
  } catch (const ConfigError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("TLS files are checked at the place where they are named", "[app][tls]") {
  TempDir folder;
  TestPki pki(folder.path());
  const auto server = pki.issue("server");
  const std::string head = "[listeners.plant]\nbind = \"127.0.0.1:1\"\n[listeners.plant.tls]\n";
  const std::string cert = "cert_file = \"" + server.cert_file + "\"\n";
  const std::string key = "key_file = \"" + server.key_file + "\"\n";
  ConfigWorld world;
  CHECK(problem_of(world, head + cert + key).empty());
  CHECK(problem_of(world, head + "cert_file = \"/nowhere.crt\"\n" + key)
            .find("lineshaft.toml:4:13: listeners.plant.tls.cert_file: /nowhere.crt does not") !=
        std::string::npos);
  // An option that is missing is reported where TLS was switched on.
  CHECK(
      problem_of(world, head + cert).find("toml:4:13: listeners.plant.tls.key_file: is missing") !=
      std::string::npos);
  CHECK(problem_of(world, head + "client_certificate = \"require\"\n")
            .find("toml:4:22: listeners.plant.tls.client_certificate: says nothing without") !=
        std::string::npos);
}

TEST_CASE("listeners with TLS have a layer and facts, others have none", "[app][tls]") {
  TempDir folder;
  TestPki pki(folder.path());
  const auto server = pki.issue("server");
  ConfigWorld world;
  world.configure(
      "listeners.plain.bind = \"127.0.0.1:1\"\nlisteners.plant.bind = \"127.0.0.1:2\"\n"
      "[listeners.plant.tls]\ncert_file = \"" +
      server.cert_file + "\"\nkey_file = \"" + server.key_file + "\"\n");
  const TlsSetup setup(*world.load(), WallTime{Milliseconds{1'700'000'000'000}});
  CHECK(setup.layer("plain") == nullptr);
  CHECK(setup.layer("plant") != nullptr);
  REQUIRE(setup.facts().size() == 1);
  CHECK(setup.facts()[0].listener == "plant");
  CHECK(setup.facts()[0].files_in_force);
  CHECK(setup.facts()[0].expiries.at(0).file == server.cert_file);
}
