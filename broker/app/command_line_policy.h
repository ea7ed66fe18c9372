#pragma once

namespace CLI {
class App;
}

namespace lineshaft::app {

struct Command;

/// Adds the verbs that ask or tell the access policy of a running broker: `why`, `island`,
/// `quarantine`, `breakglass`, `shadow`, `learn`.
void add_policy_verbs(CLI::App& app, Command& command);

}  // namespace lineshaft::app
