#include "broker/app/login_secret.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using lineshaft::app::login_secret;

TEST_CASE("the login secret is made once, for the broker's user alone", "[app]") {
  const lineshaft::test::TempDir folder;
  const std::string secret = login_secret(folder.path().string());
  CHECK(secret.size() == 32);
  CHECK(login_secret(folder.path().string()) == secret);
  struct stat status {};
  const std::string file = folder / "login_secret";
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const lineshaft::test::TempDir other;
  CHECK(login_secret(other.path().string()) != secret);
}

TEST_CASE("a login secret that others could read or that is cut is not used", "[app]") {
  const lineshaft::test::TempDir folder;
  const std::string file = folder / "login_secret";
  login_secret(folder.path().string());
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  CHECK(login_secret(folder.path().string()).empty());
  std::filesystem::permissions(file, std::filesystem::perms(0600));
  std::ofstream(file) << "short";
  CHECK(login_secret(folder.path().string()).empty());
  CHECK(login_secret(folder / "nowhere").empty());
}
