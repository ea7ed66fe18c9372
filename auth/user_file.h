#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/password_hash.h"

namespace lineshaft::auth {

/// What is wrong with one line of a file, for the operator.
struct LineFault {
  std::size_t line = 0;
  std::string what;
};

/// How one user can prove who he is.
struct UserRecord {
  std::optional<PasswordHash> password;
  std::optional<ScramKeys> scram;
};

using UserTable = std::map<std::string, UserRecord, std::less<>>;

/// Empty when `name` can be a user's: UTF-8 without ':' and control characters, at most 256 bytes,
/// not beginning with '#' or a blank; else what is wrong with it.
std::string user_name_problem(std::string_view name);

struct UserFile {
  UserTable users;
  std::vector<LineFault> faults;
};

/// A users file: a line `name:hash` or `name:hash:hash` per user, blank lines, and lines that begin
/// with '#'. A line that cannot be read is a fault; faults never quote a hash.
UserFile parse_user_file(std::string_view text);

/// One line, with its newline.
std::string to_line(std::string_view name, const UserRecord& record);

/// The text of a users file with the user's line replaced, or added at the end; comments and all
/// other lines stay as they are.
std::string with_user(std::string_view text, std::string_view name, const UserRecord& record);
/// The same without the user; nullopt: there is none.
std::optional<std::string> without_user(std::string_view text, std::string_view name);

}  // namespace lineshaft::auth
