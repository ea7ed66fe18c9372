#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "broker/app/admin_verbs.h"
#include "broker/app/audit_verbs.h"
#include "broker/app/cert_verb.h"
#include "broker/app/clock.h"
#include "broker/app/command_line.h"
#include "broker/app/config_docs.h"
#include "broker/app/explain_verb.h"
#include "broker/app/import_verb.h"
#include "broker/app/passwd.h"
#include "broker/app/policy_verbs.h"
#include "broker/app/sparkplug_verbs.h"
#include "broker/app/report_verb.h"
#include "broker/app/serve.h"
#include "broker/base/log.h"

namespace lineshaft::app {
namespace {

ExitCode run(const Command& command) {
  ConfigSources sources = process_sources();
  sources.config_file = command.config_file;
  sources.listen = command.listen;
  sources.data_dir = command.data_dir;
  switch (command.verb) {
    case Command::Verb::serve:
      return serve(sources);
    case Command::Verb::check_config:
      return check_config(sources);
    case Command::Verb::status:
      return ask_status(sources, command);
    case Command::Verb::reload:
      return ask_reload(sources, command);
    case Command::Verb::config_docs:
      std::fputs((command.markdown ? configuration_guide() : example_config()).c_str(), stdout);
      break;
    case Command::Verb::passwd:
      return passwd(command.passwd);
    case Command::Verb::import_mosquitto:
      return import_mosquitto(command.import_passwords, command.import_acl);
    case Command::Verb::cert:
      return cert(command.cert, sources.host_name, SystemClock().now().wall);
    case Command::Verb::report:
      return report(sources, command.json);
    case Command::Verb::audit:
      return read_audit(sources, command.audit);
    case Command::Verb::explain:
      return explain(sources, command.explain, SystemClock().now().wall);
    case Command::Verb::policy:
      return ask_policy(sources, command.socket, command.policy, command.json);
    case Command::Verb::sparkplug:
      return ask_sparkplug(sources, command.socket, command.sparkplug, command.json);
    case Command::Verb::version:
      std::printf("lineshaft %s (MQTT 5.0, 3.1.1, 3.1)\n", version().c_str());
      break;
  }
  return ExitCode::ok;
}

ExitCode run(std::vector<std::string> arguments) {
  const CommandLine line = parse_command_line(std::move(arguments));
  std::fputs(line.output.c_str(), stdout);
  std::fputs(line.error.c_str(), stderr);
  return line.command ? run(*line.command) : line.exit_code;
}

ExitCode run_guarded(int argc, char** argv) {
  try {
    return run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const std::system_error& error) {
    std::fprintf(stderr,
                 "lineshaft: the system refuses what the broker needs: %s. Look for limits on "
                 "memory, threads or open files.\n",
                 error.what());
    return ExitCode::os_error;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lineshaft: unexpected: %s. This is our fault; please report it.\n",
                 error.what());
    return ExitCode::internal;
  }
}

}  // namespace
}  // namespace lineshaft::app

int main(int argc, char** argv) {
  return static_cast<int>(lineshaft::app::run_guarded(argc, argv));
}
