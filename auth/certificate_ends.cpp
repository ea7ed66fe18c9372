#include "auth/certificate_ends.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "broker/base/audit.h"
#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::auth {
namespace {

/// Before the end, the first to come first.
constexpr std::array<std::chrono::hours, 3> warnings_before = {
    std::chrono::hours{30 * 24}, std::chrono::hours{7 * 24}, std::chrono::hours{24}};

std::size_t warnings_due_at(WallTime end, WallTime now) {
  return static_cast<std::size_t>(std::ranges::count_if(
      warnings_before, [&](std::chrono::hours before) { return end - before <= now; }));
}

}  // namespace

void CertificateEnds::warn(const std::string& serial, End& end, WallTime now) {
  const std::size_t due = warnings_due_at(end.at, now);
  if (due <= end.warned) return;
  end.warned = due;
  if (end.at <= now) return;
  const auto days = std::chrono::duration_cast<std::chrono::hours>(end.at - now).count() / 24;
  count(Counter::client_certificates_ending);
  LINESHAFT_LOG(auth, warn, "client_certificate_expires", {"zone", end.zone}, {"name", end.name},
                {"serial", serial}, {"days", days},
                {"remedy", "give the client a new one before that"});
  audit({.type = "client_certificate_expires",
         .zone = end.zone,
         .identity = end.name,
         .op = "connect",
         .reason = "CERT_ENDS"});
}

void CertificateEnds::saw(const core::Principal& principal, WallTime now) {
  const bool has_end =
      principal.proof == core::Proof::certificate && principal.not_after != WallTime{};
  if (!has_end) return;
  const std::string key = principal.serial + ' ' + principal.issuer_spki;
  auto found = ends_.find(key);
  if (found == ends_.end()) {
    // Who is still here is seen again at the next policy; the others need no warning.
    if (ends_.size() >= limits::certificate_ends_max) ends_.clear();
    found = ends_.emplace(key, End{principal.not_after, principal.zone, principal.name, 0}).first;
  }
  warn(principal.serial, found->second, now);
  wait_for(found->second, now);
}

void CertificateEnds::look(WallTime now) {
  next_.reset();
  for (auto each = ends_.begin(); each != ends_.end();) {
    warn(each->first.substr(0, each->first.find(' ')), each->second, now);
    wait_for(each->second, now);
    each = each->second.at <= now ? ends_.erase(each) : std::next(each);
  }
}

void CertificateEnds::wait_for(const End& end, WallTime now) {
  const auto consider = [&](WallTime at) {
    if (at > now && (!next_ || at < *next_)) next_ = at;
  };
  for (const std::chrono::hours before : warnings_before) consider(end.at - before);
  consider(end.at);
}

}  // namespace lineshaft::auth
