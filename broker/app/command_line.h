#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/app/audit_verbs.h"
#include "broker/app/cert_verb.h"
#include "broker/app/exit_code.h"
#include "broker/app/explain_verb.h"
#include "broker/app/passwd.h"
#include "broker/app/policy_verbs.h"
#include "broker/app/sparkplug_verbs.h"

namespace lineshaft::app {

/// What the operator typed.
struct Command {
  enum class Verb : std::uint8_t {
    serve,
    check_config,
    status,
    reload,
    passwd,
    import_mosquitto,
    audit,
    version,
    config_docs,
    cert,
    report,
    explain,
    policy,
    sparkplug,
  };

  Verb verb = Verb::serve;
  std::optional<std::string> config_file;
  std::vector<std::string> listen;
  std::optional<std::string> data_dir;
  /// Verbs that ask a running broker: its admin socket, when it is not the configuration's.
  std::optional<std::string> socket;
  /// status: the broker's own answer; others: as JSON.
  bool json = false;
  /// status: "healthz" or "readyz" instead of everything.
  std::string probe;
  /// config-docs: the guide instead of the example file.
  bool markdown = false;
  PasswdOptions passwd;
  CertOptions cert;
  ExplainOptions explain;
  PolicyCommand policy;
  SparkplugCommand sparkplug;
  /// import-mosquitto: one of them.
  std::string import_passwords;
  std::string import_acl;
  AuditCommand audit;
};

/// A command, or what to print instead of running one.
struct CommandLine {
  std::optional<Command> command;
  std::string output;
  std::string error;
  ExitCode exit_code = ExitCode::ok;
};

/// Understands `lineshaft VERB [OPTION]...`; `arguments` without the program's name.
CommandLine parse_command_line(std::vector<std::string> arguments);

/// "0.1.0"
std::string version();

}  // namespace lineshaft::app
