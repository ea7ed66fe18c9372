#include "auth/zones_rates.h"

#include <algorithm>
#include <cmath>

#include "broker/base/limits.h"

namespace lineshaft::auth {
namespace {

/// A bucket that was not used for so long is full.
constexpr Milliseconds fills_within{1000};

std::string bucket_key(std::uint16_t bucket, const core::Principal& principal) {
  std::string key;
  key += static_cast<char>(bucket & 0xFF);
  key += static_cast<char>(bucket >> 8);
  key += static_cast<char>(family_of(principal.proof));
  key += principal.name;
  key += '\0';
  key += principal.issuer_spki;
  return key;
}

double capacity(double per_s) { return std::max(per_s, 1.0); }

/// Milliseconds until `missing` tokens have come.
double ms_until(double missing, double per_s) { return missing / per_s * 1000.0; }

}  // namespace

Milliseconds ZonesRates::take(std::uint16_t bucket, const BucketLimits& limits,
                              const core::Principal& principal, std::size_t size_bytes,
                              Instant now) {
  std::string key = bucket_key(bucket, principal);
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= limits::rate_buckets_max) forget_full(now);
    // Nobody gets more than his share because there are many.
    if (buckets_.size() >= limits::rate_buckets_max) return fills_within;
    const Tokens full{capacity(limits.messages_per_s), capacity(limits.bytes_per_s), now};
    found = buckets_.emplace(std::move(key), full).first;
  }
  Tokens& tokens = found->second;
  const double seconds = static_cast<double>((now - tokens.at).count()) / 1000.0;
  tokens.at = now;
  double wait_ms = 0;
  if (limits.messages_per_s > 0) {
    tokens.messages = std::min(capacity(limits.messages_per_s),
                               tokens.messages + seconds * limits.messages_per_s);
    if (tokens.messages < 1) wait_ms = ms_until(1 - tokens.messages, limits.messages_per_s);
  }
  const double size = static_cast<double>(size_bytes);
  if (limits.bytes_per_s > 0) {
    tokens.bytes =
        std::min(capacity(limits.bytes_per_s), tokens.bytes + seconds * limits.bytes_per_s);
    const double needs = std::min(size, capacity(limits.bytes_per_s));
    if (tokens.bytes < needs) {
      wait_ms = std::max(wait_ms, ms_until(needs - tokens.bytes, limits.bytes_per_s));
    }
  }
  if (wait_ms > 0) {
    // Rounded up: nothing is asked again before its time.
    return std::max(Milliseconds{1}, Milliseconds{static_cast<std::int64_t>(std::ceil(wait_ms))});
  }
  tokens.messages -= 1;
  tokens.bytes -= size;
  return Milliseconds{0};
}

void ZonesRates::forget_full(Instant now) {
  std::erase_if(buckets_, [now](const auto& one) {
    // Who owes bytes is remembered until they are paid off.
    return now - one.second.at >= fills_within && one.second.bytes >= 0;
  });
}

}  // namespace lineshaft::auth
