#include "broker/base/json_text.h"

#include <fmt/format.h>

#include <iterator>

namespace lineshaft {
namespace {

/// Bytes of the sequence that `lead` begins; 0 when it begins none.
std::size_t sequence_size(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

/// Overlong forms, surrogates and what lies beyond Unicode.
bool is_well_formed(char32_t code_point, std::size_t size) {
  if (size == 3) return code_point >= 0x800 && (code_point < 0xD800 || code_point > 0xDFFF);
  if (size == 4) return code_point >= 0x10000 && code_point <= 0x10FFFF;
  return true;
}

/// One character of a text that may contain anything.
struct TextCharacter {
  char32_t code_point = 0;
  std::size_t size_bytes = 1;
  /// False: the byte there is not the start of well-formed UTF-8; `code_point` is that byte.
  bool valid = false;
};

/// The character at the front of `text`, which is not empty.
TextCharacter first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const TextCharacter broken{lead, 1, false};
  const std::size_t size = sequence_size(lead);
  if (size == 0 || size > text.size()) return broken;
  if (size == 1) return {lead, 1, true};
  char32_t code_point = lead & (0xFFu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0u) != 0x80u) return broken;
    code_point = (code_point << 6) | (byte & 0x3Fu);
  }
  if (!is_well_formed(code_point, size)) return broken;
  return {code_point, size, true};
}

/// True for characters that can forge or hide what a person sees on one line: control characters
/// (C0, DEL, C1), line and paragraph separators, and those that change the writing direction.
bool is_deceptive(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) return true;
  if (c == 0x200E || c == 0x200F || c == 0xFEFF) return true;
  return (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

void append_escaped(std::string& out, std::string_view text, Escapes escapes) {
  const bool json = escapes == Escapes::json;
  while (!text.empty()) {
    const TextCharacter character = first_character(text);
    const auto code_point = static_cast<unsigned>(character.code_point);
    const auto into = std::back_inserter(out);
    if (!character.valid && escapes == Escapes::metric_label) {
      out += "\xEF\xBF\xBD";
    } else if (!character.valid && json) {
      out += "\\ufffd";
    } else if (!character.valid) {
      fmt::format_to(into, "\\x{:02x}", code_point);
    } else if (code_point == '"' || code_point == '\\') {
      out += '\\';
      out += text.front();
    } else if (code_point == '\n') {
      out += "\\n";
    } else if (escapes == Escapes::metric_label || !is_deceptive(character.code_point)) {
      out += text.substr(0, character.size_bytes);
    } else if (json) {
      fmt::format_to(into, "\\u{:04x}", code_point);
    } else {
      fmt::format_to(into, "\\u{{{:04x}}}", code_point);
    }
    text.remove_prefix(character.size_bytes);
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, Escapes::json);
  out += '"';
}

}  // namespace lineshaft
