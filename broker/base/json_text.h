#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lineshaft {

enum class Escapes : std::uint8_t {
  /// \uNNNN; a byte that is not UTF-8 becomes U+FFFD.
  json,
  /// \u{NNNN} and \xNN, which keeps the byte.
  text,
  /// `"`, `\` and line feeds only; a byte that is not UTF-8 becomes U+FFFD itself.
  metric_label,
};

/// Appends `text` for a place between quotes: `"`, `\`, line feeds and characters that can forge or
/// hide what a person sees on one line are escaped.
void append_escaped(std::string& out, std::string_view text, Escapes escapes);

/// Appends `text` as a JSON string with quotes: valid JSON whatever stands in `text`.
void append_json_string(std::string& out, std::string_view text);

}  // namespace lineshaft
