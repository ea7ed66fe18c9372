#include "broker/admin/api.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "broker/admin/metrics_page.h"
#include "broker/admin/policy_routes.h"
#include "broker/admin/readiness.h"
#include "broker/admin/sparkplug_routes.h"

namespace lineshaft::admin {
namespace {

using Json = nlohmann::ordered_json;

HttpResponse json_response(unsigned status, const Json& body) {
  HttpResponse response;
  response.status = status;
  // Names of files may be any bytes.
  response.body = body.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return response;
}

Json reasons_json(const std::vector<NotReady>& reasons) {
  Json list = Json::array();
  for (const NotReady& each : reasons) {
    list.push_back({{"code", each.code}, {"detail", each.detail}});
  }
  return list;
}

HttpResponse health_page(const BrokerFacts& facts, bool core_answers) {
  // While it starts or stops no core runs; ending the process then would only begin it all again.
  const bool has_core = facts.phase == Phase::running || facts.phase == Phase::draining;
  const bool alive = core_answers || !has_core;
  Json body = {{"alive", alive}, {"phase", to_string(facts.phase)}};
  if (!alive) body["detail"] = "the core has not answered in time";
  return json_response(alive ? 200 : 503, body);
}

HttpResponse ready_page(const BrokerFacts& facts, bool core_answers) {
  const auto reasons = reasons_against(facts, core_answers);
  return json_response(reasons.empty() ? 200 : 503,
                       {{"ready", reasons.empty()}, {"reasons", reasons_json(reasons)}});
}

std::string utc(WallTime time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch());
  return fmt::format("{:%FT%TZ}", fmt::gmtime(static_cast<std::time_t>(seconds.count())));
}

Json listeners_json(const BrokerFacts& facts) {
  Json list = Json::array();
  for (const ListenerFacts& each : facts.listeners) {
    list.push_back({{"name", each.name},
                    {"address", each.address},
                    {"transport", each.transport},
                    {"connections", each.connections}});
  }
  return list;
}

Json store_json(const storage::StoreStatus& store) {
  return {{"state", store_state(store)},
          {"accepts_writes", store.accepts_writes},
          {"overloaded", store.overloaded},
          {"queue_bytes", store.queue_bytes},
          {"free_bytes", store.free_bytes},
          {"reserve_bytes", store.reserve_bytes},
          {"sync_p50_us", store.sync_p50_us},
          {"sync_p99_us", store.sync_p99_us},
          {"alarms", store.alarms}};
}

Json counts_json(const core::Statistics& s) {
  return {{"sessions", s.sessions},
          {"sessions_online", s.connections},
          {"subscriptions", s.subscriptions},
          {"shared_subscription_groups", s.shared_groups},
          {"retained_messages", s.retained},
          {"last_values", s.last_values},
          {"topics", s.topic_entries},
          {"queued_messages", s.queued},
          {"queued_bytes", s.queued_bytes},
          {"wills", s.wills},
          {"held_acknowledgements", s.held_acknowledgements}};
}

HttpResponse status_page(const BrokerFacts& facts, const core::Statistics* statistics) {
  const auto reasons = reasons_against(facts, statistics != nullptr);
  return json_response(
      200, {{"version", facts.version},
            {"node", facts.node_name},
            {"pid", ::getpid()},
            {"phase", to_string(facts.phase)},
            {"ready", reasons.empty()},
            {"reasons", reasons_json(reasons)},
            {"started", utc(facts.started)},
            {"uptime_s", facts.uptime.count() / 1000},
            {"config_files", facts.config_files},
            {"data_dir", facts.data_dir},
            {"durability", facts.durability == core::Durability::sync ? "sync" : "async"},
            {"listeners", listeners_json(facts)},
            {"store", facts.store ? store_json(*facts.store) : Json()},
            {"counts", statistics != nullptr ? counts_json(*statistics) : Json()},
            {"memory_resident_bytes", facts.memory_resident_bytes}});
}

HttpResponse reload_page(const ReloadOutcome& outcome) {
  const Json taken = {{"changed", outcome.changed}, {"needs_restart", outcome.needs_restart}};
  if (outcome.problems.empty()) return json_response(200, taken);
  Json list = Json::array();
  for (const auto& each : outcome.problems) {
    list.push_back({{"where", each.where}, {"what", each.what}, {"remedy", each.remedy}});
  }
  const auto text = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  const char* detail = outcome.refused ? "The new configuration is wrong. Nothing was changed; the "
                                         "running configuration stays in force."
                                       : "The new configuration was taken over but for what the "
                                         "problems name.";
  return problem(422, detail,
                 fmt::format(R"("problems":{},"changed":{},"needs_restart":{})", text(list),
                             text(taken["changed"]), text(taken["needs_restart"])));
}

/// A page of the broker's facts and, when it answers in time, of the core's.
using CorePage = std::function<HttpResponse(const core::Statistics*)>;

Route core_route(Backend& backend, std::string path, bool open, CorePage page) {
  Route route;
  route.path = std::move(path);
  route.open = open;
  route.late = [page] { return page(nullptr); };
  route.handle = [&backend, page](const HttpRequest&, const Respond& respond) {
    const bool asked = backend.ask_core([respond, page](const core::Statistics& statistics) {
      respond([page, statistics] { return page(&statistics); });
    });
    if (!asked) respond([page] { return page(nullptr); });
  };
  return route;
}

Route reload_route(Backend& backend) {
  Route route;
  route.method = Method::post;
  route.path = "/api/v1/config:reload";
  route.patience = limits::http_reload_patience;
  route.late = [] {
    return problem(503, "The broker has not answered in time; the log says what became of it.");
  };
  route.handle = [&backend](const HttpRequest&, const Respond& respond) {
    const bool asked = backend.reload([respond](ReloadOutcome outcome) {
      respond([outcome = std::move(outcome)] { return reload_page(outcome); });
    });
    if (asked) return;
    respond([] { return problem(503, "The broker is starting or stopping; nothing was read."); });
  };
  return route;
}

}  // namespace

std::vector<Route> api_routes(Backend& backend, std::vector<MetricsSource> sources) {
  std::vector<Route> routes;
  routes.push_back(
      core_route(backend, "/healthz", true, [&backend](const core::Statistics* statistics) {
        return health_page(backend.facts(), statistics != nullptr);
      }));
  routes.push_back(
      core_route(backend, "/readyz", true, [&backend](const core::Statistics* statistics) {
        return ready_page(backend.facts(), statistics != nullptr);
      }));
  routes.push_back(
      core_route(backend, "/metrics", true,
                 [&backend, sources = std::move(sources)](const core::Statistics* statistics) {
                   MetricWriter writer;
                   write_broker_metrics(backend.facts(), statistics, writer);
                   for (const MetricsSource& source : sources) source(writer);
                   HttpResponse response;
                   response.content_type = "text/plain; version=0.0.4; charset=utf-8";
                   response.body = writer.text();
                   return response;
                 }));
  routes.push_back(
      core_route(backend, "/api/v1/status", false, [&backend](const core::Statistics* statistics) {
        return status_page(backend.facts(), statistics);
      }));
  routes.push_back(reload_route(backend));
  for (Route& route : policy_routes(backend)) routes.push_back(std::move(route));
  for (Route& route : sparkplug_routes(backend)) routes.push_back(std::move(route));
  return routes;
}

}  // namespace lineshaft::admin
