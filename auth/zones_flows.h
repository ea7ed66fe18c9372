#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "auth/policy_snapshot.h"

namespace lineshaft::auth {

/// Flows between zones that somebody asked for and that no enforced conduit lets through: refused,
/// or let through by a conduit in monitor mode. Bounded by `limits::learned_flows_max`, what does
/// not fit is counted. What stays inside a zone costs one look at the decision. Used inside the
/// core's turn only.
class ZonesFlows {
 public:
  void begin(WallTime now) { since_ = now; }

  /// `policy` has decided about a message.
  void saw(const PolicySnapshot& policy, const core::Principal& who, Op op, std::string_view topic,
           const Decision& decision);
  /// `policy` refuses a subscription; `example` is a topic that matches the filter.
  void refused(const PolicySnapshot& policy, const core::Principal& who, std::string_view filter,
               std::string_view example, PolicyReason reason);

  /// {"since", "conduits": [...], "not_allowed_by_roles": [...], "left_out", "text": TOML}, with
  /// topics of at most `depth` levels.
  nlohmann::json report(std::size_t depth) const;

 private:
  struct Key {
    std::string from;
    std::string to;
    bool is_publish = false;
    /// The roles of who asks.
    std::vector<std::string> roles;
    /// A conduit does not help: the roles do not allow it.
    bool lacks_role = false;
    /// Needs a conduit that opens commands.
    bool is_command = false;
    SparkplugType type = SparkplugType::none;
    /// Cut to `limits::learned_levels_max`.
    std::string topic;

    auto operator<=>(const Key&) const = default;
  };
  struct Seen {
    std::uint64_t count = 0;
    PolicyReason reason = PolicyReason::allowed;
    std::string identity;
  };
  struct Conduit;
  struct ConduitKey;

  void add(const PolicySnapshot& policy, const core::Principal& who, bool is_publish,
           std::string_view filter, std::string_view topic, PolicyReason reason);
  std::map<ConduitKey, Conduit> conduits(std::size_t depth) const;

  WallTime since_{};
  std::map<Key, Seen> flows_;
  std::uint64_t left_out_ = 0;
};

}  // namespace lineshaft::auth
