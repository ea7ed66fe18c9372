#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "auth/policy_snapshot.h"
#include "broker/core/interceptor.h"

namespace lineshaft::auth {

/// A policy that is asked beside the one in force and decides nothing (`policy.shadow`). Remembers
/// where it would have decided otherwise, by who, what and rules; bounded by
/// `limits::shadow_differences_max`, what does not fit is counted. Sees a question when the policy
/// in force is asked, not when its answer was remembered. Used inside the core's turn only.
class ZonesShadow {
 public:
  /// Null: there is none, and nothing is asked.
  explicit ZonesShadow(PolicySnapshotPtr policy) : policy_(std::move(policy)) {}

  explicit operator bool() const { return policy_ != nullptr; }
  const PolicySnapshot& policy() const { return *policy_; }

  /// The same time and overrides as the policy in force has.
  void renew(const Overrides& overrides, WallTime now);

  /// What `policy` in force has decided; returns what this one does.
  Decision compare(const PolicySnapshot& policy, const core::Subject& subject, Op op,
                   std::string_view topic, const MessageAttributes& attributes,
                   const Decision& decision);
  /// The same for a subscription to `filter`, ...
  void compare_filter(const core::Subject& subject, std::string_view filter,
                      const core::SubscribeVerdict& now, const core::SubscribeVerdict& then);
  /// ... and for a place in the policy at all.
  void compare_place(const PolicySnapshot& policy, const core::Subject& subject);

  /// {"configured", "differences": [...], "left_out", "text"}
  nlohmann::json report() const;

 private:
  /// What one of them says, in words, and the rule that makes it say so.
  struct Said {
    std::string verdict;
    std::string rule;
  };
  struct Difference {
    std::string op;
    Said now;
    Said then;
    std::string zone;
    std::string roles;
    /// Who and what it was about first.
    std::string identity;
    std::string client_id;
    std::string topic;
    std::uint64_t count = 0;
  };

  static Said said(const PolicySnapshot& policy, const Decision& decision);
  static Said said(const core::SubscribeVerdict& verdict);
  void remember(const core::Subject& subject, std::string_view op, std::string_view topic, Said now,
                Said then);

  PolicySnapshotPtr policy_;
  std::map<std::string, Difference> differences_;
  std::uint64_t left_out_ = 0;
};

}  // namespace lineshaft::auth
