#include "sparkplug/snapshot.h"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/topic_name.h"
#include "sparkplug/nested.h"
#include "sparkplug/payload_writer.h"
#include "sparkplug/topic.h"

namespace lineshaft::sparkplug {
namespace {

constexpr char user_property_identifier = 0x26;

/// Takes a text behind its length in two bytes.
std::string_view take_text(std::string_view& rest) {
  if (rest.size() < 2) return rest = {};
  const std::size_t size =
      static_cast<unsigned char>(rest[0]) * std::size_t{256} + static_cast<unsigned char>(rest[1]);
  rest.remove_prefix(2);
  if (size > rest.size()) return rest = {};
  const std::string_view text = rest.substr(0, size);
  rest.remove_prefix(size);
  return text;
}

/// One more entry of a PropertySet: the key "Quality" with an int_value. Whoever reads it as a map
/// takes the last one.
std::string with_quality(std::string_view properties, Quality quality) {
  std::string out(properties);
  const auto number = static_cast<unsigned>(quality);
  const bool is_long = number >= 0x80;
  out += std::string_view("\x0a\x07Quality\x12", 10);
  out += is_long ? '\x05' : '\x04';
  out += std::string_view("\x08\x03\x18", 3);  // type Int32, int_value
  out += static_cast<char>(is_long ? (number & 0x7Fu) | 0x80u : number);
  if (is_long) out += static_cast<char>(number >> 7);
  return out;
}

std::string birth_payload(const EdgeNodes& nodes, NodeNumber number, DeviceNumber device,
                          std::uint8_t seq, WallTime now) {
  PayloadWriter writer(static_cast<std::uint64_t>(now.time_since_epoch().count()));
  const MetricTable& table = nodes.metrics(number, device);
  std::string properties;
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    MetricToWrite metric;
    metric.name = table.name(i);
    metric.alias = table.alias(i);
    metric.timestamp = table.timestamp(i);
    metric.value = table.value(i);
    if (metric.value.type == DataType::unknown) metric.value.type = table.birth_datatype(i);
    metric.is_transient = table.is_transient(i);
    metric.properties = table.properties(i);
    metric.metadata = table.metadata(i);
    if (quality_of(metric.properties) != table.own_quality(i)) {
      properties = with_quality(metric.properties, table.own_quality(i));
      metric.properties = properties;
    }
    writer.add(metric);
  }
  return writer.finish(seq);
}

/// Whether the filter matches a topic of these levels, or one that begins with them.
bool begins_as(std::string_view filter, std::initializer_list<std::string_view> levels) {
  for (const std::string_view level : levels) {
    const std::size_t end = filter.find('/');
    const std::string_view own = filter.substr(0, end);
    if (own == "#") return true;
    if (own != "+" && own != level) return false;
    filter = end == std::string_view::npos ? std::string_view() : filter.substr(end + 1);
  }
  return true;
}

struct Birth {
  DeviceNumber device = no_device;
  std::string topic;
};

/// Whose births a filter matches; most edge nodes and devices are left out by their levels alone.
std::vector<Birth> matching_births(const EdgeNodes& nodes, NodeNumber number,
                                   std::string_view filter) {
  const EdgeNode& node = *nodes.node(number);
  std::vector<Birth> births;
  const auto add = [&](DeviceNumber device, const Topic& topic) {
    std::string name = topic_name(topic);
    if (core::topic_matches_filter(name, filter)) births.push_back({device, std::move(name)});
  };
  if (begins_as(filter, {namespace_level, node.group, "NBIRTH", node.name})) {
    add(no_device, {MessageType::nbirth, node.group, node.name, {}});
  }
  if (!begins_as(filter, {namespace_level, node.group, "DBIRTH", node.name})) return births;
  for (const DeviceNumber device : node.devices) {
    const std::string& name = nodes.device(device)->name;
    if (!begins_as(filter, {namespace_level, node.group, "DBIRTH", node.name, name})) continue;
    if (!nodes.is_live(number, device)) continue;
    add(device, {MessageType::dbirth, node.group, node.name, name});
  }
  return births;
}

}  // namespace

bool asks_for_snapshot(std::string_view user_properties) {
  while (!user_properties.empty() && user_properties.front() == user_property_identifier) {
    user_properties.remove_prefix(1);
    const std::string_view name = take_text(user_properties);
    const std::string_view value = take_text(user_properties);
    if (name == "lineshaft-snapshot" && value == "1") return true;
  }
  return false;
}

bool send_snapshot(const EdgeNodes& nodes, NodeNumber number, std::string_view filter, WallTime now,
                   SnapshotBudget& budget, const std::function<bool(const MessagePtr&)>& send) {
  const EdgeNode& node = *nodes.node(number);
  // Whose messages do not count would be brought to life by a birth that nobody has published.
  if (node.state != NodeState::online || !nodes.is_live(number, no_device)) return true;
  const std::vector<Birth> births = matching_births(nodes, number, filter);
  std::vector<MessagePtr> messages;
  std::size_t bytes = 0;
  auto seq = static_cast<std::uint8_t>(node.next_seq.value_or(0) - births.size());
  for (const Birth& birth : births) {
    const std::string payload = birth_payload(nodes, number, birth.device, seq++, now);
    bytes += payload.size();
    budget.made += payload.size();
    // Before anything is sent: half an edge node would have a gap in its `seq`.
    const bool fits = bytes <= SnapshotBudget::sent_max - budget.sent;
    if (!fits || budget.made > SnapshotBudget::made_max) return false;
    MessageFields fields;
    fields.topic = birth.topic;
    fields.payload = payload;
    messages.push_back(KeptMessage::make(fields, {}));
  }
  for (const MessagePtr& message : messages) {
    if (send(message)) budget.sent += message->payload().size();
  }
  return true;
}

}  // namespace lineshaft::sparkplug
