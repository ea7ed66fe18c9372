#pragma once

namespace CLI {
class App;
}

namespace lineshaft::app {

struct Command;

/// Adds `lineshaft cert` with its verbs.
void add_cert(CLI::App& app, Command& command);

}  // namespace lineshaft::app
