#include "auth/policy_trie.h"

#include <algorithm>

#include "broker/base/assert.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

constexpr std::string_view variable_open = "${";

struct KnownVariable {
  std::string_view text;
  std::uint8_t bit;
  std::string_view Variables::*value;
};
constexpr KnownVariable known_variables[] = {
    {"${name}", uses_name, &Variables::name},
    {"${zone}", uses_zone, &Variables::zone},
    {"${client_id}", uses_client_id, &Variables::client_id},
};

const KnownVariable* variable_at(std::string_view text) {
  for (const KnownVariable& known : known_variables) {
    if (text.starts_with(known.text)) return &known;
  }
  return nullptr;
}

/// Does `level`, a level with variables, stand for `wanted`? Compared piece by piece.
bool level_matches(std::string_view level, std::string_view wanted, const Variables& variables) {
  while (!level.empty()) {
    const std::size_t at = level.find(variable_open);
    const std::string_view text = level.substr(0, at);
    if (!wanted.starts_with(text)) return false;
    wanted.remove_prefix(text.size());
    if (at == std::string_view::npos) return wanted.empty();
    level.remove_prefix(at);
    const KnownVariable* known = variable_at(level);
    if (known == nullptr) return false;
    const std::string_view value = variables.*known->value;
    if (value.empty() || !wanted.starts_with(value)) return false;
    wanted.remove_prefix(value.size());
    level.remove_prefix(known->text.size());
  }
  return wanted.empty();
}

/// Do the variables of `level` stand for something?
bool level_exists(std::string_view level, const Variables& variables) {
  return !expand(level, variables).empty();
}

constexpr std::size_t levels_inline = 40;

}  // namespace

bool is_safe_name(std::string_view name) {
  constexpr std::size_t size_max = 64;
  if (name.empty() || name.size() > size_max) return false;
  return std::ranges::all_of(name, [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == ':' || c == '@' ||
           c == '-';
  });
}

std::optional<std::uint8_t> variables_of(std::string_view filter) {
  unsigned used = 0;
  for (;;) {
    const std::size_t at = filter.find(variable_open);
    if (at == std::string_view::npos) return static_cast<std::uint8_t>(used);
    filter.remove_prefix(at);
    const KnownVariable* known = variable_at(filter);
    if (known == nullptr) return std::nullopt;
    used |= known->bit;
    filter.remove_prefix(known->text.size());
  }
}

std::string expand(std::string_view filter, const Variables& variables) {
  std::string expanded;
  for (;;) {
    const std::size_t at = filter.find(variable_open);
    expanded += filter.substr(0, at);
    if (at == std::string_view::npos) return expanded;
    filter.remove_prefix(at);
    const KnownVariable* known = variable_at(filter);
    if (known == nullptr || (variables.*known->value).empty()) return {};
    expanded += variables.*known->value;
    filter.remove_prefix(known->text.size());
  }
}

std::uint32_t PolicyTrie::find_level(std::string_view level) const {
  const auto found = level_index_.find(level);
  return found == level_index_.end() ? none : found->second;
}

std::uint32_t PolicyTrie::level_id(std::string_view level) {
  if (const std::uint32_t known = find_level(level); known != none) return known;
  const auto id = static_cast<std::uint32_t>(levels_.size());
  levels_.emplace_back(level);
  level_index_.emplace(levels_.back(), id);
  return id;
}

std::uint32_t PolicyTrie::add_child(std::uint32_t node, std::string_view level) {
  const auto next = static_cast<std::uint32_t>(nodes_.size());
  if (level == "+") {
    if (nodes_[node].plus != none) return nodes_[node].plus;
    nodes_[node].plus = next;
  } else {
    const bool is_template = level.find(variable_open) != std::string_view::npos;
    auto& edges = is_template ? growing_[node].templates : growing_[node].edges;
    const auto [edge, is_new] = edges.try_emplace(level_id(level), next);
    if (!is_new) return edge->second;
  }
  nodes_.emplace_back();
  growing_.emplace_back();
  return next;
}

std::uint32_t PolicyTrie::insert(std::string_view filter) {
  LINESHAFT_ASSERT(growing_.size() == nodes_.size());
  std::uint32_t node = 0;
  std::size_t depth = 0;
  bool is_hash = false;
  for (std::string_view rest = filter;; ++depth) {
    const std::size_t slash = rest.find('/');
    const std::string_view level = rest.substr(0, slash);
    is_hash = level == "#";
    if (is_hash) break;
    node = add_child(node, level);
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  depth_max_ = std::max(depth_max_, depth + 1);
  std::uint32_t& slot = is_hash ? nodes_[node].hash_slot : nodes_[node].exact_slot;
  if (slot == none) {
    slot = static_cast<std::uint32_t>(filters_.size());
    filters_.emplace_back(filter);
  }
  return slot;
}

void PolicyTrie::freeze() {
  for (std::size_t i = 0; i < growing_.size(); ++i) {
    Node& node = nodes_[i];
    const auto flatten = [](const auto& from, std::vector<Edge>& to, std::uint32_t& begin,
                            std::uint32_t& end) {
      begin = static_cast<std::uint32_t>(to.size());
      for (const auto& [level, child] : from) to.push_back({level, child});
      end = static_cast<std::uint32_t>(to.size());
    };
    flatten(growing_[i].edges, edges_, node.edges_begin, node.edges_end);
    flatten(growing_[i].templates, templates_, node.templates_begin, node.templates_end);
  }
  growing_.clear();
  growing_.shrink_to_fit();
}

std::uint32_t PolicyTrie::child(const Node& node, std::uint32_t level) const {
  if (level == none) return none;
  const auto begin = edges_.begin() + node.edges_begin;
  const auto end = edges_.begin() + node.edges_end;
  const auto found = std::lower_bound(
      begin, end, level, [](const Edge& edge, std::uint32_t id) { return edge.level < id; });
  return found == end || found->level != level ? none : found->child;
}

/// A Topic Name cut into levels, as far as the trie is deep.
struct PolicyTrie::Matching {
  const Variables& variables;
  SlotList& slots;
  bool is_dollar;
  /// May be one more than the trie is deep: then the topic goes on below every filter.
  std::size_t level_count = 0;
  std::array<std::string_view, levels_inline> levels;
  std::array<std::uint32_t, levels_inline> ids;
};

void PolicyTrie::match(std::string_view topic, const Variables& variables, SlotList& slots) const {
  Matching matching{variables, slots, core::starts_with_dollar(topic), 0, {}, {}};
  LINESHAFT_ASSERT(depth_max_ < levels_inline);
  for (;;) {
    const std::size_t slash = topic.find('/');
    const std::string_view level = topic.substr(0, slash);
    matching.levels[matching.level_count] = level;
    matching.ids[matching.level_count] = find_level(level);
    ++matching.level_count;
    if (slash == std::string_view::npos || matching.level_count > depth_max_) break;
    topic.remove_prefix(slash + 1);
  }
  match_node(matching, 0, 0);
}

void PolicyTrie::match_node(const Matching& matching, std::uint32_t index,
                            std::size_t depth) const {
  const Node& node = nodes_[index];
  // Wildcards at the first level match no '$' [MQTT-4.7.2-1].
  const bool takes_wildcards = depth > 0 || !matching.is_dollar;
  if (node.hash_slot != none && takes_wildcards) matching.slots.push_back(node.hash_slot);
  if (depth == matching.level_count) {
    if (node.exact_slot != none) matching.slots.push_back(node.exact_slot);
    return;
  }
  const std::uint32_t literal = child(node, matching.ids[depth]);
  if (literal != none) match_node(matching, literal, depth + 1);
  if (node.plus != none && takes_wildcards) match_node(matching, node.plus, depth + 1);
  for (std::uint32_t i = node.templates_begin; i < node.templates_end; ++i) {
    const Edge& edge = templates_[i];
    if (level_matches(levels_[edge.level], matching.levels[depth], matching.variables)) {
      match_node(matching, edge.child, depth + 1);
    }
  }
}

struct PolicyTrie::Relating {
  const Variables& variables;
  std::vector<Relative>& found;
  std::vector<std::string_view> levels;
};

std::vector<PolicyTrie::Relative> PolicyTrie::relatives(std::string_view filter,
                                                        const Variables& variables) const {
  std::vector<Relative> found;
  Relating relating{variables, found, {}};
  for (;;) {
    const std::size_t slash = filter.find('/');
    relating.levels.push_back(filter.substr(0, slash));
    if (slash == std::string_view::npos) break;
    filter.remove_prefix(slash + 1);
  }
  relate_node(relating, 0, 0, true);
  return found;
}

void PolicyTrie::relate_node(const Relating& relating, std::uint32_t index, std::size_t depth,
                             bool contains) const {
  const Node& node = nodes_[index];
  const bool at_end = depth == relating.levels.size();
  const std::string_view level = at_end ? std::string_view{} : relating.levels[depth];
  if (!at_end && level == "#") {
    // '#' includes the parent; whatever goes on below has topics in common but not all.
    if (node.hash_slot != none) relating.found.push_back({node.hash_slot, contains});
    if (node.exact_slot != none) relating.found.push_back({node.exact_slot, false});
    return relate_below(relating, index);
  }
  const bool takes_wildcards = depth > 0 || !core::starts_with_dollar(level);
  if (node.hash_slot != none && takes_wildcards) {
    relating.found.push_back({node.hash_slot, contains});
  }
  if (at_end) {
    if (node.exact_slot != none) relating.found.push_back({node.exact_slot, contains});
    return;
  }
  const bool is_plus = level == "+";
  if (node.plus != none && takes_wildcards) relate_node(relating, node.plus, depth + 1, contains);
  for (std::uint32_t i = node.edges_begin; is_plus && i < node.edges_end; ++i) {
    const bool hidden = depth == 0 && core::starts_with_dollar(levels_[edges_[i].level]);
    if (!hidden) relate_node(relating, edges_[i].child, depth + 1, false);
  }
  if (!is_plus) {
    const std::uint32_t literal = child(node, find_level(level));
    if (literal != none) relate_node(relating, literal, depth + 1, contains);
  }
  for (std::uint32_t i = node.templates_begin; i < node.templates_end; ++i) {
    const std::string_view pattern = levels_[templates_[i].level];
    const bool meets = is_plus ? level_exists(pattern, relating.variables)
                               : level_matches(pattern, level, relating.variables);
    if (!meets) continue;
    const bool hidden =
        depth == 0 && is_plus && core::starts_with_dollar(expand(pattern, relating.variables));
    if (!hidden) relate_node(relating, templates_[i].child, depth + 1, contains && !is_plus);
  }
}

/// Everything below `index`, which "#" has topics in common with.
void PolicyTrie::relate_below(const Relating& relating, std::uint32_t index) const {
  const auto descend = [&](std::uint32_t child) {
    const Node& below = nodes_[child];
    if (below.hash_slot != none) relating.found.push_back({below.hash_slot, false});
    if (below.exact_slot != none) relating.found.push_back({below.exact_slot, false});
    relate_below(relating, child);
  };
  const Node& node = nodes_[index];
  if (node.plus != none) descend(node.plus);
  for (std::uint32_t i = node.edges_begin; i < node.edges_end; ++i) {
    // The first level of "#" matches no '$' [MQTT-4.7.2-1].
    const bool hidden = index == 0 && core::starts_with_dollar(levels_[edges_[i].level]);
    if (!hidden) descend(edges_[i].child);
  }
  for (std::uint32_t i = node.templates_begin; i < node.templates_end; ++i) {
    const std::string level = expand(levels_[templates_[i].level], relating.variables);
    const bool hidden = index == 0 && core::starts_with_dollar(level);
    if (!level.empty() && !hidden) descend(templates_[i].child);
  }
}

}  // namespace lineshaft::auth
