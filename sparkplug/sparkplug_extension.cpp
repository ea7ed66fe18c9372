#include "sparkplug/sparkplug_extension.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "sparkplug/certificates.h"
#include "sparkplug/commands.h"

namespace lineshaft::sparkplug {
namespace {

Author author_of(const core::ExtensionClient& client) {
  Author author;
  author.connection = client.connection;
  author.client_id = client.client_id;
  author.is_will = client.is_will;
  return author;
}

}  // namespace

SparkplugExtension::SparkplugExtension(SparkplugConfig config)
    : config_(std::move(config)), nodes_(config_.nodes) {}

core::TopicClaim SparkplugExtension::claim(std::string_view topic) const { return claim_of(topic); }

void SparkplugExtension::on_restore(std::string_view key, std::string_view value) {
  restored_.emplace_back(key, value);
}

/// Edge nodes come before their devices: a device's aliases belong to its edge node's birth.
void SparkplugExtension::restore_certificates() {
  std::vector<KeptMessagePtr> devices;
  const auto restore = [this](const KeptMessagePtr& certificate, const Topic& topic) {
    if (nodes_.restore_birth(topic, certificate->payload(), certificate->received())) return;
    LINESHAFT_LOG(sparkplug, warn, "certificate_not_restored", {"topic", certificate->topic()});
  };
  context_->for_each_retained(
      std::string(certificate_prefix) + "#", [&](const KeptMessagePtr& certificate) {
        const auto topic = parse_topic(certified_topic(certificate->topic()));
        if (!topic || !is_birth(topic->type)) return;
        if (topic->type == MessageType::dbirth) {
          devices.push_back(certificate);
        } else {
          restore(certificate, *topic);
        }
      });
  for (const KeptMessagePtr& certificate : devices) {
    restore(certificate, *parse_topic(certified_topic(certificate->topic())));
  }
}

void SparkplugExtension::on_restored() {
  restore_certificates();
  for (const auto& [key, value] : std::exchange(restored_, {})) {
    // It belongs to a birth before this one.
    if (!nodes_.restore(key, value)) context_->keep(key, {});
  }
  nodes_.finish_restore(context_->now().wall);
  const EdgeTotals totals = nodes_.totals();
  if (totals.nodes > 0) {
    LINESHAFT_LOG(sparkplug, info, "edge_nodes_restored", {"nodes", totals.nodes},
                  {"devices", totals.devices}, {"metrics", totals.metrics});
  }
  for (NodeNumber number = 0; number < nodes_.nodes_end(); ++number) {
    if (nodes_.node(number) != nullptr) sys_changed_.insert(number);
  }
  arm();
}

void SparkplugExtension::on_connect(const core::ExtensionClient& client, const Message* will) {
  if (will == nullptr) return;
  const auto topic = parse_topic(will->topic());
  if (!topic || topic->type != MessageType::ndeath) return;
  const DeathWill death{*topic, will->payload(), static_cast<std::uint8_t>(will->qos()),
                        will->retain()};
  act(nodes_.on_connect(author_of(client), death, context_->now()));
}

MessagePtr SparkplugExtension::on_publish(const core::ExtensionClient& client,
                                          const Message& message) {
  const auto topic = parse_topic(message.topic());
  if (!topic) return nullptr;
  const Publication publication{*topic, message.payload(), author_of(client),
                                static_cast<std::uint8_t>(message.qos()), message.retain()};
  const Outcome& outcome = nodes_.on_publish(publication, context_->now());
  // What does not decode is forwarded like any other; the last good certificate stays.
  if (outcome.is_certificate) certify(client, message);
  const bool is_death = topic->type == MessageType::ndeath && !outcome.is_malformed;
  act(outcome);
  return is_death ? with_delivery_time(message, context_->now().wall) : nullptr;
}

void SparkplugExtension::certify(const core::ExtensionClient& client, const Message& birth) {
  MessagePtr certificate = certificate_of(birth);
  if (!certificate || !context_->publish(std::move(certificate), client.principal)) return;
  count(Counter::sparkplug_certificates);
}

void SparkplugExtension::on_disconnect(const core::ExtensionClient& client, bool in_order,
                                       bool will_waits) {
  // Told before a SUBSCRIBE of the next connection with this Client Identifier.
  if (const auto asked = snapshots_.find(client.client_id); asked != snapshots_.end()) {
    snapshots_.erase(asked);
  }
  const ConnectionEnd end = in_order     ? ConnectionEnd::disconnected
                            : will_waits ? ConnectionEnd::will_waits
                                         : ConnectionEnd::lost;
  act(nodes_.on_disconnect(client.connection, end, context_->now()));
}

void SparkplugExtension::on_time() {
  const Now now = context_->now();
  if (const auto due = nodes_.next_timer(); due && *due <= now.steady) act(nodes_.on_time(now));
  if (write_at_ && *write_at_ <= now.steady) {
    write_at_.reset();
    write_values(limits::sparkplug_write_slice);
  }
  if (sys_at_ && *sys_at_ <= now.steady) {
    sys_at_.reset();
    publish_sys();
  }
  arm();
}

void SparkplugExtension::on_stop() {
  while (nodes_.has_changes()) write_values(limits::sparkplug_write_slice);
}

void SparkplugExtension::write_values(std::size_t records_max) {
  std::vector<KeptState> changes;
  const bool more = nodes_.take_changes(records_max, changes);
  for (KeptState& change : changes) context_->keep(change.key, std::move(change.value));
  // The rest with the next tick.
  if (more) write_at_ = context_->now().steady;
}

void SparkplugExtension::arm() {
  const Instant now = context_->now().steady;
  if (nodes_.has_changes() && !write_at_) write_at_ = now + config_.write_behind;
  if (!sys_changed_.empty() && !sys_at_) sys_at_ = now + limits::sparkplug_sys_interval;
  std::optional<Instant> next = nodes_.next_timer();
  for (const auto& at : {write_at_, sys_at_}) {
    if (at && (!next || *at < *next)) next = at;
  }
  if (next) context_->wake_at(*next);
}

void SparkplugExtension::act(const Outcome& outcome) {
  for (const Action& action : outcome.actions) {
    std::visit([this](const auto& one) { act(one); }, action);
  }
  arm();
}

void SparkplugExtension::act(const NodeChanged& change) {
  sys_changed_.insert(change.node);
  const EdgeNode& node = *nodes_.node(change.node);
  if (change.from == change.to && !change.is_rebirth) return;
  LINESHAFT_LOG(sparkplug, info, "edge_node_changed", {"group", node.group}, {"node", node.name},
                {"from", to_string(change.from)}, {"to", to_string(change.to)},
                {"reason", to_string(change.reason)}, {"rebirth", change.is_rebirth},
                {"client_id", node.client_id});
}

void SparkplugExtension::act(const DeviceChanged& change) {
  sys_changed_.insert(change.node);
  const EdgeNode& node = *nodes_.node(change.node);
  LINESHAFT_LOG(sparkplug, debug, "device_changed", {"group", node.group}, {"node", node.name},
                {"device", nodes_.device(change.device)->name}, {"to", to_string(change.to)});
}

void SparkplugExtension::act(const RequestRebirth& request) {
  sys_changed_.insert(request.node);
  const EdgeNode& node = *nodes_.node(request.node);
  LINESHAFT_LOG(sparkplug, info, "rebirth_requested", {"group", node.group}, {"node", node.name},
                {"causes", causes_text(request.causes)});
  context_->publish(rebirth_command(node.group, node.name, context_->now().wall), nullptr);
}

void SparkplugExtension::act(const RebirthUnanswered& unanswered) {
  const EdgeNode& node = *nodes_.node(unanswered.node);
  LINESHAFT_LOG(sparkplug, warn, "rebirth_unanswered", {"group", node.group}, {"node", node.name},
                {"requests", unanswered.requests},
                {"effect", "it is asked again only for another cause; its values stay Stale"});
}

void SparkplugExtension::act(const DescriptorConflict& conflict) {
  sys_changed_.insert(conflict.node);
  const EdgeNode& node = *nodes_.node(conflict.node);
  LINESHAFT_LOG(sparkplug, warn, "edge_node_conflict", {"group", node.group}, {"node", node.name},
                {"before", conflict.before_client_id}, {"now", conflict.now_client_id},
                {"effect", "both publish births of one edge node; the last one counts"});
}

void SparkplugExtension::act(const HostChanged& change) {
  LINESHAFT_LOG(sparkplug, info, "host_changed", {"host", change.host_id},
                {"online", change.is_online});
}

void SparkplugExtension::act(const LimitReached& reached) {
  const EdgeNode* const node = nodes_.node(reached.node);
  LINESHAFT_LOG(sparkplug, warn, "sparkplug_limit", {"limit", to_string(reached.limit)},
                {"node", node == nullptr ? std::string() : node->group + "/" + node->name},
                {"effect", "what is beyond it is plain MQTT"});
}

void SparkplugExtension::act(const NodeForgotten& forgotten) {
  sys_changed_.erase(forgotten.node);
  const auto known = sys_topics_.find(forgotten.node);
  if (known == sys_topics_.end()) return;
  publish_sys_topic(known->second, {});
  sys_topics_.erase(known);
}

}  // namespace lineshaft::sparkplug
