#include "auth/policy_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "auth/json_fields.h"
#include "auth/policy_trie.h"
#include "broker/base/limits.h"
#include "broker/base/nearest.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

constexpr std::size_t names_listed_max = 12;
constexpr std::string_view role_variable = "${role}";

/// A value for a message: short, without what spoils a terminal.
std::string in_quotes(std::string_view value) {
  constexpr std::size_t shown_max = 60;
  std::string text(value.substr(0, shown_max));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return fmt::format("\"{}{}\"", text, value.size() > shown_max ? "..." : "");
}

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

}  // namespace

std::string join_pointer(std::string_view base, std::string_view key) {
  std::string pointer(base);
  pointer += '/';
  for (const char c : key) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

std::string join_pointer(std::string_view base, std::size_t index) {
  return fmt::format("{}/{}", base, index);
}

std::string meant_advice(std::string_view word, std::span<const std::string> names) {
  if (const auto meant = nearest(word, names)) return fmt::format("did you mean \"{}\"?", *meant);
  if (names.empty()) return "there is none to choose from";
  if (names.size() <= names_listed_max) {
    return fmt::format("write one of: {}", fmt::join(names, ", "));
  }
  return fmt::format("there are {} to choose from, such as \"{}\"", names.size(), names.front());
}

std::optional<FilterProblem> filter_problem(std::string_view filter,
                                            TableReader::VariableUse variables) {
  if (filter.empty()) return FilterProblem{"an empty Topic Filter", "name the topics"};
  const std::string without_role = variables == TableReader::VariableUse::of_role
                                       ? replace_all(std::string(filter), role_variable, "r")
                                       : std::string(filter);
  const auto used = variables_of(without_role);
  if (!used || (variables == TableReader::VariableUse::none && *used != 0)) {
    const char* const advice =
        variables == TableReader::VariableUse::none
            ? "a topic belongs to a zone whoever asks: write it out"
        : variables == TableReader::VariableUse::of_role
            ? "only ${name}, ${zone}, ${role} and ${client_id} may stand here"
            : "only ${name}, ${zone} and ${client_id} may stand here";
    return FilterProblem{fmt::format("{} has a variable that is none here", in_quotes(filter)),
                         advice};
  }
  const std::string example = expand(without_role, {"n", "z", "c"});
  if (example.starts_with("$share/")) {
    return FilterProblem{fmt::format("{} is a shared subscription", in_quotes(filter)),
                         "write the filter behind \"$share/NAME/\": it is what is decided about"};
  }
  if (example == "$SYS" || example.starts_with("$SYS/")) {
    return FilterProblem{fmt::format("{} is the broker's own", in_quotes(filter)),
                         "let a role read it with sys = [\"metrics\", \"clients\", \"audit\"]"};
  }
  if (!core::is_valid_topic_filter(example) || core::has_control_characters(example)) {
    return FilterProblem{fmt::format("{} is not a Topic Filter", in_quotes(filter)),
                         "\"+\" must be a whole level, \"#\" the whole last one"};
  }
  if (core::level_count(example) > limits::topic_levels_max ||
      filter.size() > limits::topic_size_bytes_max) {
    return FilterProblem{fmt::format("{} is longer than any topic", in_quotes(filter)),
                         fmt::format("at most {} levels and {} bytes", limits::topic_levels_max,
                                     limits::topic_size_bytes_max)};
  }
  return std::nullopt;
}

TableReader::TableReader(PolicyReport& report, const nlohmann::json& value, std::string pointer)
    : report_(report), table_(value.is_object() ? &value : nullptr), pointer_(std::move(pointer)) {
  if (table_ != nullptr) return;
  report_.error(pointer_, fmt::format("expected a table, found a {}", value.type_name()),
                "write it as a table of keys and values");
}

const nlohmann::json* TableReader::find(std::string_view key) {
  known_.emplace_back(key);
  if (table_ == nullptr) return nullptr;
  const auto found = table_->find(known_.back());
  return found == table_->end() ? nullptr : &*found;
}

const nlohmann::json* TableReader::require(std::string_view key, std::string_view what) {
  const nlohmann::json* value = find(key);
  if (value == nullptr && table_ != nullptr) {
    report_.error(pointer_, fmt::format("\"{}\" is missing", key), fmt::format("write {}", what));
  }
  return value;
}

std::optional<std::string> TableReader::text(std::string_view key) {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = value->get_ptr<const std::string*>()) return *text;
  report_.error(pointer_of(key), fmt::format("expected a text, found a {}", value->type_name()),
                "write it in quotes");
  return std::nullopt;
}

std::optional<bool> TableReader::boolean(std::string_view key) {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  report_.error(pointer_of(key),
                fmt::format("expected true or false, found a {}", value->type_name()),
                "write true or false, without quotes");
  return std::nullopt;
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t min,
                                                 std::int64_t max) {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const bool fits = value->is_number_integer() &&
                    (!value->is_number_unsigned() ||
                     value->get<std::uint64_t>() <= static_cast<std::uint64_t>(max));
  if (fits) {
    const auto number = value->get<std::int64_t>();
    if (number >= min && number <= max) return number;
  }
  report_.error(pointer_of(key), fmt::format("{} is not possible here", in_quotes(to_line(*value))),
                fmt::format("write a whole number from {} to {}", min, max));
  return std::nullopt;
}

std::optional<std::size_t> TableReader::choice(std::string_view key,
                                               std::span<const std::string> words) {
  const auto value = text(key);
  if (!value) return std::nullopt;
  const auto found = std::ranges::find(words, *value);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  report_.error(pointer_of(key), fmt::format("{} is not possible here", in_quotes(*value)),
                meant_advice(*value, words));
  return std::nullopt;
}

std::optional<std::vector<TableReader::Word>> TableReader::words(std::string_view key) {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) {
    report_.error(pointer_of(key), fmt::format("expected a list, found a {}", value->type_name()),
                  "write it in brackets: [\"...\"]");
    return std::nullopt;
  }
  std::vector<Word> words;
  for (std::size_t i = 0; i < value->size(); ++i) {
    const nlohmann::json& one = (*value)[i];
    std::string at = join_pointer(pointer_of(key), i);
    if (const auto* text = one.get_ptr<const std::string*>()) {
      words.push_back({*text, std::move(at)});
    } else {
      report_.error(at, fmt::format("expected a text, found a {}", one.type_name()),
                    "write it in quotes");
    }
  }
  return words;
}

std::vector<FilterSpec> TableReader::filters(std::string_view key, VariableUse variables,
                                             std::string_view role) {
  std::vector<FilterSpec> filters;
  const auto listed = words(key);
  if (!listed) return filters;
  for (const Word& word : *listed) {
    if (const auto problem = filter_problem(word.text, variables)) {
      report_.error(word.pointer, problem->message, problem->advice);
    } else {
      filters.push_back({replace_all(word.text, role_variable, role), word.pointer});
    }
  }
  return filters;
}

void TableReader::bad_value(std::string_view key, std::string_view value,
                            std::string_view example) {
  report_.error(pointer_of(key), fmt::format("{} is not understood", in_quotes(value)),
                fmt::format("write it like {}", example));
}

void TableReader::finish() {
  if (table_ == nullptr) return;
  for (const auto& [key, value] : table_->items()) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    report_.error(pointer_of(key), fmt::format("unknown key {}", in_quotes(key)),
                  meant_advice(key, known_));
  }
}

}  // namespace lineshaft::auth
