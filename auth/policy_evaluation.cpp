// The decision: allow = a role allows, none denies, the topic is the own zone's or a conduit lets
// it through, and the proof is strong enough. Whatever is missing is a denial.
#include "auth/policy_evaluation.h"

#include <algorithm>
#include <bit>

#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

Decision denied(PolicyReason reason, std::uint16_t rule = no_rule) {
  Decision decision;
  decision.reason = reason;
  decision.rule = rule;
  return decision;
}

Decision allowed_by(std::uint16_t rule) {
  Decision decision;
  decision.allow = true;
  decision.reason = PolicyReason::allowed;
  decision.rule = rule;
  return decision;
}

/// Depends on the message, not only on its topic.
bool is_limit(PolicyReason reason) {
  return reason == PolicyReason::conduit_qos || reason == PolicyReason::conduit_retain ||
         reason == PolicyReason::conduit_size;
}

/// The bits of the word that belong to the range.
std::uint64_t bits_of(ConduitRange range, std::uint32_t word) {
  const std::uint32_t first = word * 64;
  std::uint64_t bits = ~std::uint64_t{0};
  if (range.begin > first) bits &= ~std::uint64_t{0} << (range.begin - first);
  if (range.end < first + 64) bits &= (std::uint64_t{1} << (range.end - first)) - 1;
  return bits;
}

}  // namespace

PolicyEvaluation::PolicyEvaluation(const PolicySnapshot& snapshot, const core::Principal& principal,
                                   std::string_view client_id)
    : snapshot_(snapshot), body_(*snapshot.body_), principal_(principal) {
  zone_ = body_.find_zone(principal.zone);
  if (zone_ == no_zone) {
    refusal_ = PolicyReason::no_zone_claim;
    return;
  }
  variables_.zone = body_.zones[zone_].name;
  if (is_safe_name(principal.name)) {
    variables_.name = principal.name;
  } else {
    unsafe_ |= uses_name;
  }
  if (is_safe_name(client_id)) {
    variables_.client_id = client_id;
  } else {
    unsafe_ |= uses_client_id;
  }
  const auto lend = [&](const std::string& name) {
    const int role = body_.find_role(name);
    if (role >= 0) set_bit(roles_, static_cast<std::size_t>(role));
  };
  for (const std::string& role : principal.roles) lend(role);
  for (const Overrides::BreakGlass& lent : snapshot.overrides_.break_glass) {
    if (snapshot.now_ < lent.until && lent.who.matches(principal)) lend(lent.role);
  }
  if (snapshot.is_quarantined(principal)) {
    refusal_ = PolicyReason::quarantined;
  } else if (principal.strength < body_.zones[zone_].sl_t) {
    refusal_ = PolicyReason::strength;
  }
}

bool PolicyEvaluation::is_denied_everywhere() const {
  if (unsafe_ == 0) return false;
  for (std::size_t i = 0; i < body_.roles.size(); ++i) {
    if ((body_.roles[i].deny_uses & unsafe_) != 0 && has_bit(roles_, i)) return true;
  }
  return false;
}

bool PolicyEvaluation::is_excepted_everywhere(const CompiledConduit& conduit) const {
  return (conduit.except_uses & unsafe_) != 0;
}

std::uint8_t PolicyEvaluation::sys() const {
  unsigned areas = 0;
  for (std::size_t i = 0; i < body_.roles.size(); ++i) {
    if (has_bit(roles_, i)) areas |= body_.roles[i].sys;
  }
  return static_cast<std::uint8_t>(areas);
}

void PolicyEvaluation::judge(std::string_view topic, Judged& judged) const {
  judged.topic = topic;
  judged.type = classify_topic(topic);
  body_.trie.match(topic, variables_, judged.slots);
  Specificity best;
  judged.slots.for_each([&](std::uint32_t index) {
    const PolicySlot& slot = body_.slots[index];
    if (slot.owner == no_zone) return;
    if (judged.owner != no_zone && slot.specificity <= best) return;
    judged.owner = slot.owner;
    best = slot.specificity;
  });
  if (judged.owner == no_zone) return;
  judged.slots.for_each([&](std::uint32_t index) {
    const SparseBits& commands = body_.slots[index].commands;
    for (std::uint32_t i = commands.begin; i < commands.end; ++i) {
      const SparseWord& word = body_.words[i];
      if (word.index != judged.owner / 64u) continue;
      judged.is_command |= (word.bits >> judged.owner % 64 & 1) != 0;
    }
  });
}

int PolicyEvaluation::first_common(const SparseBits& bits, const RoleBits& wanted) const {
  for (std::uint32_t i = bits.begin; i < bits.end; ++i) {
    const SparseWord& word = body_.words[i];
    const std::uint64_t common = word.bits & wanted[word.index];
    if (common != 0) return static_cast<int>(word.index * 64) + std::countr_zero(common);
  }
  return -1;
}

std::uint16_t PolicyEvaluation::find_role_rule(const SlotList& slots, RuleKind kind,
                                               const RoleBits& wanted) const {
  std::uint16_t lowest = no_rule;
  slots.for_each([&](std::uint32_t index) {
    const PolicySlot& slot = body_.slots[index];
    const SparseBits& bits = kind == RuleKind::deny      ? slot.deny
                             : kind == RuleKind::publish ? slot.publish
                                                         : slot.subscribe;
    const int role = first_common(bits, wanted);
    if (role < 0) return;
    lowest = std::min(lowest, body_.rule_of(slot, kind, static_cast<std::size_t>(role)));
  });
  return lowest;
}

Decision PolicyEvaluation::decide(Op op, std::string_view topic,
                                  const MessageAttributes& attributes) const {
  if (refusal_ != PolicyReason::allowed) return denied(refusal_);
  const std::string_view inner = judged_topic(topic);
  // What is left of a valid name is one too, unless nothing is.
  if (!core::is_valid_topic_name(topic) || inner.empty()) {
    return denied(PolicyReason::topic_invalid);
  }
  if (op == Op::admin) return denied(PolicyReason::role_no_allow);
  if (is_denied_everywhere()) return denied(PolicyReason::role_deny);
  // What is denied of a name is denied of all that stand for it.
  for (std::string_view outer = topic; outer != inner; outer = next_judged(outer)) {
    SlotList slots;
    body_.trie.match(outer, variables_, slots);
    const std::uint16_t rule = find_role_rule(slots, RuleKind::deny, roles_);
    if (rule != no_rule) return denied(PolicyReason::role_deny, rule);
  }
  if (is_sys(inner)) {
    const SysAreas areas = sys_areas(inner);
    const bool reads = op == Op::deliver && !areas.has_others && (areas.areas & ~sys()) == 0;
    return reads ? allowed_by(no_rule) : denied(PolicyReason::role_no_allow);
  }
  Judged judged;
  judge(inner, judged);
  const Decision by_role = decide_role(op, judged);
  if (!by_role.allow || judged.owner == zone_) return by_role;
  if (judged.owner == no_zone) return decide_unowned(op, judged, roles_);
  return decide_conduit(op, judged, attributes);
}

Decision PolicyEvaluation::decide_role(Op op, const Judged& judged) const {
  const std::uint16_t deny = find_role_rule(judged.slots, RuleKind::deny, roles_);
  if (deny != no_rule) return denied(PolicyReason::role_deny, deny);
  if (!is_publish(op)) {
    const std::uint16_t rule = find_role_rule(judged.slots, RuleKind::subscribe, roles_);
    return rule != no_rule ? allowed_by(rule) : denied(PolicyReason::role_no_allow);
  }
  RoleBits able = roles_;
  const RoleBits& publishers = body_.publishers[static_cast<std::size_t>(judged.type)];
  for (std::size_t i = 0; i < able.size(); ++i) able[i] &= publishers[i];
  const std::uint16_t rule = find_role_rule(judged.slots, RuleKind::publish, able);
  if (rule != no_rule) return allowed_by(rule);
  const std::uint16_t other = find_role_rule(judged.slots, RuleKind::publish, roles_);
  return other != no_rule ? denied(PolicyReason::role_spb, other)
                          : denied(PolicyReason::role_no_allow);
}

/// Nobody's topic is open to a role that names just this one, without a wildcard or a variable. It
/// leads from any zone to any other, so it is none for who is on an island.
Decision PolicyEvaluation::decide_unowned(Op op, const Judged& judged,
                                          const RoleBits& roles) const {
  if (is_island(zone_)) return denied(PolicyReason::island);
  RoleBits able = roles;
  if (is_publish(op)) {
    const RoleBits& publishers = body_.publishers[static_cast<std::size_t>(judged.type)];
    for (std::size_t i = 0; i < able.size(); ++i) able[i] &= publishers[i];
  }
  SlotList named;
  judged.slots.for_each([&](std::uint32_t slot) {
    if (body_.slots[slot].is_literal) named.push_back(slot);
  });
  const RuleKind kind = is_publish(op) ? RuleKind::publish : RuleKind::subscribe;
  const std::uint16_t rule = find_role_rule(named, kind, able);
  return rule != no_rule ? allowed_by(rule) : denied(PolicyReason::topic_unowned);
}

std::uint64_t PolicyEvaluation::candidates(const Judged& judged, std::uint32_t word) const {
  std::uint64_t matched = 0;
  std::uint64_t excepted = 0;
  const auto word_of = [&](const SparseBits& bits) {
    const auto end = body_.words.begin() + bits.end;
    const auto found = std::lower_bound(
        body_.words.begin() + bits.begin, end, word,
        [](const SparseWord& one, std::uint32_t index) { return one.index < index; });
    return found == end || found->index != word ? 0 : found->bits;
  };
  judged.slots.for_each([&](std::uint32_t index) {
    matched |= word_of(body_.slots[index].topics);
    excepted |= word_of(body_.slots[index].except);
  });
  return matched & ~excepted;
}

PolicyReason PolicyEvaluation::conduit_condition(const CompiledConduit& conduit, SparkplugType type,
                                                 bool is_command) const {
  const ConduitSpec& spec = conduit.spec;
  const auto has_role = [&] {
    for (std::size_t i = 0; i < roles_.size(); ++i) {
      if ((roles_[i] & conduit.roles[i]) != 0) return true;
    }
    return false;
  };
  if (!has_role()) return PolicyReason::conduit_role;
  if (principal_.strength < spec.min_strength) return PolicyReason::conduit_strength;
  if (principal_.tls < spec.min_tls) return PolicyReason::conduit_tls;
  if ((spec.types & bit_of(type)) == 0) return PolicyReason::conduit_spb;
  if (is_command && !spec.allows_commands) return PolicyReason::conduit_command;
  return PolicyReason::allowed;
}

PolicyReason PolicyEvaluation::conduit_condition(const CompiledConduit& conduit, Op op,
                                                 const Judged& judged,
                                                 const MessageAttributes& attributes) const {
  const PolicyReason fixed = conduit_condition(conduit, judged.type, judged.is_command);
  if (fixed != PolicyReason::allowed) return fixed;
  const ConduitSpec& spec = conduit.spec;
  if (is_publish(op) && attributes.qos > spec.qos_max) return PolicyReason::conduit_qos;
  if (is_publish(op) && attributes.retain && !spec.retain) return PolicyReason::conduit_retain;
  if (spec.max_payload && attributes.size_bytes > *spec.max_payload) {
    return PolicyReason::conduit_size;
  }
  return PolicyReason::allowed;
}

Decision PolicyEvaluation::pass(const CompiledConduit& conduit, Op op, PolicyReason reason) const {
  Decision decision = allowed_by(conduit.rule);
  decision.reason = reason;
  decision.bucket = conduit.bucket;
  decision.monitored = conduit.spec.is_monitor;
  decision.attribute_sensitive = conduit.spec.has_limits() || conduit.spec.is_monitor;
  if (conduit.spec.is_monitor || is_publish(op)) return decision;
  decision.qos_max = conduit.spec.qos_max;
  decision.strips_retain = !conduit.spec.retain;
  return decision;
}

Decision PolicyEvaluation::decide_conduit(Op op, const Judged& judged,
                                          const MessageAttributes& attributes) const {
  const bool publishes = is_publish(op);
  const std::uint8_t from = publishes ? zone_ : judged.owner;
  const std::uint8_t to = publishes ? judged.owner : zone_;
  if (is_island(from) || is_island(to)) return denied(PolicyReason::island);
  const ConduitRange range = body_.conduits_between(from, to);
  if (range.begin == range.end) return denied(PolicyReason::no_conduit);
  const auto& via = publishes ? body_.via_publish : body_.via_subscribe;
  // The conduit that comes nearest to letting it through says why it does not.
  Decision best = denied(PolicyReason::conduit_via, body_.conduits[range.begin].rule);
  for (std::uint32_t word = range.begin / 64; word * 64 < range.end; ++word) {
    const std::uint64_t open = via[word] & bits_of(range, word);
    if (open != 0 && best.reason == PolicyReason::conduit_via) {
      const auto first = word * 64 + static_cast<std::uint32_t>(std::countr_zero(open));
      best.reason = PolicyReason::conduit_topic;
      best.rule = body_.conduits[first].rule;
    }
    for (std::uint64_t left = open & candidates(judged, word); left != 0; left &= left - 1) {
      const auto index = word * 64 + static_cast<std::uint32_t>(std::countr_zero(left));
      const Decision decision = try_conduit(index, op, judged, attributes, best);
      if (decision.allow) return decision;
    }
  }
  return best;
}

/// Whether this one lets it through; `best` is the denial as far as it is known.
Decision PolicyEvaluation::try_conduit(std::uint32_t index, Op op, const Judged& judged,
                                       const MessageAttributes& attributes, Decision& best) const {
  const CompiledConduit& conduit = body_.conduits[index];
  if (is_excepted_everywhere(conduit)) return best;
  PolicyReason condition = conduit_condition(conduit, op, judged, attributes);
  const bool now = is_active(index);
  if (now && (condition == PolicyReason::allowed || conduit.spec.is_monitor)) {
    Decision decision = pass(conduit, op, condition);
    decision.attribute_sensitive |= best.attribute_sensitive;
    return decision;
  }
  best.attribute_sensitive |= now && is_limit(condition);
  if (condition == PolicyReason::allowed) condition = PolicyReason::conduit_time;
  if (condition > best.reason) {
    best.reason = condition;
    best.rule = conduit.rule;
  }
  return best;
}

}  // namespace lineshaft::auth
