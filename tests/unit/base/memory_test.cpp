#include "broker/base/memory.h"

#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace lineshaft;

namespace {

/// A root folder with the files the kernel would show.
class Machine {
 public:
  Machine() { put("proc/meminfo", "MemTotal:       16000 kB\nMemFree: 1 kB\n"); }

  void put(const std::string& path, const std::string& content) {
    const auto file = folder.path() / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }
  std::uint64_t limit_kib() const { return memory_limit_bytes(folder.path().string()) / 1024; }

  test::TempDir folder;
};

}  // namespace

TEST_CASE("without control groups the machine's memory is the limit", "[base]") {
  Machine machine;
  CHECK(machine.limit_kib() == 16000);
}

TEST_CASE("a control group's limit counts when it is smaller, version 2", "[base]") {
  Machine machine;
  machine.put("proc/self/cgroup", "0::/plant/broker\n");
  machine.put("sys/fs/cgroup/plant/broker/memory.max", "max\n");
  CHECK(machine.limit_kib() == 16000);
  machine.put("sys/fs/cgroup/plant/memory.max", "4096000\n");
  CHECK(machine.limit_kib() == 4000);
  machine.put("sys/fs/cgroup/plant/broker/memory.max", "2048000\n");
  CHECK(machine.limit_kib() == 2000);
}

TEST_CASE("a container that sees only its own group finds its limit", "[base]") {
  Machine machine;
  machine.put("proc/self/cgroup", "0::/\n");
  machine.put("sys/fs/cgroup/memory.max", "2048000\n");
  CHECK(machine.limit_kib() == 2000);
}

TEST_CASE("a control group's limit counts, version 1", "[base]") {
  Machine machine;
  machine.put("proc/self/cgroup", "9:name=systemd:/\n4:memory,hugetlb:/docker/abc\n0::/\n");
  machine.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(machine.limit_kib() == 16000);
  machine.put("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "1024000\n");
  CHECK(machine.limit_kib() == 1000);
}

TEST_CASE("a machine that tells nothing has no limit", "[base]") {
  CHECK(memory_limit_bytes("/does/not/exist") == 0);
}
