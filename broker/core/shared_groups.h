#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/core/session.h"

namespace lineshaft::core {

/// A shared subscription: one (ShareName, Topic Filter), its members take turns. Each zone has its
/// own, for who may read a topic may not take it away from another zone's readers.
struct SharedGroup {
  /// "$share/name/filter" as subscribed.
  std::string filter;
  /// Of its members; empty without zones.
  std::string zone;
  struct Member {
    SessionIndex session = no_session;
    std::uint32_t generation = 0;
    mqtt::SubscriptionOptions options;
    std::uint32_t subscription_identifier = 0;
    /// The policy allows nothing of it.
    bool suspended = false;
  };
  std::vector<Member> members;
  std::size_t next = 0;
};

/// All shared subscriptions.
class SharedGroups {
 public:
  /// Joins, or replaces the member's options. Returns the group's number and whether it is new.
  struct Joined {
    ShareId share;
    bool group_is_new;
  };
  Joined join(std::string_view zone, std::string_view filter, const SharedGroup::Member& member);
  /// True when the last member left: the group is gone, its filter must leave the trie.
  bool leave(ShareId share, SessionIndex session);

  SharedGroup* find(ShareId share);
  /// 0 when nobody subscribes to it.
  ShareId find(std::string_view zone, std::string_view filter) const;
  std::size_t size() const { return groups_.size(); }

 private:
  static std::string key(std::string_view zone, std::string_view filter);

  std::unordered_map<ShareId, SharedGroup> groups_;
  std::unordered_map<std::string, ShareId> by_key_;
  ShareId last_ = 0;
};

}  // namespace lineshaft::core
