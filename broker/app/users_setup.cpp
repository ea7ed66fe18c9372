#include "broker/app/users_setup.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "broker/app/config_error.h"
#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/secret_file.h"

namespace lineshaft::app {
namespace {

/// The content of a file with secrets; what speaks against it goes to `problems`.
std::string read_users(const std::string& path, std::vector<ConfigProblem>& problems) {
  SecretFile file = read_secret_file(path, limits::users_file_size_bytes_max);
  if (file.content) return std::move(*file.content);
  problems.push_back({path, "the users file is not read", std::move(file.problem)});
  return {};
}

/// The rules are no secret.
std::string read_rules(const std::string& path, std::vector<ConfigProblem>& problems) {
  std::error_code ec;
  const auto size = std::filesystem::file_size(path, ec);  // an error for a folder
  std::ifstream input(path, std::ios::binary);
  if (!ec && input && size <= limits::users_file_size_bytes_max) {
    std::string text((std::istreambuf_iterator<char>(input)), std::istreambuf_iterator<char>());
    if (!input.bad()) return text;
  }
  const std::string why = ec                                         ? ec.message()
                          : size > limits::users_file_size_bytes_max ? "it is too large"
                                                                     : std::strerror(errno);
  problems.push_back({path, fmt::format("the rules file cannot be read: {}", why),
                      "Check its name and that the broker's user may read it."});
  return {};
}

void add_faults(const std::string& path, const std::vector<auth::LineFault>& faults,
                std::vector<ConfigProblem>& problems) {
  for (const auth::LineFault& fault : faults) {
    problems.push_back({fmt::format("{}:{}", path, fault.line), fault.what, ""});
  }
}

/// A slip of the pen gives nobody a right, so it does not keep the broker from starting.
void warn_of_strangers(const auth::UsersPolicy& policy, const std::string& path) {
  for (const auto& [name, rules] : policy.rules.users) {
    if (policy.users.contains(name)) continue;
    LINESHAFT_LOG(app, warn, "rules_for_unknown_user", {"file", path}, {"user", name});
  }
}

}  // namespace

auth::UsersPolicyPtr load_users(const Options& options) {
  if (options.authorization != "users") return nullptr;
  std::vector<ConfigProblem> problems;
  auth::UserFile users = auth::parse_user_file(read_users(options.users.file, problems));
  add_faults(options.users.file, users.faults, problems);
  auth::RulesFile rules = auth::parse_user_rules(read_rules(options.users.rules_file, problems));
  add_faults(options.users.rules_file, rules.faults, problems);
  if (problems.empty() && users.users.empty() && !options.users.anonymous) {
    // A file that somebody is just writing would throw everybody out.
    problems.push_back(
        {options.users.file, "there is no user in it", "`lineshaft passwd FILE USER` adds one."});
  }
  if (!problems.empty()) throw ConfigError(std::move(problems));
  auto policy = auth::make_users_policy(std::move(users.users), std::move(rules.rules),
                                        options.users.anonymous,
                                        options.users.certificate_user == "cn");
  warn_of_strangers(*policy, options.users.rules_file);
  return policy;
}

auth::UsersPolicyPtr load_zone_users(const Options& options, std::vector<ConfigProblem>& problems) {
  if (options.users.file.empty()) return nullptr;
  auth::UserFile users = auth::parse_user_file(read_users(options.users.file, problems));
  add_faults(options.users.file, users.faults, problems);
  return auth::make_users_policy(std::move(users.users), {}, false);
}

}  // namespace lineshaft::app
