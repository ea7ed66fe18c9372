#include "broker/app/sparkplug_verbs.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "broker/app/admin_call.h"
#include "broker/app/terminal.h"

namespace lineshaft::app {
namespace {

using SparkplugJson = nlohmann::ordered_json;

/// What edge nodes say of themselves is no command to a terminal.
std::string shown(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text;
}

std::string word(const SparkplugJson& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return "-";
  return shown(found->is_string() ? found->get<std::string>() : found->dump());
}

std::string node_line(const SparkplugJson& node) {
  std::string state = word(node, "state");
  if (word(node, "reason") != "none") state += " (" + word(node, "reason") + ")";
  const SparkplugJson& counts = node.at("counts");
  return fmt::format("{}/{}  {}  bdSeq {}  births {}  gaps {}  rebirth requests {}{}\n",
                     word(node, "group"), word(node, "node"), state, word(node, "bdSeq"),
                     word(counts, "births"), word(counts, "gaps"),
                     word(node.at("rebirth"), "requests"),
                     node.at("conformant").get<bool>() ? "" : "  not conformant");
}

std::string nodes_text(const SparkplugJson& answer) {
  std::string text;
  for (const SparkplugJson& node : answer.at("nodes")) {
    text += node_line(node);
    if (!node.at("devices").is_array()) continue;
    for (const SparkplugJson& device : node.at("devices")) {
      text += fmt::format("  {}  {}  metrics {}\n", word(device, "device"), word(device, "state"),
                          word(device, "metrics"));
    }
    for (const SparkplugJson& finding : node.at("findings")) {
      text += fmt::format("  ! {} ({}x, {})\n", word(finding, "what"), word(finding, "count"),
                          word(finding, "id"));
    }
  }
  return text.empty() ? "None.\n" : text;
}

std::string metrics_text(const SparkplugJson& answer) {
  std::string text;
  for (const SparkplugJson& metric : answer.at("metrics")) {
    text += fmt::format("{}  {}  {}  {}  {}\n", word(metric, "name"), word(metric, "value"),
                        word(metric, "quality"), word(metric, "type"), word(metric, "timestamp"));
  }
  return text.empty() ? "None.\n" : text;
}

}  // namespace

std::string sparkplug_text(const SparkplugCommand& command, const std::string& answer) {
  const SparkplugJson json = SparkplugJson::parse(answer);
  if (command.act == "metrics") return metrics_text(json);
  if (command.act == "forget") {
    return shown(fmt::format("{}/{} is forgotten.", command.group, command.node)) + "\n";
  }
  return nodes_text(json);
}

ExitCode ask_sparkplug(const ConfigSources& sources, const std::optional<std::string>& socket,
                       const SparkplugCommand& command, bool json) {
  SparkplugJson body = SparkplugJson::object();
  if (!command.group.empty()) body["group"] = command.group;
  if (!command.node.empty()) body["node"] = command.node;
  if (!command.device.empty()) body["device"] = command.device;
  ExitCode exit_code = ExitCode::ok;
  const auto answer =
      ask_broker(sources, socket, admin::Method::post, "/api/v1/sparkplug:" + command.act,
                 body.dump(-1, ' ', false, SparkplugJson::error_handler_t::replace), exit_code);
  if (!answer) return exit_code;
  if (answer->status != 200) {
    const ExitCode said = tell_refusal(*answer);
    return answer->status == 422 ? ExitCode::usage : said;
  }
  try {
    say(json ? answer->body : sparkplug_text(command, answer->body));
    return ExitCode::ok;
  } catch (const SparkplugJson::exception& error) {
    complain(fmt::format("the broker's answer is not understood: {}. Is it of another version?",
                         error.what()));
    return ExitCode::internal;
  }
}

}  // namespace lineshaft::app
