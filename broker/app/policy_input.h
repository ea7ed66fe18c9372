#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "auth/trust_view.h"
#include "broker/app/options.h"
#include "broker/app/policy_document.h"

namespace lineshaft::app {

/// The files that [pki] names, as paths from the folder of the file that names them.
struct PkiPaths {
  /// Empty: not named.
  std::string trust;
  /// A file, or a folder of files.
  std::string crl;
  std::vector<std::string> issuers;
};
PkiPaths pki_paths(const PolicyDocument& policy);

/// Everything the access policy is made of, read.
struct PolicyInput {
  /// The files' document with the listeners' part of it, every issuer's file replaced by
  /// "sha256:" and the hash of its key.
  std::shared_ptr<const nlohmann::json> document;
  PolicyPlaces places;
  auth::TrustView::Files files;
};

/// The file `policy.shadow` names, or nothing.
std::string shadow_path(const PolicyDocument& policy);

/// Throws `ConfigError` with every file that cannot be used.
PolicyInput read_policy_input(const Options& options);

/// By the option that names them, "pki.crl", something that changes when one of its files does:
/// other content, another file behind the same symbolic link.
using FilesState = std::map<std::string, std::string>;
FilesState policy_files_state(const Options& options);
/// The same of each listener's certificates and lists, as "listeners.NAME.tls".
FilesState listener_files_state(const Options& options);

/// Lets the listeners that ask for certificates verify them against what [pki] names, where they
/// state nothing of their own.
void apply_pki(Options& options);

}  // namespace lineshaft::app
