#include "broker/app/config_loader.h"

#include "tests/support/catch.h"
#include "tests/unit/app/config_world.h"

using namespace lineshaft;
using namespace lineshaft::app;
using Problems = std::vector<std::string>;

// --- where it comes from
// --------------------------------------------------------------------------

TEST_CASE("without any configuration the broker listens on this machine only", "[app]") {
  const auto options = ConfigWorld().load();
  REQUIRE(options->listeners.size() == 1);
  CHECK(options->listeners[0].bind.text() == "127.0.0.1:1883");
  CHECK(options->listeners[0].name == "default");
  CHECK(options->data_dir == "/home/press/.local/share/lineshaft");
  CHECK(options->node_name == "box");
  CHECK(options->files.empty());
}

TEST_CASE("the data folder follows the user", "[app]") {
  ConfigWorld world;
  world.sources.environment.push_back({"XDG_DATA_HOME", "/data/press"});
  CHECK(world.load()->data_dir == "/data/press/lineshaft");
  world.sources.is_root = true;
  CHECK(world.load()->data_dir == "/var/lib/lineshaft");
  world.sources.data_dir = "/elsewhere/";
  CHECK(world.load()->data_dir == "/elsewhere/");
}

TEST_CASE("a user without a home is asked for a data folder", "[app]") {
  ConfigWorld world;
  world.sources.environment.clear();
  CHECK(world.problems() ==
        Problems{": there is no folder for data: neither HOME nor XDG_DATA_HOME is set | "
                 "Name one with --data DIR or node.data_dir."});
}

TEST_CASE("the file is the flag's, else the variable's, else the system's", "[app]") {
  ConfigWorld world;
  world.write("etc.toml", "shards = 2");
  CHECK(world.load()->shards == 2);
  world.write("named.toml", "shards = 3");
  world.sources.environment.push_back({"LINESHAFT_CONFIG", world.path("named.toml")});
  CHECK(world.load()->shards == 3);
  world.configure("shards = 4");
  CHECK(world.load()->shards == 4);
  CHECK(world.load()->files == Problems{world.path("lineshaft.toml")});
}

TEST_CASE("conf.d is read in name order and overrides option by option", "[app]") {
  ConfigWorld world;
  world.configure("shards = 1\n[mqtt]\nreceive_maximum = 5\nsessions_max = 7\n");
  world.write("conf.d/20-late.toml", "shards = 3");
  world.write("conf.d/10-early.toml", "shards = 2\n[mqtt]\nreceive_maximum = 6\n");
  world.write("conf.d/.hidden.toml", "shards = 9");
  world.write("conf.d/30-not.toml~", "shards = 9");
  const auto options = world.load();
  CHECK(options->shards == 3);
  CHECK(options->core.receive_maximum == 6);
  CHECK(options->core.sessions_max == 7);
  CHECK(options->files == Problems{world.path("lineshaft.toml"), world.path("conf.d/10-early.toml"),
                                   world.path("conf.d/20-late.toml")});
}

TEST_CASE("the environment overrides the files", "[app]") {
  ConfigWorld world;
  world.configure("shards = 1\n[listeners.plant]\nbind = \"127.0.0.1:1\"\n");
  auto& environment = world.sources.environment;
  environment.push_back({"LINESHAFT_SHARDS", "4"});
  environment.push_back({"LINESHAFT_STORAGE__LKV", "false"});
  environment.push_back({"LINESHAFT_STORAGE__LKV_EXCLUDE", "a/#,b"});
  environment.push_back({"LINESHAFT_LISTENERS__PLANT__BIND", "127.0.0.1:2"});
  environment.push_back({"LINESHAFT_LOG__ROOMS__NET", "debug"});
  const auto options = world.load();
  CHECK(options->shards == 4);
  CHECK_FALSE(options->core.last_values);
  CHECK(options->core.last_values_exclude == Problems{"a/#", "b"});
  REQUIRE(options->listeners.size() == 1);
  CHECK(options->listeners[0].bind.port == 2);
}

TEST_CASE("wrong variables are reported, those of orchestrators are not", "[app]") {
  ConfigWorld world;
  auto& environment = world.sources.environment;
  environment.push_back({"LINESHAFT_SERVICE_HOST", "10.0.0.1"});
  environment.push_back({"LINESHAFT_PORT", "tcp://10.0.0.1:1883"});
  CHECK(world.problems().empty());
  environment.push_back({"LINESHAFT_SHARDS", "two"});
  environment.push_back({"LINESHAFT_STORAGE__LKV", "yes"});
  environment.push_back({"LINESHAFT_STORAGE__OVERFLO", "drop_oldest"});
  CHECK(world.problems() ==
        Problems{"environment variable LINESHAFT_SHARDS: shards = \"two\" must be a whole number "
                 "from 1 to 64",
                 "environment variable LINESHAFT_STORAGE__LKV: storage.lkv = \"yes\" must be true "
                 "or false",
                 "environment variable LINESHAFT_STORAGE__OVERFLO: unknown option "
                 "\"storage.overflo\" | did you mean \"overflow\"?"});
}

TEST_CASE("--listen replaces the listeners of the configuration", "[app]") {
  ConfigWorld world;
  world.configure("[listeners.plant]\nbind = \"127.0.0.1:1\"\n");
  world.sources.listen = {"127.0.0.1:7", "unix:/run/x"};
  const auto options = world.load();
  REQUIRE(options->listeners.size() == 2);
  CHECK(options->listeners[0].bind.text() == "127.0.0.1:7");
  CHECK(options->listeners[1].bind.text() == "unix:/run/x");
  world.sources.listen = {"1883"};
  CHECK(
      world.problems()[0].starts_with("--listen: listeners.default.bind = \"1883\": there is no"));
}

// --- what is wrong
// --------------------------------------------------------------------------------

TEST_CASE("an unknown option is reported with its place and its nearest neighbour", "[app]") {
  ConfigWorld world;
  world.configure("[storage]\noverflow = \"drop_oldest\"\n  overflw = \"drop_newest\"\n");
  CHECK(world.problems() == Problems{"lineshaft.toml:3:3: unknown option \"storage.overflw\" | "
                                     "did you mean \"overflow\"?"});
}

TEST_CASE("an option in the wrong table is pointed to the right one", "[app]") {
  ConfigWorld world;
  world.configure("overflow = \"drop_oldest\"\n");
  CHECK(world.problems() == Problems{"lineshaft.toml:1:1: unknown option \"overflow\" | "
                                     "did you mean \"storage.overflow\"?"});
}

TEST_CASE("an unknown table is reported once, without what stands in it", "[app]") {
  ConfigWorld world;
  world.configure("[storrage]\ncache_mb = 1\nlkv = true\n[storrage.deep]\nx = 1\n");
  CHECK(world.problems() == Problems{"lineshaft.toml:1:2: unknown option \"storrage\" | "
                                     "did you mean \"storage\"?"});
}

TEST_CASE("a wrong type names what was expected and what stands there", "[app]") {
  ConfigWorld world;
  world.configure(
      "shards = \"2\"\nstorage.lkv = 1\nstorage.cache_mb = 1.5\nsys.interval_s = 2026-11-20\n"
      "storage.lkv_include = [1]\nlog = 3\nstorage.overflow = {}\n");
  CHECK(
      world.problems() ==
      Problems{
          "lineshaft.toml:1:10: shards must be a whole number from 1 to 64, this is a string",
          "lineshaft.toml:2:15: storage.lkv must be true or false, this is a whole number",
          "lineshaft.toml:3:20: storage.cache_mb must be a whole number from 0 to 1048576 "
          "MiB, this is a number with a decimal point",
          "lineshaft.toml:4:18: sys.interval_s must be a whole number from 0 to 3600 s, this "
          "is a date or time",
          "lineshaft.toml:5:23: storage.lkv_include must be a list of strings, this is a "
          "list of other things than strings",
          "lineshaft.toml:6:7: \"log\" is a table, this is a whole number | Write [log] on "
          "a line of its own and its options below.",
          "lineshaft.toml:7:20: storage.overflow must be one of \"drop_oldest\", \"drop_newest\", "
          "\"reject_publisher\", \"disconnect\", this is a table"});
}

TEST_CASE("a value out of range or unknown is refused with what would be right", "[app]") {
  ConfigWorld world;
  world.configure(
      "shards = 0\n[mqtt]\nreceive_maximum = 65536\n[storage]\ndurability = \"snyc\"\n"
      "lkv_exclude = [\"a/#/b\"]\n[node]\nname = \"a b\"\n");
  CHECK(world.problems() ==
        Problems{"lineshaft.toml:1:10: shards = 0 must be a whole number from 1 to 64",
                 "lineshaft.toml:3:19: mqtt.receive_maximum = 65536 must be a whole number from 1 "
                 "to 65535 messages",
                 "lineshaft.toml:5:14: storage.durability = \"snyc\" must be \"sync\" or \"async\" "
                 "| did you mean \"sync\"?",
                 "lineshaft.toml:6:15: storage.lkv_exclude = [\"a/#/b\"]: \"a/#/b\" is not a Topic "
                 "Filter",
                 "lineshaft.toml:8:8: node.name = \"a b\": use at most 64 letters, digits, \"-\", "
                 "\"_\" and \".\""});
}

TEST_CASE("a file that is not TOML is reported with its place, other files all the same", "[app]") {
  ConfigWorld world;
  world.configure("shards = 1\nshards = \n");
  world.write("conf.d/a.toml", "shrads = 2");
  const auto problems = world.problems();
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].starts_with("lineshaft.toml:2:"));
  CHECK(problems[0].find("this is not TOML") != std::string::npos);
  CHECK(problems[1] == "conf.d/a.toml:1:1: unknown option \"shrads\" | did you mean \"shards\"?");
}

TEST_CASE("characters beyond ASCII are for strings and comments", "[app]") {
  ConfigWorld world;
  world.configure(
      "# Köln \" '\nnode.data_dir = \"/srv/K\\\"öln\" # ü\nstorage.lkv_exclude = ['ä', "
      "\"\"\"ö\"\n\"\"\", '\'\'ü\\\'\'\']\n");
  CHECK(world.problems().empty());
  world.configure("shards = 1\nschärds = 2\n");
  CHECK(world.problems() ==
        Problems{"lineshaft.toml:2:4: this is not TOML: only strings and comments may hold other "
                 "characters than ASCII | Put the name or value in quotes."});
}

TEST_CASE("a file that is not there or no file is reported", "[app]") {
  ConfigWorld world;
  world.sources.config_file = world.path("missing.toml");
  CHECK(world.problems() == Problems{"missing.toml: cannot be read: No such file or directory | "
                                     "Check the name and that this user may read it."});
  world.write("folder/x", "");
  world.sources.config_file = world.path("folder");
  CHECK(world.problems() == Problems{"folder: this is a folder | Name the file in it."});
  world.configure(std::string(1024 * 1024 + 1, '#'));
  CHECK(world.problems() ==
        Problems{"lineshaft.toml: is larger than 1 MiB | Is it the right file?"});
}

TEST_CASE("a listener needs an address and a proper name", "[app]") {
  ConfigWorld world;
  world.configure("[listeners.plant]\n[listeners.\"Hall 1\"]\nbind = \"x\"\n");
  CHECK(world.problems() ==
        Problems{"lineshaft.toml:2:12: \"Hall 1\" cannot be the name of a listener | Use 1 to 32 "
                 "of a-z, 0-9, \"-\" and \"_\".",
                 "lineshaft.toml:1:12: \"listeners.plant.bind\" is missing | Write, for example, "
                 "bind = \"127.0.0.1:1883\"."});
}

TEST_CASE("a listener beyond this machine needs an explicit authorization", "[app]") {
  ConfigWorld world;
  world.configure("[listeners.plant]\nbind = \"0.0.0.0:1883\"\n");
  const auto problems = world.problems();
  REQUIRE(problems.size() == 1);
  CHECK(problems[0] ==
        "lineshaft.toml:2:8: listener \"plant\" on 0.0.0.0:1883 can be reached from other machines "
        "and nothing says who may connect | For users with passwords, write authorization = "
        "\"users\" at the top of the configuration and name their files in [users]; for "
        "certificates and zones, \"zones\" (docs/zones.md). To let "
        "everybody in, write authorization = \"open\" or set LINESHAFT_AUTHORIZATION=open. Else "
        "bind 127.0.0.1.");
  world.sources.environment.push_back({"LINESHAFT_AUTHORIZATION", "open"});
  CHECK(world.problems().empty());
  world.sources.environment.pop_back();
  world.configure("authorization = \"open\"\n[listeners.plant]\nbind = \"0.0.0.0:1883\"\n");
  CHECK(world.problems().empty());
}

TEST_CASE("authorization by users needs both their files", "[app]") {
  ConfigWorld world;
  world.configure("authorization = \"users\"\n");
  const auto problems = world.problems();
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].starts_with("lineshaft.toml:1:"));
  CHECK(problems[0].find("users.file is not named") != std::string::npos);
  CHECK(problems[1].find("users.rules_file is not named") != std::string::npos);
  world.configure(
      "authorization = \"users\"\nusers.file = \"u\"\nusers.rules_file = \"r\"\n"
      "[listeners.plant]\nbind = \"0.0.0.0:1883\"\n");
  CHECK(world.problems().empty());
}

TEST_CASE("two listeners cannot have one address", "[app]") {
  ConfigWorld world;
  world.configure(
      "[listeners.a]\nbind = \"127.0.0.1:1883\"\n[listeners.b]\nbind = \"127.0.0.1:1883\"\n");
  CHECK(world.problems() == Problems{"lineshaft.toml:4:8: listeners \"a\" and \"b\" have the same "
                                     "address 127.0.0.1:1883 | Give one of them another port."});
  world.configure("[listeners.a]\nbind = \"127.0.0.1:0\"\n[listeners.b]\nbind = \"127.0.0.1:0\"\n");
  CHECK(world.problems().empty());
}

TEST_CASE("an error message cannot be forged by a key", "[app]") {
  ConfigWorld world;
  world.configure("\"a\\u001b[2J\\nconfig ok\" = 1\n");
  CHECK(world.problems() ==
        Problems{"lineshaft.toml:1:1: unknown option \"a\\u001b[2J\\nconfig ok\""});
}

TEST_CASE("the text of an error is what, where, what now", "[app]") {
  ConfigWorld world;
  world.configure("[storage]\n  overflw = \"drop_newest\"\n");
  REQUIRE_THROWS_WITH(world.load(), "config error: " + world.path("lineshaft.toml") +
                                        ":2:3: unknown option \"storage.overflw\"\n"
                                        "  did you mean \"overflow\"?\n");
}

// --- reload
// ---------------------------------------------------------------------------------------

TEST_CASE("a reload takes over what can change and names what waits for a restart", "[app]") {
  ConfigWorld world;
  world.configure("shards = 1\n[mqtt]\nreceive_maximum = 5\n[log]\nlevel = \"info\"\n");
  const auto running = world.load();
  world.configure(
      "shards = 2\n[mqtt]\nreceive_maximum = 6\n[log]\nlevel = \"debug\"\n[listeners.plant]\n"
      "bind = \"127.0.0.1:9\"\n");
  const Reloaded reloaded = merge_reload(*running, *world.load());
  CHECK(reloaded.changed == Problems{"log.level", "mqtt.receive_maximum"});
  CHECK(reloaded.needs_restart == Problems{"listeners.plant.bind", "shards"});
  CHECK(reloaded.options->core.receive_maximum == 6);
  CHECK(reloaded.options->log.level == log::Level::debug);
  CHECK(reloaded.options->shards == 1);
  REQUIRE(reloaded.options->listeners.size() == 1);
  CHECK(reloaded.options->listeners[0].name == "default");
  CHECK(reloaded.options->data_dir == running->data_dir);
  CHECK(reloaded.options->node_name == running->node_name);
}

TEST_CASE("a listener's limits are the general ones but for what it states", "[app]") {
  ConfigWorld world;
  world.configure(R"(
listeners.a.bind = "127.0.0.1:1"
listeners.b = { bind = "127.0.0.1:2", limits = { receive_maximum = 9, stalled_socket_s = 3 } }
mqtt.receive_maximum = 7
net.outbox_max_kb = 100
)");
  const auto options = world.load();
  const core::ClientLimits& a = options->listeners[0].limits;
  CHECK(a == options->core);
  CHECK(a.receive_maximum == 7);
  core::ClientLimits b = a;
  b.receive_maximum = 9;
  b.stalled_socket = Milliseconds{3000};
  CHECK(options->listeners[1].limits == b);
  CHECK(options->core.listeners.at("b") == b);
  CHECK_FALSE(options->settings.contains("listeners.a.limits.receive_maximum"));
}

TEST_CASE("a reload changes a listener's limits, and takes one away", "[app]") {
  ConfigWorld world;
  world.configure(
      "[listeners.a]\nbind = \"127.0.0.1:1\"\n[listeners.a.limits]\nreceive_maximum = 9\n"
      "packet_size_bytes_max = 5000\n");
  const auto running = world.load();
  world.configure(
      "[listeners.a]\nbind = \"127.0.0.1:1\"\n[listeners.a.limits]\nkeep_alive_s_max = 60\n");
  const Reloaded reloaded = merge_reload(*running, *world.load());
  CHECK(reloaded.changed ==
        Problems{"listeners.a.limits.keep_alive_s_max", "listeners.a.limits.receive_maximum"});
  CHECK(reloaded.needs_restart == Problems{"listeners.a.limits.packet_size_bytes_max"});
  const core::ClientLimits& limits = reloaded.options->core.listeners.at("a");
  CHECK(limits.receive_maximum == limits::receive_maximum);
  CHECK(limits.keep_alive_s_max == 60);
  CHECK(limits.packet_size_bytes_max == 5000);
}

TEST_CASE("a misspelt limit of a listener is named", "[app]") {
  ConfigWorld world;
  world.configure("[listeners.a]\nbind = \"127.0.0.1:1\"\n[listeners.a.limits]\nrecive = 9\n");
  REQUIRE(world.problems().size() == 1);
  CHECK(world.problems()[0].find("listeners.a.limits.recive") != std::string::npos);
}

TEST_CASE("what was kept at one reload is compared again at the next", "[app]") {
  ConfigWorld world;
  world.configure("shards = 1\n");
  const auto running = world.load();
  world.configure("shards = 2\n");
  const Reloaded first = merge_reload(*running, *world.load());
  CHECK(first.needs_restart == Problems{"shards"});
  const Reloaded second = merge_reload(*first.options, *world.load());
  CHECK(second.needs_restart == Problems{"shards"});
  world.configure("shards = 1\n");
  const Reloaded third = merge_reload(*second.options, *world.load());
  CHECK(third.needs_restart.empty());
  CHECK(third.changed.empty());
}

TEST_CASE("a listener that disappears from the configuration stays until a restart", "[app]") {
  ConfigWorld world;
  world.configure("[listeners.a]\nbind = \"127.0.0.1:1\"\n[listeners.b]\nbind = \"127.0.0.1:2\"\n");
  const auto running = world.load();
  world.configure("[listeners.a]\nbind = \"127.0.0.1:1\"\n");
  const Reloaded reloaded = merge_reload(*running, *world.load());
  CHECK(reloaded.needs_restart == Problems{"listeners.b.bind"});
  CHECK(reloaded.options->listeners.size() == 2);
}
