#include "broker/base/nearest.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

using namespace lineshaft;

TEST_CASE("the edit distance counts insertions, deletions, replacements and swaps", "[base]") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("overflow", "overflow") == 0);
  CHECK(edit_distance("overflw", "overflow") == 1);
  CHECK(edit_distance("overfloww", "overflow") == 1);
  CHECK(edit_distance("overflaw", "overflow") == 1);
  CHECK(edit_distance("ovreflow", "overflow") == 1);
}

TEST_CASE("the nearest name is the one a person meant", "[base]") {
  const std::vector<std::string> names = {"bind", "cache_mb", "overflow", "max_queued",
                                          "max_queued_mb"};
  CHECK(nearest("ovrflow", names).value() == "overflow");
  CHECK(nearest("cache", names).value() == "cache_mb");
  CHECK(nearest("max_queue", names).value() == "max_queued");
  CHECK(nearest("bnid", names).value() == "bind");
}

TEST_CASE("nothing is suggested when every name is far away", "[base]") {
  const std::vector<std::string> names = {"bind", "overflow"};
  CHECK_FALSE(nearest("password_file", names).has_value());
  CHECK_FALSE(nearest("xyz", names).has_value());
  CHECK_FALSE(nearest("", names).has_value());
  CHECK_FALSE(nearest(std::string(100'000, 'o'), names).has_value());
}
