#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/base/flat_hash.h"
#include "broker/base/time.h"
#include "sparkplug/edge_actions.h"
#include "sparkplug/edge_config.h"
#include "sparkplug/edge_node.h"
#include "sparkplug/host_table.h"
#include "sparkplug/node_state.h"
#include "sparkplug/payload.h"
#include "sparkplug/rebirth_arbiter.h"
#include "sparkplug/topic.h"

namespace lineshaft::sparkplug {

/// A message on a Sparkplug topic, a will included.
struct Publication {
  Topic topic;
  std::string_view payload;
  Author author;
  std::uint8_t qos = 0;
  bool retain = false;
};

/// The will of a client, when its topic is an NDEATH's.
struct DeathWill {
  Topic topic;
  std::string_view payload;
  std::uint8_t qos = 0;
  bool retain = false;
};

/// How a connection ended; told behind its will when that went out at once.
enum class ConnectionEnd : std::uint8_t {
  disconnected,  ///< DISCONNECT 0x00: its will is discarded
  lost,          ///< anything else
  will_waits,    ///< anything else, and its will goes out later (Will Delay Interval)
};

/// One record of the store.
struct KeptState {
  std::string key;
  /// Empty: erase it.
  std::string value;
};

/// What every edge node, device and metric is, from the messages that pass: the host view of a
/// broker. Forwarding never depends on it.
///
/// Pure: no clock, no socket; time is an argument, the same calls give the same outcomes. Memory is
/// bounded by `EdgeLimits`. Owned by the Sparkplug extension; called inside the core's turn only.
///
/// Spec: Sparkplug 3.0 chapters 5 and 6, the ids stand at the transitions (`edge_*.cpp`).
class EdgeNodes {
 public:
  explicit EdgeNodes(EdgeNodesConfig config);

  // --- what happens; the outcome is valid until the next call ----------------------------------

  /// A client is connected. Only clients with an NDEATH will need be told.
  const Outcome& on_connect(const Author& author, const DeathWill& will, Now now);
  /// A message of a client that may publish it, also a will. Not the broker's own (certificates,
  /// NCMD it asks for).
  const Outcome& on_publish(const Publication& message, Now now);
  const Outcome& on_disconnect(ConnectionNumber connection, ConnectionEnd end, Now now);
  /// A bridge's link to the edge nodes it speaks for is down, or up again.
  const Outcome& on_link(ConnectionNumber connection, bool is_up, Now now);
  /// Time has come to `next_timer`, or more.
  const Outcome& on_time(Now now);
  /// Somebody asks for a rebirth; the same bounds hold for it.
  const Outcome& ask_rebirth(NodeNumber node, Now now);
  /// Forgets an edge node with all that is known of it.
  const Outcome& forget(NodeNumber node);

  /// When `on_time` has something to do.
  std::optional<Instant> next_timer() const;

  // --- the store --------------------------------------------------------------------------------

  /// At start, for each certificate, those of edge nodes first. False: not understood, or beyond a
  /// limit.
  bool restore_birth(const Topic& topic, std::string_view payload, WallTime received);
  /// Then for each record of `take_changes`, in the order of their keys. False: it belongs to
  /// another birth or is not understood, and may be erased.
  bool restore(std::string_view key, std::string_view value);
  /// Behind the last record.
  void finish_restore(WallTime now);
  /// Adds records that have changed since they were taken, at most `records_max` and the large
  /// values of one page; true: there are more. Values at most `limits::sparkplug_kept_bytes_max`
  /// bytes long.
  bool take_changes(std::size_t records_max, std::vector<KeptState>& into);
  bool has_changes() const { return !dirty_.empty() || !erased_.empty(); }

  // --- what is
  // ------------------------------------------------------------------------------------

  std::optional<NodeNumber> find_node(std::string_view group, std::string_view node) const;
  std::optional<DeviceNumber> find_device(NodeNumber node, std::string_view device) const;
  /// Null: no such number.
  const EdgeNode* node(NodeNumber number) const;
  const Device* device(DeviceNumber number) const;
  /// Numbers are below it; some are free.
  NodeNumber nodes_end() const { return static_cast<NodeNumber>(nodes_.size()); }
  DeviceState device_state(DeviceNumber number) const;
  /// `no_device`: the edge node's own.
  const MetricTable& metrics(NodeNumber node, DeviceNumber device) const;
  /// Whether values are live; else their quality is Stale, whatever the node said of them.
  bool is_live(NodeNumber node, DeviceNumber device) const;
  /// Since when they are not, milliseconds since 1970 UTC.
  std::uint64_t stale_since(NodeNumber node, DeviceNumber device) const;
  /// Good, Bad, ... as a reader is to see it: derived, never stored.
  Quality quality(NodeNumber node, DeviceNumber device, std::uint32_t metric) const {
    return is_live(node, device) ? metrics(node, device).own_quality(metric) : Quality::stale;
  }

  const HostTable& hosts() const { return hosts_; }
  /// `value_bytes` is up to date, too.
  EdgeTotals totals() const;
  const EdgeNodesConfig& config() const { return config_; }

 private:
  /// A connection with an NDEATH will, or with births.
  struct Session {
    std::string will_group;
    std::string will_node;
    std::optional<std::uint64_t> will_bd_seq;
    /// Its will waits: the edge nodes are not lost yet.
    bool has_will = false;
    FindingMask will_findings = 0;
    std::vector<NodeNumber> bound;
  };
  /// A node message that decodes, direct or from the reorder buffer.
  struct Message {
    MessageType type;
    std::string_view device;
    const PayloadView& payload;
    std::string_view bytes;
    WallTime received;
  };
  /// Whose metrics.
  struct Owner {
    NodeNumber node = no_node;
    DeviceNumber device = no_device;
  };

  // edge_nodes.cpp: inputs, timers
  void begin();
  const Outcome& finish(Now now);
  void send_rebirths(Now now);
  void expire_reorders(Now now);
  void report_limit(EdgeLimit limit, NodeNumber node, Now now);
  void on_state(const Publication& message, Now now);
  void on_command(const Publication& message, Now now);
  void on_node_message(const Publication& message, Now now);
  void note_delivery(EdgeNode& node, const Publication& message, Now now);

  // edge_registry.cpp: who there is
  NodeNumber node_for(const Topic& topic, Now now);
  NodeNumber add_node(std::string_view group, std::string_view name);
  void remove_node(NodeNumber number);
  void forget_an_unborn_node();
  DeviceNumber device_for(NodeNumber number, std::string_view name, Now now);
  DeviceNumber add_device(NodeNumber number, std::string_view name);
  Session* session_for(const Author& author, NodeNumber number, Now now);
  void bind(NodeNumber number, const Author& author, Now now);
  void unbind(NodeNumber number);
  void set_state(NodeNumber number, NodeState to, OfflineReason reason, WallTime at);

  // edge_birth.cpp
  void on_nbirth(NodeNumber number, const Publication& message, const PayloadView& payload,
                 Now now);
  void check_session(NodeNumber number, const Publication& message,
                     const std::optional<std::uint64_t>& bd_seq, bool in_conflict, Now now);
  void on_dbirth(NodeNumber number, const Message& message, Now now);
  void take_birth(Owner owner, const Message& message, Now now);
  MetricTable make_table(Owner owner, const Message& message, FindingMask& found);
  void add_born_metric(MetricTable& table, const MetricView& metric, const Message& message,
                       FindingMask& found);
  void install_table(Owner owner, MetricTable table);
  bool has_alias_elsewhere(Owner owner) const;

  // edge_sequence.cpp
  void on_sequenced(NodeNumber number, const Publication& message, const PayloadView& payload,
                    Now now);
  void apply_in_sequence(NodeNumber number, const Message& message, Now now);
  void drain(NodeNumber number, Now now);
  bool is_repetition(const EdgeNode& node, const Message& message) const;
  std::uint64_t digest_of(const Message& message) const;
  void on_gap(NodeNumber number, const Message& message, bool may_reorder, Now now);
  bool keep_early(NodeNumber number, const Message& message, Milliseconds timeout, Now now);
  void lose_sync(NodeNumber number, Now now);
  void drop_early(NodeNumber number);
  void apply(NodeNumber number, const Message& message, Now now);

  // edge_data.cpp
  void on_data(Owner owner, const Message& message, Now now);
  void apply_metric(MetricTable& table, const MetricView& metric, std::uint64_t payload_time,
                    FindingMask& found);
  static std::uint32_t find_metric(const MetricTable& table, const MetricView& metric,
                                   FindingMask& found);
  bool merge_into(MetricTable& table, std::uint32_t place, const Value& value,
                  const MetricTable::Stamp& stamp);

  // edge_death.cpp
  void on_ndeath(NodeNumber number, const Publication& message, const PayloadView& payload,
                 Now now);
  void on_ddeath(NodeNumber number, const Message& message, Now now);
  void go_offline(NodeNumber number, OfflineReason reason, Now now);

  // edge_store.cpp
  void list_dirty(Owner owner);
  bool take_owner(Owner owner, std::size_t end, std::vector<KeptState>& into);
  void take_page(Owner owner, std::uint32_t page, std::vector<KeptState>& into);
  std::string key_of(char kind, Owner owner, std::uint32_t number) const;
  void erase_kept(Owner owner);
  bool restore_node(NodeNumber number, std::string_view value);
  bool restore_page(MetricTable& table, std::uint32_t page, std::string_view record);
  bool restore_large(MetricTable& table, std::uint32_t metric, std::string_view record);

  MetricTable& table_of(Owner owner) {
    return owner.device == no_device ? nodes_[owner.node]->metrics
                                     : devices_[owner.device]->metrics;
  }
  void want_rebirth(NodeNumber number, RebirthCause cause, Instant now);

  EdgeNodesConfig config_;
  PayloadReader reader_;
  PayloadReader early_reader_;
  Outcome outcome_;
  std::string merged_;

  std::vector<std::unique_ptr<EdgeNode>> nodes_;
  std::vector<NodeNumber> free_nodes_;
  /// By group and name; by both without regard to case.
  FlatIndex node_index_;
  FlatIndex node_case_index_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<DeviceNumber> free_devices_;
  FlatIndex device_index_;
  FlatIndex device_case_index_;
  /// Never born, oldest first; those that have been born meanwhile are skipped.
  std::deque<NodeNumber> unborn_;
  std::size_t unborn_count_ = 0;

  std::unordered_map<ConnectionNumber, Session> sessions_;
  RebirthArbiter arbiter_;
  std::set<std::pair<Instant, NodeNumber>> reorder_deadlines_;
  HostTable hosts_;
  ValueBudget value_budget_;
  std::deque<Owner> dirty_;
  std::deque<std::string> erased_;
  EdgeTotals totals_;
  std::array<std::optional<Instant>, edge_limits_size> limit_reported_{};
};

}  // namespace lineshaft::sparkplug
