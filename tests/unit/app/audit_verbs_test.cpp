#include "broker/app/audit_verbs.h"

#include <string>

#include "broker/app/command_line.h"
#include "tests/support/catch.h"

namespace lineshaft::app {
namespace {

const std::string denied =
    R"({"seq":7,"ts":"2026-11-20T14:03:12.101Z","boot":"b","type":"publish_denied","zone":"it",)"
    R"("identity":"an\u001b[2Jalyst","client":"a1","ip":"","op":"publish","topic":"x","reason":)"
    R"("NO_CONDUIT","rule":"f:1","epoch":2,"n":3,"prev":"","hash":""})";

TEST_CASE("a record is one line for people, without what could cheat a terminal", "[app]") {
  CHECK(audit_text(denied, {}) ==
        "2026-11-20T14:03:12.101Z publish_denied zone=\"it\" identity=\"an\\u{001b}[2Jalyst\" "
        "client=\"a1\" op=\"publish\" topic=\"x\" reason=\"NO_CONDUIT\" rule=\"f:1\" n=3\n");
  AuditCommand json;
  json.json = true;
  CHECK(audit_text(denied, json) == denied + "\n");
}

TEST_CASE("what does not fit a filter is left out, and what is no record too", "[app]") {
  AuditCommand command;
  command.zone = "it";
  command.client = "a1";
  command.type = "publish_denied";
  CHECK(audit_text(denied, command));
  command.identity = "other";
  CHECK_FALSE(audit_text(denied, command));
  for (const char* other : {"", "[]", "7", "{"}) CHECK_FALSE(audit_text(other, {}));
  CHECK(audit_text(R"({"type":7,"n":"x"})", {}));
}

TEST_CASE("the audit verbs take their options", "[app]") {
  const auto line = parse_command_line({"audit", "verify", "--folder", "/a", "--key", "k1", "--key",
                                        "k2", "--head", "7:00", "--json"});
  REQUIRE(line.command);
  CHECK(line.command->verb == Command::Verb::audit);
  CHECK(line.command->audit.act == AuditCommand::Act::verify);
  CHECK(line.command->audit.folder == "/a");
  CHECK(line.command->audit.keys == std::vector<std::string>{"k1", "k2"});
  CHECK(line.command->audit.head == "7:00");
  CHECK(line.command->audit.json);
  const auto tail = parse_command_line({"audit", "tail", "-f", "-n", "5", "--type", "x"});
  REQUIRE(tail.command);
  CHECK(tail.command->audit.follow);
  CHECK(tail.command->audit.lines == 5);
  CHECK(parse_command_line({"audit"}).exit_code == ExitCode::usage);
}

}  // namespace
}  // namespace lineshaft::app
