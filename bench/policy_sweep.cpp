// What a reload makes of the subscriptions that are there: 100,000 of them under a policy of 5,000
// filters, in the core's slices. `turn_ms` is the longest turn, `total_ms` all of them, CPU time.
//
//   bench_policy_sweep
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "auth/policy_snapshot.h"
#include "auth/zones_interceptor.h"
#include "broker/base/log.h"
#include "broker/core/core.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::core;
using nlohmann::json;

constexpr std::size_t roles = 20;
constexpr std::size_t filters = 5000;
constexpr std::uint32_t clients = 1000;
constexpr std::size_t subscriptions_each = 100;

std::string line(std::size_t i) {
  return "plant/area-" + std::to_string(i / 10) + "/line-" + std::to_string(i % 10);
}

/// `personal`: every client has rights of its own, nothing is remembered for another one.
auth::PolicySnapshotPtr make_policy(bool personal) {
  json document = {{"zones", {{"ot", {{"sl_t", 1}, {"owns", {"plant/#", "own/#"}}}}}},
                   {"roles", json::object()}};
  for (std::size_t r = 0; r < roles; ++r) {
    json subscribe = json::array();
    for (std::size_t i = 0; i < filters / roles; ++i) {
      subscribe.push_back(line(r * filters / roles + i) + "/#");
    }
    if (personal) subscribe.push_back("own/${name}/#");
    document["roles"]["role-" + std::to_string(r)] = {{"subscribe", subscribe}};
  }
  const auth::CompiledPolicy compiled =
      auth::compile_policy(document, auth::Positions{}, WallTime{});
  if (!compiled.policy) throw std::runtime_error(to_string(compiled.diagnostics.front()));
  return compiled.policy;
}

double cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

class Plant {
 public:
  explicit Plant(auth::PolicySnapshotPtr policy)
      : core_(make_config(), 1, 1, std::make_shared<auth::ZonesInterceptor>(std::move(policy))) {
    log::set_level(log::Level::error);
    now_.wall += Milliseconds{1'700'000'000'000};
  }

  void connect(std::uint32_t slot) {
    auto principal = std::make_shared<Principal>();
    principal->name = "client-" + std::to_string(slot);
    principal->proof = Proof::password;
    principal->zone = "ot";
    principal->roles = {"role-" + std::to_string(slot % roles)};
    principal->strength = 1;
    ConnectionOpened opened{{0, slot, 1}, nullptr, std::make_unique<Admission>()};
    opened.admission->principal = std::move(principal);
    turn(std::move(opened));
    auto packet = std::make_unique<mqtt::ConnectPacket>();
    packet->client_id = "client-" + std::to_string(slot);
    send(slot, std::move(packet));
  }

  /// Its own lines and others, and one filter in twenty for everything.
  void subscribe(std::uint32_t slot) {
    auto packet = std::make_unique<mqtt::SubscribePacket>();
    packet->packet_id = 1;
    for (std::size_t i = 0; i < subscriptions_each; ++i) {
      const std::size_t own = slot % roles * (filters / roles) + i;
      const std::string wide = "+/area-" + std::to_string(own / 10) + "/#";
      packet->items.push_back({i % 20 == 0 ? wide : line(own) + "/cell-1/+", {}});
    }
    send(slot, std::move(packet));
    finish();
  }

  /// A change of policy and all turns it takes.
  void change(auth::PolicySnapshotPtr policy) {
    turn(PolicyChanged{std::make_shared<auth::ZonesInterceptor>(std::move(policy)), 0});
    finish();
  }

  void send_wide(std::uint32_t slot, std::size_t size) {
    auto packet = std::make_unique<mqtt::SubscribePacket>();
    packet->packet_id = 2;
    for (std::size_t i = 0; i < size; ++i) {
      packet->items.push_back({"+/+/+/" + std::to_string(i) + "/#", {}});
    }
    send(slot, std::move(packet));
    finish();
  }

  double longest_ms = 0;
  double total_ms = 0;
  std::size_t subscriptions() const { return core_.statistics().subscriptions; }

 private:
  static CoreConfig make_config() {
    CoreConfig config;
    config.has_store = false;
    return config;
  }
  template <class Packet>
  void send(std::uint32_t slot, Packet packet) {
    PacketsArrived in{{0, slot, 1}, {}};
    in.packets.emplace_back(std::move(packet));
    turn(std::move(in));
  }
  void turn(Input input) {
    effects_.clear();
    const double began = cpu_ms();
    core_.apply(now_, std::move(input), effects_);
    const double took = cpu_ms() - began;
    longest_ms = std::max(longest_ms, took);
    total_ms += took;
  }
  void finish() {
    while (effects_.again) turn(TimeAdvanced{});
  }

  Now now_{};
  Core core_;
  Effects effects_{1};
};

void report(benchmark::State& state, const Plant& plant) {
  state.counters["turn_ms"] = plant.longest_ms;
  state.counters["total_ms"] = plant.total_ms / static_cast<double>(state.iterations());
}

void sweep(benchmark::State& state, bool personal) {
  const auto policy = make_policy(personal);
  Plant plant(policy);
  for (std::uint32_t slot = 0; slot < clients; ++slot) {
    plant.connect(slot);
    plant.subscribe(slot);
  }
  if (plant.subscriptions() != clients * subscriptions_each) state.SkipWithError("not all there");
  plant.longest_ms = plant.total_ms = 0;
  for (auto _ : state) plant.change(policy);
  report(state, plant);
}
BENCHMARK_CAPTURE(sweep, classes, false)->Iterations(5)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(sweep, personal, true)->Iterations(5)->Unit(benchmark::kMillisecond);

/// One SUBSCRIBE with as many wide filters as a session may have.
void wide_subscribe(benchmark::State& state) {
  const auto policy = make_policy(false);
  for (auto _ : state) {
    Plant plant(policy);
    plant.connect(0);
    plant.longest_ms = plant.total_ms = 0;
    plant.send_wide(0, limits::subscriptions_per_session_max);
    state.counters["turn_ms"] = plant.longest_ms;
    state.counters["total_ms"] = plant.total_ms;
  }
}
BENCHMARK(wide_subscribe)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
