#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "broker/admin/metric_writer.h"
#include "broker/app/process_facts.h"
#include "broker/base/time.h"
#include "broker/core/overload.h"
#include "broker/net/server.h"

namespace lineshaft::app {

/// Compares the memory of the process with its budget; core and listeners shed load by the level.
class MemoryWatch {
 public:
  /// `budget_bytes` 0: no budget, nothing is ever shed.
  explicit MemoryWatch(std::uint64_t budget_bytes,
                       std::function<std::uint64_t()> meter = resident_bytes)
      : budget_bytes_(budget_bytes), meter_(std::move(meter)) {}

  /// Looks, and tells the server of a change; on shard 0's thread, with every tick.
  void look(Now now, net::Server& server);

  // Any thread.
  std::uint64_t budget_bytes() const { return budget_bytes_; }
  std::uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  core::OverloadLevel level() const { return level_.load(std::memory_order_relaxed); }
  void write(admin::MetricWriter& out) const;

 private:
  const std::uint64_t budget_bytes_;
  const std::function<std::uint64_t()> meter_;
  Instant next_give_back_{};
  std::atomic<std::uint64_t> used_bytes_{0};
  std::atomic<core::OverloadLevel> level_{core::OverloadLevel::none};
};

/// `[memory] budget_mb`, or the automatic share of what the process may use.
std::uint64_t memory_budget_bytes(std::uint64_t budget_mb);

}  // namespace lineshaft::app
