#include "broker/app/config_loader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "auth/anomaly_config.h"
#include "broker/app/option_checks.h"
#include "broker/app/policy_input.h"
#include "broker/app/settings_reader.h"

extern char** environ;

namespace lineshaft::app {
namespace {

namespace fs = std::filesystem;

/// A configuration is a page of text; more is the wrong file.
constexpr std::size_t file_size_bytes_max = 1024 * 1024;

std::optional<std::string> variable(const ConfigSources& sources, std::string_view name) {
  for (const auto& [key, value] : sources.environment) {
    if (key == name && !value.empty()) return value;
  }
  return std::nullopt;
}

std::optional<TomlFile> read_file(const std::string& path, std::vector<ConfigProblem>& problems) {
  const auto fail = [&](std::string what, std::string remedy) -> std::optional<TomlFile> {
    problems.push_back({path, std::move(what), std::move(remedy)});
    return std::nullopt;
  };
  std::error_code ec;
  if (fs::is_directory(path, ec)) return fail("this is a folder", "Name the file in it.");
  errno = 0;
  std::ifstream input(path, std::ios::binary);
  if (!input) {
    return fail(fmt::format("cannot be read: {}", std::strerror(errno)),
                "Check the name and that this user may read it.");
  }
  std::string text(file_size_bytes_max + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(input.gcount()));
  if (text.size() > file_size_bytes_max) {
    return fail("is larger than 1 MiB", "Is it the right file?");
  }
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    // Half of a file that is being written, or of a full disk, would say "no rules".
    return fail("is empty", "Was it cut off? What sets nothing has a line with a comment.");
  }
  return TomlFile{path, std::move(text)};
}

/// The file named by --config or LINESHAFT_CONFIG, or the system's if it is there.
std::optional<std::string> main_file(const ConfigSources& sources) {
  if (sources.config_file) return sources.config_file;
  if (auto named = variable(sources, "LINESHAFT_CONFIG")) return named;
  std::error_code ec;
  if (fs::exists(sources.system_file, ec)) return sources.system_file;
  return std::nullopt;
}

/// conf.d/*.toml beside `file`, in name order; names that begin with a dot are an editor's.
std::vector<std::string> drop_ins(const std::string& file, std::vector<ConfigProblem>& problems) {
  const fs::path folder = fs::path(file).parent_path() / "conf.d";
  std::error_code ec;
  if (!fs::exists(folder, ec)) return {};
  std::vector<std::string> files;
  for (fs::directory_iterator each(folder, ec), end; !ec && each != end; each.increment(ec)) {
    const fs::path& path = each->path();
    if (path.extension() != ".toml" || path.filename().string().starts_with('.')) continue;
    files.push_back(path.string());
  }
  if (ec) {
    // What cannot be listed might hold what confines a listener: never go on without it.
    problems.push_back({folder.string(), "cannot be listed: " + ec.message(),
                        "Check that this user may read the folder."});
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::optional<std::string> default_data_dir(const ConfigSources& sources) {
  if (sources.is_root) return std::string(system_data_dir);
  if (const auto data = variable(sources, "XDG_DATA_HOME")) return *data + "/lineshaft";
  if (const auto home = variable(sources, "HOME")) return *home + "/.local/share/lineshaft";
  return std::nullopt;
}

void add_command_line(const ConfigSources& sources, SettingsReader& reader) {
  if (sources.data_dir) reader.set("node.data_dir", *sources.data_dir, "--data");
  if (sources.listen.empty()) return;
  reader.drop_listeners();
  for (std::size_t i = 0; i < sources.listen.size(); ++i) {
    const std::string name =
        i == 0 ? "listeners.default.bind" : fmt::format("listeners.default-{}.bind", i + 1);
    reader.set(name, sources.listen[i], "--listen");
  }
}

Options make_options(const Settings& settings) {
  Options options;
  std::vector<std::pair<const OptionSpec*, const Settings::value_type*>> overrides;
  for (const auto& setting : settings) {
    const OptionSpec* const spec = find_option(setting.first);
    if (spec == nullptr) continue;
    if (spec->set_limit == nullptr) {
      spec->set(options, instance_of(*spec, setting.first), setting.second.value);
    } else if (spec->inherits.empty()) {
      spec->set_limit(options.core, setting.second.value);
    } else {
      overrides.emplace_back(spec, &setting);
    }
  }
  // A reload may bring options of a listener that waits for the restart.
  std::erase_if(options.listeners, [&](const ListenerOptions& each) {
    return !settings.contains("listeners." + each.name + ".bind");
  });
  for (ListenerOptions& each : options.listeners) each.limits = options.core;
  for (const auto& [spec, setting] : overrides) {
    const auto found = std::ranges::find(options.listeners, instance_of(*spec, setting->first),
                                         &ListenerOptions::name);
    if (found != options.listeners.end()) spec->set_limit(found->limits, setting->second.value);
  }
  for (const ListenerOptions& each : options.listeners) {
    options.core.listeners.emplace(each.name, each.limits);
  }
  std::sort(options.listeners.begin(), options.listeners.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  options.settings = settings;
  return options;
}

const std::string& where(const Options& options, const std::string& name) {
  return options.settings.find(name)->second.where;
}

/// Rules between options.
void check_listeners(const Options& options, std::vector<ConfigProblem>& problems) {
  for (const ListenerOptions& each : options.listeners) {
    const std::string& place = where(options, "listeners." + each.name + ".bind");
    if (!each.bind.is_local() && options.authorization.empty()) {
      problems.push_back(
          {place,
           fmt::format("listener {} on {} can be reached from other machines and nothing says who "
                       "may connect",
                       in_quotes(each.name), each.bind.text()),
           "For users with passwords, write authorization = \"users\" at the top of the "
           "configuration and name their files in [users]; for certificates and zones, \"zones\" "
           "(docs/zones.md). To let everybody in, write "
           "authorization = \"open\" or set LINESHAFT_AUTHORIZATION=open. Else bind 127.0.0.1."});
    }
    if (!each.websocket && !(each.ws_paths.empty() && each.ws_origins.empty())) {
      problems.push_back(
          {place,
           fmt::format("listener {} has ws_paths or ws_origins and speaks no WebSocket",
                       in_quotes(each.name)),
           "Write transport = \"ws\", or take them away."});
    }
    for (const ListenerOptions& other : options.listeners) {
      if (&other == &each) break;
      const bool chosen_by_system =
          each.bind.kind != BindAddress::Kind::unix_socket && each.bind.port == 0;
      if (other.bind == each.bind && !chosen_by_system) {
        problems.push_back(
            {place,
             fmt::format("listeners {} and {} have the same address {}", in_quotes(other.name),
                         in_quotes(each.name), each.bind.text()),
             "Give one of them another port."});
      }
    }
  }
}

/// `[admin]` with its default; after `data_dir` is known.
void resolve_admin(const ConfigSources& sources, Options& options,
                   std::vector<ConfigProblem>& problems) {
  for (const ListenerOptions& each : options.listeners) {
    const bool same_socket =
        each.bind.kind == BindAddress::Kind::unix_socket && each.bind.path == options.admin.socket;
    if (!same_socket && (each.bind != options.admin.listen || each.bind.port == 0)) continue;
    problems.push_back({where(options, "listeners." + each.name + ".bind"),
                        fmt::format("listener {} has the address of the [admin] table, {}",
                                    in_quotes(each.name), each.bind.text()),
                        "Give one of them another."});
  }
  if (!options.admin.socket.empty() || options.data_dir.empty()) return;
  std::error_code ec;
  const bool is_system = options.data_dir == system_data_dir;
  const bool in_run = is_system && fs::is_directory(sources.run_folder, ec);
  options.admin.socket = (in_run ? sources.run_folder : options.data_dir) + "/admin.sock";
  if (const std::string problem = check_socket_path(options.admin.socket); !problem.empty()) {
    problems.push_back(
        {"", fmt::format("admin.socket would be {}: {}", in_quotes(options.admin.socket), problem),
         "Set admin.socket to a short path."});
  }
}

/// `[audit]` with its defaults; after `data_dir` is known. The log is the same wherever the broker
/// is started from.
void resolve_audit(Options& options) {
  auth::AuditOptions& log = options.audit.log;
  if (log.folder.empty()) log.folder = options.data_dir + "/audit";
  log.last_file = options.data_dir + "/audit.last";
  if (log.key_file.empty()) log.key_file = options.data_dir + "/audit-key.pem";
  std::error_code ec;
  const fs::path absolute = fs::absolute(log.folder, ec);
  if (!ec) log.folder = absolute.lexically_normal().string();
}

void read_anomaly(Options& options, std::vector<ConfigProblem>& problems) {
  std::vector<auth::AnomalyFault> faults;
  const bool can_quarantine = options.authorization == "zones";
  options.anomaly.rules = auth::read_anomaly_rules(*options.policy.json, can_quarantine, faults);
  for (auth::AnomalyFault& each : faults) {
    problems.push_back({place_of(options.policy.places, each.pointer), std::move(each.what),
                        std::move(each.remedy)});
  }
}

void check_users(const Options& options, std::vector<ConfigProblem>& problems) {
  if (options.authorization != "users") return;
  for (const char* name : {"users.file", "users.rules_file"}) {
    const Value& value = options.settings.find(name)->second.value;
    if (!std::get<std::string>(value).empty()) continue;
    problems.push_back({where(options, "authorization"),
                        fmt::format("authorization is \"users\" and {} is not named", name),
                        "`lineshaft passwd FILE USER` makes the users file; a rules file with the "
                        "lines \"everybody\" and \"both #\" lets every user do everything."});
  }
}

void check_zones(const Options& options, std::vector<ConfigProblem>& problems) {
  if (options.authorization != "zones") return;
  if (!options.policy.has("zones")) {
    problems.push_back({where(options, "authorization"),
                        "authorization is \"zones\" and there is no zone",
                        "Write a table [zones.NAME] with sl_t and owns for each, or find the file "
                        "that had them; docs/zones.md begins with an example."});
  }
  for (const ListenerOptions& each : options.listeners) {
    if (!each.zones.empty()) continue;
    problems.push_back({where(options, "listeners." + each.name + ".bind"),
                        fmt::format("listener {} lets no zone in", in_quotes(each.name)),
                        "Write zones = [...] with the names of the zones whose clients connect "
                        "here."});
  }
}

void resolve_names(const ConfigSources& sources, Options& options,
                   std::vector<ConfigProblem>& problems) {
  if (options.node_name.empty()) options.node_name = sources.host_name;
  if (options.data_dir.empty()) options.data_dir = default_data_dir(sources).value_or("");
  if (options.data_dir.empty()) {
    problems.push_back({"", "there is no folder for data: neither HOME nor XDG_DATA_HOME is set",
                        "Name one with --data DIR or node.data_dir."});
    return;
  }
  std::error_code ec;
  const fs::path absolute = fs::absolute(options.data_dir, ec);
  if (!ec) options.data_dir = absolute.lexically_normal().string();
}

}  // namespace

ConfigSources process_sources() {
  ConfigSources sources;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view pair = *each;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    sources.environment.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  // The order of the environment means nothing; that of the error messages should be stable.
  std::sort(sources.environment.begin(), sources.environment.end());
  sources.is_root = ::geteuid() == 0;
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) == 0) sources.host_name = name;
  return sources;
}

std::shared_ptr<const Options> load_options(const ConfigSources& sources) {
  SettingsReader reader;
  std::vector<std::string> names;
  if (const auto file = main_file(sources)) {
    names.push_back(*file);
    for (std::string& each : drop_ins(*file, reader.problems())) names.push_back(std::move(each));
  }
  for (const std::string& name : names) {
    if (const auto file = read_file(name, reader.problems())) reader.add_file(*file);
  }
  reader.add_environment(sources.environment);
  add_command_line(sources, reader);
  auto options = std::make_shared<Options>(finish_options(reader, sources));
  options->files = std::move(names);
  return options;
}

PolicyDocument read_policy_file(const std::string& path, std::vector<ConfigProblem>& problems) {
  const auto file = read_file(path, problems);
  if (!file) return {};
  const std::size_t before = problems.size();
  TomlContent content = read_toml(*file, problems);
  for (const TomlEntry& each : content.options) {
    if (std::holds_alternative<TableValue>(each.value) && each.path.front() == "users") continue;
    problems.push_back(
        {each.key_at, "only tables of the access policy may stand here", "Take it out."});
  }
  if (problems.size() > before) return {};
  PolicyTables tables;
  tables.add(std::move(content.policy), problems);
  return tables.document();
}

Options finish_options(SettingsReader& reader, const ConfigSources& sources) {
  // Only when nothing is wrong: a listener may be missing because its table could not be read.
  const bool nothing_wrong = reader.problems().empty();
  if (nothing_wrong && !reader.names_listener()) {
    reader.set("listeners.default.bind", std::string("127.0.0.1:1883"), "");
  }
  reader.complete();
  if (!reader.problems().empty()) throw ConfigError(reader.problems());

  Options options = make_options(reader.settings());
  options.policy = reader.policy().document();
  std::vector<ConfigProblem> problems;
  resolve_names(sources, options, problems);
  resolve_admin(sources, options, problems);
  resolve_audit(options);
  check_listeners(options, problems);
  check_users(options, problems);
  check_zones(options, problems);
  read_anomaly(options, problems);
  if (options.authorization == "zones") apply_pki(options);
  if (!problems.empty()) throw ConfigError(std::move(problems));
  return options;
}

Reloaded merge_reload(const Options& running, const Options& next) {
  Reloaded reloaded;
  Settings merged = running.settings;
  for (const auto& [name, setting] : next.settings) {
    const auto old = running.settings.find(name);
    if (old != running.settings.end() && old->second.value == setting.value) continue;
    // Of a listener that is new, what was written is enough to report.
    if (old == running.settings.end() && setting.where.empty()) continue;
    if (find_option(name)->takes == Takes::restart) {
      reloaded.needs_restart.push_back(name);
    } else {
      merged[name] = setting;
      reloaded.changed.push_back(name);
    }
  }
  for (const auto& [name, setting] : running.settings) {
    // Only a listener and what it states can disappear; everything else has a default.
    if (next.settings.contains(name) || setting.where.empty()) continue;
    if (find_option(name)->takes == Takes::restart) {
      reloaded.needs_restart.push_back(name);
    } else {
      merged.erase(name);
      reloaded.changed.push_back(name);
    }
  }
  auto options = std::make_shared<Options>(make_options(merged));
  options->files = next.files;
  options->policy = next.policy;
  const auto tables = next.policy.difference(running.policy);
  for (const std::string& name : tables) {
    // A new rule would have to learn first, and the old ones would forget.
    (name == "anomaly" ? reloaded.needs_restart : reloaded.changed).push_back(name);
  }
  if (options->authorization == "zones") {
    // TLS goes on with the files it was started with; who is let in is decided with the new ones.
    const PkiPaths old = pki_paths(running.policy), paths = pki_paths(next.policy);
    if (old.trust != paths.trust) reloaded.needs_restart.emplace_back("pki.trust");
    if (old.crl != paths.crl) reloaded.needs_restart.emplace_back("pki.crl");
    apply_pki(*options);
  }
  options->node_name = running.node_name;
  options->data_dir = running.data_dir;
  options->admin.socket = running.admin.socket;
  options->audit = running.audit;
  options->anomaly = running.anomaly;
  reloaded.options = std::move(options);
  return reloaded;
}

}  // namespace lineshaft::app
