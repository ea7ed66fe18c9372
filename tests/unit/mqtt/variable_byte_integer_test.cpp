#include "broker/mqtt/variable_byte_integer.h"

#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace {

using namespace lineshaft::mqtt;
using lineshaft::test::to_hex;
using lineshaft::test::wire;
using State = VariableByteInteger::State;

TEST_CASE("the specification's borders are read and written", "[mqtt][MQTT-1.5.5-1]") {
  const std::pair<std::uint32_t, std::string_view> table[] = {
      {0, "00"},          {127, "7F"},           {128, "8001"},           {16'383, "FF7F"},
      {16'384, "808001"}, {2'097'151, "FFFF7F"}, {2'097'152, "80808001"}, {268'435'455, "FFFFFF7F"},
  };
  for (const auto& [value, hex] : table) {
    INFO(value);
    std::string bytes;
    append_variable_byte_integer(bytes, value);
    CHECK(to_hex(bytes) == hex);
    CHECK(variable_byte_integer_size_bytes(value) == bytes.size());
    const auto decoded = decode_variable_byte_integer(bytes + "more");
    CHECK(decoded.state == State::complete);
    CHECK(decoded.value == value);
    CHECK(decoded.size_bytes == bytes.size());
    CHECK_FALSE(decoded.overlong);
  }
}

TEST_CASE("a length split across two reads waits for the rest", "[mqtt]") {
  for (const auto* part : {"", "80", "FFFF", "808080"}) {
    CHECK(decode_variable_byte_integer(wire(part)).state == State::incomplete);
  }
}

TEST_CASE("a fourth byte that goes on is malformed", "[mqtt][MQTT-1.5.5-1]") {
  CHECK(decode_variable_byte_integer(wire("80808080")).state == State::malformed);
  CHECK(decode_variable_byte_integer(wire("FFFFFFFF7F")).state == State::malformed);
}

TEST_CASE("a length that could be written shorter is marked", "[mqtt][MQTT-1.5.5-1]") {
  for (const auto* bytes : {"8000", "808000", "80808000", "FF00"}) {
    const auto decoded = decode_variable_byte_integer(wire(bytes));
    CHECK(decoded.state == State::complete);
    CHECK(decoded.overlong);
  }
}

}  // namespace
