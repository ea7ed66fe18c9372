#include "broker/core/subscription_trie.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "broker/core/topic_name.h"

namespace lineshaft::core {
namespace {

bool by_session(const Subscriber& a, const Subscriber& b) {
  return std::tie(a.session, a.subscription_id, a.qos) <
         std::tie(b.session, b.subscription_id, b.qos);
}

/// The place of `session` in a list by session: its record, or where that would stand.
template <class List>
auto place_of(List& list, std::uint32_t session) {
  return std::lower_bound(
      list.begin(), list.end(), session,
      [](const Subscriber& s, std::uint32_t wanted) { return s.session < wanted; });
}

}  // namespace

SubscriptionTrie::Payload& SubscriptionTrie::payload_at(NodeId node) {
  std::uint32_t index = trie_.value(node);
  if (index == npos) {
    index = payloads_.take();
    trie_.set_value(node, index);
  }
  return payloads_[index];
}

bool SubscriptionTrie::set(std::string_view filter, const Subscriber& subscriber) {
  Payload& payload = payload_at(trie_.insert(filter));
  if (payload.count <= 1) {
    const bool is_new = payload.count == 0 || payload.only.session != subscriber.session;
    if (payload.count == 0 || !is_new) {
      payload.only = subscriber;
      payload.count = 1;
      size_ += is_new ? 1 : 0;
      return is_new;
    }
    payload.many = many_.take();
    many_[payload.many].push_back(payload.only);
  }
  std::vector<Subscriber>& list = many_[payload.many];
  const auto place = place_of(list, subscriber.session);
  if (place != list.end() && place->session == subscriber.session) {
    *place = subscriber;
    return false;
  }
  list.insert(place, subscriber);
  ++payload.count;
  ++size_;
  return true;
}

bool SubscriptionTrie::erase(std::string_view filter, std::uint32_t session) {
  const std::optional<NodeId> node = trie_.find(filter);
  if (!node || trie_.value(*node) == npos) return false;
  Payload& payload = payloads_[trie_.value(*node)];
  if (payload.count <= 1) {
    if (payload.count == 0 || payload.only.session != session) return false;
  } else {
    std::vector<Subscriber>& list = many_[payload.many];
    const auto place = place_of(list, session);
    if (place == list.end() || place->session != session) return false;
    list.erase(place);
    if (list.size() == 1) {
      payload.only = list.front();
      list = {};
      many_.give_back(payload.many);
      payload.many = npos;
    }
  }
  --payload.count;
  --size_;
  release_if_empty(*node);
  return true;
}

const Subscriber* SubscriptionTrie::find(std::string_view filter, std::uint32_t session) const {
  const Payload* payload = payload_of(filter);
  if (payload == nullptr || payload->count == 0) return nullptr;
  if (payload->count == 1) return payload->only.session == session ? &payload->only : nullptr;
  const std::vector<Subscriber>& list = many_[payload->many];
  const auto place = place_of(list, session);
  return place != list.end() && place->session == session ? &*place : nullptr;
}

bool SubscriptionTrie::set_group(std::string_view filter, std::uint32_t group) {
  Payload& payload = payload_at(trie_.insert(filter));
  if (payload.groups == npos) payload.groups = groups_.take();
  std::vector<std::uint32_t>& list = groups_[payload.groups];
  if (std::find(list.begin(), list.end(), group) != list.end()) return false;
  list.push_back(group);
  return true;
}

bool SubscriptionTrie::erase_group(std::string_view filter, std::uint32_t group) {
  const std::optional<NodeId> node = trie_.find(filter);
  if (!node || trie_.value(*node) == npos) return false;
  Payload& payload = payloads_[trie_.value(*node)];
  if (payload.groups == npos) return false;
  std::vector<std::uint32_t>& list = groups_[payload.groups];
  const auto place = std::find(list.begin(), list.end(), group);
  if (place == list.end()) return false;
  *place = list.back();
  list.pop_back();
  if (list.empty()) {
    list = {};
    groups_.give_back(payload.groups);
    payload.groups = npos;
  }
  release_if_empty(*node);
  return true;
}

void SubscriptionTrie::match(std::string_view topic, Matches& out) const {
  out.subscribers.clear();
  out.groups.clear();
  frontier_.assign(1, TopicTrie::root);
  // Breadth first: the look-ups of one level do not wait for each other, and the depth of a
  // hostile filter costs no stack. [begin, size) are the nodes whose path matches so far.
  std::size_t begin = 0;
  bool wildcards = !starts_with_dollar(topic);
  for (bool more = true; more;) {
    const std::size_t slash = topic.find('/');
    const LevelId level = trie_.levels().find(topic.substr(0, slash));
    more = slash != std::string_view::npos;
    if (more) topic.remove_prefix(slash + 1);
    const std::size_t end = frontier_.size();
    for (; begin < end; ++begin) {
      const NodeId node = frontier_[begin];
      if (wildcards) {
        collect(trie_.child(node, LevelNames::hash), out);
        const NodeId plus = trie_.child(node, LevelNames::plus);
        if (plus != npos) frontier_.push_back(plus);
      }
      if (level == LevelNames::npos) continue;
      const NodeId exact = trie_.child(node, level);
      if (exact != npos) frontier_.push_back(exact);
    }
    wildcards = true;
  }
  for (; begin < frontier_.size(); ++begin) {
    collect(frontier_[begin], out);
    collect(trie_.child(frontier_[begin], LevelNames::hash), out);  // "a/#" matches "a"
  }
  auto& found = out.subscribers;
  if (!std::is_sorted(found.begin(), found.end(), by_session)) {
    std::sort(found.begin(), found.end(), by_session);
  }
}

void SubscriptionTrie::collect(NodeId node, Matches& out) const {
  if (node == npos || trie_.value(node) == npos) return;
  const Payload& payload = payloads_[trie_.value(node)];
  if (payload.count == 1) out.subscribers.push_back(payload.only);
  if (payload.count > 1) {
    const std::vector<Subscriber>& list = many_[payload.many];
    out.subscribers.insert(out.subscribers.end(), list.begin(), list.end());
  }
  if (payload.groups != npos) {
    const std::vector<std::uint32_t>& list = groups_[payload.groups];
    out.groups.insert(out.groups.end(), list.begin(), list.end());
  }
}

const SubscriptionTrie::Payload* SubscriptionTrie::payload_of(std::string_view filter) const {
  const std::optional<NodeId> node = trie_.find(filter);
  if (!node || trie_.value(*node) == npos) return nullptr;
  return &payloads_[trie_.value(*node)];
}

void SubscriptionTrie::release_if_empty(NodeId node) {
  const std::uint32_t index = trie_.value(node);
  if (payloads_[index].count > 0 || payloads_[index].groups != npos) return;
  payloads_[index] = Payload{};
  payloads_.give_back(index);
  trie_.release(node);
}

std::size_t SubscriptionTrie::memory_bytes() const {
  return trie_.memory_bytes() + payloads_.memory_bytes() + many_.memory_bytes() +
         groups_.memory_bytes();
}

}  // namespace lineshaft::core
