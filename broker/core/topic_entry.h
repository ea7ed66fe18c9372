#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "broker/base/flat_hash.h"
#include "broker/base/message.h"
#include "broker/core/extension.h"
#include "broker/core/pool.h"
#include "broker/core/subscription_trie.h"
#include "broker/core/topic_trie.h"
#include "broker/core/verdicts.h"

namespace lineshaft::core {

using TopicIndex = std::uint32_t;
inline constexpr TopicIndex no_topic = 0xFFFFFFFF;

/// Everything the core knows of one topic: a publish with a hit touches no trie.
struct TopicEntry {
  KeptMessagePtr retained;
  /// The newest message when it was not retained; null when `retained` is the newest.
  KeptMessagePtr last;
  /// Who gets it; null until the first publish, stale when its epoch is not the table's.
  struct Matched {
    std::uint64_t epoch = 0;
    Matches matches;
    /// Null without an interceptor.
    std::unique_ptr<Verdicts> verdicts;
  };
  std::unique_ptr<Matched> matched;
  /// Used only while there is no message to take the name from.
  std::unique_ptr<char[]> own_name;
  std::uint32_t hash = 0;
  std::uint32_t generation = 0;
  std::uint32_t node = 0;
  std::uint16_t name_size = 0;
  bool used : 1 = false;

  /// Differs from the store and waits for the next flush.
  bool dirty : 1 = false;
  /// What the store holds of it.
  bool retained_stored : 1 = false;
  bool last_stored : 1 = false;
  /// Looked up since the clock hand passed.
  bool recent : 1 = false;
  /// The two below are set.
  bool initialised : 1 = false;
  /// Its values go to the store.
  bool stored : 1 = false;
  /// Last values are kept of this topic.
  bool keeps_last : 1 = false;
  /// A `retained_expiry` timer runs.
  bool expiry_armed : 1 = false;

  /// Only the broker publishes there.
  bool owned : 1 = false;
  /// Live copies show RETAIN.
  bool shows_retain : 1 = false;
  /// Its retained message does not wait for the next flush.
  bool stores_at_once : 1 = false;
  /// A bit for each extension that sees its messages.
  std::uint8_t followed : extensions_max = 0;

  std::string_view name() const {
    if (retained) return retained->topic();
    if (last) return last->topic();
    return {own_name.get(), name_size};
  }
  bool has_value() const { return retained || last; }
  bool is_claimed() const { return owned || followed != 0; }
  /// The newest message of the topic, retained or not; null if none.
  const KeptMessagePtr& newest() const { return last ? last : retained; }
};

/// All topic entries: a flat hash by name and a trie of those that have a value.
///
/// Owned by the core, touched inside its turn only. Entries are named by index and generation;
/// those without value are evicted by a clock hand when there are too many.
class TopicTable {
 public:
  /// `hash_seed`: chance, so that clients cannot prepare colliding names.
  TopicTable(const SubscriptionTrie& subscriptions, std::uint64_t hash_seed)
      : subscriptions_(subscriptions), hash_seed_(hash_seed), values_(hash_seed) {}

  TopicEntry& at(TopicIndex index) { return entries_[index]; }
  const TopicEntry& at(TopicIndex index) const { return entries_[index]; }

  /// The entry of a topic, or `no_topic`.
  TopicIndex find(std::string_view name) const;
  /// The same, made if missing. May evict one idle entry above `idle_max`.
  TopicIndex obtain(std::string_view name, std::size_t idle_max);

  /// An entry that is known to be missing: a restore brings every topic once.
  TopicIndex add(std::string_view name);

  /// Who gets a message on this topic, matched again only after a subscription changed.
  const Matches& matches(TopicIndex index);
  /// What the interceptor said of this topic; of policy `policy_epoch` only.
  Verdicts& verdicts(TopicIndex index, std::uint32_t policy_epoch);
  /// A subscription to `filter` came or went.
  void subscription_changed(std::string_view filter);

  /// To be called after `retained` or `last` changed: keeps trie and counts in step.
  void value_changed(TopicIndex index, bool had_retained, bool had_value);
  /// Lets go of an entry that has neither value nor anything to flush.
  void release_if_empty(TopicIndex index);
  /// The name moves into the entry itself: call before the last message of it goes.
  static void own_name(TopicEntry& entry);

  TopicTrie& values() { return values_; }
  std::size_t size() const { return entries_.size(); }
  std::size_t valued() const { return valued_; }
  std::size_t retained() const { return retained_; }

 private:
  TopicIndex make(std::string_view name, std::uint32_t hash);
  void evict_one();
  void free_entry(TopicIndex index);

  const SubscriptionTrie& subscriptions_;
  const std::uint64_t hash_seed_;
  TopicTrie values_;
  Pool<TopicEntry> entries_;
  FlatIndex index_;
  std::uint64_t epoch_ = 1;
  std::size_t valued_ = 0;
  std::size_t retained_ = 0;
  /// Entries handed out at most; the clock hand goes round below it.
  TopicIndex highest_ = 0;
  TopicIndex clock_hand_ = 0;
};

}  // namespace lineshaft::core
