#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "broker/admin/http_message.h"

namespace lineshaft::admin {

/// Who is at the other end of a connection of the Unix socket at `path`, by the kernel's word
/// (SO_PEERCRED, SO_PEERGROUPS). The mode of the socket's file already keeps others out; this
/// holds when somebody changed the mode.
Caller caller_at(int socket, const std::string& path);

/// Its user, for the audit log: "uid 1000"; empty when the kernel does not tell.
std::string asker_at(int socket);

/// Is the peer root, or who runs the broker? `uid_map` is /proc/self/uid_map: in a user namespace
/// that does not know every user, the kernel shows all the others as one (65534), and that one is
/// nobody's.
bool is_own_user(::uid_t peer, ::uid_t own, std::string_view uid_map);

}  // namespace lineshaft::admin
