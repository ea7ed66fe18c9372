#include "broker/admin/peer_check.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace lineshaft::admin {
namespace {

/// How the kernel shows every group that has no name in the user namespace the broker runs in
/// (systemd's PrivateUsers=): it may be any, so it is nobody's.
constexpr ::gid_t unmapped_group = 65534;
constexpr ::uid_t unmapped_user = 65534;
/// -1 is no user.
constexpr std::uint64_t users_size = 0xFFFF'FFFF;

/// The lines of a map say: first inside, first outside, how many.
bool maps_everybody(std::string_view uid_map) {
  std::istringstream lines{std::string(uid_map)};
  std::uint64_t mapped = 0;
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t size = 0;
  while (lines >> inside >> outside >> size) mapped += size;
  return mapped >= users_size;
}

/// Empty when there is none, which is like one that maps nobody.
std::string own_uid_map() {
  std::ifstream file("/proc/self/uid_map");
  return {std::istreambuf_iterator<char>(file), {}};
}

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

bool is_own_user(::uid_t peer, ::uid_t own, std::string_view uid_map) {
  if (peer == unmapped_user && !maps_everybody(uid_map)) return false;
  return peer == 0 || peer == own;
}

std::string asker_at(int socket) {
  ucred peer{};
  ::socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  return "uid " + std::to_string(peer.uid);
}

Caller caller_at(int socket, const std::string& path) {
  ucred peer{};
  ::socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return Caller::stranger;
  if (is_own_user(peer.uid, ::geteuid(), own_uid_map())) return Caller::administrator;
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
