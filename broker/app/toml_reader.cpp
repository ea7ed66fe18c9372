// With NDEBUG toml++ turns its assertions into promises to the compiler, and a file like "[|"
// breaks one of them. So it is compiled here, with assertions that neither promise nor abort: the
// error that follows each of them is what the operator should see. And without
// exceptions: with -O2 of GCC 12 one that is thrown in its parser aborts while it is unwound.
#undef NDEBUG
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ASSERT(expr) static_cast<void>(0)

#include "broker/app/toml_reader.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <sstream>
#include <utility>

namespace lineshaft::app {
namespace {

bool earlier(toml::source_position a, toml::source_position b) {
  return std::pair(a.line, a.column) < std::pair(b.line, b.column);
}

struct Placed {
  toml::source_position position;
  TomlEntry entry;
};

FilePlace place(const std::string& path, toml::source_position position) {
  return {path, position.line, position.column};
}

std::string at(const std::string& path, toml::source_position position) {
  return place(path, position).text();
}

std::optional<std::vector<std::string>> texts_of(const toml::array& array) {
  std::vector<std::string> texts;
  for (const toml::node& each : array) {
    const auto* text = each.as_string();
    if (text == nullptr) return std::nullopt;
    texts.push_back(text->get());
  }
  return texts;
}

std::variant<Value, OtherValue, TableValue> value_of(const toml::node& node) {
  if (node.is_table()) return TableValue{};
  if (const auto* boolean = node.as_boolean()) return Value{boolean->get()};
  if (const auto* integer = node.as_integer()) return Value{integer->get()};
  if (const auto* text = node.as_string()) return Value{text->get()};
  if (const auto* array = node.as_array()) {
    if (auto texts = texts_of(*array)) return Value{std::move(*texts)};
    return OtherValue{"a list of other things than strings"};
  }
  if (node.is_floating_point()) return OtherValue{"a number with a decimal point"};
  return OtherValue{"a date or time"};
}

template <class Time>
std::string text_of(const Time& time) {
  std::ostringstream out;
  out << time;
  return out.str();
}

/// Values nest at most as deep as the parser allows (256), so recursion is bounded.
TomlTree tree_of(const toml::node& node, const std::string& file) {
  TomlTree tree{std::string{}, place(file, node.source().begin)};
  if (const auto* boolean = node.as_boolean()) tree.value = boolean->get();
  if (const auto* integer = node.as_integer()) tree.value = integer->get();
  if (const auto* number = node.as_floating_point()) tree.value = number->get();
  if (const auto* text = node.as_string()) tree.value = text->get();
  if (const auto* date = node.as_date()) tree.value = text_of(date->get());
  if (const auto* time = node.as_time()) tree.value = text_of(time->get());
  if (const auto* date_time = node.as_date_time()) tree.value = text_of(date_time->get());
  if (const auto* array = node.as_array()) {
    TomlList list;
    for (const toml::node& each : *array) list.push_back(tree_of(each, file));
    tree.value = std::move(list);
  }
  if (const auto* table = node.as_table()) {
    TomlTable members;
    for (const auto& [key, value] : *table) {
      members.push_back(
          {std::string(key.str()), place(file, key.source().begin), tree_of(value, file)});
    }
    tree.value = std::move(members);
  }
  return tree;
}

/// `users.NAME` becomes the member NAME of the member "users".
void add_policy(const std::vector<std::string>& path, TomlMember member, TomlTable& policy) {
  if (path.size() == 1) {
    policy.push_back(std::move(member));
    return;
  }
  const auto found = std::ranges::find(policy, path.front(), &TomlMember::name);
  if (found != policy.end()) {
    std::get<TomlTable>(found->tree.value).push_back(std::move(member));
    return;
  }
  const FilePlace first = member.at;
  TomlTable members;
  members.push_back(std::move(member));
  policy.push_back({path.front(), first, {std::move(members), first}});
}

/// A table may be named after its content ("[a.b]" before "[a]"): `not_before` keeps it in front.
/// Tables nest at most as deep as the parser allows (256), so recursion is bounded.
void collect(const toml::table& table, const std::string& file, toml::source_position not_before,
             std::vector<std::string>& path, std::vector<Placed>& out, TomlTable& policy) {
  for (const auto& [key, node] : table) {
    path.emplace_back(key.str());
    const auto position = key.source().begin;
    if (is_policy_key(path, node.is_table())) {
      add_policy(path, {path.back(), place(file, position), tree_of(node, file)}, policy);
      path.pop_back();
      continue;
    }
    const auto order = std::max(position, not_before, earlier);
    out.push_back(
        {order, {path, value_of(node), at(file, position), at(file, node.source().begin)}});
    if (const auto* inner = node.as_table()) collect(*inner, file, order, path, out, policy);
    path.pop_back();
  }
}

/// Bytes of the string that begins at `text`, quotes included; of what there is of it.
std::size_t string_size(std::string_view text) {
  const char quote = text.front();
  const std::string triple(3, quote);
  const bool is_long = text.starts_with(triple);
  for (std::size_t i = is_long ? 3 : 1; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (is_long && text.substr(i).starts_with(triple)) {
      return i + 3;
    } else if (!is_long && (text[i] == quote || text[i] == '\n')) {
      return i + 1;
    }
  }
  return text.size();
}

/// The first character beyond ASCII that stands neither in a string nor in a comment, where TOML
/// has no place for it. toml++ runs into undefined behaviour when it meets some of them.
std::optional<toml::source_position> stray_character(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  std::size_t i = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  while (i < text.size()) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) {
      const std::string_view before = text.substr(0, i);
      const auto line = std::count(before.begin(), before.end(), '\n') + 1;
      const std::size_t column = i - (before.rfind('\n') + 1) + 1;
      return toml::source_position{static_cast<toml::source_index>(line),
                                   static_cast<toml::source_index>(column)};
    }
    if (text[i] == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else if (text[i] == '"' || text[i] == '\'') {
      i += string_size(text.substr(i));
    } else {
      ++i;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string FilePlace::text() const { return fmt::format("{}:{}:{}", file, line, column); }

std::optional<FilePlace> parse_place(std::string_view text) {
  std::uint32_t numbers[2] = {};
  for (std::uint32_t& number : numbers) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    text = text.substr(0, colon);
  }
  return FilePlace{std::string(text), numbers[1], numbers[0]};
}

bool is_policy_key(const std::vector<std::string>& path, bool is_table) {
  constexpr std::array<std::string_view, 7> tables = {"anomaly", "conduits", "identity", "pki",
                                                      "policy",  "roles",    "zones"};
  if (path.size() == 1) return std::ranges::find(tables, path.front()) != tables.end();
  return path.size() == 2 && path.front() == "users" && is_table;
}

TomlContent read_toml(const TomlFile& file, std::vector<ConfigProblem>& problems) {
  if (const auto position = stray_character(file.text)) {
    problems.push_back({at(file.path, *position),
                        "this is not TOML: only strings and comments may hold other characters "
                        "than ASCII",
                        "Put the name or value in quotes."});
    return {};
  }
  TomlContent content;
  std::vector<Placed> placed;
  const toml::parse_result parsed = toml::parse(std::string_view(file.text), file.path);
  if (!parsed) {
    problems.push_back(
        {at(file.path, parsed.error().source().begin),
         fmt::format("this is not TOML: {}", in_quotes(parsed.error().description())),
         "See https://toml.io for the syntax."});
    return {};
  }
  std::vector<std::string> path;
  collect(parsed.table(), file.path, {}, path, placed, content.policy);
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return earlier(a.position, b.position);
  });
  content.options.reserve(placed.size());
  for (Placed& each : placed) content.options.push_back(std::move(each.entry));
  return content;
}

}  // namespace lineshaft::app
