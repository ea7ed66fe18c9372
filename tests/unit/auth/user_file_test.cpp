#include "auth/user_file.h"

#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

const std::string mosquittos =
    "$7$101$p6RegJ7yezjYKsb0$mqWuRB+LNVa8WlFfMgVf8A+bIMmUXTANz7FGhEbyN++hzpyJh2+CQihxjh/"
    "y0GbQNJgjrZpui79JEP8Wb9Vfyw==";

UserRecord record_with_both() {
  return {parse_password_hash(mosquittos), make_scram_keys("pw", "salt", 4096)};
}

}  // namespace

TEST_CASE("a users file has a line per user, comments and blank lines", "[auth]") {
  const UserFile file = parse_user_file("# plant\r\n\nalice:" + mosquittos + "\r\n  # more\nbob:" +
                                        to_text(make_scram_keys("pw", "salt", 4096)) + "\n" +
                                        to_line("both \xC3\xA9", record_with_both()));
  CHECK(file.faults.empty());
  REQUIRE(file.users.size() == 3);
  CHECK(file.users.find("alice")->second.password);
  CHECK_FALSE(file.users.find("alice")->second.scram);
  CHECK_FALSE(file.users.find("bob")->second.password);
  CHECK(file.users.find("both \xC3\xA9")->second.password);
  CHECK(file.users.find("both \xC3\xA9")->second.scram);
}

TEST_CASE("what is wrong with a users file is said with its line, never with the hash", "[auth]") {
  const std::string keys = to_text(make_scram_keys("pw", "salt", 4096));
  const UserFile file = parse_user_file(
      "alice\n:" + mosquittos + "\nbob:plain\n" + "carl:" + mosquittos + ":" + mosquittos +
      "\ndora:" + keys + ":" + keys + "\neve:" + mosquittos + "\neve:" + mosquittos +
      "\nfay:$6$salt$hash\ngus:" + mosquittos + ":\n\thal:" + mosquittos + "\n");
  std::vector<std::size_t> lines;
  for (const LineFault& fault : file.faults) {
    lines.push_back(fault.line);
    CHECK(fault.what.find("p6RegJ7") == std::string::npos);
    CHECK(fault.what.find("plain") == std::string::npos);
  }
  CHECK(lines == std::vector<std::size_t>{1, 2, 3, 4, 5, 7, 8, 9, 10});
  CHECK(file.users.size() == 1);
}

TEST_CASE("a user's line is replaced, added or removed, and all else stays", "[auth]") {
  const std::string text = "# first\nalice:" + mosquittos + "\n# last";
  const UserRecord record = record_with_both();
  CHECK(with_user(text, "alice", record) == "# first\n" + to_line("alice", record) + "# last\n");
  CHECK(with_user(text, "bob", record) ==
        "# first\nalice:" + mosquittos + "\n# last\n" + to_line("bob", record));
  CHECK(without_user(text, "alice") == "# first\n# last\n");
  CHECK(without_user(text, "ali") == std::nullopt);
  CHECK(with_user("", "bob", record) == to_line("bob", record));
}

TEST_CASE("a name that would break the file is refused", "[auth]") {
  for (const char* name : {"", "a:b", "#a", " a", "a\nb", "a\x7F", "a\tb"}) {
    INFO(name);
    CHECK_FALSE(user_name_problem(name).empty());
  }
  CHECK_FALSE(user_name_problem(std::string(257, 'a')).empty());
  CHECK(user_name_problem("press-07@lyon").empty());
}

}  // namespace lineshaft::auth
