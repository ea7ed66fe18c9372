#pragma once

namespace CLI {
class App;
}

namespace lineshaft::app {

struct Command;

/// Adds `lineshaft explain`.
void add_explain(CLI::App& app, Command& command);

}  // namespace lineshaft::app
