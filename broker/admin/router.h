#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/admin/http_message.h"
#include "broker/base/limits.h"

namespace lineshaft::admin {

/// Makes the answer; runs on the admin room's thread, so a large page holds up nobody else.
using Render = std::function<HttpResponse()>;
/// Answers a request. From any thread; only the first call counts, and none after the patience.
using Respond = std::function<void(Render)>;

/// One resource and method.
struct Route {
  /// `get` answers HEAD too.
  Method method = Method::get;
  std::string path;
  /// Also without authentication, over loopback TCP.
  bool open = false;
  /// Runs on the admin room's thread and must not wait.
  std::function<void(const HttpRequest&, const Respond&)> handle;
  /// What is sent when nobody has answered within the patience.
  Render late;
  Milliseconds patience = limits::http_patience;
};

/// Which route answers a request, and whether the caller may have it. A table; owned by the HTTP
/// server, used by its thread.
class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

  /// The route, or the refusal: 403, 404, 405, or 421 for a foreign Host over TCP.
  std::variant<const Route*, HttpResponse> find(const HttpRequest& request) const;

 private:
  std::vector<Route> routes_;
};

/// "localhost", an address of 127.0.0.0/8 or [::1], with or without a port. A web page whose name
/// was pointed at this machine (DNS rebinding) has another Host.
bool is_loopback_host(std::string_view host);

}  // namespace lineshaft::admin
