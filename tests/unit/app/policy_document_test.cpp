#include "broker/app/policy_document.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "broker/app/policy_table.h"
#include "tests/support/catch.h"
#include "tests/unit/app/config_world.h"

using namespace lineshaft;
using namespace lineshaft::app;
using Json = nlohmann::json;
using Problems = std::vector<std::string>;

namespace {

constexpr const char* zones_head = R"(authorization = "zones"
[listeners.plant]
bind = "127.0.0.1:1883"
zones = ["ot"]
)";

std::string with_zone(const std::string& more) {
  return std::string(zones_head) + "[zones.ot]\nsl_t = 2\nowns = [\"a/#\"]\n" + more;
}

}  // namespace

TEST_CASE("the policy's tables become one document of the same keys", "[app]") {
  ConfigWorld world;
  world.configure(with_zone(R"(
[pki]
trust = "trust.pem"
[pki.issuers]
"ot.crt" = ["ot"]
[[identity]]
from = "san_uri"
match = "spiffe://plant1/zone/{zone}/{name}"
require = true
[roles.edge]
publish = ["a/#"]
[[conduits]]
from = "ot"
to = "it"
topics = ["a/kpi/#"]
until = 2026-12-24T18:00:00Z
[users.alice]
zone = "ot"
roles = ["edge"]
)"));
  const auto options = world.load();
  CHECK(*options->policy.json == Json::parse(R"({
    "zones": {"ot": {"sl_t": 2, "owns": ["a/#"]}},
    "pki": {"trust": "trust.pem", "issuers": {"ot.crt": ["ot"]}},
    "identity": [{"from": "san_uri", "match": "spiffe://plant1/zone/{zone}/{name}",
                  "require": true}],
    "roles": {"edge": {"publish": ["a/#"]}},
    "conduits": [{"from": "ot", "to": "it", "topics": ["a/kpi/#"],
                  "until": "2026-12-24T18:00:00Z"}],
    "users": {"alice": {"zone": "ot", "roles": ["edge"]}}})"));
  CHECK(options->users.file.empty());
}

TEST_CASE("every value of the policy knows where it stands", "[app]") {
  ConfigWorld world;
  world.configure(with_zone("[pki.issuers]\n\"a/b~c\" = [\"ot\"]\n"));
  world.write("conf.d/it.toml",
              "[[conduits]]\nfrom = \"ot\"\nto = \"it\"\ntopics = [\"x\",\n\"y\"]");
  const auto options = world.load();
  const auto& places = options->policy.places;
  const std::string main = world.path("lineshaft.toml"), part = world.path("conf.d/it.toml");
  CHECK(place_of(places, "/zones/ot") == main + ":5:8");
  CHECK(place_of(places, "/zones/ot/sl_t") == main + ":6:8");
  CHECK(place_of(places, "/pki/issuers/a~1b~0c/0") == main + ":9:12");
  CHECK(place_of(places, "/conduits/0") == part + ":1:1");
  CHECK(place_of(places, "/conduits/0/topics/1") == part + ":5:1");
  // What is not said stands where its table does.
  CHECK(place_of(places, "/conduits/0/except/3") == part + ":1:1");
  CHECK(place_of(places, "/nothing").empty());
}

TEST_CASE("files of conf.d add tables and append to lists", "[app]") {
  ConfigWorld world;
  world.configure(
      with_zone("[[conduits]]\nfrom=\"ot\"\nto=\"it\"\ntopics=[\"a\"]\n"
                "[pki.issuers]\n\"ot.crt\" = [\"ot\"]\n"));
  world.write("conf.d/10.toml",
              "[[conduits]]\nfrom=\"it\"\nto=\"ot\"\ntopics=[\"b\"]\n[zones.it]\nsl_t=1\n"
              "[pki.issuers]\n\"it.crt\" = [\"it\"]\n[pki]\ncrl = \"c\"\n"
              "[users.bob]\nzone=\"it\"\n");
  world.write("conf.d/20.toml", "[users.eve]\nzone=\"it\"\n");
  const Json json = *world.load()->policy.json;
  CHECK(json["conduits"].size() == 2);
  CHECK(json["conduits"][1]["from"] == "it");
  CHECK(json["zones"].size() == 2);
  CHECK(json["pki"] == Json::parse(R"({"issuers": {"ot.crt": ["ot"], "it.crt": ["it"]},
                                       "crl": "c"})"));
  CHECK(json["users"].size() == 2);
}

TEST_CASE("what is said twice names both places", "[app]") {
  ConfigWorld world;
  world.configure(with_zone("[pki]\ncrl = \"a\"\n[roles.edge]\npublish = [\"a\"]\n"));
  world.write("conf.d/10.toml", "[zones.ot]\nsl_t = 1\n[pki]\ncrl = \"b\"\n");
  world.write("conf.d/20.toml", "[roles.edge]\npublish = [\"#\"]\n");
  const char* remedy = " | Of the policy everything is said once, whichever file comes later.";
  CHECK(world.problems() ==
        Problems{std::string("conf.d/10.toml:4:1: pki.crl is said twice, here and at "
                             "lineshaft.toml:9:1") +
                     remedy,
                 std::string("conf.d/10.toml:1:8: zones.ot is said twice, here and at "
                             "lineshaft.toml:5:8") +
                     remedy,
                 std::string("conf.d/20.toml:1:8: roles.edge is said twice, here and at "
                             "lineshaft.toml:10:8") +
                     remedy});
}

TEST_CASE("zones without zones is an error, whatever became of them", "[app]") {
  ConfigWorld world;
  const auto refused = [&] {
    const auto problems = world.problems();
    return problems.size() == 1 &&
           problems[0].find("authorization is \"zones\" and there is no zone") != std::string::npos;
  };
  world.configure(zones_head);
  CHECK(refused());
  world.configure(std::string(zones_head) + "[zones]\n");
  CHECK(refused());
  world.write("conf.d/zones.toml", "[zones.ot]\nsl_t = 1\n");
  CHECK(world.problems().empty());
  std::filesystem::remove(world.path("conf.d/zones.toml"));
  CHECK(refused());
}

TEST_CASE("a listener must say which zones come in", "[app]") {
  ConfigWorld world;
  world.configure(
      "authorization = \"zones\"\n[listeners.a]\nbind = \"127.0.0.1:1\"\n"
      "[zones.ot]\nsl_t = 1\n");
  REQUIRE(world.problems().size() == 1);
  CHECK(world.problems()[0].find("listener \"a\" lets no zone in") != std::string::npos);
}

TEST_CASE("an empty file is taken for one that was cut off", "[app]") {
  ConfigWorld world;
  world.configure("");
  REQUIRE(world.problems().size() == 1);
  CHECK(world.problems()[0].find("lineshaft.toml: is empty") == 0);
  world.configure("# nothing\n");
  CHECK(world.problems().empty());
  world.write("conf.d/policy.toml", " \n\n");
  REQUIRE(world.problems().size() == 1);
  CHECK(world.problems()[0].find("conf.d/policy.toml: is empty") == 0);
}

TEST_CASE("the policy comes from files only", "[app]") {
  ConfigWorld world;
  world.configure(with_zone(""));
  world.sources.environment.push_back({"LINESHAFT_ZONES__OT__SL_T", "1"});
  world.sources.environment.push_back({"LINESHAFT_POLICY__SHADOW", "x"});
  const auto problems = world.problems();
  REQUIRE(problems.size() == 2);
  for (const auto& each : problems) {
    CHECK(each.find("The policy is written in files only.") != std::string::npos);
  }
}

TEST_CASE("a reload takes the policy over and says which tables have changed", "[app]") {
  ConfigWorld world;
  world.configure(with_zone("[roles.edge]\npublish = [\"a\"]\n"));
  const auto running = world.load();
  world.configure(with_zone("\n# moved\n[roles.edge]\npublish = [\"a\"]\n"));
  CHECK(merge_reload(*running, *world.load()).changed.empty());
  world.configure(with_zone("[[conduits]]\nfrom=\"ot\"\nto=\"it\"\ntopics=[\"a\"]\n"));
  const auto reloaded = merge_reload(*running, *world.load());
  CHECK(reloaded.changed == Problems{"conduits", "roles"});
  CHECK(reloaded.options->policy.has("conduits"));
  CHECK_FALSE(reloaded.options->policy.has("roles"));
}

TEST_CASE("a reload takes a listener's zones over, but not those of a new listener", "[app]") {
  ConfigWorld world;
  world.configure(with_zone(""));
  const auto running = world.load();
  world.configure(with_zone("[listeners.new]\nbind = \"127.0.0.1:2\"\nzones = [\"ot\"]\n"));
  const auto reloaded = merge_reload(*running, *world.load());
  CHECK(reloaded.options->listeners.size() == 1);
  auto next = with_zone("[zones.it]\nsl_t = 1\n");
  next.replace(next.find("[\"ot\"]"), 6, "[\"it\"]");
  world.configure(next);
  CHECK(merge_reload(*running, *world.load()).options->listeners[0].zones == Problems{"it"});
}

TEST_CASE("every key of the policy has help and a default or an example", "[app]") {
  std::set<std::string> names;
  for (const PolicySection& section : policy_sections()) {
    CHECK(section.help.ends_with('.'));
    for (const PolicyKey& key : section.keys) {
      INFO(section.name << "." << key.name);
      CHECK(names.insert(std::string(section.name) + "." + std::string(key.name)).second);
      CHECK(key.help.ends_with('.'));
      CHECK(key.required == key.fallback.empty());
      CHECK_FALSE(key.example.empty());
    }
  }
}
