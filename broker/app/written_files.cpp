#include "broker/app/written_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "broker/app/config_error.h"

namespace lineshaft::app {
namespace {

constexpr ::mode_t readable_by_group = 0640;

void write_all(int descriptor, std::string_view text, const std::string& file) {
  while (!text.empty()) {
    const ssize_t size = ::write(descriptor, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) throw system_failure("cannot write", file);
    text.remove_prefix(static_cast<std::size_t>(size));
  }
}

/// A file under a name of its own beside `file`, which is gone again unless it was renamed.
class FreshFile {
 public:
  explicit FreshFile(const std::string& file)
      : name_(file + ".XXXXXX"), descriptor_(::mkstemp(name_.data())) {  // mode 0600
    if (descriptor_ < 0) throw system_failure("cannot write beside", file);
  }
  ~FreshFile() {
    ::close(descriptor_);
    ::unlink(name_.c_str());  // nothing is there any more after a rename
  }
  FreshFile(const FreshFile&) = delete;
  FreshFile& operator=(const FreshFile&) = delete;

  void write(std::string_view content) {
    write_all(descriptor_, content, name_);
    if (::fsync(descriptor_) != 0) throw system_failure("cannot write", name_);
  }
  void set_mode(::mode_t mode) {
    if (::fchmod(descriptor_, mode) != 0) throw system_failure("cannot set the mode of", name_);
  }
  /// Whoever could read it reads it on: root may set the password of a service's file.
  void take_rights_of(const std::string& file) {
    struct stat old {};
    if (::stat(file.c_str(), &old) == 0 &&
        (::fchown(descriptor_, old.st_uid, old.st_gid) != 0 ||
         ::fchmod(descriptor_, old.st_mode & readable_by_group) != 0)) {
      throw system_failure("cannot keep the owner of", file);
    }
  }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  int descriptor_;
};

void sync_folder_of(const std::string& file) {
  const auto folder = std::filesystem::absolute(file).parent_path();
  const int place = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (place < 0) return;
  ::fsync(place);  // a folder that cannot be synced has the file all the same
  ::close(place);
}

void rename_over(const FreshFile& fresh, const std::string& file) {
  if (::rename(fresh.name().c_str(), file.c_str()) != 0) {
    throw system_failure("cannot replace", file);
  }
  sync_folder_of(file);
}

}  // namespace

VerbFailure system_failure(const std::string& what, const std::string& file) {
  return {ExitCode::cannot_create,
          fmt::format("{} {}: {}", what, in_quotes(file), std::strerror(errno))};
}

std::string read_whole_file(const std::string& file) {
  std::ifstream input(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(input)), std::istreambuf_iterator<char>());
  if (!input.is_open() || input.bad()) throw system_failure("cannot read", file);
  return text;
}

void replace_file(const std::string& name, std::string_view content) {
  std::error_code ec;
  const auto resolved = std::filesystem::canonical(name, ec);
  const std::string file = ec ? name : resolved.string();
  FreshFile fresh(file);
  fresh.take_rights_of(file);
  fresh.write(content);
  rename_over(fresh, file);
}

void replace_file(const std::string& file, std::string_view content, unsigned mode) {
  FreshFile fresh(file);
  fresh.set_mode(mode);
  fresh.write(content);
  rename_over(fresh, file);
}

void create_file(const std::string& file, std::string_view content, unsigned mode) {
  FreshFile fresh(file);
  fresh.set_mode(mode);
  fresh.write(content);
  // Unlike a rename, a link never takes the place of something.
  if (::link(fresh.name().c_str(), file.c_str()) != 0) throw system_failure("cannot make", file);
  sync_folder_of(file);
}

FolderLock::FolderLock(const std::string& folder)
    : folder_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (folder_ < 0) throw system_failure("cannot open the folder", folder);
  while (::flock(folder_, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    ::close(folder_);
    throw system_failure("cannot lock the folder", folder);
  }
}

FolderLock::~FolderLock() { ::close(folder_); }

}  // namespace lineshaft::app
