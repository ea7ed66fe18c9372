#include "broker/app/command_line_policy.h"

#include <CLI/CLI.hpp>
#include <string>

#include "auth/policy_values.h"
#include "broker/app/command_line.h"
#include "broker/app/command_line_place.h"

namespace lineshaft::app {
namespace {

using PolicyAct = PolicyCommand::Act;

constexpr const char* why_footer = R"(
Asks the running broker: who it holds the client for, and every rule and conduit that is asked, with
the place where it is written. The last line has what decided. Exit status: 0 allowed; 3 denied; 64
there is no such client, or the question is not right; 69 nobody answers; 77 this user may not ask;
78 the broker runs without zones.)";

constexpr const char* island_footer = R"(
An island's conduits act as absent, in both directions, until it is switched off, also after a
restart. What stays inside the zone goes on.)";

constexpr const char* quarantine_footer = R"(
A name may be that of several: in two zones, of two CAs, of a user and of a certificate. Then the
broker lists them and wants --zone, --issuer or --proof.

Who is in quarantine stays connected; it publishes and receives nothing, and its will is dropped
unless it says no more than that its owner is gone (NDEATH, STATE offline). It lasts for --ttl, or
until it is released, also over a restart.)";

constexpr const char* breakglass_footer = R"(
Lends a role in an emergency, to one identity (--zone, --issuer, --proof say which). It ends by
itself, 4 hours later at the most, also over a restart. The target level of a zone and the audit
log stay as they are.)";

constexpr const char* shadow_footer = R"(
policy.shadow names a policy that is asked beside the one in force and decides nothing. Listed is
what it would have decided otherwise since both are in force.)";

constexpr const char* learn_footer = R"(
Prints the flows between zones that the broker was asked for and that no conduit lets through, as
[[conduits]] to read, to cut down and to paste. What came since the policy is in force counts.)";

void set_act(CLI::App* verb, Command& command, PolicyAct act) {
  verb->callback([&command, act] {
    command.verb = Command::Verb::policy;
    command.policy.act = act;
  });
}

CLI::Option* add_ttl(CLI::App* verb, PolicyCommand& options, const char* help) {
  const auto take = [&options](const std::string& text) {
    options.ttl = auth::parse_duration(text);
    if (!options.ttl || *options.ttl <= Milliseconds{0}) {
      throw CLI::ValidationError("--ttl", "a time like 90s, 30m or 4h is needed, not " + text);
    }
  };
  return verb->add_option_function<std::string>("--ttl", take, help)->type_name("TIME");
}

/// A flag that only counts.
CLI::Option* add_mark(CLI::App* verb, const char* name, const char* help) {
  return verb->add_flag_callback(
      name, [] {}, help);
}

void add_identity(CLI::App* verb, PolicyCommand& options) {
  verb->add_option("--zone", options.zone, "Only in this zone")->type_name("NAME");
  verb->add_option(
          "--issuer", options.issuer,
          "Only with a certificate of the CA with this key, as `why --json` has it: sha256:HEX")
      ->type_name("KEY");
  verb->add_option("--proof", options.proof, "Only who proves the name so: certificate, user, psk")
      ->check(CLI::IsMember({"certificate", "user", "psk"}));
}

void add_why(CLI::App& app, Command& command) {
  PolicyCommand& options = command.policy;
  CLI::App* why = app.add_subcommand("why", "Say why a client may or may not, live");
  why->add_option("CLIENT", options.client, "Client Identifier")->required();
  why->add_option("OP", options.op, "pub or sub")->required()->check(CLI::IsMember({"pub", "sub"}));
  why->add_option("TOPIC", options.topic, "Topic Name, or Topic Filter to subscribe to")
      ->required();
  why->add_option("--qos", options.qos, "QoS of the message")->check(CLI::Range(0, 2));
  why->add_flag("--retain", options.retain, "The message is retained");
  why->add_option("--size", options.size_bytes, "Bytes of the payload")->type_name("BYTES");
  why->add_flag("--json", command.json, "As JSON");
  add_broker_place(why, command);
  why->footer(why_footer);
  set_act(why, command, PolicyAct::why);
}

void add_island(CLI::App& app, Command& command) {
  PolicyCommand& options = command.policy;
  CLI::App* island = app.add_subcommand("island", "Cut a zone off from all others, or end it");
  auto* zone = island->add_option("ZONE", options.zone, "Name of the zone");
  auto* state = island->add_option_function<std::string>(
      "STATE", [&options](const std::string& text) { options.on = text == "on"; }, "on or off");
  state->check(CLI::IsMember({"on", "off"}));
  island->add_option("--reason", options.reason, "Why, for the audit log")->type_name("TEXT");
  auto* list = add_mark(island, "--list", "List the zones that are islands");
  list->excludes(zone)->excludes(state);
  island->add_flag("--json", command.json, "The list as JSON")->needs(list);
  add_broker_place(island, command);
  island->footer(island_footer);
  island->callback([&command, state, list] {
    command.verb = Command::Verb::policy;
    command.policy.kind = "island";
    command.policy.act = list->count() > 0 ? PolicyAct::list : PolicyAct::island;
    if (list->count() == 0 && state->count() == 0) throw CLI::RequiredError("ZONE on|off");
  });
}

void add_quarantine(CLI::App& app, Command& command) {
  PolicyCommand& options = command.policy;
  CLI::App* quarantine =
      app.add_subcommand("quarantine", "Shut an identity out of all traffic, or let it in again");
  quarantine->require_subcommand(1);
  quarantine->footer(quarantine_footer);
  CLI::App* add = quarantine->add_subcommand("add", "Put an identity into quarantine");
  CLI::App* release = quarantine->add_subcommand("release", "Let it out");
  CLI::App* list = quarantine->add_subcommand("list", "List who is in quarantine");
  for (CLI::App* verb : {add, release}) {
    verb->add_option("NAME", options.identity, "Name of the user or certificate")->required();
    add_identity(verb, options);
    verb->add_option("--reason", options.reason, "Why, for the audit log")->type_name("TEXT");
    verb->footer(quarantine_footer);
  }
  add_ttl(add, options, "How long (default: until it is released)");
  list->add_flag("--json", command.json, "As JSON");
  for (CLI::App* verb : {add, release, list}) add_broker_place(verb, command);
  set_act(add, command, PolicyAct::quarantine);
  set_act(release, command, PolicyAct::release);
  list->callback([&command] {
    command.verb = Command::Verb::policy;
    command.policy.kind = "quarantine";
    command.policy.act = PolicyAct::list;
  });
}

void add_breakglass(CLI::App& app, Command& command) {
  PolicyCommand& options = command.policy;
  CLI::App* glass = app.add_subcommand("breakglass", "Lend a role in an emergency, for a time");
  auto* identity =
      glass->add_option("--identity", options.identity, "Who gets it")->type_name("NAME");
  add_identity(glass, options);
  auto* role = glass->add_option("--role", options.role, "The role")->type_name("NAME");
  auto* ttl = add_ttl(glass, options, "How long, 4h at the most");
  auto* reason =
      glass->add_option("--reason", options.reason, "Why, for the audit log")->type_name("TEXT");
  auto* end = add_mark(glass, "--end", "End it before its time");
  auto* list = add_mark(glass, "--list", "List the roles that are lent");
  end->needs(identity)->excludes(list)->excludes(ttl);
  list->excludes(identity)->excludes(role);
  glass->add_flag("--json", command.json, "The list as JSON")->needs(list);
  add_broker_place(glass, command);
  glass->footer(breakglass_footer);
  glass->callback([=, &command] {
    command.verb = Command::Verb::policy;
    command.policy.kind = "break_glass";
    command.policy.act = list->count() > 0  ? PolicyAct::list
                         : end->count() > 0 ? PolicyAct::end_break_glass
                                            : PolicyAct::break_glass;
    if (command.policy.act != PolicyAct::break_glass) return;
    for (const CLI::Option* each : {identity, role, ttl, reason}) {
      if (each->count() == 0) throw CLI::RequiredError(each->get_name());
    }
  });
}

void add_observing(CLI::App& app, Command& command) {
  PolicyCommand& options = command.policy;
  CLI::App* shadow = app.add_subcommand("shadow", "Compare the policy in force with its shadow");
  shadow->require_subcommand(1);
  CLI::App* diff = shadow->add_subcommand("diff", "List what the shadow would decide otherwise");
  CLI::App* learn = app.add_subcommand("learn", "Print conduits for the flows that were observed");
  learn->add_option("--depth", options.depth, "Levels of the topics (default: 4)")
      ->check(CLI::Range(1, 8));
  for (CLI::App* verb : {diff, learn}) {
    verb->add_flag("--json", command.json, "As JSON");
    add_broker_place(verb, command);
  }
  shadow->footer(shadow_footer);
  diff->footer(shadow_footer);
  learn->footer(learn_footer);
  set_act(diff, command, PolicyAct::shadow_diff);
  set_act(learn, command, PolicyAct::learn);
}

}  // namespace

void add_policy_verbs(CLI::App& app, Command& command) {
  add_why(app, command);
  add_island(app, command);
  add_quarantine(app, command);
  add_breakglass(app, command);
  add_observing(app, command);
}

}  // namespace lineshaft::app
