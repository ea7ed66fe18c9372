#include "auth/user_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "auth/lines.h"
#include "broker/base/limits.h"

namespace lineshaft::auth {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

std::string_view name_of(std::string_view line) { return line.substr(0, line.find(':')); }

/// Empty, or what is wrong.
std::string parse_hash(std::string_view text, UserRecord& record) {
  if (auto keys = parse_scram_keys(text)) {
    if (record.scram) return "there are two SCRAM records";
    record.scram = std::move(keys);
    return {};
  }
  auto hash = parse_password_hash(text);
  if (!hash) {
    const bool old = text.starts_with("$6$");
    return old ? "$6$ is a fast hash of an old mosquitto: set the password anew"
               : "the hash is of no kind or form this broker knows";
  }
  if (record.password) return "there are two password hashes";
  record.password = std::move(hash);
  return {};
}

std::string parse_line(std::string_view line, UserTable& users) {
  const std::string_view name = name_of(line);
  if (name.size() == line.size()) return "there is no \":\" behind the user's name";
  if (std::string problem = user_name_problem(name); !problem.empty()) return problem;
  UserRecord record;
  std::string_view rest = line.substr(name.size() + 1);
  for (;;) {
    const std::size_t end = rest.find(':');
    if (std::string problem = parse_hash(rest.substr(0, end), record); !problem.empty()) {
      return problem;
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (users.size() >= limits::users_max) return "there are too many users";
  const bool is_new = users.try_emplace(std::string(name), std::move(record)).second;
  return is_new ? "" : "this user stands on an earlier line";
}

}  // namespace

std::string user_name_problem(std::string_view name) {
  if (name.empty()) return "the user's name is empty";
  if (name.size() > limits::user_name_size_bytes_max) return "the user's name is too long";
  if (name.front() == '#' || name.front() == ' ')
    return "a name cannot begin with \"#\" or a blank";
  const bool unfit = std::ranges::any_of(name, [](char c) { return c == ':' || is_control(c); });
  return unfit ? "a name cannot have \":\" or control characters" : "";
}

UserFile parse_user_file(std::string_view text) {
  UserFile file;
  for_each_line(text, [&](std::size_t number, std::string_view line) {
    if (is_blank_or_comment(line)) return;
    std::string what = parse_line(line, file.users);
    if (!what.empty() && file.faults.size() < limits::file_faults_max) {
      file.faults.push_back({number, std::move(what)});
    }
  });
  return file;
}

std::string to_line(std::string_view name, const UserRecord& record) {
  std::string line(name);
  if (record.password) line += ":" + to_text(*record.password);
  if (record.scram) line += ":" + to_text(*record.scram);
  return line + "\n";
}

std::string with_user(std::string_view text, std::string_view name, const UserRecord& record) {
  std::string result;
  bool replaced = false;
  for_each_line(text, [&](std::size_t, std::string_view line) {
    const bool is_his = !is_blank_or_comment(line) && name_of(line) == name;
    if (!is_his) {
      result.append(line).push_back('\n');
    } else if (!std::exchange(replaced, true)) {
      result += to_line(name, record);
    }
  });
  if (!replaced) result += to_line(name, record);
  return result;
}

std::optional<std::string> without_user(std::string_view text, std::string_view name) {
  std::string result;
  bool found = false;
  for_each_line(text, [&](std::size_t, std::string_view line) {
    const bool is_his = !is_blank_or_comment(line) && name_of(line) == name;
    found |= is_his;
    if (!is_his) result.append(line).push_back('\n');
  });
  if (!found) return std::nullopt;
  return result;
}

}  // namespace lineshaft::auth
