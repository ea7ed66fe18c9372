#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/base/flat_hash.h"
#include "broker/core/pool.h"

namespace lineshaft::core {

/// Index of an interned level name.
using LevelId = std::uint32_t;
/// Index of a trie node. Reused after the node is freed; `TopicTrie::generation` tells them apart.
using NodeId = std::uint32_t;

/// The distinct level names of a trie, each stored once and counted.
///
/// A million ISA-95 topics have a few hundred level names. A name vanishes with its last reference;
/// '+' and '#' are always there. Owned by its trie, touched only inside the core's turn.
class LevelNames {
 public:
  static constexpr LevelId npos = 0xFFFF'FFFFu;
  static constexpr LevelId plus = 0;  ///< the level "+"
  static constexpr LevelId hash = 1;  ///< the level "#"

  explicit LevelNames(std::uint64_t hash_seed);

  /// The id of `name`, or npos if nobody refers to it.
  LevelId find(std::string_view name) const;

  /// The id of `name` with one more reference. Each call needs one `release`.
  LevelId intern(std::string_view name);
  void release(LevelId level);

  /// Valid until the reference is released.
  std::string_view name(LevelId level) const { return entries_[level].name; }

  std::size_t size() const { return index_.size(); }
  std::size_t memory_bytes() const;

 private:
  struct Entry {
    std::string name;
    std::uint32_t hash = 0;
    std::uint32_t references = 0;
  };

  Pool<Entry, 128> entries_;
  FlatIndex index_;
  std::uint64_t hash_seed_;
};

/// Topic names (or filters) as a tree of levels, with one 32-bit value per name.
///
/// The value is the index of whatever hangs there in a table of the owner. About 50 bytes per name
/// (32-byte node, 8-byte hash slots, names interned). '+' and '#' are ordinary level names here;
/// empty levels count; the empty string is a name of one empty level. Names are not validated: the
/// caller does that and bounds their number and depth (limits.h).
///
/// Owned by the core, touched only inside its turn. Not movable: walks point at it.
class TopicTrie {
 public:
  static constexpr std::uint32_t npos = 0xFFFF'FFFFu;
  static constexpr NodeId root = 0;

  /// `hash_seed`: chance from the core's generator, so that clients cannot prepare colliding names.
  explicit TopicTrie(std::uint64_t hash_seed = 0);
  TopicTrie(const TopicTrie&) = delete;
  TopicTrie& operator=(const TopicTrie&) = delete;

  /// The node of `topic`, created with value npos if missing. Give it a value or `release` it.
  NodeId insert(std::string_view topic);

  /// The node of `topic`, if there is one. It may be a mere inner node with value npos.
  std::optional<NodeId> find(std::string_view topic) const;

  std::uint32_t value(NodeId node) const { return nodes_[node].value; }

  /// `value` other than npos; to take a value away call `release`.
  void set_value(NodeId node, std::uint32_t value);

  /// Takes the value away and frees the node, and its ancestors, as far as they have neither value,
  /// children nor a hold. The node id must not be used afterwards.
  void release(NodeId node);

  /// The name that was inserted. Costs a climb to the root.
  std::string name(NodeId node) const;

  /// Changes each time the node id is freed: an id kept together with its generation can be
  /// checked.
  std::uint32_t generation(NodeId node) const { return nodes_[node].state >> flag_bits; }

  /// Nodes, inner ones included, the root not.
  std::size_t node_count() const { return nodes_.size() - 1; }
  std::size_t memory_bytes() const;

  /// Steps for those who walk the tree themselves. npos where there is nothing.
  NodeId child(NodeId node, LevelId level) const;
  NodeId first_child(NodeId node) const { return nodes_[node].first_child; }
  NodeId next_sibling(NodeId node) const { return nodes_[node].next_sibling; }
  NodeId parent(NodeId node) const { return nodes_[node].parent; }
  LevelId level(NodeId node) const { return nodes_[node].level; }

  /// Keeps `node` in the tree, also without value and children, until `drop`. Holds are counted.
  void hold(NodeId node) { ++nodes_[node].keepers; }
  void drop(NodeId node);

  LevelNames& levels() { return levels_; }
  const LevelNames& levels() const { return levels_; }

 private:
  struct Node {
    NodeId parent = npos;
    LevelId level = LevelNames::npos;
    NodeId first_child = npos;
    NodeId next_sibling = npos;
    NodeId prev_sibling = npos;
    std::uint32_t keepers = 0;  ///< children + holds: reasons to stay besides the value
    std::uint32_t value = npos;
    std::uint32_t state = 0;  ///< generation << flag_bits | flags
  };
  static constexpr unsigned flag_bits = 2;
  static constexpr std::uint32_t has_plus_child = 1;
  static constexpr std::uint32_t has_hash_child = 2;

  static std::uint32_t flag_of(LevelId level);
  std::uint32_t edge_hash(NodeId parent, LevelId level) const;
  std::size_t keep_shared_path(std::string_view topic);
  NodeId append(NodeId parent, LevelId level);
  void prune(NodeId node);
  void unlink(NodeId node);

  Pool<Node> nodes_;
  FlatIndex edges_;  ///< (parent, level) -> child
  LevelNames levels_;
  std::uint64_t hash_seed_;
  /// The name inserted last and the nodes of its levels; empty when one of them may be gone.
  std::string last_name_;
  std::vector<NodeId> last_path_;
};

/// Finds the topics of a trie that match a filter, in slices.
///
/// Between slices (and from within `visit`) the trie may change freely. A topic that is there from
/// the first slice to the last is visited exactly once; one that comes or goes meanwhile is visited
/// at most once. The walk holds the one node it stands on and its level names, nothing else, so
/// a walk that waits for hours costs a few dozen bytes and keeps at most one dead branch.
///
/// Must end (finish, be destroyed or assigned to) before its trie does.
class FilterWalk {
 public:
  /// A walk that has already finished.
  FilterWalk() = default;
  /// `filter` is a valid Topic Filter (without "$share/{name}/").
  FilterWalk(TopicTrie& trie, std::string_view filter);
  FilterWalk(FilterWalk&& other) noexcept;
  FilterWalk& operator=(FilterWalk&& other) noexcept;
  ~FilterWalk() { finish(); }

  /// Visits at most `budget` nodes, hits and misses alike, and calls `visit(value)` for each hit in
  /// an order that means nothing. Returns true when the walk has finished.
  ///
  /// `visit` may insert and release topics, but not end this walk.
  template <class Visit>
  bool advance(std::size_t budget, Visit&& visit) {
    for (; trie_ != nullptr && budget > 0; --budget) {
      if (const std::uint32_t value = hit(); value != TopicTrie::npos) {
        hold();
        visit(value);
      }
      step();
    }
    if (trie_ == nullptr) return true;
    hold();
    return false;
  }

  bool finished() const { return trie_ == nullptr; }

 private:
  bool iterates(std::size_t depth) const;
  bool is_barred() const;
  std::uint32_t hit() const;
  NodeId next_down() const;
  NodeId next_up();
  void step();
  void hold();
  void finish();

  TopicTrie* trie_ = nullptr;
  std::vector<LevelId> levels_;    ///< the filter without a final '#'; one reference each
  bool open_ended_ = false;        ///< the filter ends with '#'
  bool held_ = false;              ///< `node_` is held in the trie
  NodeId node_ = TopicTrie::npos;  ///< the node to visit next
  std::uint32_t depth_ = 0;        ///< its depth, 0 for the root
};

}  // namespace lineshaft::core
