#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "broker/admin/api.h"

namespace lineshaft::admin::test {

/// A broker without a broker: answers at once, never, or when the test says so.
class SmallBackend final : public Backend {
 public:
  SmallBackend() {
    known.phase = Phase::running;
    known.version = "1.2.3";
    known.node_name = "box";
    known.data_dir = "/srv/\"mqtt\"";
    known.started = WallTime{Milliseconds{1'700'000'000'500}};
    known.uptime = Milliseconds{61'500};
    known.listeners = {{"plant", "127.0.0.1:1883", "tcp", 3}};
    known.store.emplace();
    statistics.sessions = 5;
    statistics.connections = 2;
    statistics.sessions_offline = 3;
  }

  BrokerFacts facts() override { return known; }
  bool ask_core(std::function<void(const core::Statistics&)> answer) override {
    if (refuses) return false;
    if (silent) return true;
    answer(statistics);
    return true;
  }
  bool ask_policy(core::InterceptorRequest request,
                  std::function<void(const core::RequestAnswer&)> reply) override {
    if (refuses) return false;
    asked = std::move(request);
    if (!silent) reply(policy_answer);
    return true;
  }
  bool ask_extension(core::ExtensionRequest request,
                     std::function<void(const core::RequestAnswer&)> reply) override {
    if (refuses) return false;
    asked_extension = std::move(request);
    if (!silent) reply(policy_answer);
    return true;
  }
  bool reload(std::function<void(ReloadOutcome)> answer) override {
    if (refuses) return false;
    answer(outcome);
    return true;
  }

  BrokerFacts known;
  core::Statistics statistics;
  ReloadOutcome outcome;
  core::InterceptorRequest asked;
  core::ExtensionRequest asked_extension;
  core::RequestAnswer policy_answer{core::RequestAnswer::State::done, "{}"};
  bool refuses = false;
  bool silent = false;
};

}  // namespace lineshaft::admin::test
