#include "broker/app/admin_room.h"

#include <utility>

#include "broker/admin/api.h"
#include "broker/app/command_line.h"
#include "broker/app/process_facts.h"

namespace lineshaft::app {
namespace {

std::vector<admin::MetricsSource> with(std::vector<admin::MetricsSource> sources,
                                       admin::MetricsSource one) {
  sources.push_back(std::move(one));
  return sources;
}

std::string_view transport_of(const ListenerOptions& listener) {
  if (listener.tls.on()) return "tls";
  return listener.bind.kind == BindAddress::Kind::unix_socket ? "unix" : "tcp";
}

}  // namespace

AdminRoom::AdminRoom(const Options& options, Clock& clock, std::function<void(ReloadAnswer)> reload,
                     std::vector<admin::MetricsSource> sources)
    : options_(options),
      clock_(clock),
      started_(clock.now()),
      reload_(std::move(reload)),
      http_(
          admin_listeners(options.admin),
          admin::api_routes(*this, with(std::move(sources),
                                        [this](admin::MetricWriter& out) { totals_.write(out); })),
          totals_) {}

void AdminRoom::set_running(net::Server& server, const storage::JournalWriter& journal,
                            const std::vector<std::string>& addresses) {
  server_ = &server;
  journal_ = &journal;
  for (std::size_t i = 0; i < options_.listeners.size(); ++i) {
    listeners_.push_back({options_.listeners[i].name, addresses[i],
                          std::string(transport_of(options_.listeners[i])), 0});
  }
  phase_ = admin::Phase::running;
}

admin::BrokerFacts AdminRoom::facts() {
  admin::BrokerFacts facts;
  facts.phase = phase_;
  facts.version = version();
  facts.node_name = options_.node_name;
  facts.data_dir = options_.data_dir;
  facts.config_files = options_.files;
  facts.durability = options_.core.durability;
  facts.started = started_.wall;
  facts.uptime = clock_.now().steady - started_.steady;
  facts.memory_resident_bytes = resident_bytes();
  facts.cpu_seconds = cpu_seconds();
  if (facts.phase == admin::Phase::starting) return facts;
  facts.listeners = listeners_;
  const auto connections = server_->listener_connections();
  for (std::size_t i = 0; i < connections.size(); ++i) {
    facts.listeners[i].connections = connections[i];
  }
  facts.store = journal_->status();
  return facts;
}

bool AdminRoom::has_core() const {
  const admin::Phase phase = phase_;
  return phase == admin::Phase::running || phase == admin::Phase::draining;
}

bool AdminRoom::ask_core(std::function<void(const core::Statistics&)> answer) {
  if (!has_core()) return false;
  {
    const std::lock_guard lock(askers_mutex_);
    if (askers_.size() >= limits::http_core_askers_max) return false;
    askers_.push_back(std::move(answer));
    // However many ask, the core is asked once at a time.
    if (askers_.size() > 1) return true;
  }
  server_->request({0, core::StatisticsRequest{}}, [this](const core::Reply& reply) {
    const auto* statistics = std::get_if<core::Statistics>(&reply.what);
    if (statistics != nullptr) answer_askers(*statistics);
  });
  return true;
}

void AdminRoom::answer_askers(const core::Statistics& statistics) {
  std::vector<std::function<void(const core::Statistics&)>> askers;
  {
    const std::lock_guard lock(askers_mutex_);
    askers.swap(askers_);
  }
  for (const auto& answer : askers) answer(statistics);
}

bool AdminRoom::ask_policy(core::InterceptorRequest request, Answer answer) {
  return ask({0, std::move(request)}, std::move(answer));
}

bool AdminRoom::ask_extension(core::ExtensionRequest request, Answer answer) {
  return ask({0, std::move(request)}, std::move(answer));
}

bool AdminRoom::ask(core::Request request, Answer answer) {
  if (!has_core()) return false;
  // Those whom nobody waits for any more count until the core has answered them, too.
  if (++policy_questions_ > limits::http_core_askers_max) {
    --policy_questions_;
    return false;
  }
  server_->request(std::move(request),
                   [this, answer = std::move(answer)](const core::Reply& reply) {
                     --policy_questions_;
                     const auto* const said = std::get_if<core::RequestAnswer>(&reply.what);
                     if (said != nullptr) answer(*said);
                   });
  return true;
}

bool AdminRoom::reload(std::function<void(admin::ReloadOutcome)> answer) {
  if (phase_ != admin::Phase::running) return false;
  reload_(std::move(answer));
  return true;
}

std::vector<net::ListenerOptions> admin_listeners(const AdminOptions& options) {
  std::vector<net::ListenerOptions> listeners(1);
  listeners[0].name = "admin.socket";
  listeners[0].unix_path = options.socket;
  if (options.listen) {
    listeners.emplace_back();
    listeners[1].name = "admin.listen";
    listeners[1].address = options.listen->host;
    listeners[1].port = options.listen->port;
  }
  for (net::ListenerOptions& each : listeners) each.connections_max = limits::http_connections_max;
  return listeners;
}

}  // namespace lineshaft::app
