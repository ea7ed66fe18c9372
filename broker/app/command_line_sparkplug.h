#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace lineshaft::app {

struct Command;

/// `lineshaft sparkplug nodes|metrics|rebirth|forget`.
void add_sparkplug_verbs(CLI::App& app, Command& command);

}  // namespace lineshaft::app
