#include "auth/mosquitto_import.h"

#include <fmt/format.h>

#include <utility>

#include "auth/lines.h"
#include "auth/user_rules.h"

namespace lineshaft::auth {
namespace {

/// Doubles percent signs, but for %u and %c where these mean something.
std::string escape(std::string_view topic, bool substitutes) {
  std::string pattern;
  for (std::size_t i = 0; i < topic.size(); ++i) {
    const char next = i + 1 < topic.size() ? topic[i + 1] : '\0';
    const bool is_name = substitutes && (next == 'u' || next == 'c');
    if (topic[i] == '%' && !is_name) pattern += '%';
    pattern += topic[i];
  }
  return pattern;
}

/// mosquitto's word for an access; without one a line gives both.
std::string_view take_access(std::string_view& rest) {
  std::string_view tail = rest;
  const std::string_view word = take_word(tail);
  std::string_view verb;
  if (word == "read") verb = "subscribe";
  if (word == "write") verb = "publish";
  if (word == "readwrite") verb = "both";
  if (word == "deny") verb = "deny";
  // The topic itself may be called "read".
  if (verb.empty() || tail.empty()) return "both";
  rest = tail;
  return verb;
}

class AclImport {
 public:
  void take(std::size_t number, std::string_view line) {
    std::string_view rest = line;
    const std::string_view word = take_word(rest);
    if (word == "user") {
      if (std::string problem = user_name_problem(rest); !problem.empty()) {
        leave_out(number, std::move(problem) + "; the rules below it are left out too");
        section_.clear();
        return;
      }
      section_ = "user " + std::string(rest);
    } else if (word == "topic") {
      add(number, section_, rest, false);
    } else if (word == "pattern") {
      add(number, "everybody", rest, true);
    } else {
      leave_out(number, fmt::format("\"{}\" is no word of an acl_file", word));
    }
  }

  Imported result;

 private:
  void add(std::size_t number, const std::string& section, std::string_view rest,
           bool substitutes) {
    const std::string_view verb = take_access(rest);
    const std::string rule = fmt::format("{} {}", verb, escape(rest, substitutes));
    if (section.empty()) return leave_out(number, "its user was left out");
    // Our own reader knows what it takes.
    const RulesFile check = parse_user_rules(section + "\n" + rule);
    if (!check.faults.empty()) return leave_out(number, check.faults.front().what);
    if (section != written_) result.text += section + "\n";
    written_ = section;
    result.text += "  " + rule + "\n";
  }

  void leave_out(std::size_t number, std::string what) {
    result.left_out.push_back({number, std::move(what)});
  }

  /// mosquitto's rules above the first user are for those who have no name.
  std::string section_ = "anonymous";
  std::string written_;
};

}  // namespace

Imported import_mosquitto_passwords(std::string_view text) {
  Imported result;
  for_each_line(text, [&](std::size_t number, std::string_view line) {
    if (is_blank_or_comment(line)) return;
    const UserFile one = parse_user_file(line);
    if (one.faults.empty()) {
      result.text.append(line).push_back('\n');
      return;
    }
    const std::size_t colon = line.find(':');
    const bool in_clear =
        colon != std::string_view::npos && !line.substr(colon + 1).starts_with('$');
    result.left_out.push_back(
        {number, in_clear ? "the password stands in clear text: set it with `lineshaft passwd`"
                          : one.faults.front().what});
  });
  return result;
}

Imported import_mosquitto_acl(std::string_view text) {
  AclImport import;
  for_each_line(text, [&](std::size_t number, std::string_view line) {
    if (!is_blank_or_comment(line)) import.take(number, line);
  });
  return std::move(import.result);
}

}  // namespace lineshaft::auth
