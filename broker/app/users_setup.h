#pragma once

#include <memory>
#include <vector>

#include "auth/users_policy.h"
#include "broker/app/config_error.h"
#include "broker/app/options.h"

namespace lineshaft::app {

/// Who may connect and do what, read from the files the options name; null when `authorization` is
/// not "users". Throws `ConfigError` with everything that is wrong with the files: a file that is
/// missing or cannot be read never means "no rules".
auth::UsersPolicyPtr load_users(const Options& options);

/// The users file of authorization = "zones", whose users have their zones and roles elsewhere;
/// null when none is named. Adds to `problems` what is wrong with it.
auth::UsersPolicyPtr load_zone_users(const Options& options, std::vector<ConfigProblem>& problems);

}  // namespace lineshaft::app
