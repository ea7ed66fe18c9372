#include "broker/net/endpoint.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

namespace lineshaft::net {
namespace {

constexpr int stream_type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr ::mode_t unix_socket_mode = 0660;

std::string system_text(int error) { return std::generic_category().message(error); }

ListenFault fault_of(int error) {
  switch (error) {
    case EADDRINUSE:
      return ListenFault::in_use;
    case EACCES:
    case EPERM:
      return ListenFault::permission;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return ListenFault::not_available;
    default:
      return ListenFault::other;
  }
}

std::string text_of(const sockaddr_storage& storage) {
  char host[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &storage, sizeof address);
    ::inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
    return fmt::format("{}:{}", host, ntohs(address.sin_port));
  }
  sockaddr_in6 address{};
  std::memcpy(&address, &storage, sizeof address);
  ::inet_ntop(AF_INET6, &address.sin6_addr, host, sizeof host);
  return fmt::format("[{}]:{}", host, ntohs(address.sin6_port));
}

/// Collects what every failure needs to say.
struct Opener {
  const ListenerOptions& options;
  std::string address;

  ListenError fail(ListenFault fault, std::string why) const {
    return {fault, options.name, address, std::move(why)};
  }
  ListenError fail(int error) const { return fail(fault_of(error), system_text(error)); }
};

/// `listens` is false for a look whether it could: who is let in by a socket that is closed at once
/// would be cut off.
std::variant<Endpoint, ListenError> open_tcp(const ListenerOptions& options, bool listens) {
  const bool has_colon = options.address.find(':') != std::string::npos;
  const std::string host = has_colon ? "[" + options.address + "]" : options.address;
  const Opener opener{options, fmt::format("{}:{}", host, options.port)};
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(options.address.c_str(), std::to_string(options.port).c_str(), &hints, &found);
  if (failed != 0) return opener.fail(ListenFault::bad_address, ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, &::freeaddrinfo);

  Endpoint endpoint{OwnedSocket(::socket(found->ai_family, stream_type, 0)), {}, 0, false};
  const int socket = endpoint.socket.get();
  if (socket < 0) return opener.fail(errno);
  const int on = 1;
  // Without it a restart would wait a minute for the old connections to be forgotten.
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (found->ai_family == AF_INET6) {
    ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(socket, found->ai_addr, found->ai_addrlen) != 0) return opener.fail(errno);
  if (listens && ::listen(socket, SOMAXCONN) != 0) return opener.fail(errno);
  sockaddr_storage actual{};
  socklen_t size = sizeof actual;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&actual), &size);
  endpoint.address = text_of(actual);
  // The port stands at the same place in both families.
  sockaddr_in head{};
  std::memcpy(&head, &actual, sizeof head);
  endpoint.port = ntohs(head.sin_port);
  return endpoint;
}

/// What stands at the path of a Unix socket.
enum class Obstacle { none, stale, other };

/// Looks whether a socket can be made at `address`. 0, or the errno of what is in the way.
int look_at(const sockaddr_un& address, Obstacle& obstacle) {
  obstacle = Obstacle::none;
  const std::filesystem::path folder = std::filesystem::path(address.sun_path).parent_path() / ".";
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) return errno;
  struct stat status {};
  if (::lstat(address.sun_path, &status) != 0) return errno == ENOENT ? 0 : errno;
  obstacle = S_ISSOCK(status.st_mode) ? Obstacle::stale : Obstacle::other;
  if (obstacle == Obstacle::other) return EEXIST;
  const OwnedSocket probe(::socket(AF_UNIX, stream_type, 0));
  if (probe.get() < 0) return errno;
  const int result =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  // EAGAIN: it listens, and its queue is full.
  if (result == 0 || errno == EAGAIN) return EADDRINUSE;
  return errno == ECONNREFUSED ? 0 : errno;
}

/// The address of the path, if a socket can be made there.
std::variant<sockaddr_un, ListenError> check_unix(const Opener& opener, Obstacle& obstacle) {
  const std::string& path = opener.options.unix_path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return opener.fail(ListenFault::bad_path,
                       fmt::format("the path has {} bytes, the system takes {}", path.size(),
                                   sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  switch (const int error = look_at(address, obstacle)) {
    case 0:
      return address;
    case EEXIST:
      return opener.fail(ListenFault::bad_path, "it is not a socket");
    case ENOENT:
    case ENOTDIR:
      return opener.fail(ListenFault::bad_path, "its folder does not exist");
    default:
      return opener.fail(error);
  }
}

std::variant<Endpoint, ListenError> open_unix(const ListenerOptions& options) {
  const Opener opener{options, options.unix_path};
  Obstacle obstacle = Obstacle::none;
  const auto checked = check_unix(opener, obstacle);
  if (const auto* error = std::get_if<ListenError>(&checked)) return *error;
  const auto& address = std::get<sockaddr_un>(checked);
  if (obstacle == Obstacle::stale && ::unlink(address.sun_path) != 0) return opener.fail(errno);
  Endpoint endpoint{OwnedSocket(::socket(AF_UNIX, stream_type, 0)), options.unix_path, 0, true};
  const int socket = endpoint.socket.get();
  if (socket < 0) return opener.fail(errno);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return opener.fail(errno);
  }
  // Before `listen`: nobody gets in while the file has the wrong mode.
  if (::chmod(address.sun_path, unix_socket_mode) != 0 || ::listen(socket, SOMAXCONN) != 0) {
    const int error = errno;
    ::unlink(address.sun_path);
    return opener.fail(error);
  }
  return endpoint;
}

}  // namespace

std::string ListenError::message() const {
  const std::string what =
      fmt::format("listener \"{}\" cannot listen on {}: {}.", listener, address, why);
  switch (fault) {
    case ListenFault::in_use:
      return what +
             " Another program uses it: stop that one (`ss -ltnp` shows who it is), or choose "
             "another port or path.";
    case ListenFault::permission:
      return what +
             " Ports below 1024 need the capability CAP_NET_BIND_SERVICE, a Unix socket needs "
             "write permission in its folder: grant it, or choose another port or path.";
    case ListenFault::not_available:
      return what +
             " No interface of this machine has that address (`ip address` lists them): choose "
             "one it has, or 0.0.0.0 or :: for all.";
    case ListenFault::bad_address:
      return what + " Give an IPv4 or IPv6 address of this machine, or a name that resolves.";
    case ListenFault::bad_path:
      return what +
             " Choose a short path in a folder that is there, at which there is nothing or an old "
             "socket.";
    case ListenFault::other:
      break;
  }
  return what;
}

std::variant<Endpoint, ListenError> open_endpoint(const ListenerOptions& options) {
  return options.unix_path.empty() ? open_tcp(options, true) : open_unix(options);
}

std::optional<ListenError> check_endpoint(const ListenerOptions& options) {
  if (options.unix_path.empty()) {
    const auto opened = open_tcp(options, false);
    const auto* error = std::get_if<ListenError>(&opened);
    return error != nullptr ? std::optional(*error) : std::nullopt;
  }
  Obstacle ignored{};
  const auto checked = check_unix({options, options.unix_path}, ignored);
  const auto* error = std::get_if<ListenError>(&checked);
  return error != nullptr ? std::optional(*error) : std::nullopt;
}

std::string peer_address(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "unknown";
  if (address.ss_family != AF_UNIX) return text_of(address);
  ucred peer{};
  size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "unix:unknown";
  return fmt::format("unix:uid={}", peer.uid);
}

}  // namespace lineshaft::net
