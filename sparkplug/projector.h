#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sparkplug/edge_actions.h"
#include "sparkplug/edge_nodes.h"
#include "sparkplug/projected_value.h"
#include "sparkplug/projection.h"

namespace lineshaft::sparkplug {

/// A message of the plant's tree.
struct ProjectedMessage {
  std::string topic;
  /// Empty: the topic has no value any more.
  std::string payload;
  bool retain = true;
};

/// Two metrics that meet on one topic; the topic stays with `owner`.
struct ProjectionCollision {
  std::string topic;
  MetricPlace owner;
  MetricPlace refused;
};

/// What somebody wrote to a metric's topic, on its way to the edge node.
struct ProjectedCommand {
  WriteFault fault = WriteFault::none;
  /// The edge node's NCMD or DCMD topic, and its payload.
  std::string topic;
  std::string payload;
};

/// Turns what `EdgeNodes` has decided into messages of the plant's tree.
///
/// Data become messages at once. What changes many at one stroke (a birth, a death, a restart)
/// becomes a wave: it is taken in portions, each metric once with what it then is, however often
/// its edge node went and came meanwhile.
///
/// Pure. Owned by the Sparkplug extension; called inside the core's turn only. `nodes` must outlive
/// it.
class Projector {
 public:
  Projector(Projection projection, const EdgeNodes& nodes);

  /// After every call of `EdgeNodes`, before its next.
  void apply(const Outcome& outcome);
  /// After the restore at start: everything that is known becomes a wave.
  void restore();

  /// The messages of what was applied; none are left.
  std::vector<ProjectedMessage> take_ready() { return std::exchange(ready_, {}); }
  bool has_wave() const { return !gone_.empty() || !waiting_.empty(); }
  /// Appends at most `messages_max` messages of waves, the oldest first.
  void take_wave(std::size_t messages_max, std::vector<ProjectedMessage>& into);
  /// Collisions that have been found since they were taken, the first of them
  /// (`limits::sparkplug_collisions_reported_max`).
  std::vector<ProjectionCollision> take_collisions() { return std::exchange(collisions_, {}); }

  /// Whether somebody may write there: a metric's topic with "/_set" behind it.
  bool is_writable(std::string_view topic) const;
  /// Nullopt: it is no metric's.
  std::optional<ProjectedCommand> write(std::string_view topic, std::string_view json,
                                        std::uint64_t now_ms) const;

  /// Metrics that have a topic.
  std::size_t size() const { return topics_.size(); }

 private:
  using Owner = std::pair<NodeNumber, DeviceNumber>;

  /// The topics of one edge node's or device's metrics, by their places.
  struct Topics {
    std::string text;
    /// Where each ends in `text`; a metric without a topic has an empty one.
    std::vector<std::uint32_t> ends;
    /// The next one of a wave, and how many are left of it.
    std::uint32_t next = 0;
    std::uint32_t left = 0;

    std::uint32_t size() const { return static_cast<std::uint32_t>(ends.size()); }
    std::string_view at(std::uint32_t metric) const;
    void add(std::string_view topic);
  };

  void on_born(NodeNumber node, DeviceNumber device);
  void on_data(const MetricsChanged& changed, const Outcome& outcome);
  void on_forgotten(NodeNumber node);
  void refresh(NodeNumber node, DeviceNumber device);
  void refresh_all(NodeNumber node);
  std::string claimed_topic(const MetricSource& source, const MetricPlace& place);
  void release(const Owner& owner, const Topics& topics);
  void list_gone(const Topics& topics);
  std::string value_now(const Owner& owner, std::uint32_t metric) const;

  Projection projection_;
  const EdgeNodes& nodes_;
  ProjectedTopics topics_;
  std::map<Owner, Topics> owners_;
  std::vector<ProjectedMessage> ready_;
  /// Topics whose metric is gone.
  std::deque<std::string> gone_;
  /// Whose values are to be told anew; each is here once.
  std::deque<Owner> waiting_;
  std::vector<ProjectionCollision> collisions_;
};

}  // namespace lineshaft::sparkplug
