#include "broker/app/admin_verbs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "broker/app/admin_call.h"
#include "broker/app/terminal.h"

namespace lineshaft::app {
namespace {

using Json = nlohmann::json;

std::string duration(std::int64_t seconds) {
  const std::int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  if (days > 0) return fmt::format("{} d {} h", days, hours % 24);
  if (hours > 0) return fmt::format("{} h {} min", hours, minutes % 60);
  if (minutes > 0) return fmt::format("{} min {} s", minutes, seconds % 60);
  return fmt::format("{} s", seconds);
}

std::string size_text(double bytes) {
  const char* unit = "B";
  for (const char* larger : {"KiB", "MiB", "GiB", "TiB"}) {
    if (bytes < 1024) break;
    bytes /= 1024;
    unit = larger;
  }
  return fmt::format("{:.{}f} {}", bytes, *unit == 'B' ? 0 : 1, unit);
}

std::string size_of(const Json& json, const char* name) {
  return size_text(json.at(name).get<double>());
}

std::string listeners_text(const Json& listeners) {
  std::string text;
  const char* label = "listening";
  for (const Json& each : listeners) {
    text += fmt::format("  {:<12}{} {}, {} connections\n", label,
                        each.at("name").get<std::string>(), each.at("address").get<std::string>(),
                        each.at("connections").get<std::uint64_t>());
    label = "";
  }
  return text;
}

std::string store_text(const Json& store) {
  std::string syncs;  // none yet: nothing to tell
  if (store.at("sync_p50_us").get<double>() > 0) {
    syncs = fmt::format(", a sync takes {:.1f} ms (p99 {:.1f} ms)",
                        store.at("sync_p50_us").get<double>() / 1e3,
                        store.at("sync_p99_us").get<double>() / 1e3);
  }
  return fmt::format("  {:<12}{}; {} wait for the disk{}, {} free\n", "store",
                     store.at("state").get<std::string>(), size_of(store, "queue_bytes"), syncs,
                     size_of(store, "free_bytes"));
}

std::string counts_text(const Json& counts) {
  const auto number = [&](const char* name) { return counts.at(name).get<std::uint64_t>(); };
  return fmt::format(
      "  {:<12}{} ({} online), {} subscriptions\n"
      "  {:<12}{} retained, {} last values, {} queued or in flight ({})\n",
      "sessions", number("sessions"), number("sessions_online"), number("subscriptions"),
      "messages", number("retained_messages"), number("last_values"), number("queued_messages"),
      size_of(counts, "queued_bytes"));
}

}  // namespace

std::string status_text(const std::string& body) {
  const Json json = Json::parse(body);
  const auto text = [&](const char* name) { return json.at(name).get<std::string>(); };
  std::string out = fmt::format("Lineshaft {}, node {}: {}\n", text("version"), text("node"),
                                json.at("ready").get<bool>() ? "ready" : "not ready");
  for (const Json& each : json.at("reasons")) {
    out += fmt::format("  because     {}\n", each.at("detail").get<std::string>());
  }
  out += fmt::format("  {:<12}{}, {} since {}, process {}\n", "phase", text("phase"),
                     duration(json.at("uptime_s").get<std::int64_t>()), text("started"),
                     json.at("pid").get<std::int64_t>());
  out += listeners_text(json.at("listeners"));
  out += fmt::format("  {:<12}{}, durability {}\n", "data folder", text("data_dir"),
                     text("durability"));
  if (json.at("store").is_object()) out += store_text(json.at("store"));
  if (json.at("counts").is_object()) out += counts_text(json.at("counts"));
  out += fmt::format("  {:<12}{}\n", "memory", size_of(json, "memory_resident_bytes"));
  return out;
}

ExitCode ask_status(const ConfigSources& sources, const Command& command) {
  ExitCode exit_code = ExitCode::ok;
  const bool is_probe = !command.probe.empty();
  const auto answer = ask_broker(sources, command.socket, admin::Method::get,
                                 is_probe ? "/" + command.probe : "/api/v1/status", {}, exit_code);
  if (!answer) return exit_code;
  if (is_probe && (answer->status == 200 || answer->status == 503)) {
    say(answer->body);
    return answer->status == 200 ? ExitCode::ok : ExitCode::disk_failed;
  }
  if (answer->status != 200) return tell_refusal(*answer);
  try {
    say(command.json ? answer->body : status_text(answer->body));
    const bool ready = Json::parse(answer->body).at("ready").get<bool>();
    return ready ? ExitCode::ok : ExitCode::disk_failed;
  } catch (const Json::exception& error) {
    complain(fmt::format("the broker's answer is not understood: {}. Is it of another version?",
                         error.what()));
    return ExitCode::internal;
  }
}

ExitCode ask_reload(const ConfigSources& sources, const Command& command) {
  ExitCode exit_code = ExitCode::ok;
  const auto answer = ask_broker(sources, command.socket, admin::Method::post,
                                 "/api/v1/config:reload", {}, exit_code);
  if (!answer) return exit_code;
  const Json json = Json::parse(answer->body, nullptr, false);
  if (!json.is_object()) return tell_refusal(*answer);
  const auto names = [&](const char* member) {
    std::vector<std::string> list;
    for (const Json& each : json.value(member, Json::array())) {
      if (each.is_string()) list.push_back(each.get<std::string>());
    }
    return list;
  };
  const auto changed = names("changed"), waiting = names("needs_restart");
  // A refusal has neither; what was taken over but for some files has them beside its problems.
  if (!changed.empty()) say(fmt::format("Changed: {}.\n", fmt::join(changed, ", ")));
  if (!waiting.empty()) {
    say(fmt::format("Waits for a restart: {}.\n", fmt::join(waiting, ", ")));
  }
  if (answer->status != 200) return tell_refusal(*answer);
  if (changed.empty() && waiting.empty()) say("Read again: nothing has changed.\n");
  return ExitCode::ok;
}

}  // namespace lineshaft::app
