#include "broker/app/policy_verbs.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "auth/json_fields.h"
#include "auth/printable.h"
#include "broker/app/admin_call.h"
#include "broker/app/clock.h"
#include "broker/app/explain_verb.h"
#include "broker/app/terminal.h"

namespace lineshaft::app {
namespace {

using Json = nlohmann::json;
using Act = PolicyCommand::Act;
using auth::text_in;

std::string_view address_of(Act act) {
  switch (act) {
    case Act::why:
      return "why";
    case Act::island:
      return "island";
    case Act::quarantine:
      return "quarantine";
    case Act::release:
      return "release";
    case Act::break_glass:
      return "break-glass";
    case Act::end_break_glass:
      return "end-break-glass";
    case Act::list:
      return "overrides";
    case Act::shadow_diff:
      return "shadow";
    case Act::learn:
      return "learn";
  }
  return {};
}

void put_text(Json& body, const char* name, const std::string& text) {
  if (!text.empty()) body[name] = text;
}

Json body_of(const PolicyCommand& command) {
  Json body = Json::object();
  switch (command.act) {
    case Act::why:
      return {{"client", command.client}, {"op", command.op},         {"topic", command.topic},
              {"qos", command.qos},       {"retain", command.retain}, {"size", command.size_bytes}};
    case Act::island:
      body["on"] = command.on;
      break;
    case Act::learn:
      body["depth"] = command.depth;
      break;
    default:
      break;
  }
  put_text(body, "zone", command.zone);
  put_text(body, "identity", command.identity);
  constexpr std::string_view key_prefix = "sha256:";
  const bool has_prefix = command.issuer.starts_with(key_prefix);
  put_text(body, "issuer", command.issuer.substr(has_prefix ? key_prefix.size() : 0));
  put_text(body, "proof", command.proof);
  put_text(body, "role", command.role);
  put_text(body, "reason", command.reason);
  // What is left of a second counts as one.
  if (command.ttl) body["ttl_s"] = (command.ttl->count() + 999) / 1000;
  return body;
}

std::string done_text(const PolicyCommand& command) {
  switch (command.act) {
    case Act::island:
      return fmt::format(
          "Zone {} is {}.\n", command.zone,
          command.on ? "an island: its conduits act as absent" : "no island any more");
    case Act::quarantine:
      return fmt::format("{} is in quarantine: nothing goes out of it and nothing comes in.\n",
                         command.identity);
    case Act::release:
      return fmt::format("{} is released.\n", command.identity);
    case Act::break_glass:
      return fmt::format("{} has the role {} until it ends by itself.\n", command.identity,
                         command.role);
    case Act::end_break_glass:
      return fmt::format("{} has no lent role any more.\n", command.identity);
    default:
      return {};
  }
}

std::string end_text(const Json& item, WallTime now) {
  const auto until = item.find("until_ms");
  if (until == item.end() || !until->is_number_integer()) return "until it is ended";
  const std::int64_t left_s =
      std::max<std::int64_t>(0, until->get<std::int64_t>() - now.time_since_epoch().count()) / 1000;
  return fmt::format("for {}:{:02}:{:02} more", left_s / 3600, left_s / 60 % 60, left_s % 60);
}

std::string override_line(const Json& item, const std::string& kind, WallTime now) {
  const std::string identity = text_in(item, "identity");
  std::string line = kind == "island" ? "zone " + text_in(item, "what") : identity;
  if (kind == "break_glass") line += ", role " + text_in(item, "what");
  if (const std::string zone = text_in(item, "zone"); !zone.empty()) line += ", zone " + zone;
  if (const std::string issuer = text_in(item, "issuer"); !issuer.empty()) {
    line += ", issuer sha256:" + issuer;
  }
  line += ", " + end_text(item, now);
  if (const std::string reason = text_in(item, "reason"); !reason.empty()) line += ": " + reason;
  return auth::printable(std::move(line)) + "\n";
}

Json only(const Json& answer, const std::string& kind) {
  Json list = Json::array();
  for (const Json& each : answer.at("overrides")) {
    if (text_in(each, "kind") == kind) list.push_back(each);
  }
  return list;
}

ExitCode print_answer(const PolicyCommand& command, const std::string& body, bool json) {
  Json answer = Json::parse(body);
  switch (command.act) {
    case Act::why: {
      const bool allowed = answer.at("allow").get<bool>();
      print_explanation(std::move(answer), json);
      return allowed ? ExitCode::ok : ExitCode::denied;
    }
    case Act::list:
      say(json ? only(answer, command.kind).dump(2) + "\n"
               : overrides_text(body, command.kind, SystemClock().now().wall));
      return ExitCode::ok;
    case Act::shadow_diff:
    case Act::learn:
      say(json ? answer.dump(2) + "\n" : answer.at("text").get<std::string>());
      return ExitCode::ok;
    default:
      say(done_text(command));
      if (answer.value("kept", true)) return ExitCode::ok;
      complain("the store takes no more: it holds until the next reload or restart.");
      return ExitCode::ok;
  }
}

}  // namespace

std::string overrides_text(const std::string& answer, const std::string& kind, WallTime now) {
  std::string text;
  for (const Json& each : only(Json::parse(answer), kind)) text += override_line(each, kind, now);
  return text.empty() ? "None.\n" : text;
}

ExitCode ask_policy(const ConfigSources& sources, const std::optional<std::string>& socket,
                    const PolicyCommand& command, bool json) {
  ExitCode exit_code = ExitCode::ok;
  const auto answer =
      ask_broker(sources, socket, admin::Method::post,
                 fmt::format("/api/v1/policy:{}", address_of(command.act)),
                 body_of(command).dump(-1, ' ', false, Json::error_handler_t::replace), exit_code);
  if (!answer) return exit_code;
  if (answer->status != 200) {
    const ExitCode said = tell_refusal(*answer);
    return answer->status == 422 ? ExitCode::usage : said;
  }
  try {
    return print_answer(command, answer->body, json);
  } catch (const Json::exception& error) {
    complain(fmt::format("the broker's answer is not understood: {}. Is it of another version?",
                         error.what()));
    return ExitCode::internal;
  }
}

}  // namespace lineshaft::app
