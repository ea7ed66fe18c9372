#include "broker/app/admin_call.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <variant>

#include "broker/admin/http_client.h"
#include "broker/app/terminal.h"
#include "broker/base/limits.h"

namespace lineshaft::app {
namespace {

using Json = nlohmann::json;
using admin::CallFailure;

/// The broker gives up first, so that its own words arrive.
constexpr Milliseconds call_patience = limits::http_reload_patience + Milliseconds{5'000};

ExitCode explain(const CallFailure& failure, const std::vector<std::string>& sockets) {
  const std::string where = fmt::format("{}", fmt::join(sockets, ", "));
  switch (failure.kind) {
    case CallFailure::Kind::missing:
    case CallFailure::Kind::nobody:
      complain(fmt::format(
          "no broker answers at {}: {}. Start one with `lineshaft serve`, or name the socket of "
          "the one that runs with --socket PATH; its log has it as \"admin\" of event=ready.",
          where, failure.why));
      return ExitCode::unavailable;
    case CallFailure::Kind::permission:
      complain(
          fmt::format("{}: {}. Ask as root, as the user the broker runs as, or as a member of "
                      "the socket's group.",
                      where, failure.why));
      return ExitCode::no_permission;
    case CallFailure::Kind::no_answer:
      break;
  }
  complain(
      fmt::format("the broker at {} took the call and did not answer: {}. Its log may say "
                  "why; if it does nothing at all any more, restart it.",
                  where, failure.why));
  return ExitCode::unavailable;
}

}  // namespace

std::vector<std::string> admin_sockets(const ConfigSources& sources) {
  const auto options = load_options(sources);
  std::vector<std::string> sockets = {options->admin.socket};
  const auto is_said = [&](const char* name) {
    return !options->settings.find(name)->second.where.empty();
  };
  if (is_said("admin.socket") || is_said("node.data_dir")) return sockets;
  const std::string folder(system_data_dir);
  for (const std::string& other : {sources.run_folder + "/admin.sock", folder + "/admin.sock"}) {
    if (other != sockets.front()) sockets.push_back(other);
  }
  return sockets;
}

std::optional<admin::HttpResponse> ask_broker(const ConfigSources& sources,
                                              const std::optional<std::string>& socket_path,
                                              admin::Method method, const std::string& target,
                                              const std::string& body, ExitCode& exit_code) {
  std::vector<std::string> sockets;
  try {
    sockets = socket_path ? std::vector{*socket_path} : admin_sockets(sources);
  } catch (const ConfigError& error) {
    std::fputs(error.what(), stderr);
    complain("the configuration does not say where the broker is; name its socket with --socket.");
    exit_code = ExitCode::config;
    return std::nullopt;
  }
  std::optional<CallFailure> failed;
  for (const std::string& socket : sockets) {
    auto outcome = admin::call(socket, method, target, call_patience, body);
    if (auto* const answer = std::get_if<admin::HttpResponse>(&outcome)) return std::move(*answer);
    failed = std::get<CallFailure>(outcome);
    // A socket that a broker of before has left is as good as none.
    if (failed->kind != CallFailure::Kind::missing && failed->kind != CallFailure::Kind::nobody) {
      sockets = {socket};
      break;
    }
  }
  exit_code = explain(*failed, sockets);
  return std::nullopt;
}

ExitCode tell_refusal(const admin::HttpResponse& answer) {
  const Json json = Json::parse(answer.body, nullptr, false);
  if (!json.is_object() || !json.contains("detail")) {
    complain(
        fmt::format("the broker answers with {} and nothing that is understood; is it of "
                    "another version?",
                    answer.status));
    return ExitCode::internal;
  }
  for (const Json& each : json.value("problems", Json::array())) {
    const ConfigProblem problem{each.value("where", ""), each.value("what", ""),
                                each.value("remedy", "")};
    std::fputs(describe(problem).c_str(), stderr);
  }
  complain(json.value("detail", ""));
  switch (answer.status) {
    case 403:
      return ExitCode::no_permission;
    case 409:
    case 422:
      return ExitCode::config;
    case 503:
      return ExitCode::disk_failed;
    default:
      return ExitCode::internal;
  }
}

}  // namespace lineshaft::app
