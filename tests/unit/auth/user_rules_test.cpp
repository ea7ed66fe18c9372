#include "auth/user_rules.h"

#include "tests/support/catch.h"

namespace lineshaft::auth {

TEST_CASE("a rules file has sections and a rule per line", "[auth]") {
  const RulesFile file = parse_user_rules(
      "# plant\neverybody\n  subscribe acme/#\n\tboth clients/%c/#\r\nuser press 07\n"
      "publish acme/press/7/+\n  deny  acme/press/7/secret topic\n\nanonymous\nsubscribe $SYS/#\n"
      "user press 07\nsubscribe 100%%/x\n");
  CHECK(file.faults.empty());
  REQUIRE(file.rules.everybody.size() == 2);
  CHECK(file.rules.everybody[0].access == Access::subscribe);
  CHECK(file.rules.everybody[1].pattern == "clients/%c/#");
  REQUIRE(file.rules.users.contains("press 07"));
  const auto& own = file.rules.users.find("press 07")->second;
  REQUIRE(own.size() == 3);
  CHECK(own[0].access == Access::publish);
  CHECK(own[1].denies);
  CHECK(own[1].access == Access::both);
  CHECK(own[1].pattern == "acme/press/7/secret topic");
  CHECK(file.rules.anonymous.size() == 1);
}

TEST_CASE("what is wrong with a rules file is said with its line", "[auth]") {
  const RulesFile file = parse_user_rules(
      "publish a/#\neverybody else\neverybody\nread a/#\npublish\npublish a/#/b\npublish a+/b\n"
      "subscribe %x/a\nsubscribe a%\nuser\nuser a:b\nboth $share/g/a\nsubscribe %u#\n");
  std::vector<std::size_t> lines;
  for (const LineFault& fault : file.faults) lines.push_back(fault.line);
  CHECK(lines == std::vector<std::size_t>{1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13});
}

TEST_CASE("names are put into patterns", "[auth]") {
  CHECK(expand("a/%u/%c", "bob", "c-1") == "a/bob/c-1");
  CHECK(expand("a/x%u-%c/#", "bob", "c-1") == "a/xbob-c-1/#");
  CHECK(expand("a/%%u/%%c", "bob", "c") == "a/%u/%c");
  CHECK(expand("a/%%%u", "bob", "c") == "a/%bob");
  CHECK(expand("%u/#", "%c", "x") == "%c/#");  // what was put in is not looked at again
  CHECK(expand("a/+/#", "#", "+") == "a/+/#");
}

TEST_CASE("a name never widens a pattern", "[auth]") {
  for (const char* name : {"", "+", "#", "a/b", "/", "a+", "#a", "$SYS", "$share", "a\nb"}) {
    INFO(name);
    CHECK(expand("a/%u", name, "c").empty());
    CHECK(expand("%c/#", "u", name).empty());
    CHECK(expand("x%c", "u", name).empty());
  }
}

}  // namespace lineshaft::auth
