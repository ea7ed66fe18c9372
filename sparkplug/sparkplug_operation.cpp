// What operators see of the extension, and what they can ask of it: $SYS, gauges, requests.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/base/audit.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/topic_name.h"
#include "sparkplug/sparkplug_extension.h"

namespace lineshaft::sparkplug {
namespace {

constexpr std::string_view sys_root = "$SYS/broker/sparkplug/";

}  // namespace

void SparkplugExtension::publish_sys_topic(std::string_view topic, std::string_view payload) {
  // With the longest ids there are it is longer than a Topic Name may be.
  if (!core::is_valid_topic_name(topic)) return;
  MessageFields fields;
  fields.topic = topic;
  fields.payload = payload;
  fields.retain = true;
  context_->publish(KeptMessage::make(fields, {}), nullptr);
}

void SparkplugExtension::publish_node(NodeNumber number) {
  const EdgeNode* const node = nodes_.node(number);
  if (node == nullptr) return;
  std::string& topic = sys_topics_[number];
  if (topic.empty()) {
    topic = std::string(sys_root) + "nodes/" + node->group + '/' + node->name;
  }
  publish_sys_topic(topic, node_json(nodes_, number, ReportDepth::state));
}

/// A slice of what has changed; the rest with the next tick.
void SparkplugExtension::publish_sys() {
  update_gauges();
  if (!config_.has_sys) {
    sys_changed_.clear();
    return;
  }
  std::size_t left = limits::sparkplug_sys_slice;
  while (!sys_changed_.empty() && left-- > 0) {
    publish_node(*sys_changed_.begin());
    sys_changed_.erase(sys_changed_.begin());
  }
  if (!sys_changed_.empty()) sys_at_ = context_->now().steady;
  publish_sys_topic(std::string(sys_root) + "totals", totals_json(nodes_));
}

/// In one go, so that nothing of an edge node comes twice or not at all. All that a connection gets
/// is bounded, as nothing holds it back: it waits for the socket.
void SparkplugExtension::on_subscribe(const core::ExtensionSubscription& subscription) {
  if (!asks_for_snapshot(subscription.user_properties)) return;
  const auto parsed = core::parse_share(subscription.filter);
  if (parsed.syntax != core::ShareSyntax::not_shared) return;  // one birth would be one member's
  SnapshotBudget& budget = snapshots_[std::string(subscription.client_id)];
  if (budget.filters.contains(subscription.filter)) return;
  bool is_whole = budget.filters.size() < SnapshotBudget::filters_max;
  if (is_whole) budget.filters.emplace(subscription.filter);
  const auto send = [&](const MessagePtr& birth) {
    return context_->send(subscription.client_id, subscription.filter, birth);
  };
  const std::size_t before = budget.sent;
  const WallTime now = context_->now().wall;
  for (NodeNumber number = 0; is_whole && number < nodes_.nodes_end(); ++number) {
    if (nodes_.node(number) == nullptr) continue;
    is_whole = send_snapshot(nodes_, number, subscription.filter, now, budget, send);
  }
  if (budget.sent > before) count(Counter::sparkplug_snapshots);
  if (is_whole) return;
  count(Counter::sparkplug_snapshots_cut);
  if (std::exchange(budget.is_cut_logged, true)) return;
  LINESHAFT_LOG(sparkplug, warn, "snapshot_cut", {"client_id", subscription.client_id},
                {"filter", subscription.filter}, {"bytes", budget.sent},
                {"effect", "the other edge nodes are seen with their next birth"});
}

void SparkplugExtension::update_gauges() {
  std::array<std::size_t, node_states_size> states{};
  for (NodeNumber number = 0; number < nodes_.nodes_end(); ++number) {
    const EdgeNode* const node = nodes_.node(number);
    if (node != nullptr) ++states[static_cast<std::size_t>(node->state)];
  }
  for (std::size_t i = 0; i < states.size(); ++i) {
    gauges_.nodes[i].store(states[i], std::memory_order_relaxed);
  }
  const EdgeTotals totals = nodes_.totals();
  gauges_.devices.store(totals.devices, std::memory_order_relaxed);
  gauges_.metrics.store(totals.metrics, std::memory_order_relaxed);
  gauges_.value_bytes.store(totals.value_bytes, std::memory_order_relaxed);
}

core::RequestAnswer SparkplugExtension::on_request(std::string_view verb, std::string_view body) {
  const NodeQuery query = node_query(body);
  if (verb == "nodes") return nodes_answer(nodes_, query);
  if (verb == "metrics") return metrics_answer(nodes_, query);
  if (verb != "rebirth" && verb != "forget") return {};
  const auto number = nodes_.find_node(query.group, query.node);
  const std::string who = query.group + '/' + query.node;
  if (verb == "forget") {
    if (!forget(query, number)) return refusal("there is no such edge node");
    audit({.type = "edge_node_forgotten", .op = "admin", .topic = who});
    return {core::RequestAnswer::State::done, "{}"};
  }
  if (!number) return refusal("there is no such edge node");
  audit({.type = "edge_node_rebirth_asked", .op = "admin", .topic = who});
  act(nodes_.ask_rebirth(*number, context_->now()));
  return nodes_answer(nodes_, query);
}

/// With its certificates, also those of births the view had no room for: for an edge node that was
/// scrapped. One that is alive comes back with its next message. False: there is nothing of it.
bool SparkplugExtension::forget(const NodeQuery& query, std::optional<NodeNumber> number) {
  if (!is_valid_id(query.group) || !is_valid_id(query.node)) return false;
  std::vector<std::string> certificates;
  const auto take = [&](const KeptMessagePtr& certificate) {
    certificates.emplace_back(certificate->topic());
  };
  const std::string root =
      std::string(certificate_prefix) + std::string(namespace_level) + '/' + query.group;
  context_->for_each_retained(root + "/NBIRTH/" + query.node, take);
  context_->for_each_retained(root + "/DBIRTH/" + query.node + "/#", take);
  for (const std::string& certificate : certificates) publish_sys_topic(certificate, {});
  if (!number && certificates.empty()) return false;
  LINESHAFT_LOG(sparkplug, info, "edge_node_forgotten", {"group", query.group},
                {"node", query.node}, {"certificates", certificates.size()});
  if (number) act(nodes_.forget(*number));
  return true;
}

}  // namespace lineshaft::sparkplug
