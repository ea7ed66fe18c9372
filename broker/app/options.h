#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/anomaly_rule.h"
#include "auth/audit_writer.h"
#include "broker/app/bind_address.h"
#include "broker/app/policy_document.h"
#include "broker/app/toml_reader.h"
#include "broker/base/log.h"
#include "broker/base/time.h"
#include "broker/core/config.h"
#include "broker/net/tls_options.h"
#include "sparkplug/sparkplug_extension.h"

namespace lineshaft::app {

/// One `[listeners.<name>]`.
struct ListenerOptions {
  std::string name;
  BindAddress bind;
  std::size_t connections_max = 0;
  net::TlsOptions tls;
  /// MQTT over WebSocket instead of plain MQTT.
  bool websocket = false;
  /// Empty: "/mqtt".
  std::vector<std::string> ws_paths;
  std::vector<std::string> ws_origins;
  /// Not empty: every connection begins with a PROXY header.
  std::vector<std::string> proxy_protocol_from;
  std::uint32_t connects_per_s_max = 0;
  std::uint32_t connects_per_s_per_address_max = 0;
  std::size_t connections_per_address_max = 0;
  /// With authorization = "zones": which zones' clients may come in here.
  std::vector<std::string> zones;
  /// "bind", "equal", "prefix", "free": what a Client Identifier has to do with its client. Empty:
  /// as the zone says.
  std::string client_id;
  /// The defaults of all listeners with what `[listeners.<name>.limits]` changes.
  core::ClientLimits limits;
};

struct NetOptions {
  Milliseconds drain{0};
};

struct AdminOptions {
  /// Path of the Unix socket; never empty.
  std::string socket;
  /// A loopback address; none: no TCP.
  std::optional<BindAddress> listen;
};

/// `[users]`
struct UsersOptions {
  std::string file;
  std::string rules_file;
  bool anonymous = false;
  /// "none" or "cn": where a certificate says whose it is.
  std::string certificate_user;
};

/// `[audit]`
struct AuditSettings {
  bool enabled = true;
  auth::AuditOptions log;
};

/// `[sparkplug]`
struct SparkplugSettings {
  bool enabled = true;
  sparkplug::SparkplugConfig config;
};

/// What `[storage]` says beyond the core's part.
struct StorageSettings {
  /// 0: a quarter of the memory, at most 512 MiB.
  std::size_t cache_mb = 0;
  Milliseconds wal_sync{0};
  std::size_t journal_queue_bytes_max = 0;
  /// 0: 1 GiB, at most a quarter of the file system.
  std::size_t reserve_mb = 0;
  /// False: refuse to start.
  bool recover_on_corruption = false;
};

enum class LogFormat : std::uint8_t { automatic, text, json };

struct LogOptions {
  log::Level level = log::Level::info;
  std::array<std::optional<log::Level>, log::rooms_size> rooms;
  LogFormat format = LogFormat::automatic;
};

/// A value and where it comes from ("lineshaft.toml:14:3"; empty for a default).
struct Setting {
  Value value;
  std::string where;
};
/// By full name: "storage.cache_mb", "listeners.plant.bind".
using Settings = std::map<std::string, Setting, std::less<>>;

/// The whole configuration, checked. Never changed after it was made; a reload makes another one.
struct Options {
  /// Empty: not stated, so listeners must stay on this machine.
  std::string authorization;
  std::uint32_t shards = 1;
  std::string node_name;
  std::string data_dir;
  std::vector<ListenerOptions> listeners;
  UsersOptions users;
  /// What the files say of pki, identity, zones, roles, conduits, policy and users' zones; never
  /// null members, but it may be empty.
  PolicyDocument policy;
  NetOptions net;
  core::CoreConfig core;
  StorageSettings storage;
  /// 0: automatic.
  std::uint64_t memory_budget_mb = 0;
  SparkplugSettings sparkplug;
  AuditSettings audit;
  auth::AnomalyConfig anomaly;
  LogOptions log;
  AdminOptions admin;
  /// 0: no $SYS topics.
  std::uint32_t sys_interval_s = 0;

  /// What it was made from, defaults included.
  Settings settings;
  /// Files it was read from, in order.
  std::vector<std::string> files;
};

enum class Kind : std::uint8_t { boolean, integer, text, choice, list };

/// Whether a reload (SIGHUP) takes a new value over.
enum class Takes : std::uint8_t { reload, restart };

/// One row of the option table: all there is to know about an option.
struct OptionSpec {
  /// Full name; `*` stands for the name the operator gives to a listener.
  std::string_view name;
  Kind kind = Kind::integer;
  /// Of an integer: "s", "ms", "MiB", "messages"; may be empty.
  std::string_view unit = {};
  std::int64_t min = 0;
  std::int64_t max = 0;
  /// Default of an integer or a boolean (0, 1).
  std::int64_t number = 0;
  /// Default of a text or a choice.
  std::string_view text = {};
  /// What the example file shows when the default would say nothing, in TOML.
  std::string_view example = {};
  /// For a choice: its values.
  std::span<const std::string_view> choices = {};
  Takes takes = Takes::reload;
  /// One or two sentences for the operator: what it is and what happens at it.
  std::string_view help = {};
  /// Puts a value of the right kind and range in its place. `instance` is what `*` stands for.
  void (*set)(Options& options, std::string_view instance, const Value& value) = nullptr;
  /// Instead of `set`, of what one client may do: such a row is the default of all listeners, and
  /// `[listeners.<name>.limits]` has an option of the same last name.
  void (*set_limit)(core::ClientLimits& limits, const Value& value) = nullptr;
  /// More rules than kind and range: the sentence that says what is wrong, or nothing.
  std::string (*check)(const Value& value) = nullptr;
  /// Must be stated wherever its table is.
  bool required = false;
  /// The full name of the option that counts where this one is not stated.
  std::string_view inherits = {};
};

/// One section of the table, in the order in which it is printed.
struct OptionSection {
  /// "", "node", "listeners.*".
  std::string_view name;
  std::string_view help;
  std::span<const OptionSpec> options;
};

/// The one place where options are defined.
std::span<const OptionSection> option_sections();

/// The default of an option that has one.
Value default_value(const OptionSpec& spec);

/// `value` as it is written in TOML.
std::string to_toml(const Value& value);

}  // namespace lineshaft::app
