#pragma once

#include <string>

namespace lineshaft::app {

/// 32 random bytes that are the same after every restart: a file of mode 0600 in the data folder,
/// made when it is not there. When it can be neither read nor made it is logged, and the answer is
/// empty.
std::string login_secret(const std::string& data_dir);

}  // namespace lineshaft::app
