#include "auth/password_hash.h"

#include "auth/base64.h"
#include "auth/crypto.h"
#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

bool accepts(std::string_view text, std::string_view password) {
  const auto hash = parse_password_hash(text);
  REQUIRE(hash);
  CHECK(to_text(*hash) == text);
  return matches(*hash, password);
}

}  // namespace

TEST_CASE("scrypt is checked, by the vector of RFC 7914", "[auth]") {
  const char* const text =
      "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$"
      "cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw";
  CHECK(accepts(text, "pleaseletmein"));
  CHECK_FALSE(accepts(text, "pleaseletmeIn"));
}

TEST_CASE("PBKDF2 hashes are checked, ours and mosquitto's", "[auth]") {
  const char* const ours =
      "$pbkdf2-sha512$i=4096$c2FsdA$"
      "0Zexsz2wFD4BixLz0dFHnmzevcyXxcD4f2kC4HL0V7UUPzBgJkGz1VzTNZiMs2uEN2Bg7NUy4Dm3QqI5Q0ry1Q";
  CHECK(accepts(ours, "password"));
  CHECK_FALSE(accepts(ours, "Password"));
  const char* const mosquittos =
      "$7$101$p6RegJ7yezjYKsb0$"
      "mqWuRB+LNVa8WlFfMgVf8A+bIMmUXTANz7FGhEbyN++hzpyJh2+CQihxjh/"
      "y0GbQNJgjrZpui79JEP8Wb9Vfyw==";
  CHECK(accepts(mosquittos, "secret one"));
  CHECK_FALSE(accepts(mosquittos, "secret"));
  CHECK_FALSE(accepts(mosquittos, ""));
}

TEST_CASE("a new hash accepts its password only, and no two are alike", "[auth]") {
  const std::string text = to_text(make_password_hash("rust and oil"));
  CHECK(text.starts_with("$scrypt$ln=14,r=8,p=1$"));
  CHECK(text != to_text(make_password_hash("rust and oil")));
  CHECK(accepts(text, "rust and oil"));
  CHECK_FALSE(accepts(text, "rust and oi"));
}

TEST_CASE("hashes of another form, or that would cost too much, are refused", "[auth]") {
  const std::string key = to_base64(std::string(32, 'k'), Padding::without);
  const std::string salt = "c2FsdHNhbHQ";
  for (const std::string& text : {std::string(),
                                  std::string("$"),
                                  "scrypt$ln=14,r=8,p=1$" + salt + "$" + key,
                                  "$scrypt$ln=14,r=8$" + salt + "$" + key,
                                  "$scrypt$ln=14,r=8,p=1,q=1$" + salt + "$" + key,
                                  "$scrypt$ln=17,r=8,p=1$" + salt + "$" + key,  // 128 MiB
                                  "$scrypt$ln=0,r=8,p=1$" + salt + "$" + key,
                                  "$scrypt$ln=014,r=8,p=1$" + salt + "$" + key,
                                  "$scrypt$ln=14,r=8,p=99999999999$" + salt + "$" + key,
                                  "$scrypt$ln=14,r=8,p=1$$" + key,
                                  "$scrypt$ln=14,r=8,p=1$" + salt + "$c2hvcnQ",
                                  "$scrypt$ln=14,r=8,p=1$" + salt + "$" + key + "$",
                                  "$scrypt$ln=14,r=8,p=1$*$" + key,
                                  "$6$" + salt + "$" + key,
                                  "$7$0$" + salt + "$" + key,
                                  "$7$$" + salt + "$" + key,
                                  "$7$-1$" + salt + "$" + key,
                                  "$7$4000000000$" + salt + "$" + key,
                                  "$pbkdf2-sha512$4096$" + salt + "$" + key,
                                  "$argon2id$v=19$" + salt + "$" + key}) {
    INFO(text);
    CHECK_FALSE(parse_password_hash(text));
  }
}

TEST_CASE("SCRAM keys survive being written, and weak ones are refused", "[auth]") {
  const ScramKeys keys = make_scram_keys("pencil", "salt", 4096);
  const std::string text = to_text(keys);
  const auto read = parse_scram_keys(text);
  REQUIRE(read);
  CHECK(read->iterations == 4096);
  CHECK(read->salt == "salt");
  CHECK(read->stored_key == keys.stored_key);
  CHECK(read->server_key == keys.server_key);
  CHECK_FALSE(parse_scram_keys(to_text(make_scram_keys("pencil", "salt", 4095))));
  CHECK_FALSE(parse_scram_keys(text.substr(0, text.size() - 3)));
  CHECK_FALSE(parse_scram_keys(text + "$"));
}

}  // namespace lineshaft::auth
