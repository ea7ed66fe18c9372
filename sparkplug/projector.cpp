#include "sparkplug/projector.h"

#include <algorithm>
#include <variant>

#include "broker/base/limits.h"
#include "sparkplug/nested.h"

namespace lineshaft::sparkplug {
namespace {

/// The property that names a metric's engineering unit.
constexpr std::string_view unit_key = "engUnit";

std::string_view unit_of(const MetricTable& table, std::uint32_t metric) {
  return text_property(table.properties(metric), unit_key).value_or("");
}

}  // namespace

std::string_view Projector::Topics::at(std::uint32_t metric) const {
  if (metric >= ends.size()) return {};
  const std::uint32_t begin = metric == 0 ? 0 : ends[metric - 1];
  return std::string_view(text).substr(begin, ends[metric] - begin);
}

void Projector::Topics::add(std::string_view topic) {
  text += topic;
  ends.push_back(static_cast<std::uint32_t>(text.size()));
}

Projector::Projector(Projection projection, const EdgeNodes& nodes)
    : projection_(std::move(projection)), nodes_(nodes) {}

void Projector::apply(const Outcome& outcome) {
  if (projection_.empty()) return;
  for (const Action& action : outcome.actions) {
    if (const auto* const data = std::get_if<MetricsChanged>(&action)) {
      on_data(*data, outcome);
    } else if (const auto* const born = std::get_if<Born>(&action)) {
      on_born(born->node, born->device);
    } else if (const auto* const node = std::get_if<NodeChanged>(&action)) {
      if (node->quality_changed) refresh_all(node->node);
    } else if (const auto* const device = std::get_if<DeviceChanged>(&action)) {
      refresh(device->node, device->device);
    } else if (const auto* const forgotten = std::get_if<NodeForgotten>(&action)) {
      on_forgotten(forgotten->node);
    }
  }
}

void Projector::restore() {
  if (projection_.empty()) return;
  for (NodeNumber number = 0; number < nodes_.nodes_end(); ++number) {
    const EdgeNode* const node = nodes_.node(number);
    if (node == nullptr) continue;
    on_born(number, no_device);
    for (const DeviceNumber device : node->devices) on_born(number, device);
  }
}

/// The metric's topic, now its own; empty when it has none.
std::string Projector::claimed_topic(const MetricSource& source, const MetricPlace& place) {
  const auto topic = projection_.topic_of(source);
  if (!topic) return {};
  const MetricPlace* const owner = topics_.claim(*topic, place);
  if (owner == nullptr) return *topic;
  if (collisions_.size() < limits::sparkplug_collisions_reported_max) {
    collisions_.push_back({*topic, *owner, place});
  }
  return {};
}

/// The metrics of a birth get their topics; those before let go of theirs first, so that a metric
/// can follow itself to another place.
void Projector::on_born(NodeNumber node, DeviceNumber device) {
  const EdgeNode* const edge = nodes_.node(node);
  const Device* const own = device == no_device ? nullptr : nodes_.device(device);
  if (edge == nullptr || (device != no_device && own == nullptr)) return;
  const Owner owner{node, device};
  Topics& topics = owners_[owner];
  const Topics before = std::exchange(topics, {});
  release(owner, before);
  const MetricTable& table = nodes_.metrics(node, device);
  topics.ends.reserve(table.size());
  for (std::uint32_t metric = 0; metric < table.size(); ++metric) {
    const MetricSource source{edge->group, edge->name,
                              own == nullptr ? std::string_view() : std::string_view(own->name),
                              table.name(metric)};
    topics.add(claimed_topic(source, {node, device, metric}));
  }
  list_gone(before);
  topics.left = topics.size();
  const bool was_waiting = before.left > 0;
  if (!was_waiting && topics.left > 0) waiting_.push_back(owner);
  if (was_waiting && topics.left == 0) std::erase(waiting_, owner);
}

void Projector::release(const Owner& owner, const Topics& topics) {
  for (std::uint32_t metric = 0; metric < topics.size(); ++metric) {
    topics_.release(topics.at(metric), {owner.first, owner.second, metric});
  }
}

/// Topics that are nobody's now.
void Projector::list_gone(const Topics& topics) {
  for (std::uint32_t metric = 0; metric < topics.size(); ++metric) {
    const std::string_view topic = topics.at(metric);
    if (!topic.empty() && topics_.find(topic) == nullptr) gone_.emplace_back(topic);
  }
}

void Projector::on_data(const MetricsChanged& changed, const Outcome& outcome) {
  const Owner owner{changed.node, changed.device};
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return;
  const MetricTable& table = nodes_.metrics(changed.node, changed.device);
  for (const MetricChange& change : outcome.changes_of(changed)) {
    const std::string_view topic = found->second.at(change.metric);
    if (topic.empty()) continue;
    ProjectedMessage message{std::string(topic), {}, !change.is_historical};
    if (change.is_historical) {
      auto history = projection_.history_topic(topic);
      if (!history) continue;
      message.topic = std::move(*history);
    }
    // Of a Template only some members came; the last value has all.
    const bool is_part = change.value.type == DataType::template_type && !change.is_historical;
    append_projected(message.payload, is_part ? table.value(change.metric) : change.value,
                     change.timestamp, change.quality, unit_of(table, change.metric));
    ready_.push_back(std::move(message));
  }
}

void Projector::on_forgotten(NodeNumber node) {
  const auto first = owners_.lower_bound({node, 0});
  auto last = first;
  for (; last != owners_.end() && last->first.first == node; ++last) {
    release(last->first, last->second);
    list_gone(last->second);
  }
  owners_.erase(first, last);
  std::erase_if(waiting_, [node](const Owner& owner) { return owner.first == node; });
}

/// A wave that is under way goes on where it is and once around.
void Projector::refresh(NodeNumber node, DeviceNumber device) {
  const auto found = owners_.find({node, device});
  if (found == owners_.end() || found->second.size() == 0) return;
  if (found->second.left == 0) waiting_.push_back(found->first);
  found->second.left = found->second.size();
}

void Projector::refresh_all(NodeNumber node) {
  for (auto at = owners_.lower_bound({node, 0}); at != owners_.end() && at->first.first == node;
       ++at) {
    refresh(node, at->first.second);
  }
}

std::string Projector::value_now(const Owner& owner, std::uint32_t metric) const {
  const MetricTable& table = nodes_.metrics(owner.first, owner.second);
  std::string payload;
  append_projected(payload, table.value(metric), table.timestamp(metric),
                   nodes_.quality(owner.first, owner.second, metric), unit_of(table, metric));
  return payload;
}

void Projector::take_wave(std::size_t messages_max, std::vector<ProjectedMessage>& into) {
  std::size_t count = 0;
  while (count < messages_max && !gone_.empty()) {
    std::string topic = std::move(gone_.front());
    gone_.pop_front();
    // It is somebody's again.
    if (topics_.find(topic) != nullptr) continue;
    into.push_back({std::move(topic), {}, true});
    ++count;
  }
  while (count < messages_max && !waiting_.empty()) {
    const Owner owner = waiting_.front();
    Topics& topics = owners_.at(owner);
    for (; count < messages_max && topics.left > 0; --topics.left) {
      const std::uint32_t metric = topics.next;
      topics.next = (metric + 1) % topics.size();
      const std::string_view topic = topics.at(metric);
      if (topic.empty()) continue;
      into.push_back({std::string(topic), value_now(owner, metric), true});
      ++count;
    }
    if (topics.left > 0) return;
    waiting_.pop_front();
  }
}

bool Projector::is_writable(std::string_view topic) const {
  const auto metric = written_topic(topic);
  return metric && topics_.find(*metric) != nullptr;
}

std::optional<ProjectedCommand> Projector::write(std::string_view topic, std::string_view json,
                                                 std::uint64_t now_ms) const {
  const auto written = written_topic(topic);
  const MetricPlace* const place = written ? topics_.find(*written) : nullptr;
  if (place == nullptr) return std::nullopt;
  ProjectedCommand command;
  const EdgeNode* const edge = nodes_.node(place->node);
  const bool is_own = place->device == no_device;
  const Device* const device = is_own ? nullptr : nodes_.device(place->device);
  if (edge == nullptr || (!is_own && device == nullptr)) return std::nullopt;
  if (!nodes_.is_live(place->node, place->device)) {
    command.fault = WriteFault::offline;
    return command;
  }
  const MetricTable& table = nodes_.metrics(place->node, place->device);
  WriteCommand made = write_command(
      {table.name(place->metric), table.alias(place->metric), table.birth_datatype(place->metric)},
      json, now_ms);
  command.fault = made.fault;
  command.payload = std::move(made.payload);
  command.topic = topic_name({is_own ? MessageType::ncmd : MessageType::dcmd, edge->group,
                              edge->name, is_own ? std::string_view() : device->name});
  return command;
}

}  // namespace lineshaft::sparkplug
