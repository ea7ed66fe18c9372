#include "broker/core/topic_entry.h"

#include <algorithm>
#include <cstring>

#include "broker/base/limits.h"
#include "broker/core/topic_name.h"

namespace lineshaft::core {

TopicIndex TopicTable::find(std::string_view name) const {
  return index_.find(hash_bytes(name, hash_seed_),
                     [&](std::uint32_t id) { return entries_[id].name() == name; });
}

TopicIndex TopicTable::obtain(std::string_view name, std::size_t idle_max) {
  const std::uint32_t hash = hash_bytes(name, hash_seed_);
  const TopicIndex found =
      index_.find(hash, [&](std::uint32_t id) { return entries_[id].name() == name; });
  if (found != no_topic) {
    entries_[found].recent = true;
    return found;
  }
  if (entries_.size() - valued_ >= idle_max) evict_one();
  return make(name, hash);
}

TopicIndex TopicTable::add(std::string_view name) {
  return make(name, hash_bytes(name, hash_seed_));
}

TopicIndex TopicTable::make(std::string_view name, std::uint32_t hash) {
  const TopicIndex index = entries_.take();
  highest_ = std::max(highest_, index + 1);
  TopicEntry& entry = entries_[index];
  const std::uint32_t generation = entry.generation;
  entry = TopicEntry{};
  entry.generation = generation;
  entry.hash = hash;
  entry.used = true;
  entry.recent = true;
  entry.name_size = static_cast<std::uint16_t>(name.size());
  entry.own_name = std::make_unique_for_overwrite<char[]>(name.size());
  std::memcpy(entry.own_name.get(), name.data(), name.size());
  index_.insert(hash, index);
  return index;
}

const Matches& TopicTable::matches(TopicIndex index) {
  TopicEntry& entry = entries_[index];
  if (!entry.matched) entry.matched = std::make_unique<TopicEntry::Matched>();
  if (entry.matched->epoch != epoch_) {
    subscriptions_.match(entry.name(), entry.matched->matches);
    entry.matched->epoch = epoch_;
  }
  return entry.matched->matches;
}

Verdicts& TopicTable::verdicts(TopicIndex index, std::uint32_t policy_epoch) {
  TopicEntry& entry = entries_[index];
  if (!entry.matched) entry.matched = std::make_unique<TopicEntry::Matched>();
  auto& verdicts = entry.matched->verdicts;
  if (!verdicts) verdicts = std::make_unique<Verdicts>();
  verdicts->begin(policy_epoch);
  return *verdicts;
}

void TopicTable::subscription_changed(std::string_view filter) {
  if (has_wildcard(filter)) {
    ++epoch_;
    return;
  }
  const TopicIndex index = find(filter);
  if (index != no_topic) entries_[index].matched.reset();
}

void TopicTable::own_name(TopicEntry& entry) {
  if (entry.own_name) return;
  const std::string_view name = entry.name();
  auto copy = std::make_unique_for_overwrite<char[]>(name.size());
  std::memcpy(copy.get(), name.data(), name.size());
  entry.own_name = std::move(copy);
}

void TopicTable::value_changed(TopicIndex index, bool had_retained, bool had_value) {
  TopicEntry& entry = entries_[index];
  const bool has_retained = entry.retained != nullptr;
  if (has_retained != had_retained) has_retained ? ++retained_ : --retained_;
  if (entry.has_value() == had_value) return;
  if (entry.has_value()) {
    entry.own_name.reset();
    ++valued_;
    entry.node = values_.insert(entry.name());
    values_.set_value(entry.node, index);
  } else {
    --valued_;
    values_.release(entry.node);
  }
}

void TopicTable::release_if_empty(TopicIndex index) {
  TopicEntry& entry = entries_[index];
  // A matched list is worth keeping: the topic is being published to.
  if (!entry.used || entry.has_value() || entry.dirty || entry.matched) return;
  free_entry(index);
}

void TopicTable::evict_one() {
  // One slice at most; when it finds none, the next new topic goes on from here.
  for (std::size_t steps = 0; steps < limits::slice; ++steps) {
    if (clock_hand_ >= highest_) clock_hand_ = 0;
    const TopicIndex index = clock_hand_++;
    TopicEntry& entry = entries_[index];
    if (!entry.used || entry.has_value() || entry.dirty) continue;
    if (entry.recent) {
      entry.recent = false;
      continue;
    }
    free_entry(index);
    return;
  }
}

void TopicTable::free_entry(TopicIndex index) {
  TopicEntry& entry = entries_[index];
  index_.erase(entry.hash, index);
  const std::uint32_t generation = entry.generation + 1;
  entry = TopicEntry{};
  entry.generation = generation;
  entries_.give_back(index);
}

}  // namespace lineshaft::core
