#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "broker/core/pool.h"
#include "broker/core/topic_trie.h"

namespace lineshaft::core {

/// One session's subscription, as much of it as routing needs.
struct Subscriber {
  std::uint32_t session = 0;          ///< session index
  std::uint32_t generation = 0;       ///< of the session index
  std::uint32_t subscription_id = 0;  ///< Subscription Identifier, 0 for none
  std::uint8_t qos = 0;               ///< granted QoS
  bool no_local : 1 = false;
  bool retain_as_published : 1 = false;
  bool covered : 1 = false;    ///< the policy allows all of it, see `Subscription::covered`
  bool suspended : 1 = false;  ///< the policy allows nothing of it

  friend bool operator==(const Subscriber&, const Subscriber&) = default;
};
static_assert(sizeof(Subscriber) == 16);

/// What a topic matches. Reuse one object: its vectors keep their capacity.
struct Matches {
  /// By session, so that overlapping subscriptions of one session stand next to each other.
  std::vector<Subscriber> subscribers;
  /// Each matching group once, in no particular order.
  std::vector<std::uint32_t> groups;
};

/// Finds the subscriptions that match a topic.
///
/// Filters are stored in a `TopicTrie`, where '+' and '#' are ordinary levels; a filter's records
/// hang on its node. Filters and topics are valid (topic_name.h), filters without
/// "$share/{name}/". Owned by the core, touched only inside its turn.
class SubscriptionTrie {
 public:
  /// `hash_seed` as for `TopicTrie`.
  explicit SubscriptionTrie(std::uint64_t hash_seed = 0) : trie_(hash_seed) {}

  /// Inserts or replaces the record of `subscriber.session` on exactly this filter.
  /// Returns true if the session had none there.
  bool set(std::string_view filter, const Subscriber& subscriber);

  /// Removes the record of `session` from exactly this filter; false if there was none.
  bool erase(std::string_view filter, std::uint32_t session);

  /// The record of `session` on exactly this filter, else nullptr. Valid until the next change.
  const Subscriber* find(std::string_view filter, std::uint32_t session) const;

  /// Adds a share group to this filter (of which the share name is not a part).
  /// Returns true if it was not there.
  bool set_group(std::string_view filter, std::uint32_t group);

  /// Removes a share group; false if it was not there.
  bool erase_group(std::string_view filter, std::uint32_t group);

  /// Replaces the contents of `out` by what `topic` matches: one record per matching filter and
  /// session. "a/#" matches "a"; a wildcard at level one does not match '$' [MQTT-4.7.2-1].
  ///
  /// Visits at most as many nodes as there are filter prefixes that match the topic's front.
  void match(std::string_view topic, Matches& out) const;

  /// Subscriber records, over all filters.
  std::size_t size() const { return size_; }
  /// Filters that carry a subscriber or a group.
  std::size_t filter_count() const { return payloads_.size(); }
  /// Memory of the tables; the lists of filters with several subscribers or groups come on top.
  std::size_t memory_bytes() const;

 private:
  static constexpr std::uint32_t npos = TopicTrie::npos;

  /// Most filters have one subscriber and no group, so that is all a filter has room for; the
  /// rest is an index into a pool.
  struct Payload {
    Subscriber only;            ///< meant if `count` is 1
    std::uint32_t count = 0;    ///< subscribers
    std::uint32_t many = npos;  ///< list of subscribers by session, meant if `count` > 1
    std::uint32_t groups = npos;
  };

  const Payload* payload_of(std::string_view filter) const;
  Payload& payload_at(NodeId node);
  void release_if_empty(NodeId node);
  void collect(NodeId node, Matches& out) const;

  TopicTrie trie_;
  Pool<Payload, 256> payloads_;
  Pool<std::vector<Subscriber>, 64> many_;
  Pool<std::vector<std::uint32_t>, 64> groups_;
  std::size_t size_ = 0;
  mutable std::vector<NodeId> frontier_;  ///< scratch of `match`, kept for its capacity
};

}  // namespace lineshaft::core
