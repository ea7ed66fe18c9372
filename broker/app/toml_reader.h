#pragma once

#include <cstdint>
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

/// The entries of a file in the order they stand there; a table comes before its content.
/// Appends the syntax error to `problems` and returns nothing when the file is not TOML.
std::vector<TomlEntry> read_toml(const TomlFile& file, std::vector<ConfigProblem>& problems);

}  // namespace lineshaft::app
