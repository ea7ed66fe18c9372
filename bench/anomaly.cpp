// What watching costs per message: counters, a look at the topic, and the judgement of all
// principals when a window is over.
//
//   bench_anomaly
#include "auth/anomaly.h"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace lineshaft;
using namespace lineshaft::auth;

AnomalyConfig config_of(std::vector<AnomalyKind> kinds) {
  AnomalyConfig config;
  for (const AnomalyKind kind : kinds) {
    AnomalyRule rule;
    rule.kind = kind;
    rule.min = 1e15;
    config.rules.push_back(rule);
  }
  return config;
}

std::vector<std::string> topics(std::size_t size) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < size; ++i) {
    all.push_back("acme/site-1/area-2/line-" + std::to_string(i % 10) + "/cell-4/press-" +
                  std::to_string(i) + "/temperature");
  }
  return all;
}

void publish(benchmark::State& state, Anomaly& anomaly) {
  const auto names = topics(static_cast<std::size_t>(state.range(0)));
  const auto slot = anomaly.find_principal({"press-07", "ot"}, {});
  std::size_t at = 0;
  for (auto _ : state) {
    anomaly.on_publish(slot, names[at], "21.5");
    at = at + 1 < names.size() ? at + 1 : 0;
  }
}

void anomaly_publish_counted(benchmark::State& state) {
  Anomaly anomaly(config_of({AnomalyKind::spike, AnomalyKind::silence, AnomalyKind::deny_burst}));
  publish(state, anomaly);
}
BENCHMARK(anomaly_publish_counted)->Arg(1)->Arg(1'000);

void anomaly_publish_topics_and_types(benchmark::State& state) {
  Anomaly anomaly(
      config_of({AnomalyKind::spike, AnomalyKind::new_topic_burst, AnomalyKind::type_mismatch}));
  publish(state, anomaly);
}
BENCHMARK(anomaly_publish_topics_and_types)->Arg(1)->Arg(1'000)->Arg(20'000);

void anomaly_publish_over_a_conduit(benchmark::State& state) {
  Anomaly anomaly(config_of({AnomalyKind::spike, AnomalyKind::exfil, AnomalyKind::new_topic_burst,
                             AnomalyKind::type_mismatch}));
  anomaly.set_zones([](std::string_view) -> std::string_view { return "it"; });
  publish(state, anomaly);
}
BENCHMARK(anomaly_publish_over_a_conduit)->Arg(1)->Arg(1'000);

/// One turn's share of judging, with all rules.
void anomaly_tick(benchmark::State& state) {
  Anomaly anomaly(config_of({AnomalyKind::spike, AnomalyKind::silence, AnomalyKind::deny_burst,
                             AnomalyKind::new_topic_burst, AnomalyKind::exfil}));
  Now now{};
  for (int i = 0; i < 1'000; ++i) anomaly.find_principal({std::to_string(i), "ot"}, now);
  for (auto _ : state) {
    now.steady += anomaly.config().window;
    anomaly.tick(now);
  }
}
BENCHMARK(anomaly_tick);

}  // namespace
