#include "auth/base64.h"

#include "tests/support/catch.h"

namespace lineshaft::auth {

TEST_CASE("base64 is that of RFC 4648", "[auth]") {
  CHECK(to_base64("", Padding::with).empty());
  CHECK(to_base64("f", Padding::with) == "Zg==");
  CHECK(to_base64("fo", Padding::without) == "Zm8");
  CHECK(to_base64("foobar", Padding::with) == "Zm9vYmFy");
  CHECK(from_base64("Zg==") == "f");
  CHECK(from_base64("Zm8") == "fo");
  CHECK(from_base64("Zm9vYmFy") == "foobar");
  CHECK(from_base64("") == "");
}

TEST_CASE("what is no base64 is refused", "[auth]") {
  for (const char* text : {"Z", "Zm9vY", "Zg=", "Z===", "Zg==x", "Zm 8", "Zm8\n", "Zm8_", "="}) {
    INFO(text);
    CHECK(from_base64(text) == std::nullopt);
  }
}

}  // namespace lineshaft::auth
