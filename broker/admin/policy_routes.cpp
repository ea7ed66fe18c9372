#include "broker/admin/policy_routes.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/admin/answer_page.h"

namespace lineshaft::admin {
namespace {

using PolicyJson = nlohmann::json;

/// Verbs in addresses, and what the policy calls them.
constexpr std::pair<std::string_view, std::string_view> policy_verbs[] = {
    {"why", "explain"},
    {"quarantine", "quarantine"},
    {"release", "release"},
    {"island", "island"},
    {"break-glass", "break_glass"},
    {"end-break-glass", "break_glass_end"},
    {"overrides", "overrides"},
    {"shadow", "shadow"},
    {"learn", "learn"},
};

/// None: the body is no object.
std::optional<core::InterceptorRequest> policy_request(std::string_view verb,
                                                       const HttpRequest& from) {
  auto body =
      from.body.empty() ? PolicyJson::object() : PolicyJson::parse(from.body, nullptr, false);
  if (!body.is_object()) return std::nullopt;
  body["by"] = from.asker;
  core::InterceptorRequest request{std::string(verb), {}};
  if (const auto client = body.find("client"); client != body.end() && client->is_string()) {
    request.client_id = client->get<std::string>();
  }
  request.body = body.dump();
  return request;
}

constexpr std::string_view no_policy =
    "The broker runs without zones: authorization is not \"zones\".";

Route policy_route(Backend& backend, std::string_view name, std::string_view verb) {
  Route route;
  route.method = Method::post;
  route.path = fmt::format("/api/v1/policy:{}", name);
  route.late = [] {
    return problem(503, "The broker has not answered in time; the audit log says what it did.");
  };
  route.handle = [&backend, verb](const HttpRequest& from, const Respond& respond) {
    auto request = policy_request(verb, from);
    if (!request) {
      respond([] { return problem(400, "The body is not a JSON object."); });
      return;
    }
    const bool asked =
        backend.ask_policy(std::move(*request), [respond](const core::RequestAnswer& answer) {
          respond([answer] { return answer_page(answer, no_policy); });
        });
    if (asked) return;
    respond([] { return problem(503, "The broker is starting or stopping, or too many ask."); });
  };
  return route;
}

}  // namespace

std::vector<Route> policy_routes(Backend& backend) {
  std::vector<Route> routes;
  for (const auto& [name, verb] : policy_verbs) {
    routes.push_back(policy_route(backend, name, verb));
  }
  return routes;
}

}  // namespace lineshaft::admin
