#include "auth/mosquitto_import.h"

#include "auth/user_rules.h"
#include "tests/support/catch.h"

namespace lineshaft::auth {

TEST_CASE("mosquitto's passwords are taken over, but for those without a strong hash", "[auth]") {
  const std::string line =
      "alice:$7$101$p6RegJ7yezjYKsb0$mqWuRB+LNVa8WlFfMgVf8A+bIMmUXTANz7FGhEbyN++hzpyJh2+CQihxjh/"
      "y0GbQNJgjrZpui79JEP8Wb9Vfyw==\n";
  const Imported imported =
      import_mosquitto_passwords("# users\n" + line + "bob:$6$c2FsdA==$aGFzaA==\ncarl:clear\n");
  CHECK(imported.text == line);
  REQUIRE(imported.left_out.size() == 2);
  CHECK(imported.left_out[0].line == 3);
  CHECK(imported.left_out[1].line == 4);
  CHECK(imported.left_out[1].what.find("clear text") != std::string::npos);
}

TEST_CASE("mosquitto's access lists become rules", "[auth]") {
  const Imported imported = import_mosquitto_acl(
      "# for all without a name\ntopic read $SYS/#\n\nuser alice\ntopic acme/#\n"
      "topic readwrite acme/b\ntopic write cmd/%u\ntopic deny acme/secret\ntopic read\n\n"
      "pattern write devices/%c/up 100%\npattern sensors/%u/#\nuser bob\ntopic read x/#\n");
  CHECK(imported.left_out.empty());
  CHECK(imported.text ==
        "anonymous\n  subscribe $SYS/#\nuser alice\n  both acme/#\n  both acme/b\n"
        "  publish cmd/%%u\n  deny acme/secret\n  both read\neverybody\n"
        "  publish devices/%c/up 100%%\n  both sensors/%u/#\nuser bob\n  subscribe x/#\n");
  CHECK(parse_user_rules(imported.text).faults.empty());
}

TEST_CASE("what cannot be converted is said and never widens anything", "[auth]") {
  const Imported imported = import_mosquitto_acl(
      "topic read a/#/b\nuser a:b\ntopic read everything/#\nuser bob\nallow all\ntopic read ok\n");
  CHECK(imported.text == "user bob\n  subscribe ok\n");
  std::vector<std::size_t> lines;
  for (const LineFault& fault : imported.left_out) lines.push_back(fault.line);
  CHECK(lines == std::vector<std::size_t>{1, 2, 3, 5});
}

}  // namespace lineshaft::auth
