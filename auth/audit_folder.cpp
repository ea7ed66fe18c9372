#include "auth/audit_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <utility>

#include "broker/base/limits.h"

namespace lineshaft::auth {
namespace {

constexpr std::string_view prefix = "audit-";
constexpr std::string_view suffix = ".jsonl";
constexpr std::size_t seq_digits = 20;
constexpr ::mode_t own_folder = 0700;
constexpr ::mode_t own_file = 0600;

struct OpenFile {
  int value;
  ~OpenFile() {
    if (value >= 0) ::close(value);
  }
};

/// 0, or the errno; how much was written stands in `written`.
int write_all(int file, std::string_view bytes, std::size_t& written) {
  written = 0;
  while (written < bytes.size()) {
    const ssize_t size = ::write(file, bytes.data() + written, bytes.size() - written);
    if (size > 0) {
      written += static_cast<std::size_t>(size);
    } else if (size == 0) {
      return ENOSPC;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

int sync_folder(const std::string& path) {
  const OpenFile folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return folder.value >= 0 && ::fsync(folder.value) == 0 ? 0 : errno;
}

}  // namespace

std::string audit_file_name(std::uint64_t first_seq) {
  return fmt::format("{}{:0{}}{}", prefix, first_seq, seq_digits, suffix);
}

std::optional<std::uint64_t> audit_file_seq(std::string_view name) {
  if (name.size() != prefix.size() + seq_digits + suffix.size()) return std::nullopt;
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size(), seq_digits);
  std::uint64_t seq = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), seq);
  if (ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return seq;
}

std::vector<std::string> audit_files(const std::string& folder, int& error) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator each(folder, ec), end; !ec && each != end; each.increment(ec)) {
    std::string name = each->path().filename().string();
    if (audit_file_seq(name)) names.push_back(std::move(name));
  }
  error = ec.value();
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::string> read_audit_file(const std::string& path, int& error) {
  error = 0;
  const OpenFile file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.value < 0) {
    error = errno;
    return std::nullopt;
  }
  std::string content;
  char block[64 * 1024];
  while (content.size() <= limits::audit_file_read_bytes_max) {
    const ssize_t size = ::read(file.value, block, sizeof block);
    if (size == 0) return content;
    if (size > 0) content.append(block, static_cast<std::size_t>(size));
    if (size < 0 && errno != EINTR) {
      error = errno;
      return std::nullopt;
    }
  }
  error = EFBIG;
  return std::nullopt;
}

AuditFolder::~AuditFolder() { give_up(); }

void AuditFolder::give_up() {
  close();
  if (lock_ >= 0) ::close(lock_);
  lock_ = -1;
}

bool AuditFolder::is_there() const {
  struct stat status {};
  return file_ < 0 || (::fstat(file_, &status) == 0 && status.st_nlink > 0);
}

int AuditFolder::lock() {
  if (lock_ >= 0) return 0;
  std::error_code ec;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ec);
  if (::mkdir(path_.c_str(), own_folder) != 0 && errno != EEXIST) return errno;
  const int file = ::open(in_folder("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, own_file);
  if (file < 0) return errno;
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno == EWOULDBLOCK ? EBUSY : errno;
    ::close(file);
    return error;
  }
  lock_ = file;
  return 0;
}

int AuditFolder::open_last(Content& content) {
  close();
  int error = 0;
  auto names = audit_files(path_, error);
  for (; error == 0 && !names.empty(); names.pop_back()) {
    error = open_whole(names.back(), content);
    if (error != 0 || !content.lines.empty()) return error;
    // Begun, and nothing came to stand in it.
    close();
    error = remove(names.back());
  }
  return error;
}

int AuditFolder::open_whole(const std::string& name, Content& content) {
  int error = 0;
  auto lines = read_audit_file(in_folder(name), error);
  if (!lines) return error;
  const int file = ::open(in_folder(name).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) return errno;
  file_ = file;
  const std::size_t end = lines->rfind('\n');
  const std::size_t whole = end == std::string::npos ? 0 : end + 1;
  if (whole < lines->size() && ::ftruncate(file, static_cast<::off_t>(whole)) != 0) return errno;
  content.torn = lines->substr(whole) + content.torn;
  lines->resize(whole);
  content.lines = std::move(*lines);
  size_ = whole;
  name_ = name;
  return 0;
}

int AuditFolder::begin(std::uint64_t first_seq) {
  std::string name = audit_file_name(first_seq);
  const int file =
      ::open(in_folder(name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, own_file);
  if (file < 0) return errno;
  const ::off_t size = ::lseek(file, 0, SEEK_END);
  if (size != 0) {
    // Only what this process began and could not write may be there.
    ::close(file);
    return EEXIST;
  }
  close();
  file_ = file;
  size_ = 0;
  name_ = std::move(name);
  return sync_folder(path_);
}

int AuditFolder::append(std::string_view lines) {
  if (file_ < 0) return EBADF;
  std::size_t written = 0;
  const int error = write_all(file_, lines, written);
  if (error == 0) {
    size_ += written;
    return 0;
  }
  // Making a file shorter needs no space; should it fail all the same, the next opening finds a
  // torn line and says so.
  if (written > 0 && ::ftruncate(file_, static_cast<::off_t>(size_)) != 0) close();
  return error;
}

int AuditFolder::sync() { return file_ < 0 || ::fdatasync(file_) == 0 ? 0 : errno; }

int replace_audit_file(const std::string& path, std::string_view content, bool on_disk) {
  const std::string part = path + ".part";
  const OpenFile file{::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, own_file)};
  if (file.value < 0) return errno;
  std::size_t written = 0;
  if (const int error = write_all(file.value, content, written); error != 0) return error;
  if (on_disk && ::fsync(file.value) != 0) return errno;
  return ::rename(part.c_str(), path.c_str()) == 0 ? 0 : errno;
}

int AuditFolder::replace(std::string_view name, std::string_view content, bool on_disk) {
  return replace_audit_file(in_folder(name), content, on_disk);
}

int AuditFolder::remove(const std::string& name) {
  return ::unlink(in_folder(name).c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

void AuditFolder::close() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  size_ = 0;
}

std::string AuditFolder::in_folder(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

}  // namespace lineshaft::auth
