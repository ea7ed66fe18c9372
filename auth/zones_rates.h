#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "auth/policy_snapshot.h"
#include "broker/base/time.h"
#include "broker/core/principal.h"

namespace lineshaft::auth {

/// How much of a conduit's rate each principal has used. Owned by its interceptor.
class ZonesRates {
 public:
  /// Counts a message against the conduit's rate: 0, or the time until there is room for it; then
  /// nothing was counted. More than a second's worth of bytes goes when the bucket is full and is
  /// paid off afterwards.
  Milliseconds take(std::uint16_t bucket, const BucketLimits& limits,
                    const core::Principal& principal, std::size_t size_bytes, Instant now);
  std::size_t size() const { return buckets_.size(); }

 private:
  struct Tokens {
    double messages = 0;
    double bytes = 0;
    Instant at{};
  };

  void forget_full(Instant now);

  /// By conduit and principal.
  std::unordered_map<std::string, Tokens> buckets_;
};

}  // namespace lineshaft::auth
