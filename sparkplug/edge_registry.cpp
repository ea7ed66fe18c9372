// Who there is: edge nodes, devices, sessions; how they are found and how many there may be.
#include <algorithm>
#include <string>

#include "broker/base/assert.h"
#include "broker/base/metrics.h"
#include "sparkplug/edge_nodes.h"

namespace lineshaft::sparkplug {
namespace {

/// Only ASCII: no table of the world's letters for a diagnostic.
char to_lower(char one) { return one >= 'A' && one <= 'Z' ? static_cast<char>(one + 32) : one; }

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), to_lower);
  return lower;
}

bool is_equal_but_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

std::uint32_t hash_pair(std::string_view group, std::string_view name, std::uint64_t seed) {
  return hash_bytes(name, seed ^ hash_bytes(group, seed));
}

std::uint32_t hash_child(NodeNumber node, std::string_view name, std::uint64_t seed) {
  return hash_bytes(name, seed ^ (std::uint64_t{node} + 1) * hash_multiplier_1);
}

/// The number of a new object: a free one, or the next.
template <class Object>
std::uint32_t place_for(std::vector<std::unique_ptr<Object>>& objects,
                        std::vector<std::uint32_t>& free) {
  if (free.empty()) {
    objects.push_back(std::make_unique<Object>());
    return static_cast<std::uint32_t>(objects.size() - 1);
  }
  const std::uint32_t number = free.back();
  free.pop_back();
  objects[number] = std::make_unique<Object>();
  return number;
}

}  // namespace

std::optional<NodeNumber> EdgeNodes::find_node(std::string_view group,
                                               std::string_view name) const {
  const NodeNumber number = node_index_.find(
      hash_pair(group, name, config_.seed),
      [&](NodeNumber one) { return nodes_[one]->name == name && nodes_[one]->group == group; });
  if (number == FlatIndex::npos) return std::nullopt;
  return number;
}

std::optional<DeviceNumber> EdgeNodes::find_device(NodeNumber node, std::string_view name) const {
  const DeviceNumber number = device_index_.find(
      hash_child(node, name, config_.seed),
      [&](DeviceNumber one) { return devices_[one]->node == node && devices_[one]->name == name; });
  if (number == FlatIndex::npos) return std::nullopt;
  return number;
}

/// The edge node of a message, made when it is new. A node that was never born makes room for
/// another one: whoever writes to thousands of topics does not shut out the real ones.
NodeNumber EdgeNodes::node_for(const Topic& topic, Now now) {
  if (const auto number = find_node(topic.group, topic.node)) return *number;
  const bool is_full = totals_.nodes >= config_.limits.nodes;
  const bool too_many_unborn =
      topic.type != MessageType::nbirth && unborn_count_ >= config_.limits.unborn_nodes;
  if (is_full || too_many_unborn) forget_an_unborn_node();
  if (totals_.nodes >= config_.limits.nodes ||
      (topic.type != MessageType::nbirth && config_.limits.unborn_nodes == 0)) {
    count(Counter::sparkplug_nodes_refused);
    report_limit(EdgeLimit::nodes, no_node, now);
    return no_node;
  }
  const NodeNumber number = add_node(topic.group, topic.node);
  const std::string group = lower_case(topic.group);
  const std::string name = lower_case(topic.node);
  const auto twin =
      node_case_index_.find(hash_pair(group, name, config_.seed), [&](NodeNumber one) {
        return one != number && is_equal_but_case(nodes_[one]->name, name) &&
               is_equal_but_case(nodes_[one]->group, group);
      });
  // tck-id-case-sensitivity-sparkplug-ids: told, never merged.
  if (twin != FlatIndex::npos) {
    nodes_[number]->findings.note(Finding::id_case, now.wall, nodes_[twin]->name);
  }
  return number;
}

NodeNumber EdgeNodes::add_node(std::string_view group, std::string_view name) {
  const NodeNumber number = place_for(nodes_, free_nodes_);
  EdgeNode& node = *nodes_[number];
  node.group = group;
  node.name = name;
  node.rebirth.is_off = arbiter_.is_off(group);
  node_index_.insert(hash_pair(group, name, config_.seed), number);
  node_case_index_.insert(hash_pair(lower_case(group), lower_case(name), config_.seed), number);
  unborn_.push_back(number);
  ++unborn_count_;
  ++totals_.nodes;
  return number;
}

void EdgeNodes::forget_an_unborn_node() {
  while (!unborn_.empty()) {
    const NodeNumber number = unborn_.front();
    unborn_.pop_front();
    if (nodes_[number] == nullptr || nodes_[number]->has_birth) continue;
    count(Counter::sparkplug_nodes_forgotten);
    remove_node(number);
    return;
  }
}

void EdgeNodes::remove_node(NodeNumber number) {
  EdgeNode& node = *nodes_[number];
  arbiter_.cancel(number, node.rebirth);
  drop_early(number);
  unbind(number);
  if (!node.has_birth) --unborn_count_;
  if (node.is_here()) --totals_.nodes_here;
  erase_kept({number, no_device});
  for (const DeviceNumber child : node.devices) {
    Device& device = *devices_[child];
    erase_kept({number, child});
    totals_.metrics -= device.metrics.size();
    value_budget_.used -= device.metrics.value_bytes();
    device_index_.erase(hash_child(number, device.name, config_.seed), child);
    device_case_index_.erase(hash_child(number, lower_case(device.name), config_.seed), child);
    devices_[child].reset();
    free_devices_.push_back(child);
    --totals_.devices;
  }
  totals_.metrics -= node.metrics.size();
  value_budget_.used -= node.metrics.value_bytes();
  node_index_.erase(hash_pair(node.group, node.name, config_.seed), number);
  node_case_index_.erase(hash_pair(lower_case(node.group), lower_case(node.name), config_.seed),
                         number);
  std::erase_if(dirty_, [&](const Owner& owner) { return owner.node == number; });
  nodes_[number].reset();
  free_nodes_.push_back(number);
  --totals_.nodes;
  outcome_.actions.emplace_back(NodeForgotten{number});
}

/// The device of a DBIRTH, made when it is new; `no_device` when there are too many.
DeviceNumber EdgeNodes::device_for(NodeNumber number, std::string_view name, Now now) {
  if (const auto found = find_device(number, name)) return *found;
  EdgeNode& node = *nodes_[number];
  if (totals_.devices >= config_.limits.devices ||
      node.devices.size() >= config_.limits.devices_per_node) {
    count(Counter::sparkplug_devices_refused);
    report_limit(EdgeLimit::devices, number, now);
    return no_device;
  }
  const std::string lower = lower_case(name);
  const auto twin =
      device_case_index_.find(hash_child(number, lower, config_.seed), [&](DeviceNumber one) {
        return devices_[one]->node == number && is_equal_but_case(devices_[one]->name, lower);
      });
  if (twin != FlatIndex::npos) node.findings.note(Finding::id_case, now.wall, name);
  return add_device(number, name);
}

DeviceNumber EdgeNodes::add_device(NodeNumber number, std::string_view name) {
  const DeviceNumber child = place_for(devices_, free_devices_);
  Device& device = *devices_[child];
  device.node = number;
  device.name = name;
  nodes_[number]->devices.push_back(child);
  device_index_.insert(hash_child(number, name, config_.seed), child);
  device_case_index_.insert(hash_child(number, lower_case(name), config_.seed), child);
  ++totals_.devices;
  return child;
}

EdgeNodes::Session* EdgeNodes::session_for(const Author& author, NodeNumber number, Now now) {
  if (author.connection == 0) return nullptr;
  const auto found = sessions_.find(author.connection);
  if (found != sessions_.end()) return &found->second;
  if (sessions_.size() >= config_.limits.sessions) {
    count(Counter::sparkplug_sessions_refused);
    report_limit(EdgeLimit::sessions, number, now);
    return nullptr;
  }
  return &sessions_.try_emplace(author.connection).first->second;
}

void EdgeNodes::bind(NodeNumber number, const Author& author, Now now) {
  EdgeNode& node = *nodes_[number];
  if (node.connection != author.connection) unbind(number);
  node.client_id = author.client_id;
  node.last_connection = author.connection;
  if (node.connection == author.connection) return;
  Session* session = session_for(author, number, now);
  if (session == nullptr) return;
  session->bound.push_back(number);
  node.connection = author.connection;
}

void EdgeNodes::unbind(NodeNumber number) {
  EdgeNode& node = *nodes_[number];
  const auto found = sessions_.find(node.connection);
  node.connection = 0;
  if (found == sessions_.end()) return;
  std::erase(found->second.bound, number);
  const bool is_needed = found->second.has_will || !found->second.bound.empty();
  if (!is_needed) sessions_.erase(found);
}

const EdgeNode* EdgeNodes::node(NodeNumber number) const {
  return number < nodes_.size() ? nodes_[number].get() : nullptr;
}

const Device* EdgeNodes::device(DeviceNumber number) const {
  return number < devices_.size() ? devices_[number].get() : nullptr;
}

DeviceState EdgeNodes::device_state(DeviceNumber number) const {
  const Device& one = *devices_[number];
  const EdgeNode& parent = *nodes_[one.node];
  if (parent.is_here()) return one.state;
  // Nothing is known of it yet, or its edge node took it along.
  return parent.state == NodeState::offline ? DeviceState::offline : DeviceState::stale;
}

const MetricTable& EdgeNodes::metrics(NodeNumber node, DeviceNumber device) const {
  return device == no_device ? nodes_[node]->metrics : devices_[device]->metrics;
}

bool EdgeNodes::is_live(NodeNumber number, DeviceNumber child) const {
  const EdgeNode& node = *nodes_[number];
  const bool is_here = node.state == NodeState::online || node.state == NodeState::reordering ||
                       (config_.detached_stays_good && node.reason == OfflineReason::detached);
  if (!is_here) return false;
  return child == no_device || devices_[child]->state == DeviceState::online;
}

std::uint64_t EdgeNodes::stale_since(NodeNumber number, DeviceNumber child) const {
  const EdgeNode& node = *nodes_[number];
  if (child == no_device || devices_[child]->state == DeviceState::online) return node.stale_since;
  return devices_[child]->stale_since;
}

EdgeTotals EdgeNodes::totals() const {
  EdgeTotals totals = totals_;
  totals.value_bytes = value_budget_.used;
  return totals;
}

}  // namespace lineshaft::sparkplug
