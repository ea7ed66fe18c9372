#include "broker/admin/router.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

namespace lineshaft::admin {
namespace {

bool answers(const Route& route, Method method) {
  return route.method == method || (route.method == Method::get && method == Method::head);
}

HttpResponse method_not_allowed(const std::string& allow) {
  HttpResponse response = problem(405, fmt::format("There is only: {}.", allow));
  response.allow = allow;
  return response;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host.starts_with("[::1]")) {
    host.remove_prefix(5);
    return host.empty() || (host.front() == ':' && is_port(host.substr(1)));
  }
  if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    if (!is_port(host.substr(colon + 1))) return false;
    host = host.substr(0, colon);
  }
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (name == "localhost") return true;
  in_addr address{};
  return name.starts_with("127.") && ::inet_pton(AF_INET, name.c_str(), &address) == 1;
}

std::variant<const Route*, HttpResponse> Router::find(const HttpRequest& request) const {
  if (request.caller == Caller::stranger) {
    return problem(403,
                   "This socket serves root, the user the broker runs as, and members of the "
                   "socket's group. Ask as one of them.");
  }
  const bool over_tcp = request.caller == Caller::loopback;
  if (over_tcp && !is_loopback_host(request.host)) {
    return problem(421, "The Host field must be localhost or a loopback address.");
  }
  std::string allow;
  for (const Route& route : routes_) {
    if (route.path != request.path) continue;
    if (answers(route, request.method)) {
      if (!over_tcp || route.open) return &route;
      return problem(403,
                     "Over TCP only /healthz, /readyz and /metrics are served. Ask over the Unix "
                     "socket (admin.socket in docs/configuration.md), or use `lineshaft status`.");
    }
    if (!allow.empty()) allow += ", ";
    allow += route.method == Method::post ? "POST" : "GET, HEAD";
  }
  if (!allow.empty()) return method_not_allowed(allow);
  return problem(404, "There is nothing here; docs/operations.md lists what there is.");
}

}  // namespace lineshaft::admin
