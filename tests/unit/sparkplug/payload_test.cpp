#include "sparkplug/payload.h"

#include <string>

#include "broker/base/limits.h"
#include "tests/support/catch.h"
#include "tests/support/sparkplug_dump.h"

namespace lineshaft::sparkplug {
namespace {

using namespace std::string_literals;

/// A field of bytes: its tag, its length, its content.
std::string field(char tag, const std::string& content) {
  std::string bytes(1, tag);
  std::size_t size = content.size();
  while (size >= 0x80) {
    bytes += static_cast<char>(size | 0x80u);
    size >>= 7;
  }
  return bytes + static_cast<char>(size) + content;
}

PayloadFault fault_of(const std::string& bytes) {
  PayloadReader reader;
  const PayloadFault fault = reader.read(bytes);
  if (fault != PayloadFault::none) CHECK(reader.payload().metrics.empty());
  return fault;
}

}  // namespace

TEST_CASE("an empty payload is a payload without anything", "[sparkplug]") {
  PayloadReader reader;
  CHECK(reader.read("") == PayloadFault::none);
  CHECK_FALSE(reader.payload().has_timestamp);
  CHECK_FALSE(reader.payload().has_seq);
  CHECK(reader.payload().metrics.empty());
}

TEST_CASE("an alias of 0 and an empty name are there", "[sparkplug]") {
  const std::string bytes = field('\x12', "\x0a\x00\x10\x00"s);
  PayloadReader reader;
  REQUIRE(reader.read(bytes) == PayloadFault::none);
  REQUIRE(reader.payload().metrics.size() == 1);
  const MetricView& metric = reader.payload().metrics.front();
  CHECK(metric.has_name);
  CHECK(metric.name.empty());
  CHECK(metric.has_alias);
  CHECK(metric.alias == 0);
  CHECK_FALSE(metric.has_timestamp);
}

TEST_CASE("of a value written twice the last counts, also of another type", "[sparkplug]") {
  const std::string bytes = field('\x12', "\x50\x05\x70\x01"s);
  PayloadReader reader;
  REQUIRE(reader.read(bytes) == PayloadFault::none);
  CHECK(reader.payload().metrics.front().value.slot == ValueSlot::boolean_value);
  CHECK(dump(reader.payload()) == dump_by_protobuf(bytes));
}

TEST_CASE("numbers of every length are read as Protocol Buffers reads them", "[sparkplug]") {
  for (unsigned size = 1; size <= 10; ++size) {
    for (unsigned padding = 0; padding < 12; ++padding) {
      std::string number(size - 1, '\xd5');
      number += size == 10 ? '\x01' : '\x2a';
      // The padding decides whether eight bytes may be read at once.
      const std::string bytes = "\x08"s + number + field('\x2a', std::string(padding, 'x'));
      CAPTURE(size, padding);
      PayloadReader reader;
      REQUIRE(reader.read(bytes) == PayloadFault::none);
      CHECK(dump(reader.payload()) == dump_by_protobuf(bytes));
      PayloadReader at_end;
      REQUIRE(at_end.read("\x08"s + number) == PayloadFault::none);
      CHECK(at_end.payload().timestamp == reader.payload().timestamp);
    }
  }
}

TEST_CASE("bytes that are no payload are refused for what they are", "[sparkplug]") {
  const std::string eleven(10, '\x80');
  CHECK(fault_of("\x08"s + eleven + "\x01") == PayloadFault::bad_varint);
  CHECK(fault_of("\x08"s + eleven + "\x01" + std::string(8, '\0')) == PayloadFault::bad_varint);
  CHECK(fault_of(std::string(5, '\x80') + "\x01") == PayloadFault::bad_varint);
  CHECK(fault_of("\x08") == PayloadFault::cut_off);
  CHECK(fault_of("\x08\x80") == PayloadFault::cut_off);
  CHECK(fault_of("\x12\x05\x0a\x01") == PayloadFault::cut_off);
  CHECK(fault_of("\x12\xff\xff\xff\xff\x7f") == PayloadFault::cut_off);
  CHECK(fault_of(field('\x12', "\x69\x01\x02")) == PayloadFault::cut_off);
  CHECK(fault_of("\x00\x01"s) == PayloadFault::bad_field);
  CHECK(fault_of("\x0e\x01"s) == PayloadFault::bad_field);
  CHECK(fault_of("\x0c"s) == PayloadFault::bad_field);
  CHECK(fault_of("\x33\x3c"s) == PayloadFault::bad_field);
  CHECK(fault_of("\x33"s) == PayloadFault::cut_off);
  CHECK(fault_of("\x33\x08\x01\x34"s) == PayloadFault::none);
  CHECK(fault_of("hello, world") != PayloadFault::none);
}

TEST_CASE("a fault in an inner message is one of the payload", "[sparkplug]") {
  // A template whose member is cut off, a data set whose packed types are, a property set.
  CHECK(fault_of(field('\x12', "\x92\x01\x03\x12\x05\x0a"s)) == PayloadFault::cut_off);
  CHECK(fault_of(field('\x12', "\x8a\x01\x03\x1a\x01\x80"s)) == PayloadFault::cut_off);
  CHECK(fault_of(field('\x12', "\x4a\x02\x12\x05"s)) == PayloadFault::cut_off);
  CHECK(fault_of(field('\x12', "\x42\x01\x07"s)) == PayloadFault::bad_field);
}

TEST_CASE("an inner message in two pieces is refused", "[sparkplug]") {
  const std::string set = "\x4a\x03\x0a\x01q"s;
  CHECK(fault_of(field('\x12', set)) == PayloadFault::none);
  CHECK(fault_of(field('\x12', set + set)) == PayloadFault::split_message);
  const std::string body = "\x92\x01\x03\x0a\x01v"s;
  CHECK(fault_of(field('\x12', body + body)) == PayloadFault::split_message);
  const std::string inside = field('\x12', set + set);
  CHECK(fault_of(field('\x12', "\x92\x01"s + static_cast<char>(inside.size()) + inside)) ==
        PayloadFault::split_message);
}

TEST_CASE("templates in templates are refused beyond the bound, thousands as well", "[sparkplug]") {
  const auto nested = [](std::size_t count) {
    std::string metric = "\x0a\x01m";
    for (std::size_t level = 0; level < count; ++level) {
      metric = "\x92"s + field('\x01', field('\x12', metric));
    }
    return field('\x12', metric);
  };
  CHECK(fault_of(nested(1)) == PayloadFault::none);
  CHECK(fault_of(nested(limits::sparkplug_nesting_max / 2)) == PayloadFault::none);
  CHECK(fault_of(nested(limits::sparkplug_nesting_max / 2 + 1)) == PayloadFault::too_deep);
  CHECK(fault_of(nested(3000)) == PayloadFault::too_deep);
  CHECK(fault_of(std::string(100'000, '\x33')) == PayloadFault::too_deep);
}

TEST_CASE("more metrics than the bound are refused", "[sparkplug]") {
  std::string bytes;
  for (std::size_t count = 0; count < limits::sparkplug_metrics_max; ++count) {
    bytes += "\x12\x00"s;
  }
  CHECK(fault_of(bytes) == PayloadFault::none);
  CHECK(fault_of(bytes + "\x12\x00"s) == PayloadFault::too_many);
}

TEST_CASE("a payload cut anywhere is refused or shorter, and never more than it was",
          "[sparkplug]") {
  const std::string metric = "\x0a\x04Temp\x10\x0a\x18\x8a\xc8\x81\xf6\xa9\x33\x20\x0a\x69"s +
                             std::string(8, '\x41') + "\x4a\x05\x0a\x01k\x12\x00"s;
  const std::string bytes = "\x08\x8a\xc8\x81\xf6\xa9\x33"s + field('\x12', metric) + "\x18\x01";
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    CAPTURE(size);
    PayloadReader reader;
    const PayloadFault fault = reader.read(cut);
    const std::string wanted = dump_by_protobuf(cut);
    CHECK((fault == PayloadFault::none) == !wanted.empty());
    if (fault == PayloadFault::none) CHECK(dump(reader.payload()) == wanted);
  }
}

}  // namespace lineshaft::sparkplug
