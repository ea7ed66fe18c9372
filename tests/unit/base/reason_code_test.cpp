#include "broker/base/reason_code.h"

#include <array>
#include <set>
#include <string_view>

#include "tests/support/catch.h"

using namespace lineshaft;

namespace {

/// MQTT 5.0 section 2.4: the codes below 0x80; all of 0x80 to 0xA2 are taken.
constexpr std::array<int, 8> good_codes = {0x00, 0x01, 0x02, 0x04, 0x10, 0x11, 0x18, 0x19};

bool is_in_the_standard(int value) {
  if (value >= 0x80) return value <= 0xA2;
  for (const int good : good_codes) {
    if (good == value) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("each reason code of the standard has a name of its own, other bytes none", "[base]") {
  std::set<std::string_view> names;
  for (int value = 0; value <= 0xFF; ++value) {
    INFO("0x" << std::hex << value);
    const std::string_view name = to_string(static_cast<ReasonCode>(value));
    if (is_in_the_standard(value)) {
      CHECK(name != "reserved");
      CHECK(names.insert(name).second);
    } else {
      CHECK(name == "reserved");
    }
  }
  CHECK(names.size() == 43);
}

TEST_CASE("reason codes have the standard's numbers and names", "[base]") {
  CHECK(to_string(static_cast<ReasonCode>(0x04)) == "disconnect_with_will");
  CHECK(to_string(static_cast<ReasonCode>(0x10)) == "no_matching_subscribers");
  CHECK(to_string(static_cast<ReasonCode>(0x87)) == "not_authorized");
  CHECK(to_string(static_cast<ReasonCode>(0x8E)) == "session_taken_over");
  CHECK(to_string(static_cast<ReasonCode>(0x93)) == "receive_maximum_exceeded");
  CHECK(to_string(static_cast<ReasonCode>(0x95)) == "packet_too_large");
  CHECK(to_string(static_cast<ReasonCode>(0x9D)) == "server_moved");
  CHECK(to_string(static_cast<ReasonCode>(0xA2)) == "wildcard_subscriptions_not_supported");
}

TEST_CASE("reason codes from 0x80 on mean failure", "[base]") {
  CHECK_FALSE(is_failure(ReasonCode::success));
  CHECK_FALSE(is_failure(ReasonCode::no_matching_subscribers));
  CHECK_FALSE(is_failure(static_cast<ReasonCode>(0x7F)));
  CHECK(is_failure(ReasonCode::unspecified_error));
  CHECK(is_failure(static_cast<ReasonCode>(0xFF)));
}
