#include "broker/admin/peer_check.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace lineshaft::admin {
namespace {

/// How the kernel shows every group that has no name in the user namespace the broker runs in
/// (systemd's PrivateUsers=): it may be any, so it is nobody's.
constexpr ::gid_t unmapped_group = 65534;

/// Supplementary groups of the peer; none when the kernel does not tell.
std::vector<::gid_t> groups_of(int socket) {
  std::vector<::gid_t> groups(64);
  for (;;) {
    auto size = static_cast<::socklen_t>(groups.size() * sizeof(::gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
      groups.resize(size / sizeof(::gid_t));
      return groups;
    }
    if (errno != ERANGE) return {};
    groups.resize(size / sizeof(::gid_t));
  }
}

}  // namespace

Caller caller_at(int socket, const std::string& path) {
  ucred peer{};
  ::socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return Caller::stranger;
  if (peer.uid == 0 || peer.uid == ::geteuid()) return Caller::administrator;
  struct stat status {};
  // Asked each time: whoever manages the machine may give the socket to another group.
  if (::stat(path.c_str(), &status) != 0) return Caller::stranger;
  if (status.st_gid == unmapped_group) return Caller::stranger;
  const auto groups = groups_of(socket);
  const bool member = peer.gid == status.st_gid ||
                      std::find(groups.begin(), groups.end(), status.st_gid) != groups.end();
  return member ? Caller::administrator : Caller::stranger;
}

}  // namespace lineshaft::admin
