#pragma once

#include <string>

#include "broker/app/exit_code.h"

namespace lineshaft::app {

/// Prints a mosquitto `password_file` or `acl_file` in our form, and on standard error every line
/// that has none. One of the two names is empty. `config`: something was left out.
ExitCode import_mosquitto(const std::string& password_file, const std::string& acl_file);

}  // namespace lineshaft::app
