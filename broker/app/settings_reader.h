#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/app/config_error.h"
#include "broker/app/options.h"
#include "broker/app/policy_document.h"
#include "broker/app/toml_reader.h"

namespace lineshaft::app {

/// Reads what files and environment say against the option table.
///
/// Later calls override earlier ones, option by option. Everything wrong is added to the problems;
/// what is wrong is not taken over.
class SettingsReader {
 public:
  void add_file(const TomlFile& file);

  /// Variables LINESHAFT_A__B, as name and value. Without "__" only options outside any table are
  /// read: others (LINESHAFT_CONFIG, the LINESHAFT_PORT that Kubernetes makes for a service of that
  /// name) mean something else.
  void add_environment(const std::vector<std::pair<std::string, std::string>>& variables);

  /// Sets one option by its full name, as the command line does.
  void set(std::string_view name, Value value, std::string_view where);

  /// Forgets everything that was set below "listeners".
  void drop_listeners();

  bool names_listener() const { return !listeners_.empty(); }

  /// Adds the defaults, also those of every listener that was named, and reports what is missing.
  void complete();

  Settings& settings() { return settings_; }
  /// What the files say of the access policy; nothing else can say anything of it.
  const PolicyTables& policy() const { return policy_; }
  std::vector<ConfigProblem>& problems() { return problems_; }

 private:
  void take(const TomlEntry& entry, std::vector<std::string>& unknown);
  void take_table(const TomlEntry& entry, const std::string& name,
                  std::vector<std::string>& unknown);
  void take_variable(const std::string& variable, const std::string& text);
  void complete_listener(const std::string& instance, const std::string& where);

  Settings settings_;
  PolicyTables policy_;
  /// Listeners by name, and where they were first mentioned.
  std::map<std::string, std::string> listeners_;
  std::vector<ConfigProblem> problems_;
};

/// The row for a full name, nullptr if there is none.
const OptionSpec* find_option(std::string_view name);

/// What `*` in the row's name stands for; empty when there is none.
std::string_view instance_of(const OptionSpec& spec, std::string_view name);

}  // namespace lineshaft::app
