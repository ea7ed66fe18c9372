#include "auth/anomaly_watcher.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "auth/identity_match.h"
#include "auth/json_fields.h"
#include "broker/base/audit.h"
#include "broker/base/log.h"

namespace lineshaft::auth {
namespace {

constexpr std::string_view events_topic = "$SYS/broker/security/events";

}  // namespace

void AnomalyWatcher::change_zones(Anomaly::ZoneOf zone_of) {
  const std::lock_guard lock(mutex_);
  new_zones_ = std::move(zone_of);
}

std::uint32_t AnomalyWatcher::on_connect(const core::ConnectFacts& facts, Now now) {
  const core::Principal& principal = facts.principal;
  AnomalySubject who{principal.name, principal.zone, principal.issuer_spki,
                     core::family_of(principal.proof)};
  // Who has no name of its own is known by its Client Identifier.
  if (who.identity.empty()) who.identity = fmt::format("client:{}", facts.client_id);
  const auto slot = anomaly_.find_principal(who, now);
  anomaly_.on_connect(slot, facts.protocol);
  return slot;
}

bool AnomalyWatcher::on_publish(std::uint32_t who, const Message& message) {
  anomaly_.on_publish(who, message.topic(), message.payload());
  return !throttled_.empty() && throttled_.contains(who);
}

void AnomalyWatcher::on_deliver(std::uint32_t who, const Message& message) {
  anomaly_.on_deliver(who, message.topic(), message.payload().size());
}

void AnomalyWatcher::on_deny(std::uint32_t who) { anomaly_.on_deny(who); }

core::Watched AnomalyWatcher::on_time(Now now) {
  std::optional<Anomaly::ZoneOf> zones;
  {
    const std::lock_guard lock(mutex_);
    zones.swap(new_zones_);
  }
  if (zones) anomaly_.set_zones(std::move(*zones));
  std::erase_if(throttled_, [now](const auto& each) { return each.second <= now.steady; });
  anomaly_.tick(now);
  core::Watched watched;
  for (const AnomalyEvent& each : anomaly_.take_events()) handle(each, now, watched);
  return watched;
}

void AnomalyWatcher::handle(const AnomalyEvent& event, Now now, core::Watched& watched) {
  const AnomalyConfig& config = anomaly_.config();
  const AnomalyRule& rule = config.rules[event.rule];
  const std::string why = anomaly_text(event, rule, config.window);
  LINESHAFT_LOG(auth, warn, "anomaly", {"rule", rule.name}, {"identity", event.who.identity},
                {"zone", event.who.zone}, {"why", why});
  audit({.type = "anomaly",
         .zone = event.who.zone,
         .identity = event.who.identity,
         .op = anomaly_action_names[static_cast<std::size_t>(rule.action)],
         .topic = event.detail,
         .reason = why,
         .rule = rule.name});
  act(event, rule, why, now, watched);
  const std::string payload = anomaly_json(event, rule, config.window, now.wall);
  MessageFields fields;
  fields.topic = events_topic;
  fields.payload = payload;
  watched.messages.push_back(KeptMessage::make(fields, {now.wall, 0, 0}));
}

/// A conduit is not somebody who could be held back.
void AnomalyWatcher::act(const AnomalyEvent& event, const AnomalyRule& rule, const std::string& why,
                         Now now, core::Watched& watched) {
  if (event.who.identity.empty()) return;
  if (rule.action == AnomalyAction::throttle) {
    throttled_[event.slot] = now.steady + rule.ttl;
  } else if (rule.action == AnomalyAction::quarantine) {
    nlohmann::json body = {{"ttl_s", rule.ttl.count() / 1000},
                           {"reason", fmt::format("anomaly rule {}: {}", rule.name, why)},
                           {"by", by_anomaly}};
    add_match(body, {event.who.identity, event.who.issuer_spki, event.who.zone, event.who.family});
    watched.calls.push_back({"quarantine", to_line(body)});
  }
}

}  // namespace lineshaft::auth
