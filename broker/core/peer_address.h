#pragma once

#include <string_view>

namespace lineshaft::core {

/// A `Peer::address` without its port; that of a Unix socket names a user and stays as it is.
std::string_view address_without_port(std::string_view address);

}  // namespace lineshaft::core
