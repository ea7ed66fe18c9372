#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "broker/admin/metric_writer.h"

namespace lineshaft::admin {

/// Answered requests by route and status. Touched by the admin room's thread only.
class RequestTotals {
 public:
  /// `route`: the path of a route; "other" for everything that is refused before it has one.
  void add(const std::string& route, unsigned status) { ++totals_[{route, status}]; }

  void write(MetricWriter& out) const;

 private:
  std::map<std::pair<std::string, unsigned>, std::uint64_t> totals_;
};

}  // namespace lineshaft::admin
