#include "broker/admin/router.h"

#include "tests/support/catch.h"

using namespace lineshaft::admin;

namespace {

Router router() {
  std::vector<Route> routes(3);
  routes[0].path = "/open";
  routes[0].open = true;
  routes[1].path = "/closed";
  routes[2].path = "/closed";
  routes[2].method = Method::post;
  return Router(std::move(routes));
}

/// The status of the refusal, 200 when there is a route.
unsigned outcome(Method method, std::string path, Caller caller = Caller::administrator,
                 std::string host = "localhost") {
  const Router routes = router();
  const auto found = routes.find({method, std::move(path), std::move(host), {}, caller});
  const auto* refused = std::get_if<HttpResponse>(&found);
  return refused == nullptr ? 200 : refused->status;
}

}  // namespace

TEST_CASE("an administrator gets every route by path and method", "[admin]") {
  CHECK(outcome(Method::get, "/open") == 200);
  CHECK(outcome(Method::head, "/open") == 200);
  CHECK(outcome(Method::post, "/closed") == 200);
  CHECK(outcome(Method::get, "/closed", Caller::administrator, "evil.example") == 200);
  CHECK(outcome(Method::get, "/nothing") == 404);
  CHECK(outcome(Method::get, "/open/") == 404);
  CHECK(outcome(Method::post, "/open") == 405);
  CHECK(outcome(Method::other, "/closed") == 405);
}

TEST_CASE("a method there is not is answered with those there are", "[admin]") {
  const Router routes = router();
  const auto found = routes.find({Method::other, "/closed", "", "", Caller::administrator});
  CHECK(std::get<HttpResponse>(found).allow == "GET, HEAD, POST");
}

TEST_CASE("over TCP only open routes are served, and no POST", "[admin]") {
  CHECK(outcome(Method::get, "/open", Caller::loopback) == 200);
  CHECK(outcome(Method::get, "/closed", Caller::loopback) == 403);
  CHECK(outcome(Method::post, "/closed", Caller::loopback) == 403);
  CHECK(outcome(Method::post, "/open", Caller::loopback) == 405);
}

TEST_CASE("a user who may not ask gets nothing, not even what is open", "[admin]") {
  CHECK(outcome(Method::get, "/open", Caller::stranger) == 403);
  CHECK(outcome(Method::get, "/nothing", Caller::stranger) == 403);
}

TEST_CASE("over TCP a Host that is not this machine's is refused", "[admin]") {
  for (const char* host : {"localhost", "LocalHost:9641", "127.0.0.1", "127.0.0.1:9641",
                           "127.8.9.10:1", "[::1]", "[::1]:9641"}) {
    INFO(host);
    CHECK(outcome(Method::get, "/open", Caller::loopback, host) == 200);
  }
  for (const char* host :
       {"", "evil.example", "evil.example:9641", "localhost.evil.example", "127.0.0.1.evil.example",
        "127.evil", "10.0.0.1", "[::1]evil", "[::2]", "localhost:", "localhost:x", "::1",
        "localhost:9641:1", "0.0.0.0", "127.0.0.1@evil.example", "127.1"}) {
    INFO(host);
    CHECK(outcome(Method::get, "/open", Caller::loopback, host) == 421);
  }
}
