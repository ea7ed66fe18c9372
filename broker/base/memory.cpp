#include "broker/base/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string_view>

namespace lineshaft {
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// The number in a file; version 2 writes "max" and version 1 a huge number for no limit.
std::uint64_t limit_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : unlimited;
}

/// The smallest limit of a group and of those around it.
std::uint64_t limit_of_group(const std::string& mount, std::string group, std::string_view file) {
  std::uint64_t smallest = unlimited;
  for (;;) {
    smallest = std::min(smallest, limit_in(mount + group + "/" + std::string(file)));
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos) return smallest;
    group.resize(slash);
  }
}

std::uint64_t limit_of_control_groups(const std::string& root) {
  std::ifstream groups(root + "/proc/self/cgroup");
  std::uint64_t smallest = unlimited;
  // "0::/path" is version 2, "4:memory:/path" version 1. Inside a container the path may be the
  // host's: then only the mount itself can be read, which is the container's own group.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    std::string path = line.substr(second + 1);
    if (path == "/") path.clear();
    if (names == ",,") {
      smallest = std::min(smallest, limit_of_group(root + "/sys/fs/cgroup", path, "memory.max"));
    } else if (names.find(",memory,") != std::string::npos) {
      smallest = std::min(
          smallest, limit_of_group(root + "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
    }
  }
  return smallest;
}

std::uint64_t memory_of_machine(const std::string& root) {
  std::ifstream file(root + "/proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  return file >> name >> kib && name == "MemTotal:" ? kib * 1024 : unlimited;
}

}  // namespace

std::uint64_t memory_limit_bytes(const std::string& root) {
  const std::uint64_t smallest = std::min(limit_of_control_groups(root), memory_of_machine(root));
  return smallest == unlimited ? 0 : smallest;
}

}  // namespace lineshaft
