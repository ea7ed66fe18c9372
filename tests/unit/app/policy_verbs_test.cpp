#include "broker/app/policy_verbs.h"

#include "broker/app/command_line.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::app;
using Act = PolicyCommand::Act;

namespace {

PolicyCommand understood(std::vector<std::string> arguments) {
  const auto line = parse_command_line(std::move(arguments));
  INFO(line.error);
  REQUIRE(line.command);
  CHECK(line.command->verb == Command::Verb::policy);
  return line.command->policy;
}

}  // namespace

TEST_CASE("why takes a client, an operation and a topic", "[app]") {
  const auto why = understood({"why", "press", "pub", "a/b", "--qos", "1", "--retain"});
  CHECK(why.act == Act::why);
  CHECK(why.client == "press");
  CHECK(why.op == "pub");
  CHECK(why.topic == "a/b");
  CHECK(why.qos == 1);
  CHECK(why.retain);
}

TEST_CASE("an island is switched on, off, or listed", "[app]") {
  CHECK(understood({"island", "ot", "on"}).on);
  const auto off = understood({"island", "ot", "off", "--reason", "over"});
  CHECK(off.act == Act::island);
  CHECK_FALSE(off.on);
  CHECK(off.zone == "ot");
  CHECK(off.reason == "over");
  const auto list = understood({"island", "--list"});
  CHECK(list.act == Act::list);
  CHECK(list.kind == "island");
}

TEST_CASE("a quarantine names an identity and perhaps its zone, its issuer and its time", "[app]") {
  const auto add = understood({"quarantine", "add", "press", "--zone", "ot", "--issuer",
                               "sha256:aa", "--proof", "user", "--ttl", "90s"});
  CHECK(add.proof == "user");
  CHECK(add.act == Act::quarantine);
  CHECK(add.identity == "press");
  CHECK(add.zone == "ot");
  CHECK(add.issuer == "sha256:aa");
  CHECK(add.ttl == Milliseconds{90'000});
  CHECK(understood({"quarantine", "release", "press"}).act == Act::release);
  CHECK(understood({"quarantine", "list"}).kind == "quarantine");
}

TEST_CASE("a role is lent for a time and for a reason", "[app]") {
  const auto lent = understood({"breakglass", "--identity", "ana", "--role", "operator", "--ttl",
                                "30m", "--reason", "press on fire"});
  CHECK(lent.act == Act::break_glass);
  CHECK(lent.role == "operator");
  CHECK(lent.ttl == Milliseconds{1'800'000});
  CHECK(understood({"breakglass", "--identity", "ana", "--end"}).act == Act::end_break_glass);
  CHECK(understood({"breakglass", "--list"}).kind == "break_glass");
}

TEST_CASE("shadow and learn ask what was observed", "[app]") {
  CHECK(understood({"shadow", "diff"}).act == Act::shadow_diff);
  CHECK(understood({"learn"}).depth == 4);
  CHECK(understood({"learn", "--depth", "2"}).depth == 2);
}

TEST_CASE("half an order to the policy is none", "[app]") {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"why", "press", "pub"},
           {"why", "press", "write", "a"},
           {"island"},
           {"island", "ot"},
           {"island", "ot", "maybe"},
           {"island", "ot", "on", "--list"},
           {"quarantine"},
           {"quarantine", "add"},
           {"quarantine", "add", "press", "--ttl", "soon"},
           {"quarantine", "add", "press", "--ttl", "0s"},
           {"quarantine", "add", "press", "--proof", "oath"},
           {"breakglass", "--identity", "ana", "--role", "operator", "--ttl", "1h"},
           {"breakglass", "--role", "operator", "--ttl", "1h", "--reason", "x"},
           {"breakglass", "--end"},
           {"shadow"},
           {"learn", "--depth", "0"}}) {
    const auto line = parse_command_line(arguments);
    CHECK_FALSE(line.command);
    CHECK(line.exit_code == ExitCode::usage);
    CHECK_FALSE(line.error.empty());
  }
}

TEST_CASE("what holds is told of one kind, with the time that is left", "[app]") {
  const std::string answer = R"({"overrides":[
      {"kind":"quarantine","identity":"press\u001b[2J","reason":"odd","what":"",
       "until_ms":5000000},
      {"kind":"quarantine","identity":"oven","what":"","zone":"ot","issuer":"aa"},
      {"kind":"break_glass","identity":"ana","what":"operator","until_ms":1000},
      {"kind":"island","identity":"","what":"ot"}]})";
  const WallTime now{Milliseconds{1'300'000}};
  CHECK(overrides_text(answer, "quarantine", now) ==
        "press?[2J, for 1:01:40 more: odd\n"
        "oven, zone ot, issuer sha256:aa, until it is ended\n");
  CHECK(overrides_text(answer, "break_glass", now) == "ana, role operator, for 0:00:00 more\n");
  CHECK(overrides_text(answer, "island", now) == "zone ot, until it is ended\n");
  CHECK(overrides_text(R"({"overrides":[]})", "island", now) == "None.\n");
}
