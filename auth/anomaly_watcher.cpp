#include "auth/anomaly_watcher.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "broker/base/audit.h"
#include "broker/base/log.h"

namespace lineshaft::auth {
namespace {

constexpr std::string_view events_topic = "$SYS/broker/security/events";

}  // namespace

AnomalyWatcher::AnomalyWatcher(AnomalyConfig config, SecurityActions* actions)
    : anomaly_(std::move(config)), actions_(actions) {}

void AnomalyWatcher::change_zones(Anomaly::ZoneOf zone_of) {
  const std::lock_guard lock(mutex_);
  new_zones_ = std::move(zone_of);
}

std::uint32_t AnomalyWatcher::on_connect(const core::ConnectFacts& facts, Now now) {
  // Who has no name of its own is known by its Client Identifier.
  const std::string identity = facts.principal.name.empty()
                                   ? fmt::format("client:{}", facts.client_id)
                                   : facts.principal.name;
  const auto slot = anomaly_.find_principal(identity, facts.principal.zone, now);
  anomaly_.on_connect(slot, facts.protocol);
  return slot;
}

void AnomalyWatcher::on_publish(std::uint32_t who, const Message& message) {
  anomaly_.on_publish(who, message.topic(), message.payload());
}

void AnomalyWatcher::on_deliver(std::uint32_t who, const Message& message) {
  anomaly_.on_deliver(who, message.topic(), message.payload().size());
}

void AnomalyWatcher::on_deny(std::uint32_t who) { anomaly_.on_deny(who); }

std::vector<KeptMessagePtr> AnomalyWatcher::on_time(Now now) {
  std::optional<Anomaly::ZoneOf> zones;
  {
    const std::lock_guard lock(mutex_);
    zones.swap(new_zones_);
  }
  if (zones) anomaly_.set_zones(std::move(*zones));
  anomaly_.tick(now);
  std::vector<KeptMessagePtr> messages;
  for (const AnomalyEvent& each : anomaly_.take_events()) messages.push_back(handle(each, now));
  return messages;
}

KeptMessagePtr AnomalyWatcher::handle(const AnomalyEvent& event, Now now) {
  const AnomalyConfig& config = anomaly_.config();
  const AnomalyRule& rule = config.rules[event.rule];
  const std::string why = anomaly_text(event, rule, config.window);
  LINESHAFT_LOG(auth, warn, "anomaly", {"rule", rule.name}, {"identity", event.identity},
                {"zone", event.zone}, {"why", why});
  audit({.type = "anomaly",
         .zone = event.zone,
         .identity = event.identity,
         .op = anomaly_action_names[static_cast<std::size_t>(rule.action)],
         .topic = event.detail,
         .reason = why,
         .rule = rule.name});
  act(event, rule, why);
  const std::string payload = anomaly_json(event, rule, config.window, now.wall);
  MessageFields fields;
  fields.topic = events_topic;
  fields.payload = payload;
  return KeptMessage::make(fields, {now.wall, 0, 0});
}

/// A conduit is not somebody who could be held back.
void AnomalyWatcher::act(const AnomalyEvent& event, const AnomalyRule& rule,
                         const std::string& why) {
  if (actions_ == nullptr || event.identity.empty()) return;
  const std::string reason = fmt::format("anomaly rule {}: {}", rule.name, why);
  if (rule.action == AnomalyAction::throttle) {
    actions_->throttle(event.identity, event.zone, rule.ttl, reason);
  } else if (rule.action == AnomalyAction::quarantine) {
    actions_->quarantine(event.identity, event.zone, rule.ttl, reason);
  }
}

}  // namespace lineshaft::auth
