#pragma once

#include <string_view>

namespace lineshaft::app {

/// Tells the service manager how the broker is, as sd_notify(3) does: "READY=1", "STOPPING=1".
/// Does nothing when no manager asked for it ($NOTIFY_SOCKET). Main thread only.
void notify_service_manager(std::string_view state);

}  // namespace lineshaft::app
