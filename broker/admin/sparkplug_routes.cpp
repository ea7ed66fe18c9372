#include "broker/admin/sparkplug_routes.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

namespace lineshaft::admin {
namespace {

constexpr std::string_view sparkplug_verbs[] = {"nodes", "metrics", "rebirth", "forget"};

HttpResponse sparkplug_page(const core::RequestAnswer& answer) {
  switch (answer.state) {
    case core::RequestAnswer::State::done: {
      HttpResponse response;
      response.body = answer.body + "\n";
      return response;
    }
    case core::RequestAnswer::State::refused: {
      const auto why = nlohmann::json::parse(answer.body, nullptr, false);
      return problem(422, why.is_object() ? why.value("error", "") : "");
    }
    case core::RequestAnswer::State::unknown_verb:
      break;
  }
  return problem(409, "The broker runs without Sparkplug: sparkplug.enabled is false.");
}

Route sparkplug_route(Backend& backend, std::string_view verb) {
  Route route;
  route.method = Method::post;
  route.path = fmt::format("/api/v1/sparkplug:{}", verb);
  route.late = [] { return problem(503, "The broker has not answered in time."); };
  route.handle = [&backend, verb](const HttpRequest& from, const Respond& respond) {
    const bool asked = backend.ask_extension({"sparkplug", std::string(verb), from.body},
                                             [respond](const core::RequestAnswer& answer) {
                                               respond([answer] { return sparkplug_page(answer); });
                                             });
    if (asked) return;
    respond([] { return problem(503, "The broker is starting or stopping, or too many ask."); });
  };
  return route;
}

}  // namespace

std::vector<Route> sparkplug_routes(Backend& backend) {
  std::vector<Route> routes;
  for (const std::string_view verb : sparkplug_verbs) {
    routes.push_back(sparkplug_route(backend, verb));
  }
  return routes;
}

}  // namespace lineshaft::admin
