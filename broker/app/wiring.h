#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/anomaly_watcher.h"
#include "auth/audit_log.h"
#include "auth/users_authenticator.h"
#include "auth/zones_authenticator.h"
#include "auth/zones_gauges.h"
#include "broker/app/admin_room.h"
#include "broker/app/exit_code.h"
#include "broker/app/memory_watch.h"
#include "broker/app/options.h"
#include "broker/app/sparkplug_setup.h"
#include "broker/app/sys_topics.h"
#include "broker/app/tls_setup.h"
#include "broker/app/zones_setup.h"
#include "broker/base/time.h"
#include "broker/core/core.h"
#include "broker/net/server.h"
#include "storage/journal_writer.h"
#include "storage/restore.h"

namespace lineshaft::app {

/// Why the broker did not start: the exit status, and full sentences with the remedy. `ok` without
/// a sentence: it was told to stop.
struct StartFailure {
  ExitCode exit_code = ExitCode::internal;
  std::string sentences;
};

/// All rooms, built from the options and connected. The order of what plugs into the core is here
/// and nowhere else. Used by the main thread only.
class Broker {
 public:
  /// `on_fatal`: the disk does not take writes any more; called once. `reload`: read the
  /// configuration again and answer with what became of it. Both from other threads.
  Broker(
      const Options& options, Clock& clock, std::function<void()> on_fatal,
      std::function<void(ReloadAnswer)> reload = [](const ReloadAnswer&) {});
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// Opens the store, restores, then opens the listeners: in this order, so that no client meets a
  /// broker that has forgotten it. On failure nothing is left open and no record has changed.
  /// `stop_asked`, if given, is asked again and again during the restore.
  std::optional<StartFailure> start(const std::function<bool()>& stop_asked = {});

  /// "127.0.0.1:1883", "unix:/run/mqtt.sock": where clients connect, in the order of the names.
  std::vector<std::string> addresses() const;
  const storage::RestoreReport& restored() const { return restored_; }

  /// Who may connect and do what from now on; before `start`, and at a reload. Null: everybody, and
  /// only with authorization = "open".
  void change_users(auth::UsersPolicyPtr users);

  /// The same with authorization = "zones": returns when every shard has met the new policy.
  void change_zones(ZonesPolicy zones);
  /// Why the newest configuration is not in force, for $SYS; empty: it is.
  void set_policy_error(std::string error);

  /// Hands the core its part of new options.
  void reconfigure(const core::CoreConfig& config);

  /// Looks whether TLS files have changed; every `limits::tls_files_poll`.
  void poll_tls();
  /// Reads the TLS files again. Returns the listeners whose files cannot be used: what was read
  /// before stays in force.
  std::vector<std::string> reload_tls();
  /// For `/metrics`; any thread after `start`.
  std::vector<net::TlsFacts> tls_facts() const { return tls_->facts(); }

  /// Says goodbye to every client, writes what is queued, marks the store clean. False: the disk
  /// did not take everything; what is missing was never acknowledged.
  bool stop();
  /// The disk has failed: nothing that is held back can be sent any more.
  void abandon();

 private:
  /// What stands between MQTT and the sockets of each listener, from the socket upwards.
  std::optional<StartFailure> add_layers(net::ServerOptions& server, WallTime now);
  /// Behind the store's lock: the folder is nobody else's then.
  std::optional<StartFailure> start_audit();
  std::optional<StartFailure> restore(storage::Database& database, storage::Leftovers& leftovers,
                                      const std::function<bool()>& stop_asked);
  /// What rooms beside admin add to /metrics.
  std::vector<admin::MetricsSource> metrics_sources();
  std::shared_ptr<core::Interceptor> make_interceptor() const;
  void tell_zones();
  void write_audit_metrics(admin::MetricWriter& out) const;
  void write_zones_metrics(admin::MetricWriter& out) const;
  void put_in_force(std::shared_ptr<core::Interceptor> interceptor);
  void publish_sys_topics(Now now);

  const Options& options_;
  Clock& clock_;
  const std::function<void()> on_fatal_;
  const std::function<void(ReloadAnswer)> reload_;

  /// First, so that it outlives every thread that audits. Null: there is none.
  std::unique_ptr<auth::AuditLog> audit_;
  storage::RestoreReport restored_;
  std::unique_ptr<TlsSetup> tls_;
  auth::UsersPolicyPtr users_;
  ZonesPolicy zones_;
  const std::shared_ptr<auth::ZonesGauges> zones_gauges_ = std::make_shared<auth::ZonesGauges>();
  mutable std::mutex policy_error_mutex_;
  std::string policy_error_;
  /// Null when it is off.
  std::shared_ptr<sparkplug::SparkplugExtension> sparkplug_;
  /// Null without anomaly rules.
  std::shared_ptr<auth::AnomalyWatcher> watcher_;
  std::unique_ptr<core::Core> core_;
  std::unique_ptr<net::Server> server_;
  /// Behind the server: its threads answer into the shards.
  std::unique_ptr<auth::UsersAuthenticator> authenticator_;
  std::unique_ptr<auth::ZonesAuthenticator> zones_authenticator_;
  std::unique_ptr<storage::JournalWriter> journal_;
  std::unique_ptr<SysTopics> sys_topics_;
  std::unique_ptr<MemoryWatch> memory_watch_;
  std::unique_ptr<AdminRoom> admin_;
};

/// The net room's part of the options.
net::ServerOptions server_options(const Options& options);
/// The storage room's part of the options.
storage::StorageOptions storage_options(const Options& options);

}  // namespace lineshaft::app
