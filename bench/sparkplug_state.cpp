// What a message costs the host view: decode, find, store. The project's bound is 60 ns per metric
// for DDATA of 100 metrics.
//
//   bench_sparkplug_state
#include <benchmark/benchmark.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sparkplug/edge_nodes.h"
#include "sparkplug/payload_writer.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::sparkplug;

constexpr std::uint64_t epoch_ms = 1'763'600'000'000;
constexpr Now now{Instant{}, WallTime{Milliseconds{epoch_ms}}};

enum class Found : std::uint8_t { alias, name };

std::string payload(std::size_t metrics, Found found, bool is_birth, std::uint64_t seq) {
  PayloadWriter writer(epoch_ms);
  for (std::size_t i = 0; i < metrics; ++i) {
    const std::string name = "Line 4/Motor/Speed-" + std::to_string(i);
    MetricToWrite metric;
    if (is_birth || found == Found::name) metric.name = name;
    if (found == Found::alias) metric.alias = i;
    metric.timestamp = epoch_ms;
    metric.with_datatype = is_birth;
    metric.value = {
        DataType::float64, false, std::bit_cast<std::uint64_t>(static_cast<double>(i) * 1.25), {}};
    writer.add(metric);
  }
  return writer.finish(seq);
}

void publish(EdgeNodes& machine, const Topic& topic, const std::string& bytes) {
  benchmark::DoNotOptimize(machine.on_publish({topic, bytes, {1, "gateway"}}, now));
}

void bear(EdgeNodes& machine, std::string_view node, std::size_t metrics, Found found) {
  publish(machine, {MessageType::nbirth, "G", node, {}}, payload(0, found, true, 0));
  publish(machine, {MessageType::dbirth, "G", node, "D"}, payload(metrics, found, true, 1));
}

/// `nodes` edge nodes in turn, a device with so many metrics each.
void data(benchmark::State& state, Found found) {
  const auto metrics = static_cast<std::size_t>(state.range(0));
  const auto nodes = static_cast<std::size_t>(state.range(1));
  EdgeNodes machine(EdgeNodesConfig{});
  std::vector<std::string> names;
  for (std::size_t i = 0; i < nodes; ++i) names.push_back("Gateway-" + std::to_string(i));
  for (const std::string& name : names) bear(machine, name, metrics, found);
  std::vector<std::string> by_seq;
  for (std::uint64_t seq = 0; seq < 256; ++seq) {
    by_seq.push_back(payload(metrics, found, false, seq));
  }
  std::uint64_t round = 2;
  std::size_t at = 0;
  for (auto _ : state) {
    publish(machine, {MessageType::ddata, "G", names[at], "D"}, by_seq[round % 256]);
    if (++at == nodes) {
      at = 0;
      ++round;
    }
  }
  const auto done = static_cast<double>(state.iterations()) * static_cast<double>(metrics);
  state.counters["per_metric"] =
      benchmark::Counter(done, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  if (machine.totals().nodes_here != nodes) state.SkipWithError("not in sequence");
}

void state_ddata_by_alias(benchmark::State& state) { data(state, Found::alias); }
BENCHMARK(state_ddata_by_alias)->Args({100, 1})->Args({100, 1'000})->Args({1, 1});

void state_ddata_by_name(benchmark::State& state) { data(state, Found::name); }
BENCHMARK(state_ddata_by_name)->Args({100, 1});

void state_dbirth(benchmark::State& state) {
  const auto metrics = static_cast<std::size_t>(state.range(0));
  EdgeNodes machine(EdgeNodesConfig{});
  bear(machine, "Gateway", metrics, Found::alias);
  std::vector<std::string> by_seq;
  for (std::uint64_t seq = 0; seq < 256; ++seq) {
    by_seq.push_back(payload(metrics, Found::alias, true, seq));
  }
  std::uint64_t seq = 2;
  for (auto _ : state) {
    publish(machine, {MessageType::dbirth, "G", "Gateway", "D"}, by_seq[seq++ % 256]);
  }
  const auto done = static_cast<double>(state.iterations()) * static_cast<double>(metrics);
  state.counters["per_metric"] =
      benchmark::Counter(done, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(state_dbirth)->Arg(100)->Arg(10'000);

/// Birth and death of an edge node without metrics of its own; its device has as many as stated.
void state_death(benchmark::State& state) {
  EdgeNodes machine(EdgeNodesConfig{});
  bear(machine, "Gateway", static_cast<std::size_t>(state.range(0)), Found::alias);
  const std::string birth = payload(0, Found::alias, true, 0);
  const std::string death = payload(0, Found::alias, true, 0);
  for (auto _ : state) {
    publish(machine, {MessageType::ndeath, "G", "Gateway", {}}, death);
    publish(machine, {MessageType::nbirth, "G", "Gateway", {}}, birth);
  }
}
BENCHMARK(state_death)->Arg(100)->Arg(10'000);

}  // namespace
