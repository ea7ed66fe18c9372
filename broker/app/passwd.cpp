#include "broker/app/passwd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

#include "auth/user_file.h"
#include "broker/app/config_error.h"

namespace lineshaft::app {
namespace {

constexpr std::size_t password_bytes_max = 1024;
constexpr ::mode_t readable_by_group = 0640;

/// Ends the verb with a sentence for the operator.
struct Failure {
  ExitCode exit_code;
  std::string what;
};

Failure system_failure(const std::string& what, const std::string& file) {
  return {ExitCode::cannot_create,
          fmt::format("{} {}: {}", what, in_quotes(file), std::strerror(errno))};
}

/// No file is an empty one: the first user makes it.
std::string read_file(const std::string& file) {
  std::error_code ec;
  if (!std::filesystem::exists(file, ec)) return {};
  std::ifstream input(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(input)), std::istreambuf_iterator<char>());
  if (!input.is_open() || input.bad()) throw system_failure("cannot read", file);
  return text;
}

void write_all(int descriptor, std::string_view text, const std::string& file) {
  while (!text.empty()) {
    const ssize_t size = ::write(descriptor, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) throw system_failure("cannot write", file);
    text.remove_prefix(static_cast<std::size_t>(size));
  }
}

/// A new file beside the old one takes its place when it is on the disk.
void replace_file(const std::string& name, std::string_view text) {
  std::error_code ec;
  // Through a symbolic link the file itself is replaced, not the link.
  const auto resolved = std::filesystem::canonical(name, ec);
  const std::string file = ec ? name : resolved.string();
  std::string fresh = file + ".XXXXXX";
  const int descriptor = ::mkstemp(fresh.data());  // mode 0600
  if (descriptor < 0) throw system_failure("cannot write beside", file);
  try {
    struct stat old {};
    // Whoever could read it reads it on: root may set the password of a service's file.
    if (::stat(file.c_str(), &old) == 0 &&
        (::fchown(descriptor, old.st_uid, old.st_gid) != 0 ||
         ::fchmod(descriptor, old.st_mode & readable_by_group) != 0)) {
      throw system_failure("cannot keep the owner of", file);
    }
    write_all(descriptor, text, fresh);
    if (::fsync(descriptor) != 0) throw system_failure("cannot write", fresh);
    if (::rename(fresh.c_str(), file.c_str()) != 0) throw system_failure("cannot replace", file);
  } catch (...) {
    ::close(descriptor);
    ::unlink(fresh.c_str());
    throw;
  }
  ::close(descriptor);
  const auto folder = std::filesystem::absolute(file).parent_path();
  const int place = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (place < 0) return;
  ::fsync(place);  // a folder that cannot be synced has the file all the same
  ::close(place);
}

/// While it lives no other `lineshaft passwd` changes the file: else the one that writes last would
/// bring back a user that the other has deleted. The folder is locked, for the file is replaced.
class FileLock {
 public:
  explicit FileLock(const std::string& name) {
    std::error_code ec;
    const auto file = std::filesystem::absolute(std::filesystem::weakly_canonical(name, ec));
    folder_ = ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_ < 0) throw system_failure("cannot open the folder of", name);
    while (::flock(folder_, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      ::close(folder_);
      throw system_failure("cannot lock the folder of", name);
    }
  }
  ~FileLock() { ::close(folder_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int folder_ = -1;
};

/// What is typed on the terminal is not shown.
class HiddenInput {
 public:
  HiddenInput() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
  }
  ~HiddenInput() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

std::string first_line(std::istream& input, const std::string& from) {
  std::string line;
  if (!std::getline(input, line)) {
    throw Failure{ExitCode::usage,
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
    throw Failure{ExitCode::usage, "the two passwords differ; nothing was changed"};
  }
  return password;
}

void say_reload() {
  std::fputs("A running broker takes it at its next reload (SIGHUP).\n", stdout);
}

void set_user(const PasswdOptions& options) {
  if (std::string problem = auth::user_name_problem(options.user); !problem.empty()) {
    throw Failure{ExitCode::usage, problem};
  }
  const std::string password = ask_password(options);
  if (password.empty() || password.size() > password_bytes_max) {
    throw Failure{ExitCode::usage, fmt::format("a password has 1 to {} bytes; nothing was changed",
                                               password_bytes_max)};
  }
  auth::UserRecord record;
  record.password = auth::make_password_hash(password);
  if (!options.no_scram) record.scram = auth::make_scram_keys(password);
  // Read only now: while a password is typed others may change the file.
  const FileLock lock(options.file);
  replace_file(options.file, auth::with_user(read_file(options.file), options.user, record));
  fmt::print("The password of {} is set in {}.\n", in_quotes(options.user), options.file);
  say_reload();
}

void remove_user(const PasswdOptions& options) {
  const FileLock lock(options.file);
  const auto without = auth::without_user(read_file(options.file), options.user);
  if (!without) {
    throw Failure{ExitCode::usage,
                  fmt::format("there is no user {} in {}", in_quotes(options.user), options.file)};
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
    const auth::UserFile file = auth::parse_user_file(read_file(options.file));
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
  } catch (const Failure& failure) {
    fmt::print(stderr, "lineshaft: {}.\n", failure.what);
    return failure.exit_code;
  }
}

}  // namespace lineshaft::app
