#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "auth/anomaly.h"
#include "broker/core/watcher.h"

namespace lineshaft::auth {

/// Brings what passes through the core to the anomaly rules, and what they notice to log, audit
/// log, metrics and $SYS/broker/security/events. Throttles, and asks the interceptor for a
/// quarantine. Called inside the core's turn only, but for `change_zones`.
class AnomalyWatcher final : public core::Watcher {
 public:
  explicit AnomalyWatcher(AnomalyConfig config) : anomaly_(std::move(config)) {}

  /// The zones of topics from the next tick on; any thread.
  void change_zones(Anomaly::ZoneOf zone_of);

  std::uint32_t on_connect(const core::ConnectFacts& facts, Now now) override;
  bool on_publish(std::uint32_t who, const Message& message) override;
  void on_deliver(std::uint32_t who, const Message& message) override;
  void on_deny(std::uint32_t who) override;
  core::Watched on_time(Now now) override;

 private:
  void handle(const AnomalyEvent& event, Now now, core::Watched& watched);
  void act(const AnomalyEvent& event, const AnomalyRule& rule, const std::string& why, Now now,
           core::Watched& watched);

  Anomaly anomaly_;
  /// Until when each is read less often.
  std::unordered_map<Anomaly::Slot, Instant> throttled_;
  std::mutex mutex_;
  std::optional<Anomaly::ZoneOf> new_zones_;
};

}  // namespace lineshaft::auth
