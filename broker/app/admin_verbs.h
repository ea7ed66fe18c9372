#pragma once

#include <string>
#include <vector>

#include "broker/app/command_line.h"
#include "broker/app/config_loader.h"
#include "broker/app/exit_code.h"

/// The verbs that ask a running broker over its admin socket.
namespace lineshaft::app {

/// `lineshaft status`: on standard output, or why not on standard error.
ExitCode ask_status(const ConfigSources& sources, const Command& command);
/// `lineshaft reload`
ExitCode ask_reload(const ConfigSources& sources, const Command& command);

/// The page /api/v1/status for people, with a newline; throws `std::exception` when `json` is
/// something else.
std::string status_text(const std::string& json);

}  // namespace lineshaft::app
