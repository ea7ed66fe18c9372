#include "broker/app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "broker/app/command_line_cert.h"
#include "broker/app/command_line_place.h"
#include "broker/app/command_line_policy.h"
#include "broker/app/command_line_sparkplug.h"
#include "broker/app/command_line_zones.h"

namespace lineshaft::app {

void add_broker_place(CLI::App* verb, Command& command) {
  verb->add_option("-s,--socket", command.socket,
                   "The broker's admin socket (default: where the configuration says it is)")
      ->type_name("PATH");
  verb->add_option("-c,--config", command.config_file, "The broker's configuration file")
      ->type_name("FILE");
  verb->add_option("-d,--data", command.data_dir, "The broker's data folder")->type_name("DIR");
}

namespace {

constexpr const char* footer = R"(
Try it:
  lineshaft serve
  mosquitto_sub -t 'acme/#' -v                                   in a second shell
  mosquitto_pub -t acme/berlin/press/line1/temp -m 21.5 -r -q 1  in a third

Without a configuration the broker listens on 127.0.0.1:1883 only.)";

constexpr const char* serve_footer = R"(
SIGTERM and SIGINT stop it in order, SIGHUP reads the configuration again.
Every option can be set by the environment, LINESHAFT_A__B for b of table [a].)";

constexpr const char* status_footer = R"(
Exit status: 0 ready; 75 it answers and is not ready; 69 nobody answers; 77 this user may not ask;
78 the configuration that would name the socket is wrong.)";

constexpr const char* reload_footer = R"(
The same as SIGHUP, and says what became of it. Exit status: 0 taken over (options that wait for a
restart are named); 78 refused, the old configuration stays in force; 75 the broker is starting or
stopping; 69 nobody answers; 77 this user may not ask.)";

constexpr const char* report_footer = R"(
Exit status: 0 every zone achieves its sl_t; 3 there are gaps, each with what to change; 78 the
configuration is wrong.)";
constexpr const char* audit_footer = R"(
Finds changed, removed, inserted and reordered records and a cut at the end, also while a broker
runs. Exit status: 0 whole; 65 not what was written; 66 there is nothing to read; 77 this user may
not read it.)";

void add_serve(CLI::App& app, Command& command) {
  CLI::App* serve = app.add_subcommand("serve", "Run the broker in the foreground");
  serve
      ->add_option("-c,--config", command.config_file,
                   "Configuration file (default: $LINESHAFT_CONFIG, else "
                   "/etc/lineshaft/lineshaft.toml if it is there)")
      ->type_name("FILE");
  // Each takes one value, so that an address is never taken for another option's.
  serve
      ->add_option("-l,--listen", command.listen,
                   "Listen here instead of where the configuration says: 127.0.0.1:1883, "
                   "[::1]:1883 or unix:/run/mqtt.sock; may be repeated")
      ->type_name("ADDRESS")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  serve
      ->add_option(
          "-d,--data", command.data_dir,
          "Folder for everything the broker keeps (default: /var/lib/lineshaft for root, else "
          "~/.local/share/lineshaft)")
      ->type_name("DIR");
  serve->footer(serve_footer);
  serve->callback([&command] { command.verb = Command::Verb::serve; });
}

/// Verbs that talk to a running broker over its admin socket.
void add_clients(CLI::App& app, Command& command) {
  CLI::App* status = app.add_subcommand("status", "Say how the running broker is");
  CLI::App* reload =
      app.add_subcommand("reload", "Let the running broker read its configuration again");
  for (CLI::App* verb : {status, reload}) add_broker_place(verb, command);
  status->add_flag("--json", command.json, "Print the broker's answer as it is");
  status
      ->add_option("--probe", command.probe,
                   "Ask only this, for a supervisor's or Kubernetes' "
                   "exec probe: healthz or readyz")
      ->type_name("NAME")
      ->check(CLI::IsMember({"healthz", "readyz"}));
  status->footer(status_footer);
  reload->footer(reload_footer);
  status->callback([&command] { command.verb = Command::Verb::status; });
  reload->callback([&command] { command.verb = Command::Verb::reload; });
}

void add_audit(CLI::App& app, Command& command) {
  CLI::App* audit = app.add_subcommand("audit", "Read or check the audit log of a broker");
  audit->require_subcommand(1);
  AuditCommand& options = command.audit;
  CLI::App* tail = audit->add_subcommand("tail", "Print the last records");
  CLI::App* verify = audit->add_subcommand("verify", "Say whether the log is what was written");
  CLI::App* key = audit->add_subcommand("key", "Print the public key of the log");
  const auto add_verb = [&](CLI::App* verb, AuditCommand::Act act) {
    verb->add_option("-c,--config", command.config_file, "The broker's configuration file")
        ->type_name("FILE");
    verb->add_option("-d,--data", command.data_dir, "The broker's data folder")->type_name("DIR");
    verb->add_option("--folder", options.folder,
                     "The log's folder (default: where the configuration says it is)")
        ->type_name("DIR");
    verb->callback([&command, act] {
      command.verb = Command::Verb::audit;
      command.audit.act = act;
    });
  };
  add_verb(tail, AuditCommand::Act::tail);
  add_verb(verify, AuditCommand::Act::verify);
  add_verb(key, AuditCommand::Act::key);
  tail->add_option("-n,--lines", options.lines, "So many at the most (default: 20)")
      ->type_name("N");
  tail->add_flag("-f,--follow", options.follow, "Go on with what comes");
  tail->add_option("--type", options.type, "Only records of this type")->type_name("TYPE");
  tail->add_option("--identity", options.identity, "Only of this user or certificate name")
      ->type_name("NAME");
  tail->add_option("--client", options.client, "Only of this client identifier")->type_name("ID");
  tail->add_option("--zone", options.zone, "Only of this zone")->type_name("NAME");
  for (CLI::App* verb : {tail, verify}) verb->add_flag("--json", options.json, "As JSON");
  verify
      ->add_option("--key", options.keys,
                   "Public key that was kept elsewhere, PEM; may be repeated (default: the one "
                   "beside the log)")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verify
      ->add_option("--head", options.head,
                   "An end that was kept elsewhere and must be in the log: SEQ:HASH, or what "
                   "stood in $SYS/broker/audit/head")
      ->type_name("END");
  verify->footer(audit_footer);
}

void add_others(CLI::App& app, Command& command, bool& example) {
  CLI::App* check = app.add_subcommand("check-config", "Say whether a configuration is right");
  check->add_option("FILE", command.config_file, "Default: the file `serve` would read");
  check->callback([&command] { command.verb = Command::Verb::check_config; });

  CLI::App* report =
      app.add_subcommand("report", "Say what a configuration achieves of IEC 62443-3-3, per zone");
  report->add_option("-c,--config", command.config_file, "Default: the file `serve` would read")
      ->type_name("FILE");
  report->add_flag("--json", command.json, "As JSON");
  report->footer(report_footer);
  report->callback([&command] { command.verb = Command::Verb::report; });

  CLI::App* print_version = app.add_subcommand("version", "Print the version");
  print_version->callback([&command] { command.verb = Command::Verb::version; });

  CLI::App* docs = app.add_subcommand("config-docs", "Print the documentation of the options");
  docs->group("");  // for those who write the documents; not in the help
  auto* which = docs->add_option_group("format")->require_option(1);
  which->add_flag("--example", example, "The example file");
  which->add_flag("--markdown", command.markdown, "The guide");
  docs->callback([&command] { command.verb = Command::Verb::config_docs; });
}

void add_passwd(CLI::App& app, Command& command) {
  CLI::App* passwd = app.add_subcommand("passwd", "Set, remove or list the users of a users file");
  PasswdOptions& options = command.passwd;
  passwd->add_option("FILE", options.file, "The users file; made if it is not there")->required();
  auto* user = passwd->add_option("USER", options.user, "Whose password");
  passwd
      ->add_option(
          "--password-file", options.password_file,
          "Take the password from the first line of this file; without it, it is typed, or "
          "comes on standard input")
      ->type_name("FILE");
  passwd->add_flag("--no-scram", options.no_scram, "Do not let this user log in by SCRAM-SHA-256");
  const auto act = [&options](PasswdOptions::Act what) {
    return [&options, what](std::int64_t) { options.act = what; };
  };
  auto* remove = passwd->add_flag("--delete", act(PasswdOptions::Act::remove), "Remove the user");
  auto* list = passwd->add_flag("--list", act(PasswdOptions::Act::list), "List the users");
  list->excludes(user)->excludes(remove);
  passwd->callback([&command, user] {
    command.verb = Command::Verb::passwd;
    const bool needs_user = command.passwd.act != PasswdOptions::Act::list;
    if (needs_user && user->count() == 0) throw CLI::RequiredError("USER");
  });
}

void add_import(CLI::App& app, Command& command) {
  CLI::App* import = app.add_subcommand(
      "import-mosquitto", "Print a mosquitto password or ACL file in the form of this broker");
  auto* which = import->add_option_group("file")->require_option(1);
  which->add_option("--passwords", command.import_passwords, "A password_file: prints a users file")
      ->type_name("FILE");
  which->add_option("--acl", command.import_acl, "An acl_file: prints a rules file")
      ->type_name("FILE");
  import->callback([&command] { command.verb = Command::Verb::import_mosquitto;
});
}  // namespace

}  // namespace lineshaft::app

std::string version() { return LINESHAFT_VERSION; }

CommandLine parse_command_line(std::vector<std::string> arguments) {
  Command command;
  bool example = false;
  CLI::App app("Lineshaft, an MQTT broker for a plant's Unified Namespace", "lineshaft");
  app.set_version_flag("--version", "lineshaft " + version());
  app.require_subcommand(1);
  app.footer(footer);
  add_serve(app, command);
  add_clients(app, command);
  add_passwd(app, command);
  add_import(app, command);
  add_cert(app, command);
  add_audit(app, command);
  add_explain(app, command);
  add_policy_verbs(app, command);
  add_sparkplug_verbs(app, command);
  add_others(app, command, example);

  CommandLine line;
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(std::move(arguments));
    line.command = std::move(command);
  } catch (const CLI::ParseError& error) {
    std::ostringstream output, problem;
    const int code = app.exit(error, output, problem);
    line.output = output.str();
    line.error = problem.str();
    line.exit_code = code == 0 ? ExitCode::ok : ExitCode::usage;
  }
  return line;
}

}  // namespace lineshaft::app
