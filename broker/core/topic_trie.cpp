#include "broker/core/topic_trie.h"

#include <algorithm>
#include <array>

#include "broker/base/assert.h"
#include "broker/core/topic_name.h"

namespace lineshaft::core {
namespace {

/// Calls `use(level)` for each level of `name` until it returns false.
template <class Use>
void for_each_level(std::string_view name, Use&& use) {
  for (;;) {
    const std::size_t slash = name.find('/');
    if (!use(name.substr(0, slash)) || slash == std::string_view::npos) return;
    name.remove_prefix(slash + 1);
  }
}

}  // namespace

LevelNames::LevelNames(std::uint64_t hash_seed) : hash_seed_(hash_seed) {
  const LevelId first = intern("+");
  const LevelId second = intern("#");
  LINESHAFT_ASSERT(first == plus && second == hash);
}

LevelId LevelNames::find(std::string_view name) const {
  return index_.find(hash_bytes(name, hash_seed_),
                     [&](LevelId level) { return entries_[level].name == name; });
}

LevelId LevelNames::intern(std::string_view name) {
  const std::uint32_t name_hash = hash_bytes(name, hash_seed_);
  LevelId level =
      index_.find(name_hash, [&](LevelId other) { return entries_[other].name == name; });
  if (level == npos) {
    level = entries_.take();
    entries_[level].name = name;
    entries_[level].hash = name_hash;
    index_.insert(name_hash, level);
  }
  ++entries_[level].references;
  return level;
}

void LevelNames::release(LevelId level) {
  Entry& entry = entries_[level];
  LINESHAFT_ASSERT(entry.references > 0);
  if (--entry.references > 0) return;
  index_.erase(entry.hash, level);
  entry.name = std::string();  // gives a long name's memory back, unlike clear()
  entries_.give_back(level);
}

std::size_t LevelNames::memory_bytes() const {
  return entries_.memory_bytes() + index_.memory_bytes();
}

TopicTrie::TopicTrie(std::uint64_t hash_seed) : levels_(hash_seed), hash_seed_(hash_seed) {
  const NodeId first = nodes_.take();
  LINESHAFT_ASSERT(first == root);
}

std::uint32_t TopicTrie::flag_of(LevelId level) {
  if (level == LevelNames::plus) return has_plus_child;
  return level == LevelNames::hash ? has_hash_child : 0;
}

std::uint32_t TopicTrie::edge_hash(NodeId parent, LevelId level) const {
  return hash_u64(std::uint64_t{parent} << 32 | level, hash_seed_);
}

NodeId TopicTrie::child(NodeId node, LevelId level) const {
  // Most nodes of a filter trie have no wildcard child: the flags save the failing look-up.
  const std::uint32_t flag = flag_of(level);
  if (flag != 0 && (nodes_[node].state & flag) == 0) return npos;
  return edges_.find(edge_hash(node, level), [&](NodeId other) {
    return nodes_[other].parent == node && nodes_[other].level == level;
  });
}

/// Takes over the levels that `topic` shares with the name inserted before; returns their bytes.
std::size_t TopicTrie::keep_shared_path(std::string_view topic) {
  const std::size_t size = std::min(topic.size(), last_name_.size());
  const auto [end, unused] = std::mismatch(
      topic.begin(), topic.begin() + static_cast<std::ptrdiff_t>(size), last_name_.begin());
  const std::string_view common = topic.substr(0, static_cast<std::size_t>(end - topic.begin()));
  // Only levels that end within the common part are surely the same.
  last_path_.resize(static_cast<std::size_t>(std::ranges::count(common, '/')));
  return common.rfind('/') + 1;  // 0 when there is none
}

NodeId TopicTrie::insert(std::string_view topic) {
  // Sorted names, as a restore brings them, share most of their levels with the one before.
  const std::size_t shared_bytes = keep_shared_path(topic);
  last_name_ = topic;
  NodeId node = last_path_.empty() ? root : last_path_.back();
  bool fresh = false;  // below a new node there is nothing to look up
  for_each_level(topic.substr(shared_bytes), [&](std::string_view name) {
    if (!fresh) {
      const LevelId level = levels_.find(name);
      const NodeId next = level == LevelNames::npos ? npos : child(node, level);
      if (next != npos) {
        node = next;
        last_path_.push_back(node);
        return true;
      }
      fresh = true;
    }
    node = append(node, levels_.intern(name));
    last_path_.push_back(node);
    return true;
  });
  return node;
}

std::optional<NodeId> TopicTrie::find(std::string_view topic) const {
  NodeId node = root;
  for_each_level(topic, [&](std::string_view name) {
    const LevelId level = levels_.find(name);
    node = level == LevelNames::npos ? npos : child(node, level);
    return node != npos;
  });
  if (node == npos) return std::nullopt;
  return node;
}

/// New children go to the front of the list, where no walk that stands on a sibling looks again.
NodeId TopicTrie::append(NodeId parent, LevelId level) {
  const NodeId id = nodes_.take();
  LINESHAFT_ASSERT(id != npos);
  Node& node = nodes_[id];
  Node& above = nodes_[parent];
  node.parent = parent;
  node.level = level;
  node.next_sibling = above.first_child;
  if (above.first_child != npos) nodes_[above.first_child].prev_sibling = id;
  above.first_child = id;
  above.state |= flag_of(level);
  ++above.keepers;
  edges_.insert(edge_hash(parent, level), id);
  return id;
}

void TopicTrie::set_value(NodeId node, std::uint32_t value) {
  LINESHAFT_ASSERT(node != root && value != npos);
  nodes_[node].value = value;
}

void TopicTrie::release(NodeId node) {
  LINESHAFT_ASSERT(node != root);
  nodes_[node].value = npos;
  prune(node);
}

void TopicTrie::drop(NodeId node) {
  LINESHAFT_ASSERT(nodes_[node].keepers > 0);
  --nodes_[node].keepers;
  prune(node);
}

void TopicTrie::prune(NodeId node) {
  while (node != root && nodes_[node].value == npos && nodes_[node].keepers == 0) {
    const NodeId above = nodes_[node].parent;
    unlink(node);
    --nodes_[above].keepers;
    node = above;
  }
}

void TopicTrie::unlink(NodeId id) {
  last_name_.clear();
  last_path_.clear();
  Node& node = nodes_[id];
  Node& above = nodes_[node.parent];
  const bool erased = edges_.erase(edge_hash(node.parent, node.level), id);
  LINESHAFT_ASSERT(erased);
  above.state &= ~flag_of(node.level);
  if (above.first_child == id) above.first_child = node.next_sibling;
  if (node.prev_sibling != npos) nodes_[node.prev_sibling].next_sibling = node.next_sibling;
  if (node.next_sibling != npos) nodes_[node.next_sibling].prev_sibling = node.prev_sibling;
  levels_.release(node.level);
  const std::uint32_t next_generation = (node.state >> flag_bits) + 1;
  node = Node{};
  node.state = next_generation << flag_bits;
  nodes_.give_back(id);
}

std::string TopicTrie::name(NodeId node) const {
  std::size_t size = 0;
  for (NodeId at = node; at != root; at = nodes_[at].parent) {
    size += levels_.name(nodes_[at].level).size() + 1;
  }
  if (size == 0) return {};
  std::string name(size - 1, '/');
  std::size_t end = name.size();
  for (NodeId at = node; at != root; at = nodes_[at].parent) {
    const std::string_view level = levels_.name(nodes_[at].level);
    level.copy(name.data() + (end - level.size()), level.size());
    end -= std::min(end, level.size() + 1);
  }
  return name;
}

std::size_t TopicTrie::memory_bytes() const {
  return nodes_.memory_bytes() + edges_.memory_bytes() + levels_.memory_bytes();
}

FilterWalk::FilterWalk(TopicTrie& trie, std::string_view filter)
    : trie_(&trie), open_ended_(filter.ends_with('#')), node_(TopicTrie::root) {
  levels_.reserve(level_count(filter));
  for_each_level(filter, [&](std::string_view name) {
    levels_.push_back(trie.levels().intern(name));
    return true;
  });
  if (open_ended_) {
    trie.levels().release(levels_.back());
    levels_.pop_back();
  }
  hold();
}

FilterWalk::FilterWalk(FilterWalk&& other) noexcept
    : trie_(std::exchange(other.trie_, nullptr)),
      levels_(std::move(other.levels_)),
      open_ended_(other.open_ended_),
      held_(std::exchange(other.held_, false)),
      node_(other.node_),
      depth_(other.depth_) {}

FilterWalk& FilterWalk::operator=(FilterWalk&& other) noexcept {
  if (this == &other) return *this;
  finish();
  trie_ = std::exchange(other.trie_, nullptr);
  levels_ = std::move(other.levels_);
  open_ended_ = other.open_ended_;
  held_ = std::exchange(other.held_, false);
  node_ = other.node_;
  depth_ = other.depth_;
  return *this;
}

/// True if the filter takes every child of a node at `depth`, false if one by name.
bool FilterWalk::iterates(std::size_t depth) const {
  return depth >= levels_.size() ? open_ended_ : levels_[depth] == LevelNames::plus;
}

/// True on a '$' name at level one that only a wildcard led to [MQTT-4.7.2-1].
bool FilterWalk::is_barred() const {
  return depth_ == 1 && iterates(0) &&
         starts_with_dollar(trie_->levels().name(trie_->level(node_)));
}

/// The value to report for `node_`, or npos. "a/#" includes "a": depth == levels_.size().
std::uint32_t FilterWalk::hit() const {
  if (depth_ < levels_.size() || is_barred()) return TopicTrie::npos;
  return trie_->value(node_);
}

NodeId FilterWalk::next_down() const {
  if (is_barred()) return TopicTrie::npos;
  if (iterates(depth_)) return trie_->first_child(node_);
  if (depth_ >= levels_.size()) return TopicTrie::npos;
  return trie_->child(node_, levels_[depth_]);
}

/// The next node that is not below `node_`; sets `depth_`.
NodeId FilterWalk::next_up() {
  for (NodeId at = node_; depth_ > 0; --depth_) {
    if (iterates(depth_ - 1)) {
      const NodeId sibling = trie_->next_sibling(at);
      if (sibling != TopicTrie::npos) return sibling;
    }
    at = trie_->parent(at);
  }
  return TopicTrie::npos;
}

void FilterWalk::step() {
  NodeId next = next_down();
  if (next != TopicTrie::npos) {
    ++depth_;
  } else {
    next = next_up();
  }
  // Dropping may free the branch we leave, never `next`: it is not an ancestor of `node_`.
  if (std::exchange(held_, false)) trie_->drop(node_);
  node_ = next;
  if (next == TopicTrie::npos) finish();
}

void FilterWalk::hold() {
  if (std::exchange(held_, true)) return;
  trie_->hold(node_);
}

void FilterWalk::finish() {
  if (trie_ == nullptr) return;
  if (std::exchange(held_, false)) trie_->drop(node_);
  for (const LevelId level : levels_) trie_->levels().release(level);
  levels_ = {};
  trie_ = nullptr;
}

}  // namespace lineshaft::core
