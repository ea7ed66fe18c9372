#include "broker/app/passwd.h"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "auth/scram.h"
#include "auth/user_file.h"
#include "broker/app/config_error.h"
#include "broker/app/written_files.h"

namespace lineshaft::app {
namespace {

constexpr std::size_t password_bytes_max = 1024;

/// No file is an empty one: the first user makes it.
std::string read_users(const std::string& file) {
  std::error_code ec;
  return std::filesystem::exists(file, ec) ? read_whole_file(file) : std::string();
}

/// While a lock on it lives no other `lineshaft passwd` changes the file: else the one that writes
/// last would bring back a user that the other has deleted. The file itself is replaced.
std::string folder_of(const std::string& file) {
  std::error_code ec;
  return std::filesystem::absolute(std::filesystem::weakly_canonical(file, ec))
      .parent_path()
      .string();
}

/// What is typed on the terminal is not shown. There is one at a time: a signal that ends the
/// program finds in it how the terminal was.
class HiddenInput {
 public:
  HiddenInput() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    struct sigaction action {};
    action.sa_handler = show_and_obey;
    // The system sets it back before the handler runs: raised again, the signal does what it does.
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    for (const int signal : signals) ::sigaction(signal, &action, nullptr);
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    hidden_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
  }
  ~HiddenInput() {
    if (hidden_.exchange(0) != 0) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    for (const int signal : signals) ::signal(signal, SIG_DFL);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;

 private:
  static constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

  /// A signal handler may call both.
  static void show_and_obey(int signal) {
    if (hidden_ != 0) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    ::raise(signal);
  }

  static inline termios before_{};
  static inline std::atomic<int> hidden_ = 0;
};

std::string first_line(std::istream& input, const std::string& from) {
  std::string line;
  if (!std::getline(input, line)) {
    throw VerbFailure{ExitCode::usage,
                      fmt::format("there is no password on the first line of {}", from)};
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::string typed(const std::string& prompt) {
  std::fputs(prompt.c_str(), stderr);
  std::string line;
  {
    const HiddenInput hidden;
    line = first_line(std::cin, "the terminal");
  }
  std::fputs("\n", stderr);
  return line;
}

std::string ask_password(const PasswdOptions& options) {
  if (!options.password_file.empty()) {
    std::ifstream input(options.password_file);
    if (!input) throw system_failure("cannot read", options.password_file);
    return first_line(input, in_quotes(options.password_file));
  }
  if (::isatty(STDIN_FILENO) != 1) return first_line(std::cin, "standard input");
  std::string password = typed(fmt::format("Password of {}: ", options.user));
  if (typed("The same again: ") != password) {
    throw VerbFailure{ExitCode::usage, "the two passwords differ; nothing was changed"};
  }
  return password;
}

void say_reload() {
  std::fputs("A running broker takes it at its next reload (SIGHUP).\n", stdout);
}

void set_user(const PasswdOptions& options) {
  if (std::string problem = auth::user_name_problem(options.user); !problem.empty()) {
    throw VerbFailure{ExitCode::usage, problem};
  }
  const std::string password = ask_password(options);
  if (password.empty() || password.size() > password_bytes_max) {
    throw VerbFailure{
        ExitCode::usage,
        fmt::format("a password has 1 to {} bytes; nothing was changed", password_bytes_max)};
  }
  auth::UserRecord record;
  record.password = auth::make_password_hash(password);
  const bool fits_scram = auth::is_sasl_plain(options.user) && auth::is_sasl_plain(password);
  if (!options.no_scram && fits_scram) record.scram = auth::make_scram_keys(password);
  // Read only now: while a password is typed others may change the file.
  const FolderLock lock(folder_of(options.file));
  replace_file(options.file, auth::with_user(read_users(options.file), options.user, record));
  fmt::print("The password of {} is set in {}.\n", in_quotes(options.user), options.file);
  if (!options.no_scram && !fits_scram) {
    fmt::print("Not for SCRAM-SHA-256, where a name and a password must be ASCII.\n");
  }
  say_reload();
}

void remove_user(const PasswdOptions& options) {
  const FolderLock lock(folder_of(options.file));
  const auto without = auth::without_user(read_users(options.file), options.user);
  if (!without) {
    throw VerbFailure{ExitCode::usage, fmt::format("there is no user {} in {}",
                                                   in_quotes(options.user), options.file)};
  }
  replace_file(options.file, *without);
  fmt::print("{} is no user any more.\n", in_quotes(options.user));
  say_reload();
}

void list_users(const auth::UserFile& file) {
  for (const auto& [name, record] : file.users) {
    fmt::print("{}{}{}\n", name, record.password ? " password" : "",
               record.scram ? " SCRAM-SHA-256" : "");
  }
}

}  // namespace

ExitCode passwd(const PasswdOptions& options) {
  try {
    const auth::UserFile file = auth::parse_user_file(read_users(options.file));
    for (const auth::LineFault& fault : file.faults) {
      fmt::print(stderr, "lineshaft: {}:{}: {}\n", options.file, fault.line, fault.what);
    }
    switch (options.act) {
      case PasswdOptions::Act::set:
        set_user(options);
        break;
      case PasswdOptions::Act::remove:
        remove_user(options);
        break;
      case PasswdOptions::Act::list:
        list_users(file);
        break;
    }
    return file.faults.empty() ? ExitCode::ok : ExitCode::config;
  } catch (const VerbFailure& failure) {
    fmt::print(stderr, "lineshaft: {}.\n", failure.what);
    return failure.exit_code;
  }
}

}  // namespace lineshaft::app
