#include "broker/app/login_secret.h"

#include <filesystem>
#include <utility>

#include "auth/crypto.h"
#include "broker/app/written_files.h"
#include "broker/base/log.h"
#include "broker/base/secret_file.h"

namespace lineshaft::app {
namespace {

constexpr std::size_t login_secret_bytes = 32;
constexpr unsigned login_secret_mode = 0600;

std::string without_login_secret(const std::string& file, const std::string& why) {
  LINESHAFT_LOG(app, warn, "login_secret_missing", {"file", file}, {"why", why},
                {"effect", "after a restart SCRAM may tell which users exist"});
  return {};
}

}  // namespace

std::string login_secret(const std::string& data_dir) {
  const std::string file = (std::filesystem::path(data_dir) / "login_secret").string();
  std::error_code ec;
  if (!std::filesystem::exists(file, ec)) {
    std::string made = auth::random_bytes(login_secret_bytes);
    try {
      create_file(file, made, login_secret_mode);
    } catch (const VerbFailure& failure) {
      return without_login_secret(file, failure.what);
    }
    return made;
  }
  SecretFile read = read_secret_file(file);
  if (!read.content) return without_login_secret(file, read.problem);
  if (read.content->size() != login_secret_bytes) {
    return without_login_secret(file, "it has another size than 32 bytes: remove it");
  }
  return *std::move(read.content);
}

}  // namespace lineshaft::app
