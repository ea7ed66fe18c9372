#include "broker/app/memory_watch.h"

#include <malloc.h>

#include <cstddef>

#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/memory.h"
#include "broker/base/metrics.h"

/// jemalloc's, where the broker is linked with it.
extern "C" int mallctl(const char* name, void* old_value, std::size_t* old_size, void* new_value,
                       std::size_t new_size) __attribute__((weak));

namespace lineshaft::app {
namespace {

using core::OverloadLevel;

constexpr std::uint64_t bytes_per_mib = 1024 * 1024;
/// What is free but not given back looks like used memory: short of it, asked for so often.
constexpr Milliseconds give_back_interval{1000};

void give_memory_back() {
  if (mallctl != nullptr) {
    mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: all arenas
  } else {
    ::malloc_trim(0);
  }
}

}  // namespace

void MemoryWatch::look(Now now, net::Server& server) {
  if (level() != OverloadLevel::none && now.steady >= next_give_back_) {
    next_give_back_ = now.steady + give_back_interval;
    give_memory_back();
  }
  const std::uint64_t used = meter_();
  used_bytes_.store(used, std::memory_order_relaxed);
  const OverloadLevel before = level();
  const OverloadLevel after = core::overload_level(before, used, budget_bytes_);
  if (after == before) return;
  level_.store(after, std::memory_order_relaxed);
  if (after > before) count(Counter::memory_overloads);
  const auto severity = after > before ? log::Level::warn : log::Level::info;
  if (log::enabled(log::Room::app, severity)) {
    log::write(log::Room::app, severity, "memory_overload",
               {{"overload", to_string(after)},
                {"used_mb", used / bytes_per_mib},
                {"budget_mb", budget_bytes_ / bytes_per_mib}});
  }
  server.set_refusing_clients(after >= OverloadLevel::drop_qos0);
  server.sink().submit(core::OverloadChanged{after});
}

void MemoryWatch::write(admin::MetricWriter& out) const {
  out.gauge("lineshaft_memory_budget_bytes", "Memory from which on load is shed; 0 is no budget.",
            budget_bytes());
  out.gauge("lineshaft_memory_overload_level",
            "0 none, 1 heavy senders are slowed, 2 new clients refused, 3 QoS 0 dropped.",
            static_cast<std::uint64_t>(level()));
}

std::uint64_t memory_budget_bytes(std::uint64_t budget_mb) {
  if (budget_mb != 0) return budget_mb * bytes_per_mib;
  return memory_limit_bytes() / 100 * limits::memory_budget_percent;
}

}  // namespace lineshaft::app
