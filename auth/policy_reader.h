#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/policy_spec.h"

namespace lineshaft::auth {

/// "BASE/KEY" with the escapes of RFC 6901.
std::string join_pointer(std::string_view base, std::string_view key);
std::string join_pointer(std::string_view base, std::size_t index);

/// A sentence with the nearest of `names`, or all of them when there are few.
std::string meant_advice(std::string_view word, std::span<const std::string> names);

/// One table of the document. A key is known once it was asked for; `finish` reports the others.
class TableReader {
 public:
  /// Reports a value that is no table; it then has no keys.
  TableReader(PolicyReport& report, const nlohmann::json& value, std::string pointer);

  /// nullptr: not there.
  const nlohmann::json* find(std::string_view key);
  const nlohmann::json* require(std::string_view key, std::string_view what);
  std::string pointer_of(std::string_view key) const { return join_pointer(pointer_, key); }

  std::optional<std::string> text(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
  /// An index into `words`.
  std::optional<std::size_t> choice(std::string_view key, std::span<const std::string> words);
  struct Word {
    std::string text;
    std::string pointer;
  };
  /// A list of texts; one that is no text is reported and left out. nullopt: not there or no list.
  std::optional<std::vector<Word>> words(std::string_view key);
  /// A list of Topic Filters; `owns` may have no variables.
  enum class VariableUse : std::uint8_t { none, of_conduit, of_role };
  std::vector<FilterSpec> filters(std::string_view key, VariableUse variables,
                                  std::string_view role = {});
  /// A text that `parse` understands.
  template <class Parse>
  auto parsed(std::string_view key, Parse parse, std::string_view example)
      -> decltype(parse(std::string_view{})) {
    const std::optional<std::string> value = text(key);
    if (!value) return std::nullopt;
    auto result = parse(*value);
    if (!result) bad_value(key, *value, example);
    return result;
  }
  void bad_value(std::string_view key, std::string_view value, std::string_view example);

  void finish();
  PolicyReport& report() { return report_; }
  const std::string& pointer() const { return pointer_; }
  const nlohmann::json* table() const { return table_; }

 private:
  PolicyReport& report_;
  const nlohmann::json* table_;
  std::string pointer_;
  std::vector<std::string> known_;
};

/// Checks pki, listeners and identity of a document as far as they name its zones.
void check_trust(const nlohmann::json& document, std::span<const std::string> zones,
                 PolicyReport& report);

/// What is wrong with a filter of the document, and what to write instead; nullopt: nothing.
struct FilterProblem {
  std::string message;
  std::string advice;
};
std::optional<FilterProblem> filter_problem(std::string_view filter,
                                            TableReader::VariableUse variables);

}  // namespace lineshaft::auth
