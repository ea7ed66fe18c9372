#include "broker/app/command_line_zones.h"

#include <CLI/CLI.hpp>

#include "broker/app/command_line.h"

namespace lineshaft::app {
namespace {

constexpr const char* explain_footer = R"(
Works without a broker: says what the configuration would decide, with every rule and conduit that
was asked and the place where it is written. Exit status: 0 allowed; 3 denied; 64 the question is
not right; 78 the configuration is not.)";

}  // namespace

void add_explain(CLI::App& app, Command& command) {
  ExplainOptions& options = command.explain;
  CLI::App* explain = app.add_subcommand("explain", "Say what the access policy decides, and why");
  explain->add_option("-c,--config", command.config_file, "Configuration file")->type_name("FILE");
  auto* who = explain->add_option_group("who")->require_option(1);
  who->add_option("--cert", options.cert_file, "The client's certificate in PEM")
      ->type_name("FILE");
  who->add_option("--user", options.user, "Or a user, who has proven it with the password")
      ->type_name("NAME");
  explain->add_option("--listener", options.listener, "Where the client connects")
      ->type_name("NAME")
      ->required();
  explain->add_option("--op", options.op, "What it does")
      ->check(CLI::IsMember({"publish", "subscribe", "will"}))
      ->capture_default_str();
  explain->add_option("--topic", options.topic, "Topic Name, or Topic Filter to subscribe to")
      ->required();
  explain->add_option("--client-id", options.client_id,
                      "Client Identifier (default: one that is allowed)");
  explain->add_option("--spb", options.sparkplug, "The Sparkplug type the topic should have")
      ->type_name("TYPE");
  explain->add_option("--tls", options.tls, "Version of TLS (default: 1.3 on a listener with TLS)")
      ->check(CLI::IsMember({"none", "1.2", "1.3"}));
  explain->add_option("--qos", options.qos, "QoS of the message")->check(CLI::Range(0, 2));
  explain->add_flag("--retain", options.retain, "The message is retained");
  explain->add_option("--size", options.size_bytes, "Bytes of the payload")->type_name("BYTES");
  explain->add_flag("--json", options.json, "As JSON");
  explain->footer(explain_footer);
  explain->callback([&command] { command.verb = Command::Verb::explain; });
}

}  // namespace lineshaft::app
