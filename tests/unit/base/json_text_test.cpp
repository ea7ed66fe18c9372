#include "broker/base/json_text.h"

#include <string>

#include "tests/support/catch.h"

using lineshaft::append_json_string;

namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

TEST_CASE("plain text and letters beyond ASCII stay as they are in JSON", "[base]") {
  CHECK(json("acme/berlin/temp") == R"("acme/berlin/temp")");
  CHECK(json("Köln/°C/温度/😀") == "\"Köln/°C/温度/😀\"");
  CHECK(json("") == "\"\"");
}

TEST_CASE("quotes, backslashes and control characters are escaped in JSON", "[base]") {
  CHECK(json("a\"b\\c") == R"("a\"b\\c")");
  CHECK(json("a\nb\tc\x01") == R"("a\nb\u0009c\u0001")");
  CHECK(json("\x7f") == R"("\u007f")");
  CHECK(json("\u0085\u009b") == R"("\u0085\u009b")");
  CHECK(json("\u202egpj.exe") == R"("\u202egpj.exe")");
}

TEST_CASE("bytes that are not UTF-8 become the replacement character", "[base]") {
  CHECK(json("a\xff"
             "b") == R"("a\ufffdb")");
  CHECK(json("\xc0\xaf") == R"("\ufffd\ufffd")");                       // overlong
  CHECK(json("\xed\xa0\x80") == R"("\ufffd\ufffd\ufffd")");             // surrogate
  CHECK(json("\xf4\x90\x80\x80").find("\\ufffd") == 1);                 // beyond U+10FFFF
  CHECK(json(std::string_view("\xe2\x82", 2)) == R"("\ufffd\ufffd")");  // cut short
}
