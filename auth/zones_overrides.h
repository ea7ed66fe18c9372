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
  /// What a request is judged with.
  struct Setting {
    const PolicySnapshot& policy;
    /// Who there can be; null: nobody knows.
    const IdentityConfig* identity;
    /// The client or session the request names; null: none.
    const core::Subject* subject;
    core::Context& context;
  };
  /// Verbs, each with a JSON object. WHO is "identity" and, as far as they are needed to tell one
  /// from others, "zone", "issuer" (hexadecimal) and "proof" ("certificate", "user", "psk");
  /// without "identity" it is the owner of the session the request names.
  /// - `quarantine` {WHO, "ttl_s", "reason"}
  /// - `release` {WHO}
  /// - `island` {"zone", "on", "reason"}
  /// - `break_glass` {WHO, "role", "ttl_s", "reason"}: at most `limits::break_glass_max`;
  ///   `break_glass_end` {WHO}
  /// - `overrides` {}: what holds now
  ///
  /// A name that may be several is refused. "by" is who asks. Every change is audited. `refused`
  /// comes with {"error"}; `done` with {"kept": false} when it is forgotten at the next restart.
  core::RequestAnswer request(std::string_view verb, std::string_view body, const Setting& setting);
  /// A request has changed something since the last call.
  bool take_changed() { return std::exchange(changed_, false); }

  /// An item of the store; false: none of ours, or not readable (logged).
  bool restore(std::string_view family, std::string_view key, std::string_view value);
  /// Forgets what is over.
  void expire(WallTime now, core::Context& context);
  /// Ends every role that is lent: nobody can say when its time is over. False: there was none.
  bool end_lent(core::Context& context);

  Overrides active() const;

 private:
  enum class Kind : std::uint8_t { quarantine, island, break_glass };
  struct Item {
    IdentityMatch who;
    /// The zone of an island, the role that is lent.
    std::string what;
    WallTime until = WallTime::max();
    std::string reason;
    /// The store has it.
    bool is_kept = true;
  };
  struct Asked;

  core::RequestAnswer put(Kind kind, const Asked& asked, const Setting& setting);
  core::RequestAnswer end(Kind kind, const Asked& asked, core::Context& context);
  core::RequestAnswer switch_island(Asked asked, bool on, const Setting& setting);
  core::RequestAnswer list() const;
  static std::string_view family_of_kind(Kind kind);
  static std::string encode(const Item& item);
  /// To the audit log.
  static void tell(std::string_view type, Kind kind, const Item& item, std::string_view by);

  /// By kind and key.
  std::map<std::pair<Kind, std::string>, Item> items_;
  bool changed_ = false;
};

}  // namespace lineshaft::auth
