// The topic structures alone: names inserted, found, walked and matched, and the memory they take.
//
// The names are ISA-95 like: 10 sites x 10 areas x 10 lines x 10 cells x 10 machines x 10 values.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "broker/core/subscription_trie.h"
#include "broker/core/topic_name.h"
#include "broker/core/topic_trie.h"

namespace {

using namespace lineshaft::core;

constexpr std::size_t million = 1'000'000;

std::string topic_name(std::size_t i) {
  static const char* const values[] = {"temperature", "pressure", "speed", "torque", "vibration",
                                       "state",       "count",    "oee",   "power",  "humidity"};
  const auto digit = [&i] {
    const std::size_t d = i % 10;
    i /= 10;
    return std::to_string(d);
  };
  const std::string value = values[i % 10];
  i /= 10;
  std::string name = "acme/site-" + digit();
  name += "/area-" + digit();
  name += "/line-" + digit();
  name += "/cell-" + digit();
  return name + "/machine-" + digit() + "/" + value;
}

/// The first `count` names in an order that no cache can foresee.
std::vector<std::string> shuffled_names(std::size_t count) {
  std::vector<std::string> names;
  names.reserve(count);
  for (std::size_t i = 0; i < count; ++i) names.push_back(topic_name(i));
  std::shuffle(names.begin(), names.end(), std::mt19937(1));
  return names;
}

const std::vector<std::string>& million_names() {
  static const std::vector<std::string> names = shuffled_names(million);
  return names;
}

std::size_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::unique_ptr<TopicTrie> trie_of(const std::vector<std::string>& names) {
  auto trie = std::make_unique<TopicTrie>(1);
  std::uint32_t value = 0;
  for (const std::string& name : names) trie->set_value(trie->insert(name), value++);
  return trie;
}

TopicTrie& million_trie() {
  static const std::unique_ptr<TopicTrie> trie = trie_of(million_names());
  return *trie;
}

void insert_million_names(benchmark::State& state) {
  const std::vector<std::string>& names = million_names();
  for (auto _ : state) {
    const std::size_t before = heap_bytes();
    const auto trie = trie_of(names);
    state.counters["bytes_per_topic"] = static_cast<double>(heap_bytes() - before) / million;
    state.counters["own_bytes_per_topic"] = static_cast<double>(trie->memory_bytes()) / million;
    state.counters["nodes"] = static_cast<double>(trie->node_count());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * million));
}
BENCHMARK(insert_million_names)->Unit(benchmark::kMillisecond);

void release_million_names(benchmark::State& state) {
  const std::vector<std::string>& names = million_names();
  for (auto _ : state) {
    state.PauseTiming();
    auto trie = trie_of(names);
    state.ResumeTiming();
    for (const std::string& name : names) trie->release(*trie->find(name));
    state.PauseTiming();
    trie.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * million));
}
BENCHMARK(release_million_names)->Unit(benchmark::kMillisecond);

void find_name(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<std::string> names = shuffled_names(count);
  const auto trie = trie_of(names);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(trie->find(names[i]));
    if (++i == count) i = 0;
  }
}
BENCHMARK(find_name)->Arg(100)->Arg(10'000)->Arg(1'000'000);

void walk(benchmark::State& state, const char* filter) {
  TopicTrie& trie = million_trie();
  std::size_t hits = 0;
  std::size_t slices = 0;
  for (auto _ : state) {
    FilterWalk walk(trie, filter);
    ++slices;
    while (!walk.advance(1'000, [&](std::uint32_t) { ++hits; })) ++slices;
  }
  using benchmark::Counter;
  const auto inverted = Counter::kIsRate | Counter::kInvert;
  state.counters["per_hit"] = Counter(static_cast<double>(hits), inverted);
  state.counters["per_slice"] = Counter(static_cast<double>(slices), inverted);
  state.counters["hits"] =
      static_cast<double>(hits) / static_cast<double>(std::max<std::size_t>(state.iterations(), 1));
}
BENCHMARK_CAPTURE(walk, everything, "#")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(walk, one_site, "acme/site-3/#")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(walk, one_value, "acme/+/+/+/+/+/speed")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(walk, one_machine, "acme/site-3/area-1/line-4/cell-1/machine-5/+");
BENCHMARK_CAPTURE(walk, sparse, "acme/+/+/+/+/machine-5/missing")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(walk, exact, "acme/site-3/area-1/line-4/cell-1/machine-5/speed");

Subscriber subscriber(std::size_t session) {
  Subscriber made;
  made.session = static_cast<std::uint32_t>(session);
  return made;
}

/// Exact filters, one per session: the worst for memory, no two share a node.
void subscribe(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<std::string> names = shuffled_names(count);
  for (auto _ : state) {
    const std::size_t before = heap_bytes();
    auto trie = std::make_unique<SubscriptionTrie>(1);
    for (std::size_t i = 0; i < count; ++i) trie->set(names[i], subscriber(i));
    state.counters["bytes_per_filter"] =
        static_cast<double>(heap_bytes() - before) / static_cast<double>(count);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
}
BENCHMARK(subscribe)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

/// A topic against `range` exact filters and the wildcard filters of a plant.
void match(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<std::string> names = shuffled_names(count);
  SubscriptionTrie trie(1);
  for (std::size_t i = 0; i < count; ++i) trie.set(names[i], subscriber(i));
  std::size_t session = count;
  for (const char* filter : {"#", "acme/#", "acme/+/+/+/+/+/speed", "acme/site-3/+/+/+/+/state"}) {
    trie.set(filter, subscriber(session++));
  }
  for (int site = 0; site < 10; ++site) {
    const std::string at = "acme/site-" + std::to_string(site);
    trie.set(at + "/#", subscriber(session++));
    for (int area = 0; area < 10; ++area) {
      trie.set(at + "/area-" + std::to_string(area) + "/#", subscriber(session++));
      trie.set(at + "/area-" + std::to_string(area) + "/+/+/+/state", subscriber(session++));
    }
  }
  Matches matches;
  std::size_t i = 0;
  std::size_t found = 0;
  for (auto _ : state) {
    trie.match(names[i], matches);
    found += matches.subscribers.size();
    if (++i == count) i = 0;
  }
  state.counters["subscribers"] = static_cast<double>(found) /
                                  static_cast<double>(std::max<std::size_t>(state.iterations(), 1));
}
BENCHMARK(match)->Arg(100)->Arg(10'000)->Arg(1'000'000);

void match_one_filter(benchmark::State& state) {
  const std::string topic = topic_name(123'456);
  SubscriptionTrie trie(1);
  trie.set("acme/#", subscriber(1));
  Matches matches;
  for (auto _ : state) trie.match(topic, matches);
}
BENCHMARK(match_one_filter);

void compare_topic_with_filter(benchmark::State& state) {
  const std::string topic = topic_name(123'456);
  for (auto _ : state) {
    benchmark::DoNotOptimize(topic_matches_filter(topic, "acme/+/+/+/+/+/speed"));
  }
}
BENCHMARK(compare_topic_with_filter);

}  // namespace
