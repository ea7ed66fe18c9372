#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/app/config_error.h"

namespace lineshaft::app {

/// What an option can be set to.
using Value = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

/// A value no option takes (a date, a mixed list), by its name in a sentence: "a date".
struct OtherValue {
  std::string kind;
};
/// The path names a table.
struct TableValue {};

/// Where something stands in a file; lines and columns from 1.
struct FilePlace {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  /// "FILE:LINE:COL"
  std::string text() const;
};

/// The place that `text` names; nullopt: it names none ("environment variable ...").
std::optional<FilePlace> parse_place(std::string_view text);

struct TomlMember;
using TomlList = std::vector<struct TomlTree>;
using TomlTable = std::vector<TomlMember>;

/// A value of a file with everything below it. Dates and times are text, as TOML writes them.
struct TomlTree {
  std::variant<bool, std::int64_t, double, std::string, TomlList, TomlTable> value;
  FilePlace at;
};

/// One key of a table; the members of a table are in the order of their names.
struct TomlMember {
  std::string name;
  FilePlace at;
  TomlTree tree;
};

/// One key of a file, tables included.
struct TomlEntry {
  std::vector<std::string> path;
  std::variant<Value, OtherValue, TableValue> value;
  /// "FILE:LINE:COL" of the key and of the value.
  std::string key_at;
  std::string value_at;
};

struct TomlFile {
  std::string path;
  std::string text;
};

/// What a file says.
struct TomlContent {
  /// Options, in the order they stand there; a table comes before its content.
  std::vector<TomlEntry> options;
  /// Whole tables and lists that are no options: those of the access policy.
  TomlTable policy;
};

/// Is this key the access policy's, with everything below it? `users.NAME` is if it is a table.
bool is_policy_key(const std::vector<std::string>& path, bool is_table);

/// Appends the syntax error to `problems` and returns nothing when the file is not TOML.
TomlContent read_toml(const TomlFile& file, std::vector<ConfigProblem>& problems);

}  // namespace lineshaft::app
