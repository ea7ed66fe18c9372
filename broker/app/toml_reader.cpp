// With NDEBUG toml++ turns its assertions into promises to the compiler, and a file like "[|"
// breaks one of them. So it is compiled here, with assertions that neither promise nor abort: the
// error that follows each of them is what the operator should see.
#undef NDEBUG
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_ASSERT(expr) static_cast<void>(0)

#include "broker/app/toml_reader.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
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

std::string at(const std::string& path, toml::source_position position) {
  return fmt::format("{}:{}:{}", path, position.line, position.column);
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

/// A table may be named after its content ("[a.b]" before "[a]"): `not_before` keeps it in front.
/// Tables nest at most as deep as the parser allows (256), so recursion is bounded.
void collect(const toml::table& table, const std::string& file, toml::source_position not_before,
             std::vector<std::string>& path, std::vector<Placed>& out) {
  for (const auto& [key, node] : table) {
    path.emplace_back(key.str());
    const auto position = key.source().begin;
    const auto order = std::max(position, not_before, earlier);
    out.push_back(
        {order, {path, value_of(node), at(file, position), at(file, node.source().begin)}});
    if (const auto* inner = node.as_table()) collect(*inner, file, order, path, out);
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

std::vector<TomlEntry> read_toml(const TomlFile& file, std::vector<ConfigProblem>& problems) {
  if (const auto position = stray_character(file.text)) {
    problems.push_back({at(file.path, *position),
                        "this is not TOML: only strings and comments may hold other characters "
                        "than ASCII",
                        "Put the name or value in quotes."});
    return {};
  }
  std::vector<Placed> placed;
  try {
    const toml::table table = toml::parse(std::string_view(file.text), file.path);
    std::vector<std::string> path;
    collect(table, file.path, {}, path, placed);
  } catch (const toml::parse_error& error) {
    problems.push_back({at(file.path, error.source().begin),
                        fmt::format("this is not TOML: {}", in_quotes(error.description())),
                        "See https://toml.io for the syntax."});
    return {};
  }
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return earlier(a.position, b.position);
  });
  std::vector<TomlEntry> entries;
  entries.reserve(placed.size());
  for (Placed& each : placed) entries.push_back(std::move(each.entry));
  return entries;
}

}  // namespace lineshaft::app
