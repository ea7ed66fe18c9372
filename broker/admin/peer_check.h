#pragma once

#include <string>

#include "broker/admin/http_message.h"

namespace lineshaft::admin {

/// Who is at the other end of a connection of the Unix socket at `path`, by the kernel's word
/// (SO_PEERCRED, SO_PEERGROUPS). The mode of the socket's file already keeps others out; this
/// holds when somebody changed the mode.
Caller caller_at(int socket, const std::string& path);

}  // namespace lineshaft::admin
