#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/net/tls_options.h"

namespace lineshaft::net {

struct TlsFile {
  std::optional<std::string> content;
  /// Without content: what is wrong with which file, without full stop.
  std::string problem;
};

/// A file that is no secret: certificates, revocation lists.
TlsFile read_tls_file(const std::string& path);

/// The files of a folder with revocation lists in name order, without those that begin with a dot
/// (a mounted Kubernetes secret has such); nothing if it cannot be listed.
std::optional<std::vector<std::string>> list_crl_dir(const std::string& path);

/// Changes when any of the files does: other content, another file behind the same symbolic link,
/// one more or less in `crl_dir`. Says nothing about what is in them.
std::string tls_files_state(const TlsOptions& options);

}  // namespace lineshaft::net
