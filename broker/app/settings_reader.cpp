#include "broker/app/settings_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "broker/base/nearest.h"

namespace lineshaft::app {
namespace {

using Path = std::vector<std::string>;

Path split(std::string_view name, std::string_view separator) {
  Path parts;
  for (;;) {
    const std::size_t end = name.find(separator);
    parts.emplace_back(name.substr(0, end));
    if (end == std::string_view::npos) return parts;
    name.remove_prefix(end + separator.size());
  }
}

std::string join(const Path& path) { return fmt::format("{}", fmt::join(path, ".")); }

/// True if the first `path.size()` parts of the row's name are `path`.
bool begins_with(const OptionSpec& spec, const Path& path) {
  const Path parts = split(spec.name, ".");
  if (parts.size() < path.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (parts[i] != "*" && parts[i] != path[i]) return false;
  }
  return true;
}

template <class Visit>
void for_each_option(Visit&& visit) {
  for (const OptionSection& section : option_sections()) {
    for (const OptionSpec& spec : section.options) visit(spec);
  }
}

bool is_table(const Path& path) {
  bool found = false;
  for_each_option([&](const OptionSpec& spec) {
    const bool longer = split(spec.name, ".").size() > path.size();
    found = found || (longer && begins_with(spec, path));
  });
  return found;
}

const OptionSpec* option_at(const Path& path) {
  const OptionSpec* found = nullptr;
  for_each_option([&](const OptionSpec& spec) {
    if (split(spec.name, ".").size() == path.size() && begins_with(spec, path)) found = &spec;
  });
  return found;
}

/// "did you mean": a neighbour in the same table first, else the same word in another table.
std::string suggestion_for(const Path& path) {
  const Path parent(path.begin(), path.end() - 1);
  std::vector<std::string> here, anywhere;
  for_each_option([&](const OptionSpec& spec) {
    const Path parts = split(spec.name, ".");
    const bool sibling = parts.size() > parent.size() && begins_with(spec, parent);
    if (sibling && parts[parent.size()] != "*") here.push_back(parts[parent.size()]);
    const bool fits = spec.inherits.empty() || path.front() == "listeners";
    if (fits && parts.back() == path.back()) anywhere.emplace_back(spec.name);
  });
  if (!anywhere.empty()) return fmt::format("did you mean \"{}\"?", anywhere.front());
  const auto word = nearest(path.back(), here);
  return word ? fmt::format("did you mean \"{}\"?", *word) : std::string{};
}

std::string expected(const OptionSpec& spec) {
  switch (spec.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return fmt::format("a whole number from {} to {}{}{}", spec.min, spec.max,
                         spec.unit.empty() ? "" : " ", spec.unit);
    case Kind::choice: {
      std::vector<std::string> words;
      for (const std::string_view each : spec.choices) words.push_back(in_quotes(each));
      if (words.size() > 2) return fmt::format("one of {}", fmt::join(words, ", "));
      return fmt::format("{}", fmt::join(words, " or "));
    }
    case Kind::list:
      return "a list of strings";
    case Kind::text:
      break;
  }
  return "a string";
}

std::string_view kind_name(const std::variant<Value, OtherValue, TableValue>& value) {
  if (const auto* other = std::get_if<OtherValue>(&value)) return other->kind;
  if (std::holds_alternative<TableValue>(value)) return "a table";
  constexpr std::string_view names[] = {"true or false", "a whole number", "a string", "a list"};
  return names[std::get<Value>(value).index()];
}

bool kind_fits(const OptionSpec& spec, const Value& value) {
  switch (spec.kind) {
    case Kind::boolean:
      return std::holds_alternative<bool>(value);
    case Kind::integer:
      return std::holds_alternative<std::int64_t>(value);
    case Kind::list:
      return std::holds_alternative<std::vector<std::string>>(value);
    case Kind::text:
    case Kind::choice:
      break;
  }
  return std::holds_alternative<std::string>(value);
}

/// Range, choice and the row's own rule; the value has the right kind.
std::optional<ConfigProblem> check_value(const OptionSpec& spec, const std::string& name,
                                         const Value& value) {
  if (spec.kind == Kind::integer) {
    const std::int64_t number = std::get<std::int64_t>(value);
    if (number < spec.min || number > spec.max) {
      return ConfigProblem{{}, fmt::format("{} = {} must be {}", name, number, expected(spec)), {}};
    }
  }
  if (spec.kind == Kind::choice) {
    const std::string& word = std::get<std::string>(value);
    if (std::find(spec.choices.begin(), spec.choices.end(), word) == spec.choices.end()) {
      const std::vector<std::string> words(spec.choices.begin(), spec.choices.end());
      const auto meant = nearest(word, words);
      return ConfigProblem{
          {},
          fmt::format("{} = {} must be {}", name, in_quotes(word), expected(spec)),
          meant ? fmt::format("did you mean {}?", in_quotes(*meant)) : std::string{}};
    }
  }
  const std::string why = spec.check != nullptr ? spec.check(value) : std::string{};
  if (why.empty()) return std::nullopt;
  return ConfigProblem{{}, fmt::format("{} = {}: {}", name, to_toml(value), why), {}};
}

/// The text of an environment variable as a value of the row's kind.
std::optional<Value> parse_text(const OptionSpec& spec, const std::string& text) {
  switch (spec.kind) {
    case Kind::boolean:
      if (text == "true") return Value{true};
      if (text == "false") return Value{false};
      return std::nullopt;
    case Kind::integer: {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
      return Value{number};
    }
    case Kind::list:
      return Value{text.empty() ? Path{} : split(text, ",")};
    case Kind::text:
    case Kind::choice:
      break;
  }
  return Value{text};
}

bool is_listener_name(std::string_view name) {
  constexpr std::size_t size_max = 32;
  return !name.empty() && name.size() <= size_max &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string_view::npos;
}

bool is_below(const std::string& name, const std::string& table) {
  return name.size() > table.size() && name.starts_with(table) && name[table.size()] == '.';
}

}  // namespace

const OptionSpec* find_option(std::string_view name) { return option_at(split(name, ".")); }

std::string_view instance_of(const OptionSpec& spec, std::string_view name) {
  const std::size_t star = spec.name.find('*');
  if (star == std::string_view::npos) return {};
  return name.substr(star, name.find('.', star) - star);
}

void SettingsReader::add_file(const TomlFile& file) {
  std::vector<std::string> unknown;
  TomlContent content = read_toml(file, problems_);
  for (const TomlEntry& entry : content.options) take(entry, unknown);
  policy_.add(std::move(content.policy), problems_);
}

void SettingsReader::take(const TomlEntry& entry, std::vector<std::string>& unknown) {
  const std::string name = join(entry.path);
  for (const std::string& table : unknown) {
    if (is_below(name, table)) return;  // the table has been reported, once
  }
  const OptionSpec* spec = option_at(entry.path);
  if (spec == nullptr && is_table(entry.path)) {
    take_table(entry, name, unknown);
    return;
  }
  if (spec == nullptr) {
    problems_.push_back({entry.key_at, fmt::format("unknown option {}", in_quotes(name)),
                         suggestion_for(entry.path)});
    unknown.push_back(name);
    return;
  }
  const auto* value = std::get_if<Value>(&entry.value);
  if (value == nullptr || !kind_fits(*spec, *value)) {
    problems_.push_back(
        {entry.value_at,
         fmt::format("{} must be {}, this is {}", name, expected(*spec), kind_name(entry.value)),
         {}});
    unknown.push_back(name);
    return;
  }
  set(name, *value, entry.value_at);
}

void SettingsReader::take_table(const TomlEntry& entry, const std::string& name,
                                std::vector<std::string>& unknown) {
  if (!std::holds_alternative<TableValue>(entry.value)) {
    problems_.push_back(
        {entry.value_at,
         fmt::format("{} is a table, this is {}", in_quotes(name), kind_name(entry.value)),
         fmt::format("Write [{}] on a line of its own and its options below.", name)});
    return;
  }
  if (entry.path.size() != 2 || entry.path.front() != "listeners") return;
  if (!is_listener_name(entry.path.back())) {
    problems_.push_back(
        {entry.key_at,
         fmt::format("{} cannot be the name of a listener", in_quotes(entry.path.back())),
         "Use 1 to 32 of a-z, 0-9, \"-\" and \"_\"."});
    unknown.push_back(name);
    return;
  }
  listeners_.emplace(entry.path.back(), entry.key_at);
}

void SettingsReader::set(std::string_view name, Value value, std::string_view where) {
  const std::string full(name);
  const Path path = split(name, ".");
  const OptionSpec* spec = option_at(path);
  if (spec == nullptr) return;
  if (path.front() == "listeners") listeners_.emplace(path[1], where);
  if (auto problem = check_value(*spec, full, value)) {
    problem->where = where;
    problems_.push_back(std::move(*problem));
  }
  // A value that is wrong is still a value that was given: nothing else is missing.
  settings_[full] = {std::move(value), std::string(where)};
}

void SettingsReader::add_environment(
    const std::vector<std::pair<std::string, std::string>>& variables) {
  for (const auto& [name, text] : variables) take_variable(name, text);
}

void SettingsReader::take_variable(const std::string& variable, const std::string& text) {
  constexpr std::string_view prefix = "LINESHAFT_";
  if (!variable.starts_with(prefix)) return;
  std::string lower = variable.substr(prefix.size());
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const Path path = split(lower, "__");
  const std::string where = "environment variable " + variable;
  const OptionSpec* spec = option_at(path);
  if (spec == nullptr) {
    if (path.size() == 1) return;
    if (is_policy_key({path.front()}, true) || is_policy_key({path[0], path[1]}, path.size() > 2)) {
      problems_.push_back({where, fmt::format("{} is of the access policy", in_quotes(join(path))),
                           "The policy is written in files only."});
      return;
    }
    problems_.push_back(
        {where, fmt::format("unknown option {}", in_quotes(join(path))), suggestion_for(path)});
    return;
  }
  if (path.front() == "listeners" && !is_listener_name(path[1])) {
    problems_.push_back({where,
                         fmt::format("{} cannot be the name of a listener", in_quotes(path[1])),
                         "Use 1 to 32 of a-z, 0-9, \"-\" and \"_\"."});
    return;
  }
  const std::string name = join(path);
  if (auto value = parse_text(*spec, text)) {
    set(name, std::move(*value), where);
  } else {
    problems_.push_back(
        {where, fmt::format("{} = {} must be {}", name, in_quotes(text), expected(*spec)), {}});
  }
}

void SettingsReader::drop_listeners() {
  listeners_.clear();
  std::erase_if(settings_, [](const auto& each) { return each.first.starts_with("listeners."); });
}

void SettingsReader::complete() {
  for_each_option([this](const OptionSpec& spec) {
    if (spec.name.find('*') != std::string_view::npos) return;
    settings_.try_emplace(std::string(spec.name), Setting{default_value(spec), {}});
  });
  for (const auto& [instance, where] : listeners_) complete_listener(instance, where);
}

void SettingsReader::complete_listener(const std::string& instance, const std::string& where) {
  for_each_option([&](const OptionSpec& spec) {
    const std::size_t star = spec.name.find('*');
    if (star == std::string_view::npos || !spec.inherits.empty()) return;
    std::string name(spec.name);
    name.replace(star, 1, instance);
    if (!spec.required) {
      settings_.try_emplace(name, Setting{default_value(spec), {}});
    } else if (!settings_.contains(name)) {
      problems_.push_back({where, fmt::format("{} is missing", in_quotes(name)),
                           "Write, for example, bind = \"127.0.0.1:1883\"."});
    }
  });
}

}  // namespace lineshaft::app
