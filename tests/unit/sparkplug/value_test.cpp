#include "sparkplug/value.h"

#include <bit>
#include <limits>
#include <string>

#include "sparkplug/nested.h"
#include "tests/support/catch.h"

namespace lineshaft::sparkplug {
namespace {

using namespace std::string_literals;

std::optional<Value> typed(DataType type, ValueSlot slot, std::uint64_t number,
                           std::string_view bytes = {}) {
  return typed_value({slot, number, bytes}, false, static_cast<std::uint32_t>(type));
}

std::string json_of(DataType type, ValueSlot slot, std::uint64_t number,
                    std::string_view bytes = {}) {
  const auto value = typed(type, slot, number, bytes);
  REQUIRE(value.has_value());
  std::string json;
  append_json(json, *value);
  return json;
}

std::string json_of(double number) {
  return json_of(DataType::float64, ValueSlot::double_value, std::bit_cast<std::uint64_t>(number));
}

std::string json_of(float number) {
  return json_of(DataType::float32, ValueSlot::float_value, std::bit_cast<std::uint32_t>(number));
}

constexpr auto in_int = ValueSlot::int_value;
constexpr auto in_long = ValueSlot::long_value;

}  // namespace

TEST_CASE("a signed integer means the same sign-extended and in its own width", "[sparkplug]") {
  for (const ValueSlot slot : {in_int, in_long}) {
    CHECK(json_of(DataType::int8, slot, 4294967209u) == "-87");
    CHECK(json_of(DataType::int8, slot, 169) == "-87");
    CHECK(json_of(DataType::int16, slot, 65535) == "-1");
    CHECK(json_of(DataType::int16, slot, 0xFFFFFFFFu) == "-1");
    CHECK(json_of(DataType::int32, slot, 0x80000000u) == "-2147483648");
    CHECK(json_of(DataType::uint8, slot, 255) == "255");
    CHECK(json_of(DataType::uint32, slot, 4294967234u) == "4294967234");
  }
  CHECK(json_of(DataType::int32, in_long, ~std::uint64_t{0}) == "-1");
  CHECK(json_of(DataType::int64, in_long, ~std::uint64_t{0}) == "-1");
  CHECK(typed(DataType::int8, in_int, 169) == typed(DataType::int8, in_long, 4294967209u));
}

TEST_CASE("64-bit integers keep all their digits in JSON", "[sparkplug]") {
  CHECK(json_of(DataType::uint64, in_long, 18446744073709551615u) == "18446744073709551615");
  CHECK(json_of(DataType::int64, in_long, std::uint64_t{1} << 63) == "-9223372036854775808");
  CHECK(json_of(DataType::date_time, in_long, 1763600000000u) == "1763600000000");
}

TEST_CASE(
    "floats are written as short as they can be read back, and what JSON has no number for "
    "as text",
    "[sparkplug]") {
  CHECK(json_of(12.611588f) == "12.611588");
  CHECK(json_of(0.1) == "0.1");
  CHECK(json_of(20.0) == "20");
  CHECK(json_of(1e300) == "1e+300");
  CHECK(json_of(std::numeric_limits<double>::quiet_NaN()) == "\"NaN\"");
  CHECK(json_of(std::numeric_limits<double>::infinity()) == "\"Infinity\"");
  CHECK(json_of(-std::numeric_limits<float>::infinity()) == "\"-Infinity\"");
  // Either slot will do for either type.
  CHECK(json_of(DataType::float64, ValueSlot::float_value, std::bit_cast<std::uint32_t>(1.5f)) ==
        "1.5");
  CHECK(json_of(DataType::float32, ValueSlot::double_value, std::bit_cast<std::uint64_t>(1.5)) ==
        "1.5");
}

TEST_CASE("a slot that cannot hold the datatype is no value", "[sparkplug]") {
  CHECK_FALSE(typed(DataType::int32, ValueSlot::string_value, 0, "1"));
  CHECK_FALSE(typed(DataType::int32, ValueSlot::double_value, 0));
  CHECK_FALSE(typed(DataType::boolean, in_int, 1));
  CHECK_FALSE(typed(DataType::string, ValueSlot::bytes_value, 0, "x"));
  CHECK_FALSE(typed(DataType::bytes, ValueSlot::string_value, 0, "x"));
  CHECK_FALSE(typed(DataType::data_set, ValueSlot::template_value, 0));
  CHECK_FALSE(typed(DataType::float64, in_int, 1));
}

TEST_CASE("without a datatype, or with one nobody knows, the slot decides", "[sparkplug]") {
  for (const std::uint32_t number : {0u, 35u, 4'000'000'000u}) {
    const auto value = typed_value({in_int, 7, {}}, false, number);
    REQUIRE(value.has_value());
    CHECK(value->type == DataType::uint32);
    CHECK(value->number == 7);
  }
  const auto extension = typed_value({ValueSlot::extension_value, 0, {}}, false, 0);
  REQUIRE(extension.has_value());
  CHECK(extension->is_null);
}

TEST_CASE("null is null, whatever stands beside it", "[sparkplug]") {
  const auto flagged = typed_value({in_int, 7, {}}, true, 3);
  REQUIRE(flagged.has_value());
  CHECK(flagged->is_null);
  CHECK(flagged->type == DataType::int32);
  CHECK(typed_value({}, false, 3) == flagged);
  CHECK(json_of(DataType::int32, ValueSlot::none, 0) == "null");
}

TEST_CASE("arrays become JSON arrays, the first Boolean from the highest bit", "[sparkplug]") {
  constexpr auto slot = ValueSlot::bytes_value;
  CHECK(json_of(DataType::int8_array, slot, 0, "\xe9\x7b"s) == "[-23,123]");
  CHECK(json_of(DataType::uint16_array, slot, 0, "\x1e\x00\x88\xcc"s) == "[30,52360]");
  CHECK(json_of(DataType::boolean_array, slot, 0, "\x0a\x00\x00\x00\xc0\x40"s) ==
        "[true,true,false,false,false,false,false,false,false,true]");
  CHECK(json_of(DataType::string_array, slot, 0, "a\0\0\"\0"s) == R"(["a","","\""])");
  CHECK(json_of(DataType::string_array, slot, 0, "") == "[]");
  CHECK(json_of(DataType::float_array, slot, 0, "\x00\x00\xc0\x3f\x00\x00\xc0\x7f"s) ==
        R"([1.5,"NaN"])");
}

TEST_CASE("an array whose bytes do not fit is no value", "[sparkplug]") {
  constexpr auto slot = ValueSlot::bytes_value;
  CHECK_FALSE(typed(DataType::int16_array, slot, 0, "abc"));
  CHECK_FALSE(typed(DataType::double_array, slot, 0, "abcdefg"));
  CHECK_FALSE(typed(DataType::boolean_array, slot, 0, "abc"));
  CHECK_FALSE(typed(DataType::boolean_array, slot, 0, "\x09\x00\x00\x00\xff"s));
  CHECK_FALSE(typed(DataType::boolean_array, slot, 0, "\xff\xff\xff\xff\xff"s));
  CHECK_FALSE(typed(DataType::boolean_array, slot, 0, "\x01\x00\x00\x00\xff\xff"s));
  CHECK_FALSE(typed(DataType::string_array, slot, 0, "abc"));
}

TEST_CASE("a data set with many rows and fewer types than columns is shown row by row",
          "[sparkplug]") {
  // A type per row walk would make this a test of minutes.
  constexpr std::size_t rows = 200'000;
  const std::string row = "\x22\x08\x0a\x02\x08\x07\x0a\x02\x08\x09"s;
  std::string data_set = "\x18\x01"s;  // one type, Int8
  for (std::size_t i = 0; i < rows; ++i) data_set += row;
  const std::string json = json_of(DataType::data_set, ValueSlot::dataset_value, 0, data_set);
  CHECK(json.starts_with(R"({"columns":[],"types":["Int8"],"rows":[[7,9],[7,9],)"));
  CHECK(json.size() == 41 + rows * 6 - 1);
}

TEST_CASE("bytes are base64", "[sparkplug]") {
  constexpr auto slot = ValueSlot::bytes_value;
  CHECK(json_of(DataType::bytes, slot, 0, "") == "\"\"");
  CHECK(json_of(DataType::bytes, slot, 0, "f") == "\"Zg==\"");
  CHECK(json_of(DataType::bytes, slot, 0, "fo") == "\"Zm8=\"");
  CHECK(json_of(DataType::file, slot, 0, "foobar") == "\"Zm9vYmFy\"");
  CHECK(json_of(DataType::bytes, slot, 0, "\xff\xfe\xfd"s) == "\"//79\"");
}

TEST_CASE("datatypes have the specification's names", "[sparkplug]") {
  CHECK(to_string(DataType::float32) == "Float");
  CHECK(to_string(DataType::date_time_array) == "DateTimeArray");
  for (std::uint32_t number = 0; number < data_types_count; ++number) {
    const DataType type = data_type(number);
    CHECK(data_type(to_string(type)) == type);
  }
  CHECK_FALSE(data_type("float").has_value());
}

TEST_CASE("the Quality property says Good, Bad or Stale, and Good when it is not there",
          "[sparkplug][tck-id-payloads-propertyset-quality-value-type]"
          "[tck-id-payloads-propertyset-quality-value-value]") {
  const auto quality = [](std::uint32_t code) {
    std::string value = "\x08\x03\x18"s;
    for (; code >= 0x80; code >>= 7) value += static_cast<char>(code | 0x80u);
    value += static_cast<char>(code);
    return quality_of("\x0a\x07Quality\x12"s + static_cast<char>(value.size()) + value);
  };
  CHECK(quality(0) == Quality::bad);
  CHECK(quality(192) == Quality::good);
  CHECK(quality(500) == Quality::stale);
  CHECK(quality(64) == Quality::uncertain);
  CHECK(quality(512) == Quality::bad);
  CHECK(quality(0xFFFFFFFFu) == Quality::bad);
  CHECK(quality_of("") == Quality::good);
  CHECK(quality_of("\x0a\x07Quality"s) == Quality::good);
}

TEST_CASE("a property is found by its key, and keys without a value are left", "[sparkplug]") {
  const std::string set = "\x0a\x01k\x0a\x07"s + "engUnit" + "\x12\x02\x18\x01" +
                          "\x12\x05\x42\x03" + "bar" + "\x0a\x03" + "odd";
  CHECK(text_property(set, "engUnit") == "bar");
  CHECK_FALSE(text_property(set, "k").has_value());
  CHECK_FALSE(text_property(set, "odd").has_value());
}

}  // namespace lineshaft::sparkplug
