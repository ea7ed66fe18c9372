#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "broker/base/limits.h"

namespace lineshaft {

/// The content of a file that holds a secret, or why it was not read.
struct SecretFile {
  std::optional<std::string> content;
  /// For the operator when there is no content: what is wrong with which file, and the remedy. Full
  /// sentences, never a part of the content.
  std::string problem;
};

/// Reads a private key, a password or a users file, if nobody else can read or change it.
///
/// Accepted: a regular file of this process's user with no right for group and others (0600, 0400),
/// or one of root that its group may read besides (0640, 0440): so a Kubernetes secret with an
/// `fsGroup` and a systemd credential arrive. Symbolic links are followed; it is the opened file
/// that is judged, so nobody can exchange it in between. Never waits for a pipe or a device.
SecretFile read_secret_file(const std::string& path,
                            std::size_t size_bytes_max = limits::secret_file_size_bytes_max);

/// What is wrong with a secret that `owner` has with these permission bits, read by `own_user`;
/// empty: nothing. The path stands in the sentence.
std::string secret_file_problem(std::string_view path, ::uid_t owner, ::mode_t mode,
                                ::uid_t own_user);

}  // namespace lineshaft
