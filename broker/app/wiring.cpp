#include "broker/app/wiring.h"

#include <fmt/format.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <random>
#include <utility>

#include "auth/users_interceptor.h"
#include "auth/zones_interceptor.h"
#include "broker/app/command_line.h"
#include "broker/app/login_secret.h"
#include "broker/app/process_facts.h"
#include "broker/app/tls_metrics.h"
#include "broker/base/assert.h"
#include "broker/base/audit.h"
#include "broker/base/log.h"
#include "broker/net/endpoint.h"
#include "broker/net/proxy_layer.h"
#include "broker/net/websocket_layer.h"

namespace lineshaft::app {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

ExitCode exit_code_of(storage::OpenFault fault) {
  using storage::OpenFault;
  return fault == OpenFault::no_space || fault == OpenFault::io ? ExitCode::disk_failed
                                                                : ExitCode::cannot_create;
}

ExitCode exit_code_of(net::ListenFault fault) {
  switch (fault) {
    case net::ListenFault::in_use:
    case net::ListenFault::not_available:
      return ExitCode::unavailable;
    case net::ListenFault::permission:
      return ExitCode::no_permission;
    case net::ListenFault::bad_address:
    case net::ListenFault::bad_path:
      return ExitCode::config;
    case net::ListenFault::other:
      break;
  }
  return ExitCode::os_error;
}

StartFailure failure_of(const net::ListenError& error) {
  return {exit_code_of(error.fault), error.message()};
}

/// An address that is taken is found before the store is touched. The real listeners open after
/// the restore; should it be taken in between, `Server::start` says so.
std::optional<StartFailure> check_listeners(const std::vector<net::ListenerOptions>& listeners) {
  for (const net::ListenerOptions& each : listeners) {
    if (const auto error = net::check_endpoint(each)) return failure_of(*error);
  }
  return std::nullopt;
}

/// The same for the admin room, but for a socket in the data folder: whether that folder is there
/// and whose it is, the store says better.
std::optional<StartFailure> check_admin_listeners(const Options& options) {
  auto listeners = admin_listeners(options.admin);
  std::erase_if(listeners, [&](const net::ListenerOptions& each) {
    return each.unix_path.starts_with(options.data_dir + "/");
  });
  return check_listeners(listeners);
}

std::vector<std::pair<std::string, std::string>> more_facts(const storage::StoreStatus& status,
                                                            const MemoryWatch& memory) {
  const auto number = [](std::uint64_t value) { return fmt::format("{}", value); };
  const bool ready = status.accepts_writes && status.fault == storage::StoreFault::none;
  return {
      {"store/state", ready ? "ready" : "degraded"},
      {"store/durability", status.durability == core::Durability::sync ? "sync" : "async"},
      {"store/queue_bytes", number(status.queue_bytes)},
      {"store/free_bytes", number(status.free_bytes)},
      {"store/sync_p50_us", number(status.sync_p50_us)},
      {"store/sync_p99_us", number(status.sync_p99_us)},
      {"store/alarms", number(status.alarms.size())},
      {"memory_resident_bytes", number(resident_bytes())},
      {"memory_budget_bytes", number(memory.budget_bytes())},
      {"memory_overload", std::string(to_string(memory.level()))},
  };
}

std::shared_ptr<const net::LayerFactory> proxy_layer(const ListenerOptions& options) {
  std::vector<net::AddressRange> trusted;
  for (const std::string& one : options.proxy_protocol_from) {
    trusted.push_back(*net::AddressRange::parse(one));
  }
  return std::make_shared<net::ProxyFactory>(std::move(trusted));
}

std::shared_ptr<const net::LayerFactory> websocket_layer(const ListenerOptions& options,
                                                         bool over_tls) {
  net::WebSocketRules rules;
  if (!options.ws_paths.empty()) rules.paths = options.ws_paths;
  rules.origins = options.ws_origins;
  rules.over_tls = over_tls;
  return std::make_shared<net::WebSocketFactory>(std::move(rules));
}

}  // namespace

net::ServerOptions server_options(const Options& options) {
  net::ServerOptions server;
  server.shards = options.shards;
  server.drain = options.net.drain;
  for (const ListenerOptions& each : options.listeners) {
    net::ListenerOptions listener;
    listener.name = each.name;
    listener.address = each.bind.host;
    listener.port = each.bind.port;
    listener.unix_path = each.bind.path;
    listener.connections_max = each.connections_max;
    listener.connects_per_s_max = each.connects_per_s_max;
    listener.connects_per_s_per_address_max = each.connects_per_s_per_address_max;
    listener.connections_per_address_max = each.connections_per_address_max;
    listener.limits = each.limits;
    server.listeners.push_back(std::move(listener));
  }
  return server;
}

storage::StorageOptions storage_options(const Options& options) {
  storage::StorageOptions store;
  store.path = options.data_dir;
  store.durability = options.core.durability;
  store.cache_mb = options.storage.cache_mb;
  store.wal_sync = options.storage.wal_sync;
  store.journal_queue_bytes_max = options.storage.journal_queue_bytes_max;
  store.reserve_mb = options.storage.reserve_mb;
  store.on_corruption = options.storage.recover_on_corruption ? storage::OnCorruption::recover
                                                              : storage::OnCorruption::refuse;
  return store;
}

Broker::Broker(const Options& options, Clock& clock, std::function<void()> on_fatal,
               std::function<void(ReloadAnswer)> reload)
    : options_(options),
      clock_(clock),
      on_fatal_(std::move(on_fatal)),
      reload_(std::move(reload)) {}

Broker::~Broker() {
  // The shards call the journal, the journal's threads call the turn: end the threads first.
  if (server_ != nullptr) server_->stop();
  if (journal_ != nullptr) journal_->stop();
  // Its thread asks both.
  if (admin_ != nullptr) admin_->stop();
}

std::optional<StartFailure> Broker::start(const std::function<bool()>& stop_asked) {
  net::ServerOptions server = server_options(options_);
  if (auto failure = check_listeners(server.listeners)) return failure;
  if (auto failure = check_admin_listeners(options_)) return failure;
  const Now now = clock_.now();
  if (auto failure = add_layers(server, now.wall)) return failure;
  auto opened = storage::Database::open(storage_options(options_), now.wall);
  if (opened.database == nullptr) {
    return StartFailure{exit_code_of(opened.failure.fault), opened.failure.sentence};
  }
  storage::Database& database = *opened.database;
  storage::Leftovers leftovers(database, now.wall);
  if (auto failure = start_audit()) return failure;
  // Behind the store's lock, so a socket file in the data folder belongs to nobody; before the
  // restore, so that probes see the broker start.
  sparkplug_ = make_sparkplug(options_, random_seed());
  memory_watch_ = std::make_unique<MemoryWatch>(memory_budget_bytes(options_.memory_budget_mb));
  admin_ = std::make_unique<AdminRoom>(options_, clock_, reload_, metrics_sources());
  if (const auto error = admin_->start()) return failure_of(*error);
  // Without rules nobody may do anything, whatever went wrong on the way here.
  const bool is_open = options_.authorization.empty() || options_.authorization == "open";
  LINESHAFT_ASSERT(is_open || users_ != nullptr || zones_.policy != nullptr);
  core_ = std::make_unique<core::Core>(options_.core, options_.shards, random_seed(),
                                       make_interceptor());
  if (!options_.anomaly.rules.empty()) {
    watcher_ = std::make_shared<auth::AnomalyWatcher>(options_.anomaly);
    core_->set_watcher(watcher_);
    tell_zones();
  }
  if (sparkplug_) core_->add_extension(sparkplug_);
  if (auto failure = restore(database, leftovers, stop_asked)) return failure;
  server_ = std::make_unique<net::Server>(std::move(server), *core_, nullptr, clock_);
  journal_ = std::make_unique<storage::JournalWriter>(
      std::move(opened.database), storage_options(options_), clock_, server_->sink(),
      [this](int) { on_fatal_(); });
  server_->set_store(journal_.get());
  if (users_) {
    authenticator_ =
        std::make_unique<auth::UsersAuthenticator>(users_, clock_, login_secret(options_.data_dir));
    server_->set_authenticator(authenticator_.get());
  }
  if (zones_.policy) {
    zones_authenticator_ = std::make_unique<auth::ZonesAuthenticator>(
        zones_.identity, clock_, login_secret(options_.data_dir),
        options_.data_dir + "/known_certificates");
    server_->set_authenticator(zones_authenticator_.get());
  }
  core::Effects effects(options_.shards);
  core_->restored(clock_.now(), restored_.summary, effects);
  server_->distribute(effects);
  server_->add_periodic(limits::timer_tick, [this](Now at) { memory_watch_->look(at, *server_); });
  if (options_.sys_interval_s > 0) {
    sys_topics_ = std::make_unique<SysTopics>("lineshaft " + version(), now);
    server_->add_periodic(Milliseconds{std::int64_t{options_.sys_interval_s} * 1000},
                          [this](Now at) { publish_sys_topics(at); });
  }
  if (const auto error = server_->start()) {
    return failure_of(*error);
  }
  // Until here nothing of the store has changed on the disk. Clients that are already connected
  // wait for their CONNACK or are closed: what they sent stands in the journal's queue.
  if (auto begun = database.begin_run(now.wall); begun.fault != storage::OpenFault::none) {
    return StartFailure{exit_code_of(begun.fault), begun.sentence};
  }
  leftovers.clear_out();
  journal_->start();
  admin_->set_running(*server_, *journal_, addresses());
  return std::nullopt;
}

std::optional<StartFailure> Broker::add_layers(net::ServerOptions& server, WallTime now) {
  try {
    tls_ = std::make_unique<TlsSetup>(options_, now);
  } catch (const ConfigError& error) {
    return StartFailure{ExitCode::config, error.what()};
  }
  for (std::size_t i = 0; i < options_.listeners.size(); ++i) {
    const ListenerOptions& listener = options_.listeners[i];
    net::Layers& layers = server.listeners[i].layers;
    if (!listener.proxy_protocol_from.empty()) layers.push_back(proxy_layer(listener));
    const auto tls = tls_->layer(listener.name);
    if (tls) layers.push_back(tls);
    if (listener.websocket) layers.push_back(websocket_layer(listener, tls != nullptr));
  }
  return std::nullopt;
}

std::optional<StartFailure> Broker::start_audit() {
  if (!options_.audit.enabled) return std::nullopt;
  audit_ = std::make_unique<auth::AuditLog>(options_.audit.log, clock_);
  std::string problem = audit_->start();
  if (!problem.empty()) return StartFailure{ExitCode::cannot_create, std::move(problem)};
  audit({.type = "broker_started", .op = "admin", .reason = version()});
  return std::nullopt;
}

std::vector<admin::MetricsSource> Broker::metrics_sources() {
  return {
      [this](admin::MetricWriter& out) { write_tls_metrics(tls_facts(), clock_.now().wall, out); },
      [this](admin::MetricWriter& out) {
        if (sparkplug_) write_sparkplug_metrics(sparkplug_->gauges(), out);
      },
      [this](admin::MetricWriter& out) { memory_watch_->write(out); },
      [this](admin::MetricWriter& out) { write_audit_metrics(out); },
      [this](admin::MetricWriter& out) { write_zones_metrics(out); }};
}

std::optional<StartFailure> Broker::restore(storage::Database& database,
                                            storage::Leftovers& leftovers,
                                            const std::function<bool()>& stop_asked) {
  const Now now = clock_.now();
  restored_ = storage::restore(
      database, leftovers, now.wall,
      [this, now](core::Change record) { return core_->restore(now, std::move(record)); },
      stop_asked);
  if (restored_.stopped) return StartFailure{ExitCode::ok, {}};
  const storage::RestoreReport& report = restored_;
  if (!report.error.empty()) {
    return StartFailure{
        ExitCode::disk_failed,
        fmt::format("the store in {} cannot be read: {}. Nothing was changed; check "
                    "the disk (dmesg), then start again or restore a backup.",
                    options_.data_dir, report.error)};
  }
  return std::nullopt;
}

std::vector<std::string> Broker::addresses() const {
  std::vector<std::string> all;
  for (const net::Server::Bound& each : server_->bound()) {
    const bool is_unix = each.address.starts_with('/');
    all.push_back(is_unix ? "unix:" + each.address : each.address);
  }
  return all;
}

std::shared_ptr<core::Interceptor> Broker::make_interceptor() const {
  if (zones_.policy) {
    return std::make_shared<auth::ZonesInterceptor>(zones_.policy, zones_.identity, zones_.shadow,
                                                    zones_gauges_);
  }
  return users_ ? std::make_shared<auth::UsersInterceptor>(users_) : nullptr;
}

/// Returns when no shard works under the old policy any more.
void Broker::put_in_force(std::shared_ptr<core::Interceptor> interceptor) {
  const auto met = std::make_shared<std::promise<void>>();
  server_->change_policy(std::move(interceptor), [met](const core::Reply&) { met->set_value(); });
  if (met->get_future().wait_for(limits::policy_patience) == std::future_status::ready) return;
  LINESHAFT_LOG(app, error, "policy_not_met", {"after_ms", limits::policy_patience.count()},
                {"effect", "a shard is stuck; what it does meanwhile may follow the old policy"});
}

void Broker::change_users(auth::UsersPolicyPtr users) {
  users_ = std::move(users);
  if (!authenticator_) return;
  // Who logs in meanwhile is judged once more by the core, under the new policy.
  authenticator_->set_policy(users_);
  put_in_force(make_interceptor());
  LINESHAFT_LOG(app, info, "users_changed", {"users", users_->users.size()},
                {"users_with_rules", users_->rules.users.size()});
}

void Broker::change_zones(ZonesPolicy zones) {
  zones_ = std::move(zones);
  if (!zones_authenticator_) return;
  zones_authenticator_->set_rules(zones_.identity);
  put_in_force(make_interceptor());
  tell_zones();
  LINESHAFT_LOG(app, info, "policy_changed", {"zones", zones_.policy->zones().size()},
                {"rules", zones_.policy->rule_count()});
}

/// Which conduit a message goes through depends on who owns its topic.
void Broker::tell_zones() {
  if (watcher_ == nullptr || zones_.policy == nullptr) return;
  watcher_->change_zones(
      [policy = zones_.policy](std::string_view topic) { return policy->zone_of(topic); });
}

void Broker::set_policy_error(std::string error) {
  const std::lock_guard lock(policy_error_mutex_);
  policy_error_ = std::move(error);
}

void Broker::reconfigure(const core::CoreConfig& config) {
  server_->sink().submit(core::Reconfigured{config});
}

void Broker::poll_tls() {
  tls_->poll(clock_.now().wall);
  if (zones_authenticator_) zones_authenticator_->poll(clock_.now().wall);
}

std::vector<std::string> Broker::reload_tls() {
  tls_->reload(clock_.now().wall);
  std::vector<std::string> failed;
  for (const net::TlsFacts& each : tls_facts()) {
    if (!each.files_in_force) failed.push_back(each.listener);
  }
  return failed;
}

void Broker::write_audit_metrics(admin::MetricWriter& out) const {
  if (!audit_) return;
  const auth::AuditStatus status = audit_->status();
  out.gauge("lineshaft_audit_writable", "1 while the disk takes audit records, else 0.",
            std::uint64_t{status.error == 0});
  out.gauge("lineshaft_audit_seq", "Number of the last audit record.", status.seq);
}

void Broker::write_zones_metrics(admin::MetricWriter& out) const {
  out.gauge("lineshaft_policy_quarantined", "Identities in quarantine.",
            std::uint64_t{zones_gauges_->quarantined});
  out.gauge("lineshaft_policy_islands", "Zones whose conduits act as absent.",
            std::uint64_t{zones_gauges_->islands});
  out.gauge("lineshaft_policy_lent_roles", "Roles that are lent in an emergency (break-glass).",
            std::uint64_t{zones_gauges_->lent_roles});
}

void Broker::publish_sys_topics(Now now) {
  server_->request({0, core::StatisticsRequest{}}, [this, now](const core::Reply& reply) {
    const auto* statistics = std::get_if<core::Statistics>(&reply.what);
    if (statistics == nullptr) return;
    SysFacts facts{now, read_counters(), *statistics,
                   more_facts(journal_->status(), *memory_watch_),
                   audit_ ? audit_->status().head : std::string()};
    {
      const std::lock_guard lock(policy_error_mutex_);
      facts.more.emplace_back("policy/error", policy_error_);
    }
    const auto add = [&facts](const char* name, std::size_t value) {
      facts.more.emplace_back(name, fmt::format("{}", value));
    };
    add("policy/quarantined", zones_gauges_->quarantined);
    add("policy/islands", zones_gauges_->islands);
    add("policy/lent_roles", zones_gauges_->lent_roles);
    auto messages = sys_topics_->round(facts);
    server_->sink().submit(core::Request{0, core::PublishRequest{std::move(messages)}});
  });
}

bool Broker::stop() {
  admin_->set_draining();
  const bool drained = server_->drain();
  if (!drained) {
    LINESHAFT_LOG(
        app, warn, "drain_incomplete", {"after_s", options_.net.drain.count() / 1000},
        {"effect", "clients that did not read were closed; nothing acknowledged is lost"});
  }
  admin_->set_stopping();
  server_->stop();
  audit({.type = "broker_stopped", .op = "admin"});
  return journal_->stop();
}

void Broker::abandon() {
  admin_->set_stopping();
  server_->stop();
  audit({.type = "broker_gave_up", .op = "admin", .reason = "the disk has failed"});
  journal_->stop();
}

}  // namespace lineshaft::app
