#include "broker/admin/peer_check.h"

#include "tests/support/catch.h"

using lineshaft::admin::is_own_user;

namespace {

constexpr const char* whole_machine = "         0          0 4294967295\n";
/// systemd's PrivateUsers=yes: root, and who runs the service.
constexpr const char* private_users = "         0          0          1\n 998 998 1\n";

}  // namespace

TEST_CASE("root and the broker's own user are let in, others are not", "[admin]") {
  for (const char* const map : {whole_machine, private_users}) {
    CHECK(is_own_user(0, 998, map));
    CHECK(is_own_user(998, 998, map));
    CHECK_FALSE(is_own_user(997, 998, map));
  }
}

TEST_CASE("the user that stands for all unknown ones is nobody's", "[admin]") {
  CHECK(is_own_user(65534, 65534, whole_machine));
  CHECK(is_own_user(65534, 65534, "0 0 65534\n65534 100000 4294901761\n"));
  // Who is 65534 in here looks like everybody that is not in the map.
  CHECK_FALSE(is_own_user(65534, 65534, "0 0 1\n65534 65534 1\n"));
  CHECK_FALSE(is_own_user(65534, 65534, private_users));
  CHECK_FALSE(is_own_user(65534, 65534, ""));
  CHECK_FALSE(is_own_user(65534, 998, whole_machine));
}
