#include "broker/base/secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace lineshaft {
namespace {

constexpr ::mode_t own_secret = 0600;
constexpr ::mode_t secret_of_root = 0640;
constexpr ::mode_t permission_bits = 0777;

SecretFile refused(std::string problem) { return {std::nullopt, std::move(problem)}; }

SecretFile failed(const std::string& path, int error) {
  const std::string what =
      fmt::format("{} cannot be read: {}.", path, std::generic_category().message(error));
  if (error == ENOENT || error == ENOTDIR) {
    return refused(
        what + " Check the name; a relative one starts at the folder the broker was started in.");
  }
  if (error == EACCES) {
    return refused(fmt::format("{} Give it to user {} (`chown {} {}`), or check the folders above.",
                               what, ::geteuid(), ::geteuid(), path));
  }
  return refused(what + " Check the disk and its mount.");
}

/// Everything that is left, or the errno; stops behind `size_bytes_max`.
int read_all(int descriptor, std::size_t size_bytes_max, std::string& content) {
  char block[16 * 1024];
  while (content.size() <= size_bytes_max) {
    const ssize_t size = ::read(descriptor, block, sizeof block);
    if (size == 0) return 0;
    if (size > 0) content.append(block, static_cast<std::size_t>(size));
    if (size < 0 && errno != EINTR) return errno;
  }
  return 0;
}

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

}  // namespace

std::string secret_file_problem(std::string_view path, ::uid_t owner, ::mode_t mode,
                                ::uid_t own_user) {
  mode &= permission_bits;
  if (owner != own_user && owner != 0) {
    return fmt::format(
        "{} belongs to user {}, who could read and change it. A secret belongs to the user the "
        "broker runs as, or to root: `chown {} {}`.",
        path, owner, own_user, path);
  }
  // Root hands a secret to a service through its group; anybody else has no reason to share it.
  const ::mode_t allowed = owner == 0 ? secret_of_root : own_secret;
  if ((mode & ~allowed & permission_bits) == 0) return {};
  const bool others = (mode & 0007) != 0;
  return fmt::format(
      "{} is open to {} (mode {:04o}); {:04o} is the most for a secret of {}: `chmod {:03o} {}`. "
      "In Kubernetes: `defaultMode: 0400` for the volume and an `fsGroup` for the pod.",
      path, others ? "every user of this machine" : "its group", mode, allowed,
      owner == 0 ? "root" : "the broker's user", allowed & mode, path);
}

SecretFile read_secret_file(const std::string& path, std::size_t size_bytes_max) {
  // Without O_NONBLOCK a pipe would wait for its other end.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (file.value < 0) return failed(path, errno);
  struct stat status {};
  if (::fstat(file.value, &status) != 0) return failed(path, errno);
  if (!S_ISREG(status.st_mode)) {
    return refused(fmt::format("{} is not a file. Name the file that holds the secret.", path));
  }
  auto problem = secret_file_problem(path, status.st_uid, status.st_mode, ::geteuid());
  if (!problem.empty()) return refused(std::move(problem));
  std::string content;
  // Growing would leave copies of a secret behind.
  content.reserve(std::min(static_cast<std::size_t>(status.st_size), size_bytes_max) + 1);
  if (const int error = read_all(file.value, size_bytes_max, content); error != 0) {
    return failed(path, error);
  }
  if (content.size() > size_bytes_max) {
    return refused(fmt::format("{} has more than {} bytes: it cannot be the secret it is named as.",
                               path, size_bytes_max));
  }
  return {std::move(content), {}};
}

}  // namespace lineshaft
