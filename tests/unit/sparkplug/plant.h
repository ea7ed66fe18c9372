#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sparkplug/edge_nodes.h"
#include "sparkplug/payload_writer.h"

namespace lineshaft::sparkplug {

inline constexpr std::uint64_t plant_epoch_ms = 1'763'600'000'000;

inline Value real(double number) {
  return {DataType::float64, false, std::bit_cast<std::uint64_t>(number), {}};
}
inline Value whole(std::uint64_t number, DataType type = DataType::int64) {
  return {type, false, number, {}};
}
inline Value flag(bool on) { return {DataType::boolean, false, on ? 1u : 0u, {}}; }
inline Value text(std::string_view words) { return {DataType::string, false, 0, words}; }

/// A metric of a test's payload: with a name, an alias, or both.
struct Given {
  std::optional<std::string_view> name;
  Value value;
  std::optional<std::uint64_t> alias = std::nullopt;
  bool with_datatype = true;
  bool is_historical = false;
  bool is_transient = false;
  std::optional<std::uint64_t> timestamp = plant_epoch_ms;
  std::string_view properties = {};
};

inline Given by_name(std::string_view name, Value value) { return {name, value}; }
inline Given by_both(std::string_view name, std::uint64_t alias, Value value) {
  return {name, value, alias};
}
/// As data have it: no name, no datatype.
inline Given by_alias(std::uint64_t alias, Value value) {
  return {std::nullopt, value, alias, false};
}

inline std::string payload_of(const std::vector<Given>& metrics, std::optional<std::uint64_t> seq,
                              std::optional<std::uint64_t> timestamp = plant_epoch_ms) {
  PayloadWriter writer(timestamp);
  for (const Given& one : metrics) {
    MetricToWrite metric;
    metric.name = one.name;
    metric.alias = one.alias;
    metric.timestamp = one.timestamp;
    metric.value = one.value;
    metric.with_datatype = one.with_datatype;
    metric.is_historical = one.is_historical;
    metric.is_transient = one.is_transient;
    metric.properties = one.properties;
    writer.add(metric);
  }
  return writer.finish(seq);
}

/// An NBIRTH as it should be, with more metrics behind.
inline std::string node_birth(std::optional<std::uint64_t> bd_seq, std::uint64_t seq = 0,
                              std::vector<Given> more = {}) {
  std::vector<Given> metrics;
  if (bd_seq) metrics.push_back(by_name("bdSeq", whole(*bd_seq)));
  metrics.push_back(by_name("Node Control/Rebirth", flag(false)));
  metrics.insert(metrics.end(), more.begin(), more.end());
  return payload_of(metrics, seq);
}

inline std::string node_death(std::optional<std::uint64_t> bd_seq) {
  std::vector<Given> metrics;
  if (bd_seq) metrics.push_back(by_name("bdSeq", whole(*bd_seq)));
  return payload_of(metrics, std::nullopt);
}

/// A machine and the clients that speak to it; the edge node is spBv1.0/G/+/E unless named.
class Plant {
 public:
  explicit Plant(EdgeNodesConfig config = {}) : machine(std::move(config)) {}

  const Outcome& publish(std::string_view topic, std::string_view payload) {
    return publish(topic, payload, author);
  }
  const Outcome& publish(std::string_view topic, std::string_view payload, const Author& from,
                         std::uint8_t qos = 0, bool retain = false) {
    topic_ = topic;
    payload_ = payload;
    return seen(machine.on_publish({*parse_topic(topic_), payload_, from, qos, retain}, now));
  }
  const Outcome& connect(std::optional<std::uint64_t> bd_seq, const Author& from) {
    payload_ = node_death(bd_seq);
    return seen(
        machine.on_connect(from, {*parse_topic("spBv1.0/G/NDEATH/E"), payload_, 1, false}, now));
  }
  const Outcome& disconnect(ConnectionNumber connection, ConnectionEnd end) {
    return seen(machine.on_disconnect(connection, end, now));
  }
  const Outcome& wait(std::int64_t milliseconds) {
    now.steady += Milliseconds{milliseconds};
    now.wall += Milliseconds{milliseconds};
    return seen(machine.on_time(now));
  }

  const Outcome& nbirth(std::optional<std::uint64_t> bd_seq, std::uint64_t seq = 0) {
    return publish("spBv1.0/G/NBIRTH/E", node_birth(bd_seq, seq, {by_both("Uptime", 1, whole(7))}));
  }
  const Outcome& dbirth(std::uint64_t seq, std::string_view device = "D") {
    return publish("spBv1.0/G/DBIRTH/E/" + std::string(device),
                   payload_of({by_both("Temp", 10, real(20.5))}, seq));
  }
  const Outcome& ddata(std::uint64_t seq, double value, std::string_view device = "D") {
    return publish("spBv1.0/G/DDATA/E/" + std::string(device),
                   payload_of({by_alias(10, real(value))}, seq));
  }
  const Outcome& ndata(std::uint64_t seq, std::uint64_t value) {
    return publish("spBv1.0/G/NDATA/E", payload_of({by_alias(1, whole(value))}, seq));
  }

  NodeNumber number(std::string_view name = "E") const {
    return machine.find_node("G", name).value_or(no_node);
  }
  const EdgeNode& node(std::string_view name = "E") const { return *machine.node(number(name)); }
  DeviceNumber device_number(std::string_view name = "D") const {
    return machine.find_device(number(), name).value_or(no_device);
  }
  NodeState state() const { return node().state; }
  DeviceState device_state(std::string_view name = "D") const {
    const auto found = machine.find_device(number(), name);
    return found ? machine.device_state(*found) : DeviceState::unknown;
  }
  /// Of the device's `Temp`.
  double temperature(std::string_view device = "D") const {
    const MetricTable& table = machine.metrics(number(), device_number(device));
    return std::bit_cast<double>(table.value(table.find_name("Temp")).number);
  }
  Quality quality(std::string_view device = "D", std::string_view metric = "Temp") const {
    const DeviceNumber child = device.empty() ? no_device : device_number(device);
    return machine.quality(number(), child, machine.metrics(number(), child).find_name(metric));
  }
  bool has_finding(Finding finding) const { return node().findings.find(finding) != nullptr; }

  template <class Kind>
  static std::vector<Kind> all(const Outcome& outcome) {
    std::vector<Kind> found;
    for (const Action& action : outcome.actions) {
      if (const Kind* one = std::get_if<Kind>(&action)) found.push_back(*one);
    }
    return found;
  }

  EdgeNodes machine;
  Now now{Instant{Milliseconds{1'000}}, WallTime{Milliseconds{plant_epoch_ms}}};
  Author author{1, "gateway", false, false};
  /// Rebirth requests, over everything.
  std::size_t rebirths = 0;

 private:
  const Outcome& seen(const Outcome& outcome) {
    rebirths += all<RequestRebirth>(outcome).size();
    return outcome;
  }

  std::string topic_;
  std::string payload_;
};

/// Waits for missing messages so long.
inline EdgeNodesConfig reordering(std::int64_t milliseconds) {
  EdgeNodesConfig config;
  config.reorder_timeout_direct = Milliseconds{milliseconds};
  return config;
}

}  // namespace lineshaft::sparkplug
