#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "auth/policy_snapshot.h"
#include "broker/core/interceptor.h"

namespace lineshaft::auth {

/// What an operator has switched for a time: identities in quarantine, zones that are islands,
/// roles lent in an emergency. Kept by the core, so that it survives a restart with what is left of
/// its time. Owned by its interceptor.
class ZonesOverrides {
 public:
  /// Verbs, each with a JSON object:
  /// - `quarantine` {"identity", "issuer" (hexadecimal, optional), "ttl_s", "reason"}
  /// - `release` {"identity", "issuer"}
  /// - `island` {"zone", "on", "reason"}
  /// - `break_glass` {"identity", "issuer", "role", "ttl_s", "reason"}: at most
  ///   `limits::break_glass_max`; `break_glass_end` {"identity", "issuer"}
  /// - `overrides` {}: what holds now
  ///
  /// Every change is audited. `refused` comes with {"error"}.
  core::RequestAnswer request(std::string_view verb, std::string_view body,
                              const PolicySnapshot& policy, core::Context& context);
  /// A request has changed something since the last call.
  bool take_changed() { return std::exchange(changed_, false); }

  /// An item of the store; false: none of ours, or not readable (logged).
  bool restore(std::string_view family, std::string_view key, std::string_view value);
  /// Forgets what is over.
  void expire(WallTime now, core::Context& context);

  Overrides active() const;

 private:
  enum class Kind : std::uint8_t { quarantine, island, break_glass };
  struct Item {
    IdentityMatch who;
    /// The zone of an island, the role that is lent.
    std::string what;
    WallTime until = WallTime::max();
    std::string reason;
  };
  struct Asked;

  core::RequestAnswer put(Kind kind, const Asked& asked, const PolicySnapshot& policy,
                          core::Context& context);
  core::RequestAnswer end(Kind kind, const Asked& asked, core::Context& context);
  core::RequestAnswer list() const;
  static std::string_view family_of_kind(Kind kind);
  static std::string encode(const Item& item);
  /// To the audit log.
  static void tell(std::string_view type, Kind kind, const Item& item);

  /// By kind and key.
  std::map<std::pair<Kind, std::string>, Item> items_;
  bool changed_ = false;
};

}  // namespace lineshaft::auth
