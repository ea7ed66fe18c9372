#include "broker/net/tls_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "broker/base/limits.h"

namespace lineshaft::net {
namespace {

namespace fs = std::filesystem;

/// `stat` follows symbolic links: a swapped link is another inode.
std::string file_state(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return path + " is missing\n";
  // With who may read it: that may be all that was wrong.
  return fmt::format("{} {} {} {} {}.{} {:o} {} {}\n", path, status.st_dev, status.st_ino,
                     status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_mode,
                     status.st_uid, status.st_gid);
}

}  // namespace

TlsFile read_tls_file(const std::string& path) {
  std::error_code ec;
  if (!fs::is_regular_file(path, ec)) {
    const bool there = fs::exists(path, ec);
    return {std::nullopt, fmt::format("{} {}", path, there ? "is no file" : "does not exist")};
  }
  const auto too_large = [&path] {
    return TlsFile{std::nullopt, fmt::format("{} has more than {} MiB", path,
                                             limits::tls_file_size_bytes_max / (1024 * 1024))};
  };
  // Before a byte is read: somebody may have named the wrong file.
  if (fs::file_size(path, ec) > limits::tls_file_size_bytes_max && !ec) return too_large();
  errno = 0;
  std::ifstream input(path, std::ios::binary);
  if (!input) {
    return {std::nullopt, fmt::format("{} cannot be read: {}", path, std::strerror(errno))};
  }
  std::string bytes(std::istreambuf_iterator<char>(input), {});
  if (input.bad()) return {std::nullopt, fmt::format("{} cannot be read to its end", path)};
  if (bytes.size() > limits::tls_file_size_bytes_max) return too_large();
  return {std::move(bytes), {}};
}

std::optional<std::vector<std::string>> list_crl_dir(const std::string& path) {
  std::error_code ec;
  std::vector<std::string> files;
  fs::directory_iterator each(path, ec);
  for (const fs::directory_iterator end; !ec && each != end; each.increment(ec)) {
    if (each->path().filename().string().starts_with('.')) continue;
    if (std::error_code ignored; !each->is_regular_file(ignored)) continue;
    files.push_back(each->path().string());
  }
  if (ec) return std::nullopt;
  std::sort(files.begin(), files.end());
  return files;
}

std::string tls_files_state(const TlsOptions& options) {
  std::string state;
  for (const std::string* path : {&options.cert_file, &options.key_file, &options.ca_file,
                                  &options.crl_file, &options.psk_file}) {
    if (!path->empty()) state += file_state(*path);
  }
  if (options.crl_dir.empty()) return state;
  const auto files = list_crl_dir(options.crl_dir);
  if (!files) return state + options.crl_dir + " cannot be listed\n";
  for (const std::string& path : *files) state += file_state(path);
  return state;
}

}  // namespace lineshaft::net
