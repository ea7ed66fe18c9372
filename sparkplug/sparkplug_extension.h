#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/extension.h"
#include "sparkplug/edge_nodes.h"
#include "sparkplug/node_report.h"
#include "sparkplug/snapshot.h"
#include "sparkplug/topic.h"

namespace lineshaft::sparkplug {

/// Gauges for /metrics: written inside the core's turn, read by any thread.
struct SparkplugGauges {
  std::array<std::atomic<std::size_t>, node_states_size> nodes{};
  std::atomic<std::size_t> devices = 0;
  std::atomic<std::size_t> metrics = 0;
  std::atomic<std::size_t> value_bytes = 0;
};

struct SparkplugConfig {
  EdgeNodesConfig nodes;
  /// How long a changed value may wait for its way to the store.
  Milliseconds write_behind = limits::sparkplug_write_behind;
  /// Whether `$SYS/broker/sparkplug/` is published.
  bool has_sys = true;
};

/// Makes the broker a Sparkplug Aware MQTT Server: birth certificates that can be read at any time,
/// the time in death certificates (checklist section 2), and the host's view of every edge node,
/// which it keeps over a restart and shows below $SYS/broker/sparkplug/. Edge nodes whose messages
/// make no sense any more are asked for a rebirth. What it cannot read is plain MQTT to it.
///
/// Owned by the core; called inside its turn only, but for `gauges`.
class SparkplugExtension final : public core::Extension {
 public:
  explicit SparkplugExtension(SparkplugConfig config);

  const SparkplugGauges& gauges() const { return gauges_; }

  std::string_view name() const override { return "sparkplug"; }
  void on_install(core::ExtensionContext& context) override { context_ = &context; }
  core::TopicClaim claim(std::string_view topic) const override;
  void on_restore(std::string_view key, std::string_view value) override;
  void on_restored() override;
  void on_connect(const core::ExtensionClient& client, const Message* will) override;
  MessagePtr on_publish(const core::ExtensionClient& client, const Message& message) override;
  void on_disconnect(const core::ExtensionClient& client, bool in_order, bool will_waits) override;
  void on_subscribe(const core::ExtensionSubscription& subscription) override;
  void on_time() override;
  void on_stop() override;
  /// "nodes", "metrics", "rebirth", "forget": docs/sparkplug.md.
  core::RequestAnswer on_request(std::string_view verb, std::string_view body) override;

 private:
  void restore_certificates();
  void certify(const core::ExtensionClient& client, const Message& birth);
  /// Does what was decided; then sees to it that it is woken in time.
  void act(const Outcome& outcome);
  void act(const NodeChanged& change);
  void act(const DeviceChanged& change);
  void act(const RequestRebirth& request);
  void act(const RebirthUnanswered& unanswered);
  void act(const DescriptorConflict& conflict);
  void act(const HostChanged& change);
  void act(const LimitReached& reached);
  void act(const NodeForgotten& forgotten);
  template <class Other>
  void act(const Other&) {}
  void write_values(std::size_t records_max);
  void publish_sys();
  void publish_node(NodeNumber number);
  void publish_sys_topic(std::string_view topic, std::string_view payload);
  void update_gauges();
  void arm();
  bool forget(const NodeQuery& query, std::optional<NodeNumber> number);

  const SparkplugConfig config_;
  core::ExtensionContext* context_ = nullptr;
  EdgeNodes nodes_;
  /// Until everything stored is here.
  std::vector<std::pair<std::string, std::string>> restored_;
  /// When changed values are written, and $SYS topics of changed edge nodes published.
  std::optional<Instant> write_at_;
  std::optional<Instant> sys_at_;
  std::set<NodeNumber> sys_changed_;
  /// Its topic below $SYS, by edge node: that must go with it.
  std::map<NodeNumber, std::string> sys_topics_;
  /// Of connected clients that asked for one, by Client Identifier.
  std::map<std::string, SnapshotBudget, std::less<>> snapshots_;
  SparkplugGauges gauges_;
};

}  // namespace lineshaft::sparkplug
