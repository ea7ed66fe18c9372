#pragma once

#include <optional>
#include <string>

#include "broker/app/config_loader.h"
#include "broker/app/exit_code.h"

namespace lineshaft::app {

/// `lineshaft sparkplug ACT [GROUP] [NODE] [DEVICE]`.
struct SparkplugCommand {
  std::string act;
  std::string group;
  std::string node;
  std::string device;
};

/// Asks the running broker and prints what it says. 64: there is no such edge node.
ExitCode ask_sparkplug(const ConfigSources& sources, const std::optional<std::string>& socket,
                       const SparkplugCommand& command, bool json);

/// The broker's answer as lines for people; names cannot move a terminal's cursor.
std::string sparkplug_text(const SparkplugCommand& command, const std::string& answer);

}  // namespace lineshaft::app
