#pragma once

#include <memory>

#include "auth/users_policy.h"
#include "broker/app/options.h"

namespace lineshaft::app {

/// Who may connect and do what, read from the files the options name; null when `authorization` is
/// not "users". Throws `ConfigError` with everything that is wrong with the files: a file that is
/// missing or cannot be read never means "no rules".
auth::UsersPolicyPtr load_users(const Options& options);

}  // namespace lineshaft::app
