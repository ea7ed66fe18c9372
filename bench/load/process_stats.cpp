#include "bench/load/process_stats.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

namespace lineshaft::load {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000u;

struct Ticks {
  std::uint64_t user = 0;
  std::uint64_t system = 0;
};

std::uint64_t ticks_to_ns(std::uint64_t ticks) {
  const auto per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  return ticks * (second_ns / per_second);
}

std::optional<Ticks> read_ticks(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The command name may hold spaces and parentheses; the numbers follow the last one.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  Ticks ticks;
  fields >> ticks.user >> ticks.system;
  if (!fields) return std::nullopt;
  return ticks;
}

std::uint64_t read_status_bytes(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with(name)) return std::stoull(line.substr(name.size())) * 1024;
  }
  return 0;
}

std::optional<std::uint64_t> read_cpu_clock(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0) return std::nullopt;
  if (clock_gettime(clock, &used) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(used.tv_sec) * second_ns +
         static_cast<std::uint64_t>(used.tv_nsec);
}

std::vector<pid_t> find_soft_interrupt_threads() {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "comm");
    std::string command;
    if (std::getline(file, command) && command.starts_with("ksoftirqd/")) {
      found.push_back(static_cast<pid_t>(std::stol(name)));
    }
  }
  return found;
}

}  // namespace

std::optional<ProcessSample> sample_processes(const std::vector<pid_t>& pids) {
  ProcessSample sum;
  for (const pid_t pid : pids) {
    const auto ticks = read_ticks(pid);
    if (!ticks) return std::nullopt;
    const std::uint64_t user_ns = ticks_to_ns(ticks->user);
    const std::uint64_t system_ns = ticks_to_ns(ticks->system);
    sum.cpu_ns += read_cpu_clock(pid).value_or(user_ns + system_ns);
    sum.user_ns += user_ns;
    sum.system_ns += system_ns;
    sum.rss_bytes += read_status_bytes(pid, "VmRSS:");
    sum.peak_rss_bytes += read_status_bytes(pid, "VmHWM:");
  }
  return sum;
}

std::uint64_t own_cpu_ns() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * second_ns +
         static_cast<std::uint64_t>(used.tv_nsec);
}

std::uint64_t soft_interrupt_cpu_ns() {
  static const std::vector<pid_t> threads = find_soft_interrupt_threads();
  std::uint64_t sum = 0;
  for (const pid_t pid : threads) {
    if (const auto ticks = read_ticks(pid)) sum += ticks_to_ns(ticks->user + ticks->system);
  }
  return sum;
}

std::uint64_t machine_cpu_ns() {
  std::ifstream file("/proc/stat");
  std::string name;
  file >> name;
  std::uint64_t busy = 0;
  // user nice system idle iowait irq softirq steal
  for (int column = 0; column < 8; ++column) {
    std::uint64_t ticks = 0;
    file >> ticks;
    const bool waiting = column == 3 || column == 4;
    if (file && !waiting) busy += ticks;
  }
  return ticks_to_ns(busy);
}

unsigned machine_cores() { return static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN)); }

}  // namespace lineshaft::load
