#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lineshaft::test {

/// Turns packets written by hand into bytes; lengths are counted, nothing else is helped with, so
/// that a test stays independent of the encoder it checks.
///
///     82 [000A [] <a/b> 01]     SUBSCRIBE, packet identifier 10, no properties, filter a/b, QoS 1
///
/// `1F` a byte; `'text'` its characters; `[...]` the content behind its length as Variable Byte
/// Integer (Remaining Length, properties); `<...>` characters behind their length in two bytes, in
/// which `{...}` goes back to bytes; `(...)` what belongs together; `*5` the last of these, five
/// times.
class WireNotation {
 public:
  explicit WireNotation(std::string_view notation) : rest_(notation) {}

  std::string to_bytes() { return bytes_until('\0'); }

 private:
  char take() {
    if (rest_.empty()) return '\0';
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  static unsigned digit(char c) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const std::size_t value = digits.find(c);
    if (value == std::string_view::npos) throw std::invalid_argument("not in the wire notation");
    return static_cast<unsigned>(value);
  }

  std::string bytes_until(char end) {
    std::string out;
    std::string unit;
    for (char c = take(); c != end; c = take()) {
      if (c == ' ') continue;
      if (c == '*') {
        for (std::size_t times = number(); times > 1; --times) out += unit;
        continue;
      }
      unit = unit_that_starts(c);
      out += unit;
    }
    return out;
  }

  std::string unit_that_starts(char c) {
    switch (c) {
      case '[':
        return counted(bytes_until(']'));
      case '(':
        return bytes_until(')');
      case '\'':
        return text_until('\'');
      case '<': {
        const std::string text = text_until('>');
        const std::string size{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())};
        return size + text;
      }
      default: {
        const unsigned high = digit(c);
        return std::string(1, static_cast<char>(high << 4 | digit(take())));
      }
    }
  }

  std::string text_until(char end) {
    std::string out;
    for (char c = take(); c != end; c = take()) {
      if (c == '\0') throw std::invalid_argument("the wire notation ends inside a text");
      if (c == '{') {
        out += bytes_until('}');
      } else {
        out += c;
      }
    }
    return out;
  }

  std::size_t number() {
    std::size_t value = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      value = value * 10 + digit(take());
    }
    return value;
  }

  static std::string counted(const std::string& content) {
    std::string out;
    std::size_t left = content.size();
    do {
      const std::size_t more = left > 0x7F ? 0x80 : 0;
      out += static_cast<char>((left & 0x7F) | more);
      left >>= 7;
    } while (left != 0);
    return out + content;
  }

  std::string_view rest_;
};

/// The bytes `notation` stands for.
inline std::string wire(std::string_view notation) { return WireNotation(notation).to_bytes(); }

/// Upper-case hexadecimal, for messages and comparisons.
inline std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15U];
  }
  return out;
}

}  // namespace lineshaft::test
