#include "broker/core/peer_address.h"

#include "tests/support/catch.h"

namespace lineshaft::core {
namespace {

TEST_CASE("an address loses its port and nothing else", "[core]") {
  CHECK(address_without_port("10.0.0.1:1883") == "10.0.0.1");
  CHECK(address_without_port("[2001:db8::1]:1883") == "2001:db8::1");
  CHECK(address_without_port("2001:db8::1") == "2001:db8::1");
  CHECK(address_without_port("unix:uid=1000") == "unix:uid=1000");
  CHECK(address_without_port("") == "");
}

}  // namespace
}  // namespace lineshaft::core
