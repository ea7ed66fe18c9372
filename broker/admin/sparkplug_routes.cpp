#include "broker/admin/sparkplug_routes.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "broker/admin/answer_page.h"

namespace lineshaft::admin {
namespace {

constexpr std::string_view sparkplug_verbs[] = {"nodes", "metrics", "rebirth", "forget"};

constexpr std::string_view no_sparkplug =
    "The broker runs without Sparkplug: sparkplug.enabled is false.";

Route sparkplug_route(Backend& backend, std::string_view verb) {
  Route route;
  route.method = Method::post;
  route.path = fmt::format("/api/v1/sparkplug:{}", verb);
  route.late = [] { return problem(503, "The broker has not answered in time."); };
  route.handle = [&backend, verb](const HttpRequest& from, const Respond& respond) {
    const bool asked = backend.ask_extension(
        {"sparkplug", std::string(verb), from.body}, [respond](const core::RequestAnswer& answer) {
          respond([answer] { return answer_page(answer, no_sparkplug); });
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
