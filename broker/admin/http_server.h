#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/admin/request_totals.h"
#include "broker/admin/router.h"
#include "broker/net/endpoint.h"
#include "broker/net/server_options.h"

namespace lineshaft::admin {

/// HTTP/1.1 on one thread of its own, which sleeps while nobody asks. Owned by `app`, whose main
/// thread calls it. Bounds: `limits::http_*`.
class HttpServer {
 public:
  /// A listener with `unix_path` serves administrators; others must be loopback addresses and
  /// serve the open routes.
  /// `totals` outlives the server and counts what it answers.
  HttpServer(std::vector<net::ListenerOptions> listeners, std::vector<Route> routes,
             RequestTotals& totals);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Opens every listener, or none, and starts the thread.
  std::optional<net::ListenError> start();
  /// Closes everything; requests in work are not answered any more. Idempotent.
  void stop();

  /// "127.0.0.1:9641" with the actual port, or the path; after `start`.
  std::vector<std::string> addresses() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lineshaft::admin
