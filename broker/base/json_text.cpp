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

}  // namespace

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

bool is_deceptive(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) return true;
  if (c == 0x200E || c == 0x200F || c == 0xFEFF) return true;
  return (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const TextCharacter character = first_character(text);
    if (!character.valid) {
      out += "\\ufffd";
    } else if (character.code_point == '"' || character.code_point == '\\') {
      out += '\\';
      out += text.front();
    } else if (character.code_point == '\n') {
      out += "\\n";
    } else if (is_deceptive(character.code_point)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}",
                     static_cast<unsigned>(character.code_point));
    } else {
      out += text.substr(0, character.size_bytes);
    }
    text.remove_prefix(character.size_bytes);
  }
  out += '"';
}

}  // namespace lineshaft
