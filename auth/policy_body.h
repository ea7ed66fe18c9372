#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/policy_snapshot.h"
#include "auth/policy_spec.h"
#include "auth/policy_trie.h"
#include "broker/base/limits.h"

namespace lineshaft::auth {

/// Bits by role.
using RoleBits = std::array<std::uint64_t, limits::policy_roles_max / 64>;
/// Bits by zone.
using ZoneBits = std::array<std::uint64_t, 4>;

inline constexpr std::uint8_t no_zone = 255;

template <class Words>
bool has_bit(const Words& words, std::size_t bit) {
  return (words[bit / 64] >> bit % 64 & 1) != 0;
}
template <class Words>
void set_bit(Words& words, std::size_t bit) {
  words[bit / 64] |= std::uint64_t{1} << bit % 64;
}

/// Bits of which few words are not zero.
struct SparseWord {
  std::uint32_t index;
  std::uint64_t bits;
};
struct SparseBits {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// What the document says with one filter: whose it is, which roles and conduits have it.
struct PolicySlot {
  SparseBits publish, subscribe, deny;  ///< by role
  SparseBits topics, except;            ///< by conduit
  SparseBits commands;                  ///< by zone
  std::uint32_t rules_begin = 0, rules_end = 0;
  std::uint8_t owner = no_zone;
  Specificity specificity;
  /// One topic, named without a wildcard and without a variable.
  bool is_literal = false;
};

/// Which rule gave a slot to a role or conduit; sorted by kind and holder.
struct SlotRule {
  RuleKind kind;
  std::uint16_t holder;
  std::uint16_t rule;
};

struct CompiledConduit {
  ConduitSpec spec;
  RoleBits roles{};  ///< all, if the document names none
  std::uint16_t rule = no_rule;
  std::uint16_t bucket = no_bucket;
  /// An `except` has a variable: when that stands for nothing, nothing passes.
  std::uint8_t except_uses = 0;
};

struct CompiledRole {
  std::string name;
  std::uint8_t sys = 0;
  /// Variables in filters of the role, but ${zone}; and those in its `deny`.
  std::uint8_t uses = 0;
  std::uint8_t deny_uses = 0;
};

/// Conduits from one zone to another, next to each other in the order in which they are asked.
struct ConduitRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// What a document was compiled to; immutable, shared by all its snapshots.
class PolicyBody {
 public:
  /// `spec` has no errors.
  PolicyBody(const PolicySpec& spec, const Positions& positions);

  ConduitRange conduits_between(std::uint8_t from, std::uint8_t to) const;
  std::uint8_t find_zone(const std::string& name) const;
  /// -1: no such role.
  int find_role(const std::string& name) const;
  /// The rule that gave the slot to the holder.
  std::uint16_t rule_of(const PolicySlot& slot, RuleKind kind, std::size_t holder) const;

  PolicyTrie trie;
  std::vector<PolicySlot> slots;
  std::vector<SparseWord> words;
  std::vector<SlotRule> slot_rules;
  std::vector<ZoneFacts> zones;
  std::vector<CompiledRole> roles;
  /// By `SparkplugType`: roles that may publish it.
  std::array<RoleBits, 10> publishers{};
  std::vector<CompiledConduit> conduits;
  std::vector<std::uint64_t> via_publish, via_subscribe;  ///< bits by conduit
  /// Variables in conduits at the zone's border, but ${zone}.
  std::vector<std::uint8_t> zone_uses;
  std::vector<BucketLimits> buckets;
  std::vector<Rule> rules;
  /// Some `own` or role filter begins with '$' literally, or some role reads $SYS.
  bool knows_dollar = false;

 private:
  class Builder;

  std::unordered_map<std::string, std::uint8_t> zone_index_;
  std::unordered_map<std::string, std::uint16_t> role_index_;
  std::unordered_map<std::uint32_t, ConduitRange> ranges_;
};

/// Parts of $SYS that topics matching `filter`, which begins with "$SYS", belong to. Others are
/// nobody's.
struct SysAreas {
  std::uint8_t areas = 0;
  bool has_others = false;
};
SysAreas sys_areas(std::string_view filter);
bool is_sys(std::string_view topic);

}  // namespace lineshaft::auth
