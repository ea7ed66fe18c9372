#include "broker/app/import_verb.h"

#include <fmt/format.h>

#include <cstdio>

#include "auth/mosquitto_import.h"
#include "broker/app/written_files.h"

namespace lineshaft::app {

ExitCode import_mosquitto(const std::string& password_file, const std::string& acl_file) {
  const std::string& name = password_file.empty() ? acl_file : password_file;
  std::string text;
  try {
    text = read_whole_file(name);
  } catch (const VerbFailure& failure) {
    fmt::print(stderr, "lineshaft: {}.\n", failure.what);
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
