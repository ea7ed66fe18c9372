// The policy's decisions that nothing remembers yet, and what a new policy asks of a subscription.
//
// Instructions count, not time:
//   valgrind --tool=callgrind --toggle-collect="*PolicySnapshot::check(*" bench_auth_decision
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "auth/policy_snapshot.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::auth;
using nlohmann::json;

std::string area(std::size_t i) {
  return "plant/area-" + std::to_string(i / 10) + "/line-" + std::to_string(i % 10);
}

/// Three zones, ten roles and conduits with `rules` filters among them.
PolicySnapshotPtr policy_of(std::size_t rules) {
  json document = {{"zones",
                    {{"ot", {{"sl_t", 3}, {"owns", {"plant/#", "spBv1.0/#"}}}},
                     {"dmz", {{"sl_t", 2}, {"owns", {"dmz/#"}}}},
                     {"it", {{"sl_t", 2}, {"owns", {"it/#"}}}}}},
                   {"roles", json::object()},
                   {"conduits", json::array()}};
  const std::size_t each = rules / 10;
  for (std::size_t r = 0; r < 10; ++r) {
    json role = {{"publish", json::array()}, {"subscribe", {"plant/+/+/kpi/#"}}};
    for (std::size_t i = 0; i < each / 2; ++i) {
      role["publish"].push_back(area(r * each + i) + "/#");
      role["subscribe"].push_back(area(r * each + i) + "/+/state");
    }
    document["roles"]["role-" + std::to_string(r)] = role;
  }
  for (int i = 0; i < 20; ++i) {
    document["conduits"].push_back(
        {{"from", "ot"},
         {"to", i % 2 == 0 ? "it" : "dmz"},
         {"topics", {area(static_cast<std::size_t>(i)) + "/#", "plant/+/+/kpi/#"}},
         {"except", {"plant/+/+/kpi/secret"}}});
  }
  const CompiledPolicy compiled = compile_policy(document, Positions{}, WallTime{});
  if (compiled.policy == nullptr) {
    throw std::runtime_error(to_string(compiled.diagnostics.front()));
  }
  return compiled.policy;
}

core::Principal somebody(const char* zone) {
  core::Principal who;
  who.name = "press-7";
  who.zone = zone;
  who.roles = {"role-3", "role-4"};
  who.strength = 3;
  who.tls = 13;
  return who;
}

/// A publish inside the zone that a filter of the role allows.
void miss(benchmark::State& state) {
  const auto rules = static_cast<std::size_t>(state.range(0));
  const auto policy = policy_of(rules);
  const core::Principal who = somebody("ot");
  const std::string topic = area(rules / 10 * 3) + "/cell-2/press/temperature";
  if (!policy->check(who, "client", Op::publish, topic, {}).allow) state.SkipWithError("denied");
  for (auto _ : state) {
    benchmark::DoNotOptimize(policy->check(who, "client", Op::publish, topic, {}));
  }
}
BENCHMARK(miss)->Name("auth_decision/miss")->Arg(100)->Arg(10'000);

/// A delivery through one of ten conduits.
void miss_conduit(benchmark::State& state) {
  const auto policy = policy_of(static_cast<std::size_t>(state.range(0)));
  const core::Principal who = somebody("it");
  const std::string topic = "plant/area-0/line-7/kpi/oee";
  if (!policy->check(who, "client", Op::deliver, topic, {}).allow) state.SkipWithError("denied");
  for (auto _ : state) {
    benchmark::DoNotOptimize(policy->check(who, "client", Op::deliver, topic, {}));
  }
}
BENCHMARK(miss_conduit)->Name("auth_decision/miss_conduit")->Arg(100)->Arg(10'000);

void relate(benchmark::State& state, const char* filter) {
  const auto policy = policy_of(static_cast<std::size_t>(state.range(0)));
  const core::Principal who = somebody("it");
  for (auto _ : state) benchmark::DoNotOptimize(policy->relate(who, "client", filter));
}
BENCHMARK_CAPTURE(relate, line, "plant/area-3/line-1/kpi/+")
    ->Name("auth_decision/relate_line")
    ->Arg(100)
    ->Arg(10'000);
BENCHMARK_CAPTURE(relate, everything, "#")
    ->Name("auth_decision/relate_everything")
    ->Arg(100)
    ->Arg(10'000);

void class_key(benchmark::State& state) {
  const auto policy = policy_of(10'000);
  const core::Principal who = somebody("it");
  for (auto _ : state) benchmark::DoNotOptimize(policy->class_key(who, "client"));
}
BENCHMARK(class_key)->Name("auth_decision/class_key");

void compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(policy_of(10'000));
}
BENCHMARK(compile)->Name("auth_decision/compile_10000")->Unit(benchmark::kMillisecond);

}  // namespace
