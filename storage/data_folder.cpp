#include "storage/data_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace lineshaft::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view schema_head = "lineshaft store, schema ";
constexpr std::string_view schema_incomplete = "being made\n";

std::string schema_path(const std::string& folder) { return folder + "/SCHEMA"; }

bool read_file(const std::string& path, std::string& content) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return false;
  content.assign(std::istreambuf_iterator<char>(in), {});
  return !in.bad();
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

OpenFailure foreign(const std::string& folder) {
  return {OpenFault::foreign,
          fmt::format("the folder {} holds a database, but no readable SCHEMA file: it is not this "
                      "broker's, or files are missing. Choose another folder with --data, or "
                      "restore the folder from a backup.",
                      folder)};
}

}  // namespace

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

OpenFailure FolderLock::acquire(const std::string& folder) {
  const std::string path = folder + "/lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (descriptor < 0) return failure_from_errno(errno, path, "open");
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    char holder[32] = {};
    const ssize_t size = ::pread(descriptor, holder, sizeof holder - 1, 0);
    ::close(descriptor);
    if (error != EWOULDBLOCK) return failure_from_errno(error, path, "lock");
    std::string_view pid(holder, size > 0 ? static_cast<std::size_t>(size) : 0);
    pid = pid.substr(0, pid.find('\n'));
    return {OpenFault::locked,
            fmt::format("the data folder {} is in use by another broker (process {}). Stop that "
                        "one, or choose another folder with --data.",
                        folder, pid.empty() ? "unknown" : pid)};
  }
  // Only a help for the reader of the message above; a full disk must not keep us out.
  if (::ftruncate(descriptor, 0) == 0) write_all(descriptor, fmt::format("{}\n", ::getpid()));
  descriptor_ = descriptor;
  return {};
}

OpenFailure prepare_folder(const std::string& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    return failure_from_errno(ENOTDIR, folder, "use");
  }
  if (!fs::exists(status)) {
    // Asked once more, because status() of a path below a file fails as "not found".
    fs::create_directories(folder, error);
    if (error) return failure_from_errno(error.value(), folder, "make");
    fs::permissions(folder, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec,
                    error);
  }
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
    return failure_from_errno(errno, folder, "write to");
  }
  fs::create_directory(store_path(folder), error);
  return error ? failure_from_errno(error.value(), store_path(folder), "make") : OpenFailure{};
}

std::string store_path(const std::string& folder) { return folder + "/db"; }

OpenFailure inspect_folder(const std::string& folder, FolderState& state) {
  std::error_code error;
  state.has_store = fs::exists(store_path(folder) + "/CURRENT", error);
  std::string content;
  state.known = read_file(schema_path(folder), content);
  if (!state.known) return state.has_store ? foreign(folder) : OpenFailure{};
  std::uint32_t version = 0;
  const char* const begin = content.data() + std::min(schema_head.size(), content.size());
  const char* const end = content.data() + content.size();
  if (!content.starts_with(schema_head) || std::from_chars(begin, end, version).ec != std::errc{}) {
    return foreign(folder);
  }
  if (version > schema_version) {
    return {OpenFault::newer_schema,
            fmt::format("the store in {} was written by a newer version (schema {}, this one knows "
                        "{}). Start the newer version, or choose another folder with --data.",
                        folder, version, schema_version)};
  }
  state.complete = !content.ends_with(schema_incomplete);
  if (state.complete && !state.has_store) {
    return {OpenFault::corrupt,
            fmt::format("the store in {} has lost its files (there is no {}/CURRENT). Restore the "
                        "folder from a backup, or choose another one with --data.",
                        folder, store_path(folder))};
  }
  return {};
}

OpenFailure write_schema(const std::string& folder, bool complete) {
  const std::string content =
      fmt::format("{}{}\n{}", schema_head, schema_version, complete ? "" : schema_incomplete);
  const int error = write_file_durably(schema_path(folder), content);
  return error == 0 ? OpenFailure{} : failure_from_errno(error, schema_path(folder), "write");
}

OpenFailure quarantine_store(const std::string& folder, WallTime wall, std::string& copy) {
  copy = fmt::format("{}/quarantine-{}", folder, wall.time_since_epoch().count());
  std::error_code error;
  fs::create_directories(copy, error);
  if (error) return failure_from_errno(error.value(), copy, "make");
  for (const auto& entry : fs::directory_iterator(store_path(folder), error)) {
    const fs::path target = fs::path(copy) / entry.path().filename();
    const std::string extension = entry.path().extension().string();
    if (extension == ".sst" || extension == ".log") {
      fs::create_hard_link(entry.path(), target, error);
      if (!error) continue;
    }
    fs::copy_file(entry.path(), target, fs::copy_options::overwrite_existing, error);
    if (error) return failure_from_errno(error.value(), target.string(), "copy to");
  }
  if (error) return failure_from_errno(error.value(), store_path(folder), "read");
  const int sync_error = sync_folder(copy);
  return sync_error == 0 ? OpenFailure{} : failure_from_errno(sync_error, copy, "sync");
}

bool write_alarm(const std::string& folder, WallTime wall, std::string_view text) {
  return write_file_durably(fmt::format("{}/ALARM-{}.txt", folder, wall.time_since_epoch().count()),
                            text) == 0;
}

std::vector<std::string> read_alarms(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with("ALARM-")) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const std::string& path : paths) {
    std::string content;
    read_file(path, content);
    texts.push_back(fmt::format("{}: {}", path, content.substr(0, content.find('\n'))));
  }
  return texts;
}

int sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return error;
}

int write_file_durably(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".new";
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (descriptor < 0) return errno;
  int error = 0;
  if (!write_all(descriptor, content) || ::fsync(descriptor) != 0) error = errno;
  ::close(descriptor);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return error;
  }
  return sync_folder(fs::path(path).parent_path());
}

OpenFailure failure_from_errno(int error, const std::string& path, std::string_view doing) {
  switch (error) {
    case ENOTDIR:
    case EEXIST:
      return {OpenFault::not_a_directory,
              fmt::format("the data folder {} is a file or lies below one. Name a folder with "
                          "--data or [node] data_dir.",
                          path)};
    case EACCES:
    case EPERM:
    case EROFS:
      return {OpenFault::permission,
              fmt::format("cannot {} {}: {}. Give user {} the right to read and write it, or "
                          "choose another folder with --data.",
                          doing, path, std::strerror(error), ::getuid())};
    case ENOSPC:
    case EDQUOT:
      return {OpenFault::no_space,
              fmt::format("no space left to {} {}. Free some space on that file system, or choose "
                          "another folder with --data.",
                          doing, path)};
    default:
      return {OpenFault::io, fmt::format("cannot {} {}: {}. Check the disk and its mount, then "
                                         "start again.",
                                         doing, path, std::strerror(error))};
  }
}

}  // namespace lineshaft::storage
