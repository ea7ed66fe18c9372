#include "sparkplug/payload_writer.h"

#include <fstream>
#include <iterator>
#include <string>

#include "sparkplug/payload.h"
#include "tests/support/catch.h"
#include "tests/support/sparkplug_dump.h"

namespace lineshaft::sparkplug {
namespace {

using namespace std::string_literals;

std::string vector_file(const std::string& name) {
  std::ifstream in("tests/vectors/sparkplug/" + name, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a rebirth request is the vector's, byte by byte",
          "[sparkplug][tck-id-operational-behavior-data-commands-ncmd-rebirth-name]"
          "[tck-id-operational-behavior-data-commands-ncmd-rebirth-value]"
          "[tck-id-topics-ncmd-timestamp][tck-id-payloads-ncmd-seq]") {
  MetricToWrite rebirth;
  rebirth.name = "Node Control/Rebirth";
  rebirth.timestamp = 1763600000000;
  rebirth.value = {DataType::boolean, false, 1, {}};
  PayloadWriter writer(1763600000000);
  writer.add(rebirth);
  CHECK(writer.finish(std::nullopt) == vector_file("09-ncmd-rebirth.bin"));
}

TEST_CASE("a device command by alias leaves name and datatype out",
          "[sparkplug][tck-id-payloads-alias-data-cmd-requirement][tck-id-payloads-dcmd-seq]") {
  MetricToWrite command;
  command.alias = 12;
  command.timestamp = 1763600000000;
  command.value = {DataType::boolean, false, 1, {}};
  command.with_datatype = false;
  PayloadWriter writer(1763600000000);
  writer.add(command);
  CHECK(writer.finish(std::nullopt) == vector_file("10-dcmd-alias.bin"));
}

TEST_CASE("every kind of value is written so that it is read as it was", "[sparkplug]") {
  for (const char* const name :
       {"11-all-scalars.bin", "14-null-values.bin", "16-dataset.bin", "17-template-nbirth.bin",
        "19-properties.bin", "20-arrays.bin", "21-bytes-file.bin"}) {
    CAPTURE(name);
    const std::string bytes = vector_file(name);
    PayloadReader reader;
    REQUIRE(reader.read(bytes) == PayloadFault::none);
    const PayloadView& payload = reader.payload();
    PayloadWriter writer(payload.timestamp);
    for (const MetricView& metric : payload.metrics) {
      MetricToWrite copy;
      copy.name = metric.name;
      if (metric.has_alias) copy.alias = metric.alias;
      copy.timestamp = metric.timestamp;
      copy.value = *typed_value(metric.value, metric.is_null, metric.datatype);
      copy.properties = metric.properties;
      copy.metadata = metric.metadata;
      writer.add(copy);
    }
    CHECK(dump_by_protobuf(writer.finish(payload.seq)) == dump_by_protobuf(bytes));
  }
}

TEST_CASE("an NDEATH gets the time of its delivery, and nothing else changes",
          "[sparkplug][tck-id-conformance-mqtt-aware-ndeath-timestamp]") {
  const std::string without = vector_file("06-ndeath.bin");
  const std::string with = vector_file("07-ndeath-timestamp.bin");
  const std::string stamp = "\x08\x80\x89\xc1\x94\xaa\x33"s;  // 1763640000128
  PayloadReader reader;
  REQUIRE(reader.read(stamp) == PayloadFault::none);
  const std::uint64_t now = reader.payload().timestamp;
  CHECK(patched_timestamp(without, now) == stamp + without);
  CHECK(patched_timestamp(with, now) == stamp + with.substr(stamp.size()));
  CHECK(patched_timestamp("", now) == stamp);
}

TEST_CASE("unknown fields and the order of fields survive the patch",
          "[sparkplug][tck-id-conformance-mqtt-aware-ndeath-timestamp]") {
  const std::string before = "\x12\x02\x10\x07\xa0\x06\x07"s;
  const std::string after = "\xaa\x06\x03"s + "abc";
  CHECK(patched_timestamp(before + "\x08\x05" + after + "\x08\x06", 9) ==
        before + "\x08\x09" + after);
  // The timestamp as bytes is not the timestamp.
  CHECK(patched_timestamp("\x0a\x01x"s, 9) == "\x08\x09\x0a\x01x");
}

TEST_CASE("a death that is no payload is delivered as it is", "[sparkplug]") {
  CHECK(patched_timestamp("OFFLINE", 9) == "OFFLINE");
  CHECK(patched_timestamp("\x12\x7fx", 9) == "\x12\x7fx");
}

}  // namespace lineshaft::sparkplug
