#include "broker/app/serve.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

#include "broker/app/clock.h"
#include "broker/app/command_line.h"
#include "broker/app/policy_input.h"
#include "broker/app/ready_message.h"
#include "broker/app/service_manager.h"
#include "broker/app/signals.h"
#include "broker/app/tls_setup.h"
#include "broker/app/users_setup.h"
#include "broker/app/wiring.h"
#include "broker/app/zones_setup.h"
#include "broker/base/audit.h"
#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::app {
namespace {

log::Format format_of(const LogOptions& options) {
  if (options.format == LogFormat::automatic) {
    return ::isatty(STDERR_FILENO) == 1 ? log::Format::text : log::Format::json;
  }
  return options.format == LogFormat::json ? log::Format::json : log::Format::text;
}

void apply_log_options(const LogOptions& options) {
  log::set_level(options.level);
  for (std::size_t room = 0; room < log::rooms_size; ++room) {
    if (options.rooms[room]) log::set_level(static_cast<log::Room>(room), *options.rooms[room]);
  }
  log::start(format_of(options));
}

void print_error(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

std::string joined(const std::vector<std::string>& texts) {
  return fmt::format("{}", fmt::join(texts, ", "));
}

bool is_durable(const Options& options) {
  return options.core.durability == core::Durability::sync;
}

/// The lines to type are for the front one: it should ask for no certificate, WebSocket or proxy.
std::vector<std::string> plain_first(const Options& options, std::vector<std::string> addresses) {
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const ListenerOptions& one = options.listeners[i];
    if (one.websocket || one.tls.on() || !one.proxy_protocol_from.empty()) continue;
    const auto at = addresses.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(addresses.begin(), at, at + 1);
    break;
  }
  return addresses;
}

void say_ready(const Options& options, const Broker& broker) {
  ReadyFacts facts{version(),
                   plain_first(options, broker.addresses()),
                   options.data_dir,
                   is_durable(options),
                   broker.restored().retained,
                   broker.restored().sessions};
  LINESHAFT_LOG(app, info, "ready", {"version", facts.version},
                {"listening", joined(facts.addresses)}, {"admin", options.admin.socket},
                {"data_dir", facts.data_dir}, {"durability", facts.is_durable ? "sync" : "async"},
                {"subscribe", subscribe_command(facts.addresses)},
                {"publish", publish_command(facts.addresses)});
  // For people; whoever collects JSON has the same in the record above.
  if (::isatty(STDOUT_FILENO) != 1 && format_of(options.log) == log::Format::json) return;
  std::fputs(ready_message(facts).c_str(), stdout);
  std::fflush(stdout);
}

/// What is allowed but hardly meant, and what can flow although nobody has written it down.
void say_policy(const ZonesPolicy& zones) {
  if (zones.policy == nullptr) return;
  fmt::print("Policy: {} zones, {} rules.\n", zones.policy->zones().size(),
             zones.policy->rule_count());
  for (const ConfigProblem& each : zones.remarks) fmt::print("{}", remark_text(each));
  const std::string chains = chains_text(*zones.policy);
  if (chains.empty()) return;
  fmt::print("Through several conduits data can get where none leads directly:\n{}", chains);
}

/// Files that decide who is let in: all that a reload reads anew beside the configuration.
FilesState trust_files(const Options& options) {
  FilesState state = options.authorization == "zones" ? policy_files_state(options) : FilesState{};
  state.merge(listener_files_state(options));
  return state;
}

/// Adds the options whose files have other content than before; `known` is brought up to date.
void add_changed_files(const Options& options, FilesState& known,
                       std::vector<std::string>& changed) {
  FilesState now = trust_files(options);
  for (const auto& [name, state] : now) {
    const auto before = known.find(name);
    if (before == known.end() || before->second == state) continue;
    changed.push_back(name + " (content)");
  }
  known = std::move(now);
}

/// The options in force afterwards: the old ones when anything is wrong. `outcome` is empty.
std::shared_ptr<const Options> reload(std::shared_ptr<const Options> running,
                                      const ConfigSources& sources, Broker& broker,
                                      FilesState& files, admin::ReloadOutcome& outcome) {
  try {
    const auto next = load_options(sources);
    Reloaded reloaded = merge_reload(*running, *next);
    auto users = load_users(*reloaded.options);
    ZonesPolicy zones = load_zones(*reloaded.options, SystemClock().now().wall);
    apply_log_options(reloaded.options->log);
    broker.change_users(std::move(users));
    if (zones.policy) broker.change_zones(std::move(zones));
    broker.set_policy_error({});
    broker.reconfigure(reloaded.options->core);
    for (const std::string& listener : broker.reload_tls()) {
      outcome.problems.push_back(
          {fmt::format("listeners.{}.tls", listener),
           "the files cannot be used; what was read of them before stays in force",
           "The log says which file and why (event=tls_reload_failed)."});
    }
    add_changed_files(*reloaded.options, files, reloaded.changed);
    count(Counter::config_reloads);
    LINESHAFT_LOG(app, info, "reloaded", {"changed", joined(reloaded.changed)});
    audit({.type = "config_reloaded", .op = "admin", .reason = joined(reloaded.changed)});
    if (!reloaded.needs_restart.empty()) {
      LINESHAFT_LOG(app, warn, "reload_needs_restart", {"options", joined(reloaded.needs_restart)},
                    {"effect", "the old values stay in force until the broker is restarted"});
    }
    outcome.changed = std::move(reloaded.changed);
    outcome.needs_restart = std::move(reloaded.needs_restart);
    return reloaded.options;
  } catch (const ConfigError& error) {
    count(Counter::config_reload_failures);
    outcome.refused = true;
    broker.set_policy_error(error.problems().front().where + ": " + error.problems().front().what);
    if (running->authorization == "zones") {
      audit({.type = "policy_rejected",
             .op = "admin",
             .reason = error.problems().front().what,
             .rule = error.problems().front().where});
    }
    for (const ConfigProblem& each : error.problems()) {
      LINESHAFT_LOG(app, error, "reload_refused", {"where", each.where}, {"what", each.what},
                    {"remedy", each.remedy},
                    {"effect", "nothing was changed; the running configuration stays in force"});
      outcome.problems.push_back({each.where, each.what, each.remedy});
      audit({.type = "config_refused", .op = "admin", .reason = each.what, .rule = each.where});
    }
  }
  return running;
}

/// Notices that certificates or revocation lists of [pki] are others on the disk.
class PolicyFilesWatch {
 public:
  explicit PolicyFilesWatch(const Options& options) : read_(state(options)), seen_(read_) {}

  /// True once for each change, when nothing has changed since the call before: files are written
  /// one after the other.
  bool has_changed(const Options& options) {
    FilesState now = state(options);
    const bool settled = now == seen_;
    seen_ = std::move(now);
    if (!settled || seen_ == read_) return false;
    read_ = seen_;
    return true;
  }

 private:
  static FilesState state(const Options& options) {
    return options.authorization == "zones" ? policy_files_state(options) : FilesState{};
  }

  FilesState read_;
  FilesState seen_;
};

/// The same document with the files of [pki] as they are now.
void reread_policy(const Options& options, Broker& broker) {
  try {
    broker.change_zones(load_zones(options, SystemClock().now().wall));
    broker.set_policy_error({});
  } catch (const ConfigError& error) {
    const ConfigProblem& first = error.problems().front();
    broker.set_policy_error(first.where + ": " + first.what);
    LINESHAFT_LOG(app, error, "policy_files_refused", {"where", first.where}, {"what", first.what},
                  {"effect", "what was read of them before stays in force"});
    audit({.type = "policy_files_rejected",
           .op = "admin",
           .reason = first.what,
           .rule = first.where});
  }
}

/// Those who asked for a reload over the admin socket, on their way to the main thread.
class ReloadRequests {
 public:
  void add(ReloadAnswer answer) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(answer));
  }
  std::vector<ReloadAnswer> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<ReloadAnswer> waiting_;
};

/// From a started broker to its end.
ExitCode run(std::shared_ptr<const Options> options, const ConfigSources& sources, Broker& broker,
             Signals& signals, ReloadRequests& requests) {
  PolicyFilesWatch watch(*options);
  // As they were at the reload before.
  FilesState files = trust_files(*options);
  for (;;) {
    switch (signals.wait(limits::tls_files_poll)) {
      case Event::time_passed:
        broker.poll_tls();
        if (watch.has_changed(*options)) reread_policy(*options, broker);
        break;
      case Event::reload: {
        notify_service_manager("RELOADING=1");
        // Taken first: who asks while files are read may have changed one, and gets a new round.
        const auto answers = requests.take();
        admin::ReloadOutcome outcome;
        options = reload(std::move(options), sources, broker, files, outcome);
        watch = PolicyFilesWatch(*options);
        notify_service_manager("READY=1");
        for (const ReloadAnswer& answer : answers) answer(outcome);
        break;
      }
      case Event::disk_failed:
        notify_service_manager("STOPPING=1");
        broker.abandon();
        print_error(fmt::format(
            "lineshaft: the disk under {} has failed repeatedly, the broker stops. Nothing that "
            "was acknowledged is missing; start it again, on another machine if the disk stays "
            "broken.\n",
            options->data_dir));
        return ExitCode::disk_failed;
      case Event::stop:
        LINESHAFT_LOG(app, info, "stopping");
        notify_service_manager("STOPPING=1");
        if (broker.stop()) {
          LINESHAFT_LOG(app, info, "stopped");
          return ExitCode::ok;
        }
        print_error(
            "lineshaft: the disk did not take everything at the stop; what is missing was "
            "never acknowledged. Look at the log for the reason.\n");
        return ExitCode::disk_failed;
    }
  }
}

}  // namespace

ExitCode serve(const ConfigSources& sources) {
  std::shared_ptr<const Options> options;
  auth::UsersPolicyPtr users;
  ZonesPolicy zones;
  try {
    options = load_options(sources);
    check_tls_files(*options);
    users = load_users(*options);
    zones = load_zones(*options, SystemClock().now().wall);
  } catch (const ConfigError& error) {
    print_error(error.what());
    return ExitCode::config;
  }
  Signals signals;
  ReloadRequests requests;
  apply_log_options(options->log);
  const std::uint64_t open_files = raise_open_files_limit();
  LINESHAFT_LOG(app, info, "starting", {"version", version()}, {"node", options->node_name},
                {"config", options->files.empty() ? "defaults" : joined(options->files)},
                {"data_dir", options->data_dir}, {"open_files_max", open_files});
  SystemClock clock;
  // The broker keeps a reference to the options it was started with, whatever a reload brings.
  const auto started_with = options;
  ExitCode exit_code = ExitCode::ok;
  {
    Broker broker(
        *started_with, clock, [&signals] { signals.report_disk_failed(); },
        [&](ReloadAnswer answer) {
          requests.add(std::move(answer));
          signals.ask_reload();
        });
    broker.change_users(std::move(users));
    broker.change_zones(std::move(zones));
    const auto failure = broker.start([&signals] { return signals.is_stop_pending(); });
    if (failure && failure->exit_code == ExitCode::ok) {
      LINESHAFT_LOG(app, info, "start_given_up",
                    {"why", "a signal asked to stop; nothing was changed on disk"});
    } else if (failure) {
      exit_code = failure->exit_code;
      print_error("lineshaft: " + failure->sentences + "\n");
    } else {
      say_ready(*options, broker);
      notify_service_manager("READY=1");
      exit_code = run(options, sources, broker, signals, requests);
    }
  }
  log::stop();
  return exit_code;
}

ExitCode check_config(const ConfigSources& sources) {
  try {
    const auto options = load_options(sources);
    check_tls_files(*options);
    load_users(*options);
    const ZonesPolicy zones = load_zones(*options, SystemClock().now().wall);
    std::vector<std::string> addresses;
    for (const ListenerOptions& each : options->listeners) addresses.push_back(each.bind.text());
    fmt::print("{}: right. Listens on {}, keeps data in {}, durability {}.\n",
               options->files.empty() ? "defaults" : joined(options->files), joined(addresses),
               options->data_dir, is_durable(*options) ? "sync" : "async");
    say_policy(zones);
    return ExitCode::ok;
  } catch (const ConfigError& error) {
    print_error(error.what());
    return ExitCode::config;
  }
}

}  // namespace lineshaft::app
