// What of a Topic Filter somebody may receive: an answer for all its topics at once.
#include <algorithm>
#include <string>
#include <vector>

#include "auth/filter_relation.h"
#include "auth/policy_evaluation.h"
#include "broker/base/limits.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {

/// One filter against one principal. When in doubt it says `overlap`: then each topic is asked for.
class PolicyRelation {
 public:
  PolicyRelation(const PolicySnapshot& snapshot, const PolicyEvaluation& who,
                 std::string_view filter)
      : body_(*snapshot.body_), who_(who), filter_(filter) {}

  Relation find();
  /// Through the policy, so far.
  std::uint32_t steps() const { return steps_; }

 private:
  using Slots = std::vector<PolicyTrie::Relative>;
  static constexpr std::size_t pairs_max = 4096;

  bool has_role(const SparseBits& bits) const;
  bool has_conduit(const SparseBits& bits, std::size_t conduit) const;
  const std::string& text(const PolicyTrie::Relative& slot) const;
  void gather();
  bool may_receive_all() const;
  bool may_cross_all(std::uint8_t owner) const;
  bool may_receive_some() const;
  bool may_cross_some(std::uint8_t owner, const Slots& owned) const;
  bool meet(const PolicyTrie::Relative& one, const PolicyTrie::Relative& other) const;

  const PolicyBody& body_;
  const PolicyEvaluation& who_;
  std::string_view filter_;
  SparkplugTypes types_ = 0;
  Slots relatives_;
  /// Those of the relatives that matter: what the roles allow, and what each zone owns.
  Slots allowed_;
  std::vector<std::pair<std::uint8_t, Slots>> owned_;
  bool is_denied_ = false;
  bool has_denials_ = false;
  bool is_all_allowed_ = false;
  bool is_all_owned_ = false;
  /// A filter under many conduits is not followed to the end.
  bool is_enough() const { return steps_ > limits::relate_steps_max; }
  mutable std::uint32_t steps_ = 0;
};

bool PolicyRelation::has_role(const SparseBits& bits) const {
  return std::any_of(
      body_.words.begin() + bits.begin, body_.words.begin() + bits.end,
      [&](const SparseWord& word) { return (word.bits & who_.roles()[word.index]) != 0; });
}

bool PolicyRelation::has_conduit(const SparseBits& bits, std::size_t conduit) const {
  return std::any_of(body_.words.begin() + bits.begin, body_.words.begin() + bits.end,
                     [&](const SparseWord& word) {
                       return word.index == conduit / 64 && (word.bits >> conduit % 64 & 1) != 0;
                     });
}

const std::string& PolicyRelation::text(const PolicyTrie::Relative& slot) const {
  return body_.trie.filter(slot.slot);
}

void PolicyRelation::gather() {
  types_ = possible_types(filter_);
  relatives_ = body_.trie.relatives(filter_, who_.variables());
  steps_ += static_cast<std::uint32_t>(relatives_.size());
  for (const PolicyTrie::Relative& relative : relatives_) {
    const PolicySlot& slot = body_.slots[relative.slot];
    if (has_role(slot.deny)) {
      has_denials_ = true;
      is_denied_ |= relative.contains;
    }
    if (has_role(slot.subscribe)) {
      allowed_.push_back(relative);
      is_all_allowed_ |= relative.contains;
    }
    if (slot.owner == no_zone) continue;
    is_all_owned_ |= relative.contains;
    auto zone = std::ranges::find(owned_, slot.owner, [](const auto& one) { return one.first; });
    if (zone == owned_.end()) zone = owned_.insert(owned_.end(), {slot.owner, Slots{}});
    zone->second.push_back(relative);
  }
}

/// Is there a topic that both match? Variables count as what they stand for.
bool PolicyRelation::meet(const PolicyTrie::Relative& one,
                          const PolicyTrie::Relative& other) const {
  steps_ += 4;  // as long as four others
  std::string filled[2];
  const auto plain = [&](const std::string& filter, std::string& into) -> std::string_view {
    if (filter.find("${") == std::string::npos) return filter;
    return into = expand(filter, who_.variables());
  };
  return intersects(plain(text(one), filled[0]), plain(text(other), filled[1]));
}

/// Of three filters that meet each other in pairs there is a topic that all three match.
bool PolicyRelation::may_receive_some() const {
  std::size_t pairs = 0;
  for (const auto& [zone, owned] : owned_) pairs += owned.size() * allowed_.size();
  if (pairs > pairs_max) return true;
  for (const PolicyTrie::Relative& allowed : allowed_) {
    // A topic of nobody's that a role names.
    if (body_.slots[allowed.slot].is_literal) {
      const std::string topic = expand(text(allowed), who_.variables());
      if (who_.decide(Op::deliver, topic, {}).allow) return true;
    }
  }
  return std::ranges::any_of(owned_, [&](const auto& owned) {
    if (owned.first != who_.zone()) return may_cross_some(owned.first, owned.second);
    return std::ranges::any_of(owned.second, [&](const PolicyTrie::Relative& own) {
      return std::ranges::any_of(
          allowed_, [&](const PolicyTrie::Relative& allowed) { return meet(own, allowed); });
    });
  });
}

bool PolicyRelation::may_cross_some(std::uint8_t owner, const Slots& owned) const {
  if (who_.is_island(owner) || who_.is_island(who_.zone())) return false;
  const ConduitRange range = body_.conduits_between(owner, who_.zone());
  const bool all_commands = std::ranges::any_of(relatives_, [&](const auto& relative) {
    const SparseBits& commands = body_.slots[relative.slot].commands;
    return relative.contains && has_conduit(commands, owner);
  });
  for (std::uint32_t i = range.begin; i < range.end; ++i) {
    if (is_enough()) return true;
    const CompiledConduit& conduit = body_.conduits[i];
    if (!conduit.spec.via_subscribe || !who_.is_active(i)) continue;
    if (who_.is_excepted_everywhere(conduit)) continue;
    const bool possible =
        conduit.spec.is_monitor ||
        std::ranges::any_of(sparkplug_types_and_none, [&](SparkplugType type) {
          return (types_ & bit_of(type)) != 0 &&
                 who_.conduit_condition(conduit, type, all_commands) == PolicyReason::allowed;
        });
    if (!possible) continue;
    steps_ += static_cast<std::uint32_t>(relatives_.size());
    const bool excepted = std::ranges::any_of(relatives_, [&](const auto& relative) {
      return relative.contains && has_conduit(body_.slots[relative.slot].except, i);
    });
    if (excepted) continue;
    for (const PolicyTrie::Relative& topics : relatives_) {
      if (is_enough()) return true;
      if (!has_conduit(body_.slots[topics.slot].topics, i)) continue;
      for (const PolicyTrie::Relative& allowed : allowed_) {
        if (!meet(topics, allowed)) continue;
        const bool meets_owned = std::ranges::any_of(
            owned, [&](const auto& own) { return meet(own, allowed) && meet(own, topics); });
        if (meets_owned) return true;
      }
    }
  }
  return false;
}

bool PolicyRelation::may_receive_all() const {
  if (!is_all_allowed_ || !is_all_owned_ || has_denials_) return false;
  return std::ranges::all_of(owned_, [&](const auto& owned) {
    return owned.first == who_.zone() || may_cross_all(owned.first);
  });
}

/// Does one conduit without limits let everything of the filter through?
bool PolicyRelation::may_cross_all(std::uint8_t owner) const {
  if (who_.is_island(owner) || who_.is_island(who_.zone())) return false;
  const ConduitRange range = body_.conduits_between(owner, who_.zone());
  const bool some_commands = std::ranges::any_of(relatives_, [&](const auto& relative) {
    return has_conduit(body_.slots[relative.slot].commands, owner);
  });
  for (std::uint32_t i = range.begin; i < range.end; ++i) {
    const CompiledConduit& conduit = body_.conduits[i];
    const ConduitSpec& spec = conduit.spec;
    if (!spec.via_subscribe || spec.has_limits() || spec.is_monitor) continue;
    if (!who_.is_active(i) || who_.is_excepted_everywhere(conduit)) continue;
    const bool passes = std::ranges::all_of(sparkplug_types_and_none, [&](SparkplugType type) {
      return (types_ & bit_of(type)) == 0 ||
             who_.conduit_condition(conduit, type, some_commands) == PolicyReason::allowed;
    });
    if (!passes) continue;
    steps_ += static_cast<std::uint32_t>(relatives_.size());
    if (is_enough()) return false;
    bool contains_all = false;
    bool excepts_some = false;
    for (const PolicyTrie::Relative& relative : relatives_) {
      const PolicySlot& slot = body_.slots[relative.slot];
      contains_all |= relative.contains && has_conduit(slot.topics, i);
      excepts_some |= has_conduit(slot.except, i);
    }
    if (contains_all && !excepts_some) return true;
  }
  return false;
}

Relation PolicyRelation::find() {
  gather();
  if (is_denied_ || allowed_.empty()) return Relation::disjoint;
  if (may_receive_all()) return Relation::subset;
  return may_receive_some() ? Relation::overlap : Relation::disjoint;
}

namespace {

Relation relate_sys(const PolicyEvaluation& who, std::string_view filter) {
  const SysAreas asked = sys_areas(filter);
  const unsigned readable = asked.areas & who.sys();
  if (readable == 0) return Relation::disjoint;
  return readable == asked.areas && !asked.has_others ? Relation::subset : Relation::overlap;
}

/// Begins like a topic that stands for others: each topic has to be looked at.
bool may_stand_for_others(std::string_view filter) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"$lkv/#", "$frame/#", "$quarantine/#",
                                              "$sparkplug/#"},
      [&](std::string_view part) { return intersects(part, filter); });
}

}  // namespace

Relation PolicySnapshot::relate(const core::Principal& principal, std::string_view client_id,
                                std::string_view filter, std::uint32_t* steps) const {
  const PolicyEvaluation who(*this, principal, client_id);
  const auto relate_plain = [&](std::string_view plain) {
    PolicyRelation one(*this, who, plain);
    const Relation relation = one.find();
    if (steps != nullptr) *steps = one.steps();
    return relation;
  };
  if (who.refusal() != PolicyReason::allowed) return Relation::disjoint;
  if (!core::is_valid_topic_filter(filter) || who.is_denied_everywhere()) {
    return Relation::disjoint;
  }
  if (!core::has_wildcard(filter)) {
    // The smallest message: what a limit refuses it refuses for every message.
    const Decision decision = who.decide(Op::deliver, filter, {});
    if (!decision.allow) return Relation::disjoint;
    return decision.attribute_sensitive ? Relation::overlap : Relation::subset;
  }
  if (is_sys(filter)) return relate_sys(who, filter);
  if (may_stand_for_others(filter)) {
    const std::string_view inner = judged_topic(filter);
    const bool plain = inner != filter && core::is_valid_topic_filter(inner) &&
                       !core::has_wildcard(inner.substr(0, inner.find('/'))) &&
                       !may_stand_for_others(inner) && !is_sys(inner);
    if (!plain) return Relation::overlap;
    const Relation relation = relate_plain(inner);
    // A denial may be for the outer name alone.
    return relation == Relation::subset ? Relation::overlap : relation;
  }
  return relate_plain(filter);
}

}  // namespace lineshaft::auth
