#pragma once

#include <string_view>

#include "broker/base/time.h"

namespace lineshaft::auth {

/// What an anomaly rule may do to somebody. Implemented by who enforces it; called inside the
/// core's turn. Both are recorded by who implements them, and end by themselves.
class SecurityActions {
 public:
  virtual ~SecurityActions() = default;
  /// Stays connected, may nothing.
  virtual void quarantine(std::string_view identity, std::string_view zone, Milliseconds ttl,
                          std::string_view reason) = 0;
  /// Is read less often.
  virtual void throttle(std::string_view identity, std::string_view zone, Milliseconds ttl,
                        std::string_view reason) = 0;
};

}  // namespace lineshaft::auth
