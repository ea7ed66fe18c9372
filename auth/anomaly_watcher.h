#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "auth/anomaly.h"
#include "auth/security_actions.h"
#include "broker/core/watcher.h"

namespace lineshaft::auth {

/// Brings what passes through the core to the anomaly rules, and what they notice to log, audit
/// log, metrics and $SYS/broker/security/events. Owned by the core's user, called inside its turn
/// only, but for `change_zones`.
class AnomalyWatcher final : public core::Watcher {
 public:
  /// `actions` may be null: then a rule that wants more than an alert only alerts.
  AnomalyWatcher(AnomalyConfig config, SecurityActions* actions);

  /// The zones of topics from the next tick on; any thread.
  void change_zones(Anomaly::ZoneOf zone_of);

  std::uint32_t on_connect(const core::ConnectFacts& facts, Now now) override;
  void on_publish(std::uint32_t who, const Message& message) override;
  void on_deliver(std::uint32_t who, const Message& message) override;
  void on_deny(std::uint32_t who) override;
  std::vector<KeptMessagePtr> on_time(Now now) override;

 private:
  KeptMessagePtr handle(const AnomalyEvent& event, Now now);
  void act(const AnomalyEvent& event, const AnomalyRule& rule, const std::string& why);

  Anomaly anomaly_;
  SecurityActions* const actions_;
  std::mutex mutex_;
  std::optional<Anomaly::ZoneOf> new_zones_;
};

}  // namespace lineshaft::auth
