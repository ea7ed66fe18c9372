#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/user_file.h"

namespace lineshaft::auth {

/// A file of mosquitto in our form, and the lines that have none.
struct Imported {
  std::string text;
  std::vector<LineFault> left_out;
};

/// A `password_file`: `$7$` hashes are taken over as they are. `$6$` hashes and passwords in clear
/// text are left out.
Imported import_mosquitto_passwords(std::string_view text);

/// An `acl_file`: `topic`, `user` and `pattern` become `anonymous`, `user` and `everybody`.
Imported import_mosquitto_acl(std::string_view text);

}  // namespace lineshaft::auth
