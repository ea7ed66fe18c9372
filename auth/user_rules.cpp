#include "auth/user_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "auth/lines.h"
#include "broker/base/limits.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

/// A name from outside that cannot change the shape of a filter.
bool is_safe(std::string_view name) {
  if (name.empty() || name.front() == '$') return false;
  return std::ranges::none_of(name, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '+' || c == '#' || c == '/' || byte < 0x20 || byte == 0x7F;
  });
}

/// Calls `visit` with each piece: text, 'u', 'c', or '?' for a percent sign with something else.
template <class Visit>
void for_each_piece(std::string_view pattern, Visit visit) {
  while (!pattern.empty()) {
    const std::size_t percent = pattern.find('%');
    if (percent != 0) visit('t', pattern.substr(0, percent));
    if (percent == std::string_view::npos) return;
    pattern.remove_prefix(percent);
    const char what = pattern.size() > 1 ? pattern[1] : '?';
    if (what == '%') {
      visit('t', pattern.substr(0, 1));
    } else {
      visit(what == 'u' || what == 'c' ? what : '?', pattern.substr(0, 2));
    }
    pattern.remove_prefix(std::min<std::size_t>(pattern.size(), 2));
  }
}

bool has_piece(std::string_view pattern, char wanted) {
  bool found = false;
  for_each_piece(pattern, [&](char what, std::string_view) { found |= what == wanted; });
  return found;
}

std::string pattern_problem(std::string_view pattern) {
  if (pattern.empty()) return "there is no topic";
  if (has_piece(pattern, '?')) return "only %u, %c and %% may stand in a topic";
  // Any safe name fits wherever this one does.
  const std::string filter = expand(pattern, "u", "c");
  if (filter.starts_with("$share/")) return "name the topics, not a shared subscription";
  if (!core::is_valid_topic_filter(filter)) {
    return fmt::format("\"{}\" is not a Topic Filter", pattern);
  }
  return {};
}

/// Reads the file line by line; `current` is the list new rules go to.
class RulesReader {
 public:
  explicit RulesReader(UserRules& rules) : rules_(rules) {}

  /// Empty, or what is wrong with the line.
  std::string read(std::string_view line) {
    std::string_view rest = line;
    const std::string_view word = take_word(rest);
    if (word == "everybody" || word == "anonymous") {
      if (!rest.empty()) return fmt::format("nothing may follow \"{}\"", word);
      current_ = word == "everybody" ? &rules_.everybody : &rules_.anonymous;
      return {};
    }
    if (word == "user") {
      if (std::string problem = user_name_problem(rest); !problem.empty()) return problem;
      current_ = &rules_.users[std::string(rest)];
      return {};
    }
    return add(word, rest);
  }

 private:
  std::string add(std::string_view word, std::string_view pattern) {
    UserRule rule;
    if (word == "publish") {
      rule.access = Access::publish;
    } else if (word == "subscribe") {
      rule.access = Access::subscribe;
    } else if (word == "deny") {
      rule.denies = true;
    } else if (word != "both") {
      return "a line begins with everybody, anonymous, user, publish, subscribe, both or deny";
    }
    if (std::string problem = pattern_problem(pattern); !problem.empty()) return problem;
    if (current_ == nullptr) return "nobody is named above: write \"everybody\" or \"user NAME\"";
    if (++count_ > limits::user_rules_max) return "there are too many rules";
    rule.pattern = pattern;
    current_->push_back(std::move(rule));
    return {};
  }

  UserRules& rules_;
  std::vector<UserRule>* current_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace

RulesFile parse_user_rules(std::string_view text) {
  RulesFile file;
  RulesReader reader(file.rules);
  for_each_line(text, [&](std::size_t number, std::string_view line) {
    if (is_blank_or_comment(line)) return;
    std::string what = reader.read(line);
    if (!what.empty() && file.faults.size() < limits::file_faults_max) {
      file.faults.push_back({number, std::move(what)});
    }
  });
  return file;
}

std::string expand(std::string_view pattern, std::string_view user, std::string_view client_id) {
  std::string filter;
  bool safe = true;
  for_each_piece(pattern, [&](char what, std::string_view text) {
    if (what == 't') {
      filter += text;
      return;
    }
    const std::string_view name = what == 'u' ? user : client_id;
    safe &= what != '?' && is_safe(name);
    filter += name;
  });
  if (!safe) filter.clear();
  return filter;
}

bool names_user(std::string_view pattern) { return has_piece(pattern, 'u'); }
bool names_client(std::string_view pattern) { return has_piece(pattern, 'c'); }

}  // namespace lineshaft::auth
