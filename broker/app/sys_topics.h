#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/base/message.h"
#include "broker/base/metrics.h"
#include "broker/base/time.h"
#include "broker/core/request.h"

namespace lineshaft::app {

/// The values of all counters at one moment.
using CounterValues = std::array<std::uint64_t, counters_size>;
CounterValues read_counters();

/// An exponentially weighted average of events per minute, as mosquitto computes it: it starts at
/// 0 and forgets within `window`.
class LoadAverage {
 public:
  explicit LoadAverage(Milliseconds window) : window_(window) {}

  /// `events` happened in the last `elapsed`, which is not 0.
  void add(std::uint64_t events, Milliseconds elapsed);
  double per_minute() const { return per_minute_; }

 private:
  Milliseconds window_;
  double per_minute_ = 0;
};

/// What a round is made from.
struct SysFacts {
  Now now;
  CounterValues counters{};
  core::Statistics statistics;
  /// Further values, by topic below $SYS/broker/lineshaft/.
  std::vector<std::pair<std::string, std::string>> more;
  /// The signed end of the audit log; empty: there is none.
  std::string audit_head;
};

/// The $SYS topics: those of mosquitto, which MQTT Explorer and exporters read, and below
/// $SYS/broker/lineshaft/ every counter of ours. Used by shard 0's thread only.
class SysTopics {
 public:
  SysTopics(std::string version, Now started);

  /// Retained messages of the topics whose values changed since the last round; at the first round
  /// of all.
  std::vector<KeptMessagePtr> round(const SysFacts& facts);

 private:
  /// Messages per minute of one kind over 1, 5 and 15 minutes.
  struct Load {
    std::string_view topic;
    std::array<LoadAverage, 3> averages = {LoadAverage{Milliseconds{60'000}},
                                           LoadAverage{Milliseconds{300'000}},
                                           LoadAverage{Milliseconds{900'000}}};
  };

  void set(std::string_view topic, std::string value);
  void set(std::string_view topic, std::uint64_t value);
  void set_counters(const CounterValues& counters);
  void set_statistics(const core::Statistics& statistics, const CounterValues& counters);
  void set_loads(const SysFacts& facts);

  const std::string version_;
  const Instant started_;
  Instant last_round_;
  CounterValues last_counters_{};
  std::vector<Load> loads_;
  std::unordered_map<std::string, std::string> values_;

  WallTime wall_{};
  std::vector<KeptMessagePtr> changed_;
};

}  // namespace lineshaft::app
