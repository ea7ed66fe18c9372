// Sparkplug payloads: decoding per metric by hand and by Protocol Buffers, typed values, JSON.
#include <benchmark/benchmark.h>

#include <bit>
#include <string>

#include "sparkplug/payload.h"
#include "sparkplug/payload_writer.h"
#include "sparkplug/projected_value.h"
#include "sparkplug/value.h"
#include "sparkplug_b.pb.h"

namespace lineshaft::sparkplug {
namespace {

constexpr std::uint64_t stamp_ms = 1'763'600'000'000;

/// DDATA of `count` Doubles: alias, timestamp, value.
std::string data_by_alias(std::size_t count) {
  PayloadWriter writer(stamp_ms);
  for (std::size_t index = 0; index < count; ++index) {
    MetricToWrite metric;
    metric.alias = 100 + index;
    metric.timestamp = stamp_ms + index;
    metric.value = {DataType::float64,
                    false,
                    std::bit_cast<std::uint64_t>(20.25 + 0.1 * static_cast<double>(index)),
                    {}};
    metric.with_datatype = false;
    writer.add(metric);
  }
  return writer.finish(7);
}

/// The same as a DBIRTH: with names and datatypes.
std::string birth(std::size_t count) {
  PayloadWriter writer(stamp_ms);
  for (std::size_t index = 0; index < count; ++index) {
    const std::string name = "Filler/Motor " + std::to_string(index) + "/Temperature";
    MetricToWrite metric;
    metric.name = name;
    metric.alias = 100 + index;
    metric.timestamp = stamp_ms + index;
    metric.value = {DataType::float64, false, std::bit_cast<std::uint64_t>(20.25), {}};
    writer.add(metric);
  }
  return writer.finish(1);
}

void per_metric(benchmark::State& state, std::size_t count) {
  state.counters["metric"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(count),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void read_by_hand(benchmark::State& state, const std::string& bytes, std::size_t count) {
  PayloadReader reader;
  for (auto _ : state) {
    benchmark::DoNotOptimize(reader.read(bytes));
    benchmark::DoNotOptimize(reader.payload().metrics.data());
  }
  per_metric(state, count);
}

void read_by_protobuf(benchmark::State& state, const std::string& bytes, std::size_t count) {
  org::eclipse::tahu::protobuf::Payload payload;
  for (auto _ : state) {
    benchmark::DoNotOptimize(payload.ParseFromString(bytes));
  }
  per_metric(state, count);
}

void data_by_hand(benchmark::State& state) { read_by_hand(state, data_by_alias(100), 100); }
void data_by_protobuf(benchmark::State& state) { read_by_protobuf(state, data_by_alias(100), 100); }
void birth_by_hand(benchmark::State& state) { read_by_hand(state, birth(1000), 1000); }
void birth_by_protobuf(benchmark::State& state) { read_by_protobuf(state, birth(1000), 1000); }

void typed_values(benchmark::State& state) {
  const std::string bytes = data_by_alias(100);
  PayloadReader reader;
  reader.read(bytes);
  for (auto _ : state) {
    for (const MetricView& metric : reader.payload().metrics) {
      benchmark::DoNotOptimize(typed_value(metric.value, metric.is_null, 10));
    }
  }
  per_metric(state, 100);
}

void values_to_json(benchmark::State& state) {
  const std::string bytes = data_by_alias(100);
  PayloadReader reader;
  reader.read(bytes);
  std::string json;
  for (auto _ : state) {
    for (const MetricView& metric : reader.payload().metrics) {
      json.clear();
      append_json(json, *typed_value(metric.value, metric.is_null, 10));
    }
    benchmark::DoNotOptimize(json.data());
  }
  per_metric(state, 100);
}

void projected_values(benchmark::State& state) {
  const std::string bytes = data_by_alias(100);
  PayloadReader reader;
  reader.read(bytes);
  std::string json;
  for (auto _ : state) {
    for (const MetricView& metric : reader.payload().metrics) {
      json.clear();
      append_projected(json, *typed_value(metric.value, metric.is_null, 10), metric.timestamp,
                       Quality::good, "bar");
    }
    benchmark::DoNotOptimize(json.data());
  }
  per_metric(state, 100);
}

BENCHMARK(data_by_hand);
BENCHMARK(data_by_protobuf);
BENCHMARK(birth_by_hand);
BENCHMARK(birth_by_protobuf);
BENCHMARK(typed_values);
BENCHMARK(values_to_json);
BENCHMARK(projected_values);

}  // namespace
}  // namespace lineshaft::sparkplug
