#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lineshaft {

/// One character of a text that may contain anything.
struct TextCharacter {
  char32_t code_point = 0;
  std::size_t size_bytes = 1;
  /// False: the byte there is not the start of well-formed UTF-8; `code_point` is that byte.
  bool valid = false;
};

/// The character at the front of `text`, which is not empty.
TextCharacter first_character(std::string_view text);

/// True for characters that can forge or hide what a person sees on one line: control characters
/// (C0, DEL, C1), line and paragraph separators, and those that change the writing direction.
bool is_deceptive(char32_t code_point);

/// Appends `text` as a JSON string with quotes. Deceptive characters are escaped; a byte that is
/// not UTF-8 becomes U+FFFD, so the result is valid JSON whatever stands in `text`.
void append_json_string(std::string& out, std::string_view text);

}  // namespace lineshaft
