#include "broker/app/import_verb.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "auth/mosquitto_import.h"
#include "broker/app/config_error.h"

namespace lineshaft::app {

ExitCode import_mosquitto(const std::string& password_file, const std::string& acl_file) {
  const std::string& name = password_file.empty() ? acl_file : password_file;
  std::ifstream input(name, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(input)), std::istreambuf_iterator<char>());
  if (!input.is_open() || input.bad()) {
    fmt::print(stderr, "lineshaft: cannot read {}: {}.\n", in_quotes(name), std::strerror(errno));
    return ExitCode::usage;
  }
  const auth::Imported imported = password_file.empty() ? auth::import_mosquitto_acl(text)
                                                        : auth::import_mosquitto_passwords(text);
  std::fputs(imported.text.c_str(), stdout);
  for (const auth::LineFault& fault : imported.left_out) {
    fmt::print(stderr, "{}:{}: left out: {}\n", name, fault.line, fault.what);
  }
  return imported.left_out.empty() ? ExitCode::ok : ExitCode::config;
}

}  // namespace lineshaft::app
