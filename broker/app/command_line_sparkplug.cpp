#include "broker/app/command_line_sparkplug.h"

#include <CLI/CLI.hpp>

#include "broker/app/command_line.h"
#include "broker/app/command_line_place.h"

namespace lineshaft::app {
namespace {

constexpr const char* sparkplug_footer = R"(
Asks the running broker over its admin socket. `nodes GROUP NODE` shows one edge node with its
devices and what it does against Sparkplug 3.0. A rebirth is asked for within the configured rates;
`forget` removes an edge node that was scrapped, with its birth certificates. docs/sparkplug.md.)";

void add_sparkplug_place(CLI::App* verb, Command& command) {
  verb->add_flag("--json", command.json, "As JSON");
  add_broker_place(verb, command);
}

}  // namespace

void add_sparkplug_verbs(CLI::App& app, Command& command) {
  SparkplugCommand& options = command.sparkplug;
  CLI::App* sparkplug = app.add_subcommand("sparkplug", "Show and ask Sparkplug edge nodes");
  sparkplug->require_subcommand(1);
  sparkplug->footer(sparkplug_footer);
  struct Row {
    const char* name;
    const char* help;
    bool needs_node;
    bool takes_device;
  };
  constexpr Row rows[] = {
      {"nodes", "List edge nodes, or show one", false, false},
      {"metrics", "Show the last values of an edge node or a device", true, true},
      {"rebirth", "Ask an edge node to be born again", true, false},
      {"forget", "Forget an edge node and its certificates", true, false},
  };
  for (const Row& row : rows) {
    CLI::App* verb = sparkplug->add_subcommand(row.name, row.help);
    verb->add_option("GROUP", options.group, "Group id")->required(row.needs_node);
    verb->add_option("NODE", options.node, "Edge node id")->required(row.needs_node);
    if (row.takes_device) verb->add_option("DEVICE", options.device, "Device id");
    add_sparkplug_place(verb, command);
    verb->callback([&command, name = row.name] {
      command.verb = Command::Verb::sparkplug;
      command.sparkplug.act = name;
    });
  }
}

}  // namespace lineshaft::app
