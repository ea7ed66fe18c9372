#include "auth/policy_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "auth/filter_relation.h"
#include "broker/base/assert.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

constexpr std::string_view sys_root = "$SYS";

std::uint32_t range_key(std::size_t from, std::size_t to) {
  return static_cast<std::uint32_t>(from << 8 | to);
}

/// Those without limits are asked before those with, and both before those that only watch.
int conduit_rank(const ConduitSpec& conduit) {
  if (conduit.is_monitor) return 2;
  return conduit.has_limits() ? 1 : 0;
}

/// The same one for everybody.
bool names_one_topic(std::string_view filter) {
  return !core::has_wildcard(filter) && filter.find("${") == std::string_view::npos;
}

std::uint8_t personal_uses(std::string_view filter) {
  return static_cast<std::uint8_t>(variables_of(filter).value_or(0) & ~uses_zone);
}

}  // namespace

/// Fills a body; the maps are what becomes sparse bits.
class PolicyBody::Builder {
 public:
  Builder(PolicyBody& body, const Positions& positions) : body_(body), positions_(positions) {}

  void build(const PolicySpec& spec) {
    for (std::size_t i = 0; i < spec.zones.size(); ++i) add_zone(spec.zones[i], i);
    for (std::size_t i = 0; i < spec.roles.size(); ++i) add_role(spec.roles[i], i);
    sort_conduits(spec.conduits);
    for (std::size_t i = 0; i < body_.conduits.size(); ++i) add_conduit(i);
    body_.trie.freeze();
    flatten();
  }

 private:
  using Bits = std::map<std::uint32_t, std::uint64_t>;
  struct Slot {
    std::array<Bits, 6> bits;
    std::vector<SlotRule> rules;
  };
  enum List : std::size_t { publish, subscribe, deny, topics, except, commands };

  std::uint16_t add_rule(RuleKind kind, std::string text, std::string owner, std::string pointer) {
    const auto number = static_cast<std::uint16_t>(body_.rules.size());
    std::string at = positions_.text(pointer);
    body_.rules.push_back(
        {kind, std::move(text), std::move(owner), std::move(pointer), std::move(at)});
    return number;
  }

  std::uint32_t slot_of(std::string_view filter) {
    const std::uint32_t index = body_.trie.insert(filter);
    if (index == body_.slots.size()) {
      body_.slots.emplace_back().is_literal = names_one_topic(filter);
      slots_.emplace_back();
    }
    return index;
  }

  /// `holder` has the filter in its list.
  void add_filter(const FilterSpec& filter, List list, RuleKind kind, std::size_t holder,
                  std::uint16_t rule) {
    Slot& slot = slots_[slot_of(filter.text)];
    slot.bits[list][static_cast<std::uint32_t>(holder / 64)] |= std::uint64_t{1} << holder % 64;
    slot.rules.push_back({kind, static_cast<std::uint16_t>(holder), rule});
  }

  void add_zone(const ZoneSpec& zone, std::size_t index) {
    const std::string& name = zone.facts.name;
    add_rule(RuleKind::zone, name, name, zone.pointer);
    body_.zones.push_back(zone.facts);
    body_.zone_uses.push_back(0);
    body_.zone_index_.emplace(name, static_cast<std::uint8_t>(index));
    for (const FilterSpec& filter : zone.owns) {
      add_rule(RuleKind::owns, filter.text, name, filter.pointer);
      PolicySlot& slot = body_.slots[slot_of(filter.text)];
      slot.owner = static_cast<std::uint8_t>(index);
      slot.specificity = specificity_of(filter.text);
      body_.knows_dollar |= core::starts_with_dollar(filter.text);
    }
    for (const FilterSpec& filter : zone.command_topics) {
      const auto rule = add_rule(RuleKind::command_topic, filter.text, name, filter.pointer);
      add_filter(filter, commands, RuleKind::command_topic, index, rule);
    }
  }

  void add_role(const RoleSpec& role, std::size_t index) {
    add_rule(RuleKind::role, role.name, role.name, role.pointer);
    CompiledRole compiled{role.name, role.sys, 0, 0};
    const auto add = [&](const std::vector<FilterSpec>& filters, List list, RuleKind kind) {
      for (const FilterSpec& filter : filters) {
        const auto rule = add_rule(kind, filter.text, role.name, filter.pointer);
        add_filter(filter, list, kind, index, rule);
        compiled.uses |= personal_uses(filter.text);
        if (list == deny) compiled.deny_uses |= personal_uses(filter.text);
        body_.knows_dollar |= core::starts_with_dollar(filter.text);
      }
    };
    add(role.publish, publish, RuleKind::publish);
    add(role.subscribe, subscribe, RuleKind::subscribe);
    add(role.deny, deny, RuleKind::deny);
    body_.knows_dollar |= role.sys != 0;
    for (std::size_t type = 0; type < body_.publishers.size(); ++type) {
      if ((role.publishes >> type & 1) != 0) set_bit(body_.publishers[type], index);
    }
    body_.role_index_.emplace(role.name, static_cast<std::uint16_t>(index));
    body_.roles.push_back(std::move(compiled));
  }

  void sort_conduits(const std::vector<ConduitSpec>& conduits) {
    // Rules are numbered as they stand in the document, conduits as they are asked.
    for (const ConduitSpec& conduit : conduits) {
      CompiledConduit& compiled = body_.conduits.emplace_back();
      compiled.spec = conduit;
      const std::string& from = body_.zones[conduit.from].name;
      const std::string& to = body_.zones[conduit.to].name;
      compiled.rule =
          add_rule(RuleKind::conduit, fmt::format("{} -> {}", from, to), "", conduit.pointer);
      if (conduit.has_bucket()) {
        compiled.bucket = static_cast<std::uint16_t>(body_.buckets.size());
        body_.buckets.push_back(
            {conduit.messages_per_s, conduit.bytes_per_s, conduit.is_monitor, compiled.rule});
      }
    }
    std::ranges::stable_sort(body_.conduits, {}, [](const CompiledConduit& conduit) {
      const ConduitSpec& spec = conduit.spec;
      return std::tuple(spec.from, spec.to, conduit_rank(spec));
    });
    const std::size_t words = (conduits.size() + 63) / 64;
    body_.via_publish.resize(words);
    body_.via_subscribe.resize(words);
  }

  void add_conduit(std::size_t index) {
    CompiledConduit& conduit = body_.conduits[index];
    const ConduitSpec& spec = conduit.spec;
    const auto [range, is_new] = body_.ranges_.try_emplace(range_key(spec.from, spec.to));
    if (is_new) range->second.begin = static_cast<std::uint32_t>(index);
    range->second.end = static_cast<std::uint32_t>(index) + 1;
    if (spec.via_publish) set_bit(body_.via_publish, index);
    if (spec.via_subscribe) set_bit(body_.via_subscribe, index);
    if (spec.roles.empty()) conduit.roles.fill(~std::uint64_t{0});
    for (const std::size_t role : spec.roles) set_bit(conduit.roles, role);
    unsigned uses = 0;
    for (const FilterSpec& filter : spec.topics) {
      add_filter(filter, topics, RuleKind::conduit, index, conduit.rule);
      uses |= personal_uses(filter.text);
    }
    for (const FilterSpec& filter : spec.except) {
      add_filter(filter, except, RuleKind::conduit, index, conduit.rule);
      conduit.except_uses |= personal_uses(filter.text);
    }
    uses |= conduit.except_uses;
    for (const std::size_t zone : {spec.from, spec.to}) {
      body_.zone_uses[zone] = static_cast<std::uint8_t>(body_.zone_uses[zone] | uses);
    }
  }

  SparseBits pack(const Bits& bits) {
    SparseBits packed;
    packed.begin = static_cast<std::uint32_t>(body_.words.size());
    for (const auto& [index, word] : bits) body_.words.push_back({index, word});
    packed.end = static_cast<std::uint32_t>(body_.words.size());
    return packed;
  }

  void flatten() {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      PolicySlot& slot = body_.slots[i];
      slot.publish = pack(slots_[i].bits[publish]);
      slot.subscribe = pack(slots_[i].bits[subscribe]);
      slot.deny = pack(slots_[i].bits[deny]);
      slot.topics = pack(slots_[i].bits[topics]);
      slot.except = pack(slots_[i].bits[except]);
      slot.commands = pack(slots_[i].bits[commands]);
      std::vector<SlotRule>& rules = slots_[i].rules;
      std::ranges::stable_sort(
          rules, {}, [](const SlotRule& rule) { return std::pair(rule.kind, rule.holder); });
      slot.rules_begin = static_cast<std::uint32_t>(body_.slot_rules.size());
      body_.slot_rules.insert(body_.slot_rules.end(), rules.begin(), rules.end());
      slot.rules_end = static_cast<std::uint32_t>(body_.slot_rules.size());
    }
  }

  PolicyBody& body_;
  const Positions& positions_;
  std::vector<Slot> slots_;
};

PolicyBody::PolicyBody(const PolicySpec& spec, const Positions& positions) {
  Builder(*this, positions).build(spec);
}

ConduitRange PolicyBody::conduits_between(std::uint8_t from, std::uint8_t to) const {
  const auto found = ranges_.find(range_key(from, to));
  return found == ranges_.end() ? ConduitRange{} : found->second;
}

std::uint8_t PolicyBody::find_zone(const std::string& name) const {
  const auto found = zone_index_.find(name);
  return found == zone_index_.end() ? no_zone : found->second;
}

int PolicyBody::find_role(const std::string& name) const {
  const auto found = role_index_.find(name);
  return found == role_index_.end() ? -1 : found->second;
}

std::uint16_t PolicyBody::rule_of(const PolicySlot& slot, RuleKind kind, std::size_t holder) const {
  const auto begin = slot_rules.begin() + slot.rules_begin;
  const auto end = slot_rules.begin() + slot.rules_end;
  const auto found = std::lower_bound(
      begin, end, std::pair(kind, holder), [](const SlotRule& rule, const auto& wanted) {
        return std::pair(rule.kind, std::size_t{rule.holder}) < wanted;
      });
  LINESHAFT_ASSERT(found != end);
  return found->rule;
}

Specificity specificity_of(std::string_view filter) {
  Specificity specificity;
  bool wild = false;
  for (;;) {
    const std::size_t slash = filter.find('/');
    const std::string_view level = filter.substr(0, slash);
    const bool is_wild = level == "+" || level == "#";
    wild |= is_wild;
    if (!wild) ++specificity.prefix;
    if (!is_wild) ++specificity.literals;
    if (slash == std::string_view::npos) return specificity;
    filter.remove_prefix(slash + 1);
  }
}

std::string_view next_judged(std::string_view topic) {
  constexpr std::string_view plain[] = {"$lkv/", "$quarantine/", "$sparkplug/certificates/"};
  constexpr std::string_view frame = "$frame/";
  if (!core::starts_with_dollar(topic)) return topic;
  for (const std::string_view prefix : plain) {
    if (topic.starts_with(prefix)) return topic.substr(prefix.size());
  }
  if (!topic.starts_with(frame)) return topic;
  const std::size_t slash = topic.find('/', frame.size());
  return slash == std::string_view::npos ? topic : topic.substr(slash + 1);
}

std::string_view judged_topic(std::string_view topic) {
  // One may stand for another: "$frame/10s/$lkv/a".
  for (std::string_view next = next_judged(topic); next != topic; next = next_judged(topic)) {
    topic = next;
  }
  return topic;
}

bool is_sys(std::string_view topic) {
  return topic == sys_root ||
         (topic.starts_with(sys_root) && topic.substr(sys_root.size()).starts_with('/'));
}

SysAreas sys_areas(std::string_view filter) {
  constexpr std::string_view everything = "$SYS/broker/#";
  constexpr std::string_view audit[] = {"$SYS/broker/audit/#", "$SYS/broker/security/#",
                                        "$SYS/broker/policy/#"};
  // Directly below "clients" are numbers; deeper are clients.
  constexpr std::string_view clients = "$SYS/broker/clients/+/+/#";
  SysAreas found;
  bool is_one = contains(clients, filter);
  unsigned areas = intersects(clients, filter) ? sys_clients : 0;
  for (const std::string_view part : audit) {
    if (intersects(part, filter)) areas |= sys_audit;
    is_one |= contains(part, filter);
  }
  if (!is_one && intersects(everything, filter)) areas |= sys_metrics;
  found.areas = static_cast<std::uint8_t>(areas);
  found.has_others = !contains(everything, filter);
  return found;
}

}  // namespace lineshaft::auth
