#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "auth/user_file.h"

namespace lineshaft::auth {

/// What a rule is about; bits.
enum class Access : std::uint8_t { publish = 1, subscribe = 2, both = 3 };

inline bool covers(Access rule, Access asked) {
  return (static_cast<unsigned>(rule) & static_cast<unsigned>(asked)) != 0;
}

/// One line of a rules file.
struct UserRule {
  bool denies = false;
  Access access = Access::both;
  /// A Topic Filter in which %u stands for the user's name, %c for the Client Identifier and %% for
  /// a percent sign.
  std::string pattern;
};

/// Everybody's rules, those of who connects without a name, and each user's own.
struct UserRules {
  std::vector<UserRule> everybody;
  std::vector<UserRule> anonymous;
  std::map<std::string, std::vector<UserRule>, std::less<>> users;
};

struct RulesFile {
  UserRules rules;
  std::vector<LineFault> faults;
};

/// A rules file: `everybody`, `anonymous` or `user NAME` on a line of its own, then `publish`,
/// `subscribe`, `both` or `deny` with a pattern on each line; blank lines and lines that begin with
/// '#'. What is not allowed is refused; `deny` wins over everything.
RulesFile parse_user_rules(std::string_view text);

/// The Topic Filter that `pattern` stands for. Empty when it stands for none: a name that is empty,
/// begins with '$', or contains '+', '#', '/' or a control character is never put into a pattern,
/// for it could widen it.
std::string expand(std::string_view pattern, std::string_view user, std::string_view client_id);

/// Does it contain %u or %c?
bool names_user(std::string_view pattern);
bool names_client(std::string_view pattern);

}  // namespace lineshaft::auth
