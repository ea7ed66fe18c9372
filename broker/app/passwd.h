#pragma once

#include <cstdint>
#include <string>

#include "broker/app/exit_code.h"

namespace lineshaft::app {

/// What `lineshaft passwd` was asked to do.
struct PasswdOptions {
  enum class Act : std::uint8_t { set, remove, list };

  Act act = Act::set;
  std::string file;
  std::string user;
  /// Where the password stands on the first line; empty: it is typed, or comes on standard input.
  std::string password_file;
  /// Without a SCRAM record: then only plain passwords prove this user.
  bool no_scram = false;
};

/// Sets, removes or lists users of a users file. The file is replaced as a whole, so a broker that
/// reads it at the same time sees the old or the new one; only its owner can read it.
ExitCode passwd(const PasswdOptions& options);

}  // namespace lineshaft::app
