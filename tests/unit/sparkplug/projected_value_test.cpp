#include "sparkplug/projected_value.h"

#include <bit>
#include <string>

#include "sparkplug/payload.h"
#include "tests/support/catch.h"

namespace lineshaft::sparkplug {
namespace {

using namespace std::string_literals;

constexpr std::uint64_t now_ms = 1'763'600'000'123;

/// What the edge node reads in the command, as JSON; the fault otherwise.
std::string commanded(DataType type, std::string_view json) {
  const WriteCommand command = write_command({"m", std::nullopt, type}, json, now_ms);
  if (command.fault != WriteFault::none) {
    CHECK(command.payload.empty());
    return std::string(to_string(command.fault));
  }
  PayloadReader reader;
  REQUIRE(reader.read(command.payload) == PayloadFault::none);
  REQUIRE(reader.payload().metrics.size() == 1);
  const MetricView& metric = reader.payload().metrics.front();
  CHECK(metric.datatype == static_cast<std::uint32_t>(type));
  const auto value = typed_value(metric.value, metric.is_null, metric.datatype);
  REQUIRE(value.has_value());
  std::string text;
  append_json(text, *value);
  return text;
}

const std::string wrong_type{to_string(WriteFault::wrong_type)};
const std::string out_of_range{to_string(WriteFault::out_of_range)};
const std::string not_json{to_string(WriteFault::not_json)};

}  // namespace

TEST_CASE("a projected value says value, time, quality, type and unit", "[sparkplug]") {
  const Value value{DataType::float64, false, std::bit_cast<std::uint64_t>(52.5), {}};
  std::string json;
  append_projected(json, value, now_ms, Quality::good, "bar \"g\"");
  CHECK(json == R"({"value":52.5,"timestamp":"2025-11-20T00:53:20.123Z","quality":"Good",)"
                R"("type":"Double","unit":"bar \"g\""})");
  json.clear();
  append_projected(json, {DataType::int8, true, 0, {}}, 0, Quality::stale, "");
  CHECK(json ==
        R"({"value":null,"timestamp":"1970-01-01T00:00:00.000Z","quality":"Stale","type":"Int8"})");
}

TEST_CASE("a time that has no date is null, the last one that has is not", "[sparkplug]") {
  std::string json;
  append_projected(json, {}, 253'402'300'799'999, Quality::bad, "");
  CHECK(json.find("\"9999-12-31T23:59:59.999Z\"") != std::string::npos);
  json.clear();
  append_projected(json, {}, ~std::uint64_t{0}, Quality::bad, "");
  CHECK(json.find("\"timestamp\":null") != std::string::npos);
}

TEST_CASE("a written number is checked against the range of its datatype",
          "[sparkplug][tck-id-operational-behavior-data-commands-ncmd-metric-value]"
          "[tck-id-operational-behavior-data-commands-dcmd-metric-value]") {
  CHECK(commanded(DataType::int8, "-128") == "-128");
  CHECK(commanded(DataType::int8, "-129") == out_of_range);
  CHECK(commanded(DataType::int8, "128") == out_of_range);
  CHECK(commanded(DataType::uint16, "65535") == "65535");
  CHECK(commanded(DataType::uint16, "65536") == out_of_range);
  CHECK(commanded(DataType::uint8, "-1") == out_of_range);
  CHECK(commanded(DataType::int32, "-2147483648") == "-2147483648");
  CHECK(commanded(DataType::uint32, "4294967295") == "4294967295");
  CHECK(commanded(DataType::int64, "-9223372036854775808") == "-9223372036854775808");
  CHECK(commanded(DataType::int64, "9223372036854775808") == out_of_range);
  CHECK(commanded(DataType::uint64, "18446744073709551615") == "18446744073709551615");
  CHECK(commanded(DataType::uint64, "18446744073709551616") == out_of_range);
  CHECK(commanded(DataType::date_time, "1763600000000") == "1763600000000");
  CHECK(commanded(DataType::int16, "5.0") == "5");
  CHECK(commanded(DataType::int16, "5.5") == wrong_type);
  CHECK(commanded(DataType::float32, "1e39") == out_of_range);
  CHECK(commanded(DataType::float32, "1") == "1");
  CHECK(commanded(DataType::float64, "0.1") == "0.1");
  CHECK(commanded(DataType::float64, "\"-Infinity\"") == "\"-Infinity\"");
}

TEST_CASE("what is not of the metric's datatype is no command", "[sparkplug]") {
  CHECK(commanded(DataType::int32, "\"1\"") == wrong_type);
  CHECK(commanded(DataType::int32, "true") == wrong_type);
  CHECK(commanded(DataType::boolean, "1") == wrong_type);
  CHECK(commanded(DataType::string, "1") == wrong_type);
  CHECK(commanded(DataType::float64, "\"1\"") == wrong_type);
  CHECK(commanded(DataType::float64, "null") == wrong_type);
  CHECK(commanded(DataType::bytes, "\"a\"") == wrong_type);
  CHECK(commanded(DataType::bytes, "\"a$==\"") == wrong_type);
  CHECK(commanded(DataType::int32, "") == not_json);
  CHECK(commanded(DataType::int32, "{") == not_json);
  CHECK(commanded(DataType::int32, "{\"v\":1}") == not_json);
  CHECK(commanded(DataType::int32, std::string(60'000, '[')) == not_json);
  CHECK(commanded(DataType::data_set, "{\"value\":{}}") == to_string(WriteFault::read_only));
  CHECK(commanded(DataType::unknown, "1") == to_string(WriteFault::read_only));
}

TEST_CASE("what a projected topic says can be written back", "[sparkplug]") {
  CHECK(commanded(DataType::boolean, "{\"value\":true,\"quality\":\"Good\"}") == "true");
  CHECK(commanded(DataType::string, R"("Gr\u00fc\u00dfe")") == "\"Grüße\"");
  CHECK(commanded(DataType::bytes, "\"//79\"") == "\"//79\"");
  CHECK(commanded(DataType::bytes, "\"Zm8=\"") == "\"Zm8=\"");
  CHECK(commanded(DataType::int8_array, "[-1,2]") == "[-1,2]");
  CHECK(commanded(DataType::int8_array, "[300]") == out_of_range);
  CHECK(commanded(DataType::uint64_array, "[18446744073709551615]") == "[18446744073709551615]");
  CHECK(commanded(DataType::float_array, "[1.5,\"NaN\"]") == "[1.5,\"NaN\"]");
  CHECK(commanded(DataType::double_array, "[]") == "[]");
  CHECK(commanded(DataType::boolean_array, "[true,false,true,true,false,true,true,false,true]") ==
        "[true,false,true,true,false,true,true,false,true]");
  CHECK(commanded(DataType::string_array, R"(["a","","b"])") == R"(["a","","b"])");
  CHECK(commanded(DataType::string_array, R"(["a\u0000"])") == wrong_type);
  CHECK(commanded(DataType::date_time_array, "[1763600000000]") == "[1763600000000]");
  CHECK(commanded(DataType::int8_array, "1") == wrong_type);
}

TEST_CASE("a command goes by alias where the birth gave one, and carries no seq",
          "[sparkplug][tck-id-payloads-alias-data-cmd-requirement][tck-id-payloads-dcmd-seq]"
          "[tck-id-topics-dcmd-payload][tck-id-payloads-dcmd-timestamp]") {
  const WriteCommand command = write_command({"m", 12, DataType::boolean}, "true", now_ms);
  PayloadReader reader;
  REQUIRE(reader.read(command.payload) == PayloadFault::none);
  const PayloadView& payload = reader.payload();
  CHECK(payload.timestamp == now_ms);
  CHECK_FALSE(payload.has_seq);
  REQUIRE(payload.metrics.size() == 1);
  CHECK(payload.metrics[0].alias == 12);
  CHECK_FALSE(payload.metrics[0].has_name);
  CHECK(payload.metrics[0].datatype == 0);
  CHECK(payload.metrics[0].timestamp == now_ms);
}

}  // namespace lineshaft::sparkplug
