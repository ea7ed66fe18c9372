#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/admin/http_message.h"
#include "broker/app/config_loader.h"
#include "broker/app/exit_code.h"

/// One call of the running broker's admin socket, and what to tell when it fails.
namespace lineshaft::app {

/// Where the broker of this configuration has its admin socket, the likeliest first. The system's
/// broker is among them only when nothing names another one. Throws `ConfigError`.
std::vector<std::string> admin_sockets(const ConfigSources& sources);

/// The answer, or nothing after the reason was told and put into `exit_code`. `socket_path`:
/// instead of where the configuration says it is. `body`: JSON of a POST.
std::optional<admin::HttpResponse> ask_broker(const ConfigSources& sources,
                                              const std::optional<std::string>& socket_path,
                                              admin::Method method, const std::string& target,
                                              const std::string& body, ExitCode& exit_code);

/// Tells what an answer that is not 200 says.
ExitCode tell_refusal(const admin::HttpResponse& answer);

}  // namespace lineshaft::app
