#include "broker/base/metrics.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace lineshaft {
namespace {

struct Registry {
  std::mutex mutex;
  std::vector<const CounterBlock*> blocks;
  std::array<std::uint64_t, counters_size> ended{};
};

Registry& registry() {
  static auto* instance = new Registry;  // outlives every thread
  return *instance;
}

struct RegisteredBlock {
  CounterBlock block{};

  RegisteredBlock() {
    std::lock_guard lock(registry().mutex);
    registry().blocks.push_back(&block);
  }
  ~RegisteredBlock() {
    std::lock_guard lock(registry().mutex);
    for (std::size_t i = 0; i < counters_size; ++i) registry().ended[i] += block[i].load();
    std::erase(registry().blocks, &block);
  }
};

}  // namespace

CounterBlock& counter_block() {
  thread_local RegisteredBlock registered;
  return registered.block;
}

std::uint64_t counter_value(Counter counter) {
  const auto index = static_cast<std::size_t>(counter);
  std::lock_guard lock(registry().mutex);
  std::uint64_t sum = registry().ended[index];
  for (const auto* block : registry().blocks) {
    sum += (*block)[index].load(std::memory_order_relaxed);
  }
  return sum;
}

std::string_view counter_name(Counter counter) {
  static constexpr std::array<std::string_view, counters_size> names = {
#define LINESHAFT_NAME(name, text) text,
      LINESHAFT_COUNTERS(LINESHAFT_NAME)
#undef LINESHAFT_NAME
  };
  return names[static_cast<std::size_t>(counter)];
}

}  // namespace lineshaft
