#include "sparkplug/node_report.h"

#include <nlohmann/json.hpp>

#include "broker/base/json_text.h"
#include "sparkplug/commands.h"
#include "sparkplug/value.h"

namespace lineshaft::sparkplug {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t ms_of(WallTime time) { return time.time_since_epoch().count(); }

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json counts_json(const EdgeNodeCounts& counts) {
  return {{"births", counts.births},       {"rebirths", counts.rebirths},
          {"deaths", counts.deaths},       {"stale_deaths", counts.stale_deaths},
          {"gaps", counts.gaps},           {"duplicates", counts.duplicates},
          {"malformed", counts.malformed}, {"rejected", counts.rejected},
          {"messages", counts.messages},   {"metrics", counts.metrics},
          {"conflicts", counts.conflicts}};
}

Json rebirth_json(const RebirthArbiter::Record& record) {
  Json causes = Json::object();
  for (std::size_t i = 0; i < rebirth_causes_size; ++i) {
    if (record.causes[i] == 0) continue;
    causes[std::string(to_string(static_cast<RebirthCause>(i)))] = record.causes[i];
  }
  Json json = {{"requests", record.requests},
               {"unanswered", record.unanswered},
               {"causes", std::move(causes)}};
  if (record.last_cause) json["last_cause"] = to_string(*record.last_cause);
  if (record.last_request != WallTime{}) json["last_request"] = ms_of(record.last_request);
  return json;
}

Json findings_json(const Findings& findings) {
  Json list = Json::array();
  for (std::size_t i = 0; i < findings_size; ++i) {
    const auto finding = static_cast<Finding>(i);
    const Findings::Entry* const entry = findings.find(finding);
    if (entry == nullptr) continue;
    list.push_back({{"finding", finding_name(finding)},
                    {"id", finding_id(finding)},
                    {"what", finding_text(finding)},
                    {"count", entry->count},
                    {"first", ms_of(entry->first)},
                    {"last", ms_of(entry->last)},
                    {"example", entry->example}});
  }
  return list;
}

Json devices_json(const EdgeNodes& nodes, const EdgeNode& node) {
  Json list = Json::array();
  for (const DeviceNumber number : node.devices) {
    const Device& device = *nodes.device(number);
    list.push_back({{"device", device.name},
                    {"state", to_string(nodes.device_state(number))},
                    {"births", device.births},
                    {"metrics", device.metrics.size()}});
  }
  return list;
}

Json node_object(const EdgeNodes& nodes, NodeNumber number, ReportDepth depth) {
  const EdgeNode& node = *nodes.node(number);
  std::size_t online = 0;
  for (const DeviceNumber device : node.devices) {
    online += nodes.device_state(device) == DeviceState::online ? 1 : 0;
  }
  Json json = {{"group", node.group},
               {"node", node.name},
               {"state", to_string(node.state)},
               {"reason", to_string(node.reason)},
               {"bdSeq", node.bd_seq ? Json(*node.bd_seq) : Json()},
               {"client", node.client_id},
               {"online_since", ms_of(node.online_since)},
               {"offline_since", ms_of(node.offline_since)},
               {"metrics", node.metrics.size()},
               {"devices", node.devices.size()},
               {"devices_online", online},
               {"clock_skew_ms", node.clock_skew_ms},
               {"counts", counts_json(node.counts)},
               {"rebirth", rebirth_json(node.rebirth)},
               {"conformant", node.findings.empty()}};
  if (depth == ReportDepth::state) return json;
  json["devices"] = devices_json(nodes, node);
  json["findings"] = findings_json(node.findings);
  return json;
}

/// As the i3X and OPC worlds write it.
std::string_view quality_word(Quality quality) {
  switch (quality) {
    case Quality::good:
      return "Good";
    case Quality::uncertain:
      return "Uncertain";
    case Quality::bad:
      return "Bad";
    case Quality::stale:
      return "Stale";
    case Quality::good_no_data:
      break;
  }
  return "GoodNoData";
}

}  // namespace

std::string node_json(const EdgeNodes& nodes, NodeNumber number, ReportDepth depth) {
  return dumped(node_object(nodes, number, depth));
}

std::string totals_json(const EdgeNodes& nodes) {
  const EdgeTotals totals = nodes.totals();
  return dumped({{"nodes", totals.nodes},
                 {"online", totals.nodes_here},
                 {"devices", totals.devices},
                 {"metrics", totals.metrics}});
}

NodeQuery node_query(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const auto text = [&json](const char* name) {
    const bool there = json.is_object() && json.contains(name) && json[name].is_string();
    return there ? json[name].get<std::string>() : std::string();
  };
  return {text("group"), text("node"), text("device")};
}

core::RequestAnswer refusal(std::string_view why) {
  return {core::RequestAnswer::State::refused, dumped({{"error", why}})};
}

core::RequestAnswer nodes_answer(const EdgeNodes& nodes, const NodeQuery& query) {
  Json list = Json::array();
  const bool is_one = !query.node.empty();
  for (NodeNumber number = 0; number < nodes.nodes_end(); ++number) {
    const EdgeNode* const node = nodes.node(number);
    if (node == nullptr) continue;
    if (!query.group.empty() && node->group != query.group) continue;
    if (is_one && node->name != query.node) continue;
    list.push_back(node_object(nodes, number, is_one ? ReportDepth::findings : ReportDepth::state));
  }
  if (is_one && list.empty()) return refusal("there is no such edge node");
  return {core::RequestAnswer::State::done, dumped({{"nodes", std::move(list)}})};
}

core::RequestAnswer metrics_answer(const EdgeNodes& nodes, const NodeQuery& query) {
  const auto number = nodes.find_node(query.group, query.node);
  if (!number) return refusal("there is no such edge node");
  DeviceNumber device = no_device;
  if (!query.device.empty()) {
    const auto found = nodes.find_device(*number, query.device);
    if (!found) return refusal("the edge node has no such device");
    device = *found;
  }
  const MetricTable& table = nodes.metrics(*number, device);
  // By hand: values may be many, and their numbers have all their digits.
  std::string json = R"({"metrics":[)";
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    if (i > 0) json += ',';
    json += R"({"name":)";
    append_json_string(json, table.name(i));
    if (const auto alias = table.alias(i)) json += R"(,"alias":)" + std::to_string(*alias);
    const Value value = table.value(i);
    json += R"(,"type":")";
    json += to_string(value.type);
    json += R"(","value":)";
    append_json(json, value);
    json += R"(,"quality":")";
    json += quality_word(nodes.quality(*number, device, i));
    json += R"(","timestamp":)" + std::to_string(table.timestamp(i)) + '}';
  }
  json += "]}";
  return {core::RequestAnswer::State::done, std::move(json)};
}

}  // namespace lineshaft::sparkplug
