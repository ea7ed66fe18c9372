#pragma once

#include <vector>

#include "auth/identity_check.h"
#include "auth/policy_snapshot.h"
#include "broker/app/config_error.h"
#include "broker/app/options.h"
#include "broker/base/time.h"

namespace lineshaft::app {

/// The access policy of authorization = "zones", compiled. Immutable: a reload makes another one.
struct ZonesPolicy {
  /// Null with any other authorization.
  auth::PolicySnapshotPtr policy;
  auth::IdentityRulesPtr identity;
  /// What `policy.shadow` says; null when it names nothing.
  auth::PolicySnapshotPtr shadow;
  auth::Positions positions;
  /// What is allowed but hardly meant, for people.
  std::vector<ConfigProblem> remarks;
};

/// Reads and compiles what the options say. Nothing of it is used until it is complete: throws
/// `ConfigError` with all that is wrong, and a file that is missing, empty or cut off is wrong.
ZonesPolicy load_zones(const Options& options, WallTime now);

auth::Positions positions_of(const PolicyPlaces& places);

/// Sorts what a compiler said into errors and remarks.
void sort_diagnostics(const std::vector<auth::Diagnostic>& diagnostics,
                      std::vector<ConfigProblem>& errors, std::vector<ConfigProblem>& remarks);

/// "warning: WHERE: WHAT" and what to do about it, each on a line.
std::string remark_text(const ConfigProblem& remark);

/// Ways through several conduits to where none leads directly, a line each.
std::string chains_text(const auth::PolicySnapshot& policy);

}  // namespace lineshaft::app
