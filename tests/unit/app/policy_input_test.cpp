#include "broker/app/policy_input.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"
#include "tests/unit/app/config_world.h"

using namespace lineshaft;
using namespace lineshaft::app;
using lineshaft::test::TempDir;
using lineshaft::test::TestPki;
using Json = nlohmann::json;

namespace {

constexpr const char* zones_head = R"(authorization = "zones"
[listeners.plant]
bind = "127.0.0.1:1883"
zones = ["ot"]
client_id = "prefix"
[zones.ot]
sl_t = 2
)";

std::string why(const ConfigWorld& world) {
  try {
    read_policy_input(*world.load());
  } catch (const ConfigError& error) {
    return error.what();
  }
  return {};
}

bool has(const std::string& text, const std::string& part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("files of [pki] are found beside the file that names them", "[app][zones]") {
  TempDir folder;
  TestPki ot(folder.path(), "OT CA");
  ConfigWorld world;
  world.configure(zones_head);
  world.write("conf.d/pki/ot.crt", ot.ca_pem());
  const std::string crl = ot.revocations({});
  world.write("conf.d/pki/crl.pem", crl);
  world.write("conf.d/pki.toml",
              "[pki]\ntrust = \"pki/ot.crt\"\ncrl = \"pki/crl.pem\"\n"
              "[pki.issuers]\n\"pki/ot.crt\" = [\"ot\"]\n");
  const PolicyInput input = read_policy_input(*world.load());
  REQUIRE(input.files.trust.size() == 1);
  CHECK(input.files.trust[0].content == ot.ca_pem());
  REQUIRE(input.files.lists.size() == 1);
  CHECK(input.files.lists[0].content == crl);
  REQUIRE(input.files.issuers.size() == 1);
  CHECK(input.files.issuers[0].name == world.path("conf.d/pki/ot.crt"));
  const Json& issuers = input.document->at("pki").at("issuers");
  REQUIRE(issuers.size() == 1);
  const std::string key = issuers.begin().key();
  CHECK(key.size() == 7 + 64);
  CHECK(key.starts_with("sha256:"));
  CHECK(place_of(input.places, "/pki/issuers/" + key + "/0") ==
        world.path("conf.d/pki.toml") + ":5:17");
  CHECK(input.document->at("listeners") ==
        Json::parse(R"({"plant": {"zones": ["ot"], "client_id": "prefix"}})"));
  CHECK(place_of(input.places, "/listeners/plant/zones/0") ==
        world.path("lineshaft.toml") + ":4:9");
}

TEST_CASE("an issuer's file that cannot be used is an error at its place", "[app][zones]") {
  TempDir folder;
  TestPki ot(folder.path(), "OT CA");
  ConfigWorld world;
  world.configure(std::string(zones_head) + "[pki]\ncrl = \"none.pem\"\n[pki.issuers]\n" +
                  "\"a\" = [\"ot\"]\n\"b\" = [\"ot\"]\n\"c\" = [\"ot\"]\n\"d\" = [\"ot\"]\n");
  world.write("a", ot.ca_pem() + ot.ca_pem());
  world.write("b", "nothing");
  world.write("c", ot.ca_pem());
  world.write("d", ot.ca_pem());
  const std::string text = why(world);
  CHECK(has(text, "lineshaft.toml:9:7: " + world.path("none.pem") + " does not exist"));
  CHECK(has(text, "lineshaft.toml:11:7: " + world.path("a") + " holds more than one certificate"));
  CHECK(has(text, "lineshaft.toml:12:7: " + world.path("b") + " holds no certificate"));
  CHECK(has(text, "lineshaft.toml:14:7: issuer \"d\" has the key of another one"));
  CHECK_FALSE(has(text, "toml:13:"));
}

TEST_CASE("listeners verify certificates against what [pki] names", "[app][zones]") {
  ConfigWorld world;
  const std::string tls =
      "[listeners.plant.tls]\ncert_file = \"s.crt\"\nclient_certificate = \"require\"\n";
  world.configure(zones_head + tls + "ca_file = \"x\"\n[pki]\ntrust = \"trust.pem\"\n");
  CHECK(world.load()->listeners[0].tls.ca_file == "x");
  world.configure(zones_head + tls + "[pki]\ntrust = \"trust.pem\"\ncrl = \"crl.pem\"\n");
  const auto options = world.load();
  CHECK(options->listeners[0].tls.ca_file == world.path("trust.pem"));
  CHECK(options->listeners[0].tls.crl_file == world.path("crl.pem"));
  // The policy knows what an ended list means; of another list it knows nothing.
  CHECK(options->listeners[0].tls.passes_ended_crl);
  world.configure(zones_head + tls + "crl_file = \"own.crl\"\n[pki]\ntrust = \"trust.pem\"\n");
  CHECK_FALSE(world.load()->listeners[0].tls.passes_ended_crl);
  world.configure(zones_head + tls + "[pki]\ntrust = \"trust.pem\"\ncrl = \"crl.pem\"\n");
  std::filesystem::create_directory(world.path("crl.pem"));
  CHECK(world.load()->listeners[0].tls.crl_dir == world.path("crl.pem"));

  world.configure(zones_head + tls + "[pki]\ntrust = \"other.pem\"\n");
  const auto reloaded = merge_reload(*options, *world.load());
  CHECK(reloaded.needs_restart == std::vector<std::string>{"pki.trust", "pki.crl"});
}

TEST_CASE("a swapped symbolic link is seen as another file", "[app][zones]") {
  ConfigWorld world;
  world.write("v1/ot.crt", "a");
  world.write("v2/ot.crt", "a");
  std::filesystem::create_directory_symlink("v1", world.path("data"));
  world.configure(std::string(zones_head) + "[pki]\n[pki.issuers]\n\"data/ot.crt\" = [\"ot\"]\n");
  const auto options = world.load();
  const FilesState before = policy_files_state(*options);
  CHECK(policy_files_state(*options) == before);
  std::filesystem::create_directory_symlink("v2", world.path("next"));
  std::filesystem::rename(world.path("next"), world.path("data"));
  const FilesState after = policy_files_state(*options);
  CHECK(after.at("pki.issuers") != before.at("pki.issuers"));
  CHECK(after.at("pki.crl") == before.at("pki.crl"));
}
