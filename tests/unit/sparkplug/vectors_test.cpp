// Every vector of tests/vectors/sparkplug decodes as its index says, and as Protocol Buffers does.
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "sparkplug/nested.h"
#include "sparkplug/payload.h"
#include "sparkplug/topic.h"
#include "sparkplug/value.h"
#include "tests/support/catch.h"
#include "tests/support/sparkplug_dump.h"

namespace lineshaft::sparkplug {
namespace {

using nlohmann::json;

std::string file(const std::string& name) {
  std::ifstream in("tests/vectors/sparkplug/" + name, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

json to_json(const Value& value) {
  std::string text;
  append_json(text, value);
  return json::parse(text);
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  }
  return bytes;
}

bool same(const json& expected, const json& actual, DataType type);

bool same_elements(const json& expected, const json& actual, DataType type) {
  if (expected.size() != actual.size()) return false;
  for (std::size_t index = 0; index < expected.size(); ++index) {
    if (!same(expected[index], actual[index], type)) return false;
  }
  return true;
}

/// The index writes 64-bit integers as strings and floats as the double they are.
bool same(const json& expected, const json& actual, DataType type) {
  if (expected.is_array()) return same_elements(expected, actual, type);
  if (expected.is_number() && actual.is_number()) {
    const bool is_float = type == DataType::float32 || type == DataType::float_array;
    if (is_float) return static_cast<float>(expected) == static_cast<float>(actual);
    return expected == actual;
  }
  if (expected.is_string() && actual.is_number()) return expected == actual.dump();
  return expected == actual;
}

bool same_members(const json& expected, const json& actual) {
  for (const json& member : expected) {
    const auto found = actual.find(member["name"].get<std::string>());
    if (found == actual.end() || !same(member["value"], *found, DataType::unknown)) return false;
  }
  return expected.size() == actual.size();
}

void check_template(const json& expected, std::string_view bytes, const json& actual) {
  const TemplateWalk walk(bytes);
  CHECK(walk.is_definition() == expected["isDefinition"].get<bool>());
  CHECK(walk.version().value_or("") == expected.value("version", ""));
  CHECK(walk.reference().value_or("") == expected.value("ref", ""));
  CHECK(same_members(expected["metrics"], actual["metrics"]));
  CHECK(same_members(expected.value("parameters", json::array()),
                     actual.value("parameters", json::object())));
}

void check_data_set(const json& expected, const json& actual) {
  CHECK(expected["columns"] == actual["columns"]);
  CHECK(expected["rows"] == actual["rows"]);
  REQUIRE(expected["types"].size() == actual["types"].size());
  for (std::size_t index = 0; index < expected["types"].size(); ++index) {
    const DataType type = data_type(expected["types"][index].get<std::uint32_t>());
    CHECK(actual["types"][index] == to_string(type));
  }
}

void check_properties(const json& expected, std::string_view bytes) {
  PropertyWalk walk(bytes);
  PropertyView property;
  std::size_t count = 0;
  while (walk.next(property)) {
    ++count;
    CAPTURE(property.key);
    const json& one = expected.at(std::string(property.key));
    CHECK(property.datatype == one["type"].get<std::uint32_t>());
    CHECK(property.is_null == one.value("isNull", false));
    if (property.is_null || one["type"] == 20 || one["type"] == 21) continue;
    const auto value = typed_value(property.value, property.is_null, property.datatype);
    REQUIRE(value.has_value());
    CHECK(same(one["value"], to_json(*value), value->type));
  }
  CHECK(count == expected.size());
}

void check_value(const json& expected, const MetricView& metric) {
  // As the state machine does: the datatype of the birth where the message has none.
  const auto value =
      typed_value(metric.value, metric.is_null, expected["datatype"].get<std::uint32_t>());
  REQUIRE(value.has_value());
  CHECK(value->is_null == expected.value("isNull", false));
  if (value->is_null) return;
  const json actual = to_json(*value);
  const json& wanted = expected["value"];
  CAPTURE(wanted.dump(), actual.dump());
  if (value->type == DataType::template_type) return check_template(wanted, value->bytes, actual);
  if (value->type == DataType::data_set) return check_data_set(wanted, actual);
  if (kind_of(value->type) == ValueKind::bytes) {
    CHECK(value->bytes == from_hex(wanted.get<std::string>().substr(4)));
    return;
  }
  CHECK(same(wanted, actual, value->type));
}

void check_metric(const json& expected, const MetricView& metric) {
  CAPTURE(expected.dump());
  CHECK(metric.has_name == expected.contains("name"));
  CHECK(metric.name == expected.value("name", ""));
  CHECK(metric.has_alias == expected.contains("alias"));
  CHECK(std::to_string(metric.alias) == expected.value("alias", "0"));
  CHECK(metric.timestamp == expected.value("timestamp", std::uint64_t{0}));
  CHECK(metric.is_historical == expected.value("isHistorical", false));
  CHECK(metric.is_transient == expected.value("isTransient", false));
  const std::uint32_t datatype = expected["datatype"].get<std::uint32_t>();
  CHECK(metric.datatype == (expected.value("omitType", false) ? 0 : datatype));
  CHECK(metric.metadata.empty() == !expected.contains("metadata"));
  check_properties(expected.value("properties", json::object()), metric.properties);
  check_value(expected, metric);
}

}  // namespace

TEST_CASE("every vector decodes as described, and as Protocol Buffers decodes it",
          "[sparkplug][tck-id-message-flow-edge-node-birth-publish-nbirth-payload]"
          "[tck-id-message-flow-device-birth-publish-dbirth-payload]"
          "[tck-id-payloads-metric-datatype-value-type]") {
  for (const json& vector : json::parse(file("index.json"))) {
    const std::string name = vector["file"];
    CAPTURE(name);
    const std::string bytes = file(name);
    CHECK(parse_topic(vector["topic"].get<std::string>()).has_value());
    PayloadReader reader;
    const PayloadFault fault = reader.read(bytes);
    const json expected = vector.value("expect", json::object());
    // A field of another wire type than ours is unknown, not wrong.
    if (expected.value("invalid", false) && name != "inv-wrong-wiretype.bin") {
      CHECK(fault != PayloadFault::none);
      CHECK(dump_by_protobuf(bytes).empty());
      continue;
    }
    REQUIRE(fault == PayloadFault::none);
    CHECK(dump(reader.payload()) == dump_by_protobuf(bytes));
    if (expected.contains("timestamp")) {
      CHECK(reader.payload().timestamp == expected["timestamp"].get<std::uint64_t>());
    }
    CHECK(reader.payload().has_seq == (expected.contains("seq") || reader.payload().has_seq));
    if (expected.contains("seq")) {
      CHECK(reader.payload().seq == expected["seq"].get<std::uint64_t>());
    }
    if (!expected.contains("metrics")) continue;
    REQUIRE(reader.payload().metrics.size() == expected["metrics"].size());
    for (std::size_t index = 0; index < expected["metrics"].size(); ++index) {
      check_metric(expected["metrics"][index], reader.payload().metrics[index]);
    }
  }
}

TEST_CASE("the births of npm and Tahu Python are understood", "[sparkplug]") {
  const auto values = [](const std::string& bytes) {
    PayloadReader reader;
    REQUIRE(reader.read(bytes) == PayloadFault::none);
    json all;
    for (const MetricView& metric : reader.payload().metrics) {
      const auto value = typed_value(metric.value, metric.is_null, metric.datatype);
      REQUIRE(value.has_value());
      all[std::string(metric.name)] = to_json(*value);
    }
    return all;
  };
  const json tahu = values(file("51-tahu-py-nbirth.bin"));
  CHECK(tahu["i8"] == -31);
  CHECK(tahu["i16"] == -19420);
  CHECK(tahu["i32"] == -1168723366);
  CHECK(tahu["i64"] == -3412234084236354410);
  CHECK(tahu["u32"] == 4183528094u);
  CHECK(tahu["s"] == "tahu");
  const json npm = values(file("40-npm-nbirth.bin"));
  CAPTURE(npm.dump());
  CHECK(npm.contains("bdSeq"));
  CHECK(npm["Node Control/Rebirth"] == false);
}

}  // namespace lineshaft::sparkplug
