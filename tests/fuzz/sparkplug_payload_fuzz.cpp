// Sparkplug payloads: our reader and Protocol Buffers agree on every payload, values become valid
// JSON, and what is written means what was read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "sparkplug/payload.h"
#include "sparkplug/payload_writer.h"
#include "sparkplug/value.h"
#include "tests/support/sparkplug_dump.h"

namespace lineshaft::sparkplug {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Protocol Buffers reads these; we refuse them on purpose.
bool is_stricter(PayloadFault fault) {
  return fault == PayloadFault::too_deep || fault == PayloadFault::too_many ||
         fault == PayloadFault::split_message;
}

void check_metric(const MetricView& metric) {
  const auto value = typed_value(metric.value, metric.is_null, metric.datatype);
  if (!value) return;
  std::string json;
  append_json(json, *value);
  require(nlohmann::json::accept(json));

  // Property sets are no value of a metric, and an extension cannot be written.
  if (kind_of(value->type) == ValueKind::none) return;
  MetricToWrite written;
  written.name = metric.name;
  written.value = *value;
  PayloadWriter writer(7);
  writer.add(written);
  const std::string bytes = writer.finish(8);
  PayloadReader reader;
  require(reader.read(bytes) == PayloadFault::none);
  const PayloadView& again = reader.payload();
  require(again.timestamp == 7 && again.seq == 8 && again.metrics.size() == 1);
  const MetricView& copy = again.metrics.front();
  require(copy.name == metric.name);
  const auto read = typed_value(copy.value, copy.is_null, copy.datatype);
  require(read.has_value() && *read == *value);
}

void check_patch(std::string_view bytes, const PayloadView& payload) {
  const std::string patched = patched_timestamp(bytes, 1'763'600'000'000);
  PayloadReader reader;
  require(reader.read(patched) == PayloadFault::none);
  require(reader.payload().has_timestamp && reader.payload().timestamp == 1'763'600'000'000);
  PayloadView expected = payload;
  expected.has_timestamp = true;
  expected.timestamp = reader.payload().timestamp;
  require(dump(reader.payload()) == dump(expected));
}

}  // namespace

void check_payload(std::string_view bytes) {
  PayloadReader reader;
  const PayloadFault fault = reader.read(bytes);
  if (is_stricter(fault)) return;
  const std::string by_protobuf = dump_by_protobuf(bytes);
  if (fault != PayloadFault::none) {
    require(by_protobuf.empty() && reader.payload().metrics.empty());
    patched_timestamp(bytes, 1);
    return;
  }
  require(dump(reader.payload()) == by_protobuf);
  for (const MetricView& metric : reader.payload().metrics) check_metric(metric);
  check_patch(bytes, reader.payload());
}

}  // namespace lineshaft::sparkplug

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  lineshaft::sparkplug::check_payload({reinterpret_cast<const char*>(data), size_bytes});
  return 0;
}
