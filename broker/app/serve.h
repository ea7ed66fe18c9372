#pragma once

#include "broker/app/config_loader.h"
#include "broker/app/exit_code.h"

namespace lineshaft::app {

/// Runs the broker until a signal or a failed disk ends it. Errors have been told to the operator
/// when it returns.
ExitCode serve(const ConfigSources& sources);

/// Says on standard output what `serve` would do with this configuration, or what is wrong with it.
ExitCode check_config(const ConfigSources& sources);

}  // namespace lineshaft::app
