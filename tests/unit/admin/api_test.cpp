#include "broker/admin/api.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "broker/base/metrics.h"
#include "tests/support/catch.h"
#include "tests/unit/admin/small_backend.h"

using namespace lineshaft;
using namespace lineshaft::admin;
using lineshaft::admin::test::SmallBackend;
using Json = nlohmann::json;

namespace {

const Route& route(const std::vector<Route>& routes, const std::string& path) {
  for (const Route& each : routes) {
    if (each.path == path) return each;
  }
  FAIL("no route " << path);
  return routes.front();
}

/// The answer of a route; what it sends when it is late if there is none.
HttpResponse ask(SmallBackend& backend, const std::string& path,
                 std::vector<MetricsSource> sources = {}) {
  const auto routes = api_routes(backend, std::move(sources));
  const Route& asked = route(routes, path);
  std::optional<HttpResponse> answer;
  asked.handle({}, [&](const Render& render) { answer = render(); });
  return answer ? *answer : asked.late();
}

Json json_of(const HttpResponse& response) { return Json::parse(response.body); }

std::vector<std::string> codes(const HttpResponse& response) {
  const Json json = json_of(response);
  std::vector<std::string> list;
  for (const Json& each : json["reasons"]) list.push_back(each["code"]);
  return list;
}

}  // namespace

TEST_CASE("a broker whose core answers is alive", "[admin]") {
  SmallBackend backend;
  const auto answer = ask(backend, "/healthz");
  CHECK(answer.status == 200);
  CHECK(json_of(answer)["alive"] == true);
}

TEST_CASE("a core that does not answer in time is not alive", "[admin]") {
  SmallBackend backend;
  backend.silent = true;
  CHECK(ask(backend, "/healthz").status == 503);
  CHECK(codes(ask(backend, "/readyz")) == std::vector<std::string>{"core"});
  backend.known.phase = Phase::draining;
  CHECK(ask(backend, "/healthz").status == 503);
}

TEST_CASE("a broker that starts or stops is alive and not ready", "[admin]") {
  SmallBackend backend;
  backend.refuses = true;
  backend.known.phase = Phase::starting;
  backend.known.store.reset();
  CHECK(ask(backend, "/healthz").status == 200);
  const auto starting = ask(backend, "/readyz");
  CHECK(starting.status == 503);
  CHECK(codes(starting) == std::vector<std::string>{"starting"});
  backend.known.phase = Phase::stopping;
  CHECK(ask(backend, "/healthz").status == 200);
  CHECK(codes(ask(backend, "/readyz")) == std::vector<std::string>{"draining"});
}

TEST_CASE("a broker is ready when it runs and its store takes writes", "[admin]") {
  SmallBackend backend;
  const auto ready = ask(backend, "/readyz");
  CHECK(ready.status == 200);
  CHECK(json_of(ready) == Json{{"ready", true}, {"reasons", Json::array()}});
  backend.known.phase = Phase::draining;
  CHECK(codes(ask(backend, "/readyz")) == std::vector<std::string>{"draining"});
  backend.known.phase = Phase::running;
  backend.known.store->accepts_writes = false;
  backend.known.store->low_space = true;
  backend.known.store->free_bytes = 4711;
  const auto full = ask(backend, "/readyz");
  CHECK(full.status == 503);
  CHECK(codes(full) == std::vector<std::string>{"store"});
  CHECK(full.body.find("4711 bytes free") != std::string::npos);
}

TEST_CASE("metrics have every counter once, with help, and the gauges", "[admin]") {
  SmallBackend backend;
  const auto answer =
      ask(backend, "/metrics",
          {[](MetricWriter& out) { out.gauge("more", "Of another part.", std::uint64_t{4}); }});
  CHECK(answer.status == 200);
  CHECK(answer.content_type == "text/plain; version=0.0.4; charset=utf-8");
  std::set<std::string> helps;
  std::istringstream lines(answer.body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) {
      INFO(line);
      CHECK(helps.insert(line.substr(7, line.find(' ', 7) - 7)).second);
      CHECK(line.size() > 20);
    }
  }
  for (std::size_t i = 0; i < counters_size; ++i) {
    CHECK(helps.contains("lineshaft_" + std::string(counter_name(Counter{i})) + "_total"));
  }
  const auto has = [&](const std::string& line) {
    return answer.body.find("\n" + line + "\n") != std::string::npos;
  };
  CHECK(has("lineshaft_ready 1"));
  CHECK(has("lineshaft_build_info{version=\"1.2.3\"} 1"));
  CHECK(has("lineshaft_uptime_seconds 61.5"));
  CHECK(has("lineshaft_connections{listener=\"plant\",transport=\"tcp\"} 3"));
  CHECK(has("lineshaft_sessions{state=\"online\"} 2"));
  CHECK(has("lineshaft_store_state{state=\"ready\"} 1"));
  CHECK(has("more 4"));
}

TEST_CASE("metrics are served without the core's part when it does not answer", "[admin]") {
  SmallBackend backend;
  backend.silent = true;
  const auto answer = ask(backend, "/metrics");
  CHECK(answer.status == 200);
  CHECK(answer.body.find("lineshaft_ready 0\n") != std::string::npos);
  CHECK(answer.body.find("lineshaft_sessions{") == std::string::npos);
  CHECK(answer.body.find("lineshaft_bytes_received_total") != std::string::npos);
}

TEST_CASE("the status tells version, place, listeners and counts", "[admin]") {
  SmallBackend backend;
  const Json json = json_of(ask(backend, "/api/v1/status"));
  CHECK(json["version"] == "1.2.3");
  CHECK(json["data_dir"] == "/srv/\"mqtt\"");
  CHECK(json["started"] == "2023-11-14T22:13:20Z");
  CHECK(json["uptime_s"] == 61);
  CHECK(json["listeners"][0]["address"] == "127.0.0.1:1883");
  CHECK(json["counts"]["sessions"] == 5);
  CHECK(json["durability"] == "sync");
  CHECK(json["ready"] == true);
  backend.silent = true;
  CHECK(json_of(ask(backend, "/api/v1/status"))["counts"].is_null());
}

TEST_CASE("a reload answers with what changed, or with everything that is wrong", "[admin]") {
  SmallBackend backend;
  backend.outcome.changed = {"log.level"};
  const auto right = ask(backend, "/api/v1/config:reload");
  CHECK(right.status == 200);
  CHECK(json_of(right) == Json{{"changed", {"log.level"}}, {"needs_restart", Json::array()}});
  backend.outcome.problems = {{"a.toml:1:2", "unknown option \"x\"", "Write it.\n"}};
  const auto partly = json_of(ask(backend, "/api/v1/config:reload"));
  CHECK(partly["changed"] == Json::array({"log.level"}));
  CHECK(partly["detail"].get<std::string>().find("taken over but for") != std::string::npos);
  backend.outcome.refused = true;
  const auto wrong = ask(backend, "/api/v1/config:reload");
  CHECK(wrong.status == 422);
  CHECK(wrong.content_type == "application/problem+json");
  CHECK(json_of(wrong)["status"] == 422);
  CHECK(json_of(wrong)["problems"][0]["what"] == "unknown option \"x\"");
  backend.refuses = true;
  CHECK(ask(backend, "/api/v1/config:reload").status == 503);
}
