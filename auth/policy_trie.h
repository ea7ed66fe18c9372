#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lineshaft::auth {

/// What ${name}, ${zone} and ${client_id} stand for; empty: for nothing, and what contains it
/// matches nothing.
struct Variables {
  std::string_view name;
  std::string_view zone;
  std::string_view client_id;
};

/// Variables a filter uses; bits.
inline constexpr std::uint8_t uses_name = 1;
inline constexpr std::uint8_t uses_zone = 2;
inline constexpr std::uint8_t uses_client_id = 4;

/// May stand for a variable: 1 to 64 characters of A-Z a-z 0-9 . _ : @ -, so that no name can
/// change the shape of a filter.
bool is_safe_name(std::string_view name);

/// The variables `filter` uses; nullopt if "${" is not followed by one of them and "}".
std::optional<std::uint8_t> variables_of(std::string_view filter);

/// `filter` with its variables replaced; empty if one of them stands for nothing.
std::string expand(std::string_view filter, const Variables& variables);

/// A list that needs no allocation while it is short.
class SlotList {
 public:
  void push_back(std::uint32_t slot) {
    if (size_ < inline_.size()) {
      inline_[size_++] = slot;
    } else {
      more_.push_back(slot);
    }
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < size_; ++i) visit(inline_[i]);
    for (const std::uint32_t slot : more_) visit(slot);
  }

 private:
  std::array<std::uint32_t, 48> inline_;
  std::size_t size_ = 0;
  std::vector<std::uint32_t> more_;
};

/// Topic Filters with variables, found by the Topic Names they match or by the Topic Filters they
/// have topics in common with. Each different filter is a slot, numbered from 0 on.
///
/// Filled, then frozen; immutable and safe to share between threads from then on. A look-up costs
/// one search per level and branch, whatever the number of filters.
class PolicyTrie {
 public:
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  /// The slot of a valid Topic Filter, a new one if need be.
  std::uint32_t insert(std::string_view filter);
  /// No insertion behind this.
  void freeze();

  std::size_t slot_count() const { return filters_.size(); }
  const std::string& filter(std::uint32_t slot) const { return filters_[slot]; }

  /// Appends the slots of the filters that match the valid Topic Name.
  void match(std::string_view topic, const Variables& variables, SlotList& slots) const;

  struct Relative {
    std::uint32_t slot;
    /// The slot's filter matches every topic the asked one matches.
    bool contains;
  };
  /// The slots of the filters that have a topic in common with the valid Topic Filter.
  std::vector<Relative> relatives(std::string_view filter, const Variables& variables) const;

 private:
  struct Edge {
    std::uint32_t level;
    std::uint32_t child;
  };
  struct Node {
    std::uint32_t plus = none;
    std::uint32_t exact_slot = none;
    std::uint32_t hash_slot = none;
    std::uint32_t edges_begin = 0, edges_end = 0;  ///< sorted by level
    std::uint32_t templates_begin = 0, templates_end = 0;
  };
  struct Growing {
    std::map<std::uint32_t, std::uint32_t> edges;
    std::map<std::uint32_t, std::uint32_t> templates;
  };
  struct Matching;
  struct Relating;

  std::uint32_t level_id(std::string_view level);
  std::uint32_t find_level(std::string_view level) const;
  std::uint32_t add_child(std::uint32_t node, std::string_view level);
  std::uint32_t child(const Node& node, std::uint32_t level) const;
  void match_node(const Matching& matching, std::uint32_t node, std::size_t depth) const;
  void relate_node(const Relating& relating, std::uint32_t node, std::size_t depth,
                   bool contains) const;
  void relate_below(const Relating& relating, std::uint32_t node) const;

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::vector<Growing> growing_ = std::vector<Growing>(1);
  std::vector<Edge> edges_;
  std::vector<Edge> templates_;
  std::vector<std::string> filters_;
  std::deque<std::string> levels_;  ///< stay where they are: the index points at them
  std::unordered_map<std::string_view, std::uint32_t> level_index_;
  std::size_t depth_max_ = 0;
};

}  // namespace lineshaft::auth
