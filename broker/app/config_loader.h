#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/app/config_error.h"
#include "broker/app/options.h"

namespace lineshaft::app {

/// Where a configuration comes from; the process's surroundings as a value, so that tests make
/// them.
struct ConfigSources {
  /// --config; else LINESHAFT_CONFIG; else `system_file` if it is there; else the defaults.
  std::optional<std::string> config_file;
  std::string system_file = "/etc/lineshaft/lineshaft.toml";
  /// Every variable of the process.
  std::vector<std::pair<std::string, std::string>> environment;
  /// --listen: replaces the listeners of the configuration.
  std::vector<std::string> listen;
  /// --data
  std::optional<std::string> data_dir;
  /// Where the system's broker has its admin socket, if the folder is there.
  std::string run_folder = "/run/lineshaft";
  bool is_root = false;
  std::string host_name;
};

/// The surroundings of this process.
ConfigSources process_sources();

/// The system's data folder: what root uses when nothing else is said.
inline constexpr std::string_view system_data_dir = "/var/lib/lineshaft";

/// Reads, merges and checks everything: the file, then conf.d/*.toml beside it in name order, then
/// the environment, then the command line; later ones win. Throws `ConfigError` with all problems.
std::shared_ptr<const Options> load_options(const ConfigSources& sources);

/// Reads one file that has only tables of the access policy; adds to `problems` what is wrong.
PolicyDocument read_policy_file(const std::string& path, std::vector<ConfigProblem>& problems);

class SettingsReader;

/// The last steps of `load_options`: defaults, then the rules between options.
Options finish_options(SettingsReader& reader, const ConfigSources& sources);

/// The outcome of a reload.
struct Reloaded {
  /// What is in force now: new values, but the old ones of options that need a restart.
  std::shared_ptr<const Options> options;
  /// Full names of what changed and of what waits for a restart.
  std::vector<std::string> changed;
  std::vector<std::string> needs_restart;
};

/// Takes over from `next`, which was loaded and checked, what can change while the broker runs.
Reloaded merge_reload(const Options& running, const Options& next);

}  // namespace lineshaft::app
