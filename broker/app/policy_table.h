#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace lineshaft::app {

/// One key of the access policy's tables, as the guide and the example file show it. What is read
/// and what it means is decided where the document is compiled (`auth`).
struct PolicyKey {
  std::string_view name;
  /// "string: \"a\", \"b\"": form and range, for the guide.
  std::string_view type = {};
  /// What holds where it is not stated: TOML, or words.
  std::string_view fallback = {};
  /// What the example file shows, in TOML.
  std::string_view example = {};
  std::string_view help = {};
  bool required = false;
};

enum class PolicyForm : std::uint8_t {
  /// `[name]`
  table,
  /// `[name.<yours>]`
  named_tables,
  /// `[[name]]`
  list,
};

struct PolicySection {
  std::string_view name;
  PolicyForm form = PolicyForm::table;
  /// Of `named_tables`, in the example file.
  std::string_view instance = {};
  std::string_view help = {};
  std::span<const PolicyKey> keys;
};

/// The one place where the keys of the access policy are defined, in the order in which they are
/// printed.
std::span<const PolicySection> policy_sections();

}  // namespace lineshaft::app
