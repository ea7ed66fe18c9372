#include "broker/base/secret_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace lineshaft;

namespace {

constexpr ::uid_t root = 0;
constexpr ::uid_t broker = 990;
constexpr ::uid_t stranger = 1000;

bool is_accepted(::uid_t owner, ::mode_t mode, ::uid_t own_user) {
  return secret_file_problem("key.pem", owner, mode, own_user).empty();
}

std::string write(const std::string& path, const std::string& content, ::mode_t mode) {
  std::ofstream(path, std::ios::binary) << content;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
  return path;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a secret is its owner's alone, or root's who shares it with a group", "[base]") {
  for (const ::mode_t mode : {0400u, 0600u}) {
    CHECK(is_accepted(broker, mode, broker));
    CHECK(is_accepted(root, mode, broker));
    CHECK(is_accepted(root, mode, root));
  }
  for (const ::mode_t mode : {0440u, 0640u}) {
    CHECK(is_accepted(root, mode, broker));
    CHECK_FALSE(is_accepted(broker, mode, broker));
  }
  for (const ::mode_t mode : {0644u, 0604u, 0660u, 0620u, 0602u, 0601u, 0610u, 0700u, 0777u}) {
    CHECK_FALSE(is_accepted(root, mode, broker));
    CHECK_FALSE(is_accepted(broker, mode, broker));
  }
  CHECK_FALSE(is_accepted(stranger, 0400, broker));
  CHECK_FALSE(is_accepted(stranger, 0400, root));
}

TEST_CASE("the type bits of a mode do not matter", "[base]") {
  CHECK(is_accepted(broker, S_IFREG | 0600, broker));
  CHECK_FALSE(is_accepted(broker, S_IFREG | 0644, broker));
}

TEST_CASE("what is wrong with a secret is said with the command that helps", "[base]") {
  const std::string open = secret_file_problem("/k/key.pem", broker, 0644, broker);
  CHECK(says(open, "every user"));
  CHECK(says(open, "chmod 600 /k/key.pem"));
  CHECK(says(open, "fsGroup"));
  CHECK(says(secret_file_problem("key.pem", broker, 0440, broker), "chmod 400 key.pem"));
  CHECK(says(secret_file_problem("key.pem", root, 0644, broker), "chmod 640 key.pem"));
  CHECK(says(secret_file_problem("key.pem", stranger, 0600, broker), "chown 990 key.pem"));
}

TEST_CASE("a secret file is read as it is", "[base]") {
  const test::TempDir folder;
  const std::string content = std::string("a\0b\n", 4) + std::string(40'000, 'x');
  const SecretFile secret = read_secret_file(write(folder / "users", content, 0600));
  REQUIRE(secret.content);
  CHECK(*secret.content == content);
  CHECK(secret.problem.empty());
  CHECK(read_secret_file(write(folder / "empty", "", 0400)).content == "");
}

TEST_CASE("a secret that others can read is refused, and not quoted", "[base]") {
  const test::TempDir folder;
  const std::string path = write(folder / "users", "hunter2", 0644);
  std::filesystem::create_symlink("users", folder / "link");
  for (const std::string& name : {path, folder / "link"}) {
    const SecretFile secret = read_secret_file(name);
    CHECK_FALSE(secret.content);
    CHECK(says(secret.problem, name));
    CHECK_FALSE(says(secret.problem, "hunter2"));
  }
}

TEST_CASE("a secret behind symbolic links is read, as Kubernetes mounts it", "[base]") {
  const test::TempDir folder;
  std::filesystem::create_directory(folder / "..2026_11_20");
  write(folder / "..2026_11_20/tls.key", "key", 0400);
  std::filesystem::create_symlink("..2026_11_20", folder / "..data");
  std::filesystem::create_symlink("..data/tls.key", folder / "tls.key");
  CHECK(read_secret_file(folder / "tls.key").content == "key");
}

TEST_CASE("a secret that is no file, missing or too large is refused", "[base]") {
  const test::TempDir folder;
  CHECK(says(read_secret_file(folder / "none").problem, "Check the name"));
  CHECK(says(read_secret_file(folder.path().string()).problem, "is not a file"));
  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(says(read_secret_file(pipe).problem, "is not a file"));
  const std::string path = write(folder / "users", "12345", 0600);
  CHECK(read_secret_file(path, 5).content == "12345");
  CHECK(says(read_secret_file(path, 4).problem, "more than 4 bytes"));
}

TEST_CASE("a secret without the right to read it is refused", "[base]") {
  if (::geteuid() == 0) return;  // root may read everything
  const test::TempDir folder;
  CHECK(says(read_secret_file(write(folder / "users", "x", 0000)).problem, "chown"));
}
