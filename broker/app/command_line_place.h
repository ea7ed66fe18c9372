#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace lineshaft::app {

struct Command;

/// Where the broker is that a verb talks to: `--socket`, `--config`, `--data`.
void add_broker_place(CLI::App* verb, Command& command);

}  // namespace lineshaft::app
