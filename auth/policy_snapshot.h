#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity_match.h"
#include "auth/policy_diagnostic.h"
#include "auth/policy_reason.h"
#include "auth/policy_sparkplug.h"
#include "broker/base/message.h"
#include "broker/base/time.h"
#include "broker/core/principal.h"

namespace lineshaft::auth {

/// What somebody wants with a topic. `admin` is granted by no key of the document.
enum class Op : std::uint8_t { publish, will, deliver, admin };
std::string_view to_string(Op op);

/// A Topic Filter against what somebody may receive. `disjoint`: nothing of it; `subset`: all of
/// it, whatever the message is like; `overlap`: each topic has to be asked for.
enum class Relation : std::uint8_t { disjoint, overlap, subset };

struct MessageAttributes {
  QoS qos = QoS::at_most_once;
  bool retain = false;
  /// Of the payload.
  std::uint32_t size_bytes = 0;
};

inline constexpr std::uint16_t no_rule = 0xFFFF;
inline constexpr std::uint16_t no_bucket = 0xFFFF;

struct Decision {
  bool allow = false;
  /// With `allow` set: `allowed`, or what a conduit in monitor mode would have refused; then it is
  /// to be counted and audited.
  PolicyReason reason = PolicyReason::no_zone_claim;
  /// The rule that decided, an index into `PolicySnapshot::rule`, or `no_rule`.
  std::uint16_t rule = no_rule;
  /// Delivery with a higher QoS is lowered to it.
  QoS qos_max = QoS::exactly_once;
  /// Delivery loses its RETAIN flag.
  bool strips_retain = false;
  /// Whether and how it is allowed depends on more than subject, operation and topic, or has to be
  /// counted each time: it must not be remembered.
  bool attribute_sensitive = false;
  /// The rate to count the message against, an index into `PolicySnapshot::buckets`, or
  /// `no_bucket`.
  std::uint16_t bucket = no_bucket;
  /// Went through a conduit in monitor mode: its rate is counted too, but nothing is held back.
  bool monitored = false;

  friend bool operator==(const Decision&, const Decision&) = default;
};

/// The rate of one conduit, per principal that uses it. The tokens are its user's business.
struct BucketLimits {
  /// Messages and payload bytes per second; 0: no limit. A bucket holds one second's worth, at
  /// least one message.
  double messages_per_s = 0;
  double bytes_per_s = 0;
  bool monitored = false;
  /// The conduit, for logs: an index into `PolicySnapshot::rule`.
  std::uint16_t rule = no_rule;
};

/// What a subscription that may receive only a part of its filter becomes.
enum class OverlapPolicy : std::uint8_t { filter, deny };
/// A subscription whose filter a new policy shut out.
enum class OnRevoke : std::uint8_t { suspend, disconnect };
/// A refused publish.
enum class OnDeny : std::uint8_t { refuse, disconnect };
/// A live connection whose certificate has expired.
enum class OnExpiry : std::uint8_t { keep, disconnect };
/// Who may use a Client Identifier: the first identity that did; the one named so; one whose name
/// and '-' begin it; anybody.
enum class ClientIdRule : std::uint8_t { bind, equal, prefix, free };

struct ZoneFacts {
  std::string name;
  std::uint8_t sl_t = 4;
  OverlapPolicy overlap = OverlapPolicy::filter;
  bool checks_origin = true;
  OnRevoke on_revoke = OnRevoke::suspend;
  OnDeny on_deny = OnDeny::refuse;
  OnExpiry on_expiry = OnExpiry::disconnect;
  ClientIdRule client_id = ClientIdRule::bind;
};

/// What the tables about identities must know of a role.
struct RoleFacts {
  std::string name;
  /// A filter of it has ${client_id}.
  bool uses_client_id = false;
  /// It publishes Sparkplug's commands, or reads of $SYS.
  bool is_powerful = false;
};

/// What holds for a time on top of the document. Ends that have passed are ignored.
struct Overrides {
  struct Quarantine {
    IdentityMatch who;
    WallTime until = WallTime::max();
  };
  struct BreakGlass {
    IdentityMatch who;
    /// A role the document does not have is ignored.
    std::string role;
    WallTime until = WallTime::max();
  };

  /// Found by name: a snapshot sorts them.
  std::vector<Quarantine> quarantined;
  /// Zones whose conduits act as absent.
  std::vector<std::string> islands;
  std::vector<BreakGlass> break_glass;
};

enum class RuleKind : std::uint8_t {
  zone,
  owns,
  command_topic,
  role,
  publish,
  subscribe,
  deny,
  conduit,
};

/// One line of the document that can decide something.
struct Rule {
  RuleKind kind = RuleKind::zone;
  /// The filter; "ot -> it" for a conduit; the name of a zone or role.
  std::string text;
  /// The zone or role it belongs to; empty for a conduit.
  std::string owner;
  std::string pointer;
  /// "FILE:LINE:COLUMN", or empty when the document came without positions.
  std::string at;
};
std::string_view to_string(RuleKind kind);

/// Why a decision is what it is.
struct Explanation {
  struct ConsultedRule {
    std::uint16_t rule = no_rule;
    bool matched = false;
  };
  struct ConsideredConduit {
    std::uint16_t rule = no_rule;
    /// `allowed`, or the first condition that failed.
    PolicyReason result = PolicyReason::allowed;
    bool is_monitor = false;
  };

  Decision decision;
  Op op = Op::publish;
  std::string topic;
  /// What is decided about: `topic`, or the topic it stands for.
  std::string judged_topic;
  SparkplugType sparkplug = SparkplugType::none;
  bool is_command = false;
  std::string zone;
  /// Empty: nobody's.
  std::string owner_zone;
  std::uint8_t strength = 0;
  std::uint8_t strength_required = 0;
  bool is_quarantined = false;
  bool is_island = false;
  /// With those lent for a time.
  std::vector<std::string> roles;
  /// Every filter of the roles that is about `op`, in the document's order.
  std::vector<ConsultedRule> rules;
  /// Every conduit between the two zones, in the order in which they are asked.
  std::vector<ConsideredConduit> conduits;
};

/// A topic in the policy's terms, or the one it stands for.
struct TopicFacts {
  /// Empty: nobody's.
  std::string_view owner;
  /// One of its owner's `command_topics`.
  bool is_command = false;
};

/// Where data can come from in several steps although no conduit leads there directly.
struct Chain {
  /// Zones from the first to the last, at least three.
  std::vector<std::string> zones;
  /// For each step one of the conduits that make it: an index into `PolicySnapshot::rule`.
  std::vector<std::uint16_t> conduits;
};

class PolicyBody;
class PolicySnapshot;
using PolicySnapshotPtr = std::shared_ptr<const PolicySnapshot>;

/// One policy at one time, immutable: any thread may ask, at once. What changes with the time makes
/// another snapshot (`with`), which shares everything else.
///
/// A topic below "$lkv/", "$frame/{interval}/", "$quarantine/" and "$sparkplug/certificates/" is
/// judged as the topic it stands for; denials count for both. "$SYS" is read by roles with `sys`
/// and written by nobody.
///
/// No answer is a denial: an unknown zone, an invalid topic, a name that must not stand in a
/// filter.
class PolicySnapshot {
 public:
  PolicySnapshot(std::shared_ptr<const PolicyBody> body, Overrides overrides, WallTime now);
  ~PolicySnapshot();

  /// May `principal` do `op` with the message on `topic`?
  ///
  /// Of several conduits that allow, one without limits decides before one with limits, and both
  /// before one in monitor mode; then the one that stands first.
  Decision check(const core::Principal& principal, std::string_view client_id, Op op,
                 std::string_view topic, const MessageAttributes& attributes) const;

  /// What of `filter` (without "$share/NAME/") may `principal` receive? `steps`: how many it took
  /// through the policy, if it took more than for one topic.
  Relation relate(const core::Principal& principal, std::string_view client_id,
                  std::string_view filter, std::uint32_t* steps = nullptr) const;

  /// May who wrote a retained message still stand behind it? `allowed`, or why not: its zone may
  /// not publish there any more, or it is in quarantine. Its roles are not asked: nobody knows
  /// those of who is not here.
  PolicyReason check_author(const core::Principal& author, std::string_view topic) const;

  Explanation explain(const core::Principal& principal, std::string_view client_id, Op op,
                      std::string_view topic, const MessageAttributes& attributes) const;

  /// `allowed`, or why the principal has no place in this policy: its zone, its strength.
  /// Quarantine is no reason: who is in it stays connected.
  PolicyReason may_connect(const core::Principal& principal) const;

  /// Principals with equal keys get equal answers, whatever their names.
  struct ClassKey {
    std::string key;
    /// The key has the name or the Client Identifier in it, because a filter has.
    bool is_personal = false;
  };
  ClassKey class_key(const core::Principal& principal, std::string_view client_id) const;

  /// nullptr: no such zone.
  const ZoneFacts* zone(std::string_view name) const;
  const std::vector<ZoneFacts>& zones() const;
  /// Of the topic, or of the one it stands for; empty: nobody's.
  std::string_view zone_of(std::string_view topic) const { return facts_of(topic).owner; }
  TopicFacts facts_of(std::string_view topic) const;
  bool is_quarantined(const core::Principal& principal) const;
  bool is_island(std::string_view zone) const;
  bool has_role(std::string_view name) const;
  std::vector<RoleFacts> roles() const;

  /// Buckets by conduit, for `Decision::bucket`.
  const std::vector<BucketLimits>& buckets() const;
  const Rule& rule(std::uint16_t number) const;
  std::size_t rule_count() const;
  /// "FILE:LINE:COLUMN" of the rule, its JSON pointer without positions, or "-" for `no_rule`.
  std::string rule_text(std::uint16_t number) const;

  /// Ways through several conduits to where none leads directly, shortest first.
  std::vector<Chain> chains() const;

  /// The same document with other overrides, as of `now`.
  PolicySnapshotPtr with(Overrides overrides, WallTime now) const;
  const Overrides& overrides() const { return overrides_; }
  WallTime made_at() const { return now_; }
  /// When a conduit's time or an override begins or ends next: then ask `with` for another one.
  std::optional<WallTime> next_edge() const;

 private:
  friend class PolicyEvaluation;
  friend class PolicyRelation;

  std::shared_ptr<const PolicyBody> body_;
  Overrides overrides_;
  WallTime now_;
  /// Bits by conduit: those whose time it is.
  std::vector<std::uint64_t> active_;
  /// Bits by zone.
  std::vector<std::uint64_t> islands_;
};

/// What became of a document.
struct CompiledPolicy {
  /// nullptr if there is an error among the diagnostics.
  PolicySnapshotPtr policy;
  std::vector<Diagnostic> diagnostics;
};

/// The one compiler, for the configuration file, the API and tests. `document` has the tables
/// pki, identity, listeners, zones, roles, conduits and policy; `positions` says where its values
/// come from, for messages. Nothing that is not understood is skipped: it is an error.
CompiledPolicy compile_policy(const nlohmann::json& document, const Positions& positions,
                              WallTime now);

/// The same from text, which must be JSON without duplicate keys and within
/// `limits::policy_document_size_bytes_max`.
CompiledPolicy compile_policy_text(std::string_view text, const Positions& positions, WallTime now);

}  // namespace lineshaft::auth
