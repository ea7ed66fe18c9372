#include "broker/core/topic_entry.h"

#include <optional>
#include <string>
#include <vector>

#include "broker/base/limits.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::core;

namespace {

constexpr std::size_t plenty = 1'000'000;

KeptMessagePtr message_on(Octets topic) {
  MessageFields fields;
  fields.topic = topic;
  fields.payload = "1";
  return KeptMessage::make(fields, {});
}

struct Fixture {
  SubscriptionTrie subscriptions{1};
  TopicTable topics{subscriptions, 1};

  TopicIndex known(std::string_view name) { return topics.obtain(name, plenty); }

  void set(TopicIndex index, bool retained) {
    TopicEntry& entry = topics.at(index);
    const bool had_retained = entry.retained != nullptr;
    const bool had_value = entry.has_value();
    (retained ? entry.retained : entry.last) = message_on(std::string(entry.name()));
    topics.value_changed(index, had_retained, had_value);
  }

  void clear(TopicIndex index) {
    TopicEntry& entry = topics.at(index);
    const bool had_retained = entry.retained != nullptr;
    TopicTable::own_name(entry);
    entry.retained.reset();
    entry.last.reset();
    topics.value_changed(index, had_retained, true);
  }

  /// What the trie of values leads to under this name.
  std::uint32_t in_trie(std::string_view name) {
    const std::optional<NodeId> node = topics.values().find(name);
    return node ? topics.values().value(*node) : TopicTrie::npos;
  }

  void subscribe(std::string_view filter, std::uint32_t session) {
    Subscriber subscriber;
    subscriber.session = session;
    subscriptions.set(filter, subscriber);
  }

  std::vector<std::uint32_t> sessions_of(TopicIndex index) {
    std::vector<std::uint32_t> result;
    for (const Subscriber& each : topics.matches(index).subscribers) {
      result.push_back(each.session);
    }
    return result;
  }
};

using Sessions = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("a topic has one entry, made at the first look", "[core]") {
  Fixture t;
  CHECK(t.topics.find("a/b") == no_topic);
  const TopicIndex index = t.known("a/b");
  CHECK(t.known("a/b") == index);
  CHECK(t.topics.find("a/b") == index);
  CHECK(t.known("a/bc") != index);
  CHECK(t.topics.size() == 2);
  CHECK(t.topics.at(index).name() == "a/b");
}

TEST_CASE("the clock hand evicts the entry that was not looked up longest", "[core]") {
  Fixture t;
  for (const char* name : {"a", "b", "c", "d"}) t.topics.obtain(name, 4);
  // All are recent: the first round takes the marks, the second evicts where it began.
  t.topics.obtain("e", 4);
  CHECK(t.topics.find("a") == no_topic);
  CHECK(t.topics.size() == 4);
  t.topics.obtain("b", 4);  // recent again
  t.topics.obtain("f", 4);
  CHECK(t.topics.find("b") != no_topic);
  CHECK(t.topics.find("c") == no_topic);
  CHECK(t.topics.size() == 4);
}

TEST_CASE("the place of an evicted entry has another generation", "[core]") {
  Fixture t;
  const TopicIndex old = t.topics.obtain("old", 1);
  const std::uint32_t generation = t.topics.at(old).generation;
  t.topics.at(old).keeps_last = true;
  const TopicIndex next = t.topics.obtain("next", 1);
  REQUIRE(next == old);
  CHECK(t.topics.at(next).generation != generation);
  CHECK_FALSE(t.topics.at(next).keeps_last);
  CHECK(t.topics.at(next).name() == "next");
}

TEST_CASE("entries with a value or something to flush are never evicted", "[core]") {
  Fixture t;
  const TopicIndex valued = t.topics.obtain("valued", 3);
  t.set(valued, false);
  const TopicIndex dirty = t.topics.obtain("dirty", 3);
  t.topics.at(dirty).dirty = true;
  for (int i = 0; i < 50; ++i) t.topics.obtain(std::to_string(i), 3);
  CHECK(t.topics.find("valued") == valued);
  CHECK(t.topics.find("dirty") == dirty);
  // Values do not count as idle: three idle entries at most, one of them the dirty one.
  CHECK(t.topics.size() == 4);
}

TEST_CASE("the clock hand looks at one slice only and goes on from there", "[core]") {
  Fixture t;
  const std::size_t idle = limits::slice + 500;
  for (std::size_t i = 0; i < idle; ++i) t.topics.obtain("t" + std::to_string(i), idle);
  t.topics.obtain("x", idle);
  CHECK(t.topics.size() == idle + 1);  // a slice of recent ones: nothing found
  t.topics.obtain("y", idle);
  CHECK(t.topics.size() == idle + 1);  // once round: the first has lost its mark
  CHECK(t.topics.find("t0") == no_topic);
}

TEST_CASE("who gets a topic is matched once and remembered", "[core]") {
  Fixture t;
  t.subscribe("a/b", 1);
  const TopicIndex index = t.known("a/b");
  CHECK(t.sessions_of(index) == Sessions{1});
  t.subscribe("a/b", 2);  // nobody told the table
  CHECK(t.sessions_of(index) == Sessions{1});
}

TEST_CASE("an exact subscription changes its own topic only", "[core]") {
  Fixture t;
  const TopicIndex own = t.known("a/b");
  const TopicIndex other = t.known("a/c");
  CHECK(t.sessions_of(own).empty());
  CHECK(t.sessions_of(other).empty());
  t.subscribe("a/b", 1);
  t.subscribe("a/c", 2);
  t.topics.subscription_changed("a/b");
  CHECK(t.sessions_of(own) == Sessions{1});
  CHECK(t.sessions_of(other).empty());
  t.topics.subscription_changed("never/seen");
  CHECK(t.topics.find("never/seen") == no_topic);
}

TEST_CASE("a subscription with a wildcard has every topic matched again", "[core]") {
  Fixture t;
  const TopicIndex one = t.known("a/b");
  const TopicIndex two = t.known("a/c");
  CHECK(t.sessions_of(one).empty());
  CHECK(t.sessions_of(two).empty());
  for (const char* filter : {"a/+", "#"}) {
    t.subscribe(filter, 1);
    t.topics.subscription_changed(filter);
    CHECK_FALSE(t.sessions_of(one).empty());
    CHECK_FALSE(t.sessions_of(two).empty());
    t.subscriptions.erase(filter, 1);
    t.topics.subscription_changed(filter);
    CHECK(t.sessions_of(one).empty());
    CHECK(t.sessions_of(two).empty());
  }
}

TEST_CASE("an entry made after a change of subscriptions is matched anew", "[core]") {
  Fixture t;
  const TopicIndex old = t.topics.obtain("a/b", 1);
  t.subscribe("a/b", 1);
  CHECK(t.sessions_of(old) == Sessions{1});
  const TopicIndex next = t.topics.obtain("x/y", 1);  // takes the place of the other
  REQUIRE(next == old);
  CHECK(t.sessions_of(next).empty());
}

TEST_CASE("values are counted and stand in the trie as long as there is one", "[core]") {
  Fixture t;
  const TopicIndex index = t.known("a/b");
  CHECK(t.topics.valued() == 0);
  t.set(index, false);
  CHECK(t.topics.valued() == 1);
  CHECK(t.topics.retained() == 0);
  CHECK(t.in_trie("a/b") == index);
  t.set(index, true);  // both
  CHECK(t.topics.valued() == 1);
  CHECK(t.topics.retained() == 1);
  t.set(index, true);  // another retained one
  CHECK(t.topics.valued() == 1);
  CHECK(t.topics.retained() == 1);

  const TopicIndex second = t.known("a/c");
  t.set(second, true);
  CHECK(t.topics.valued() == 2);
  CHECK(t.topics.retained() == 2);

  t.clear(index);
  CHECK(t.topics.valued() == 1);
  CHECK(t.topics.retained() == 1);
  CHECK(t.in_trie("a/b") == TopicTrie::npos);
  CHECK(t.in_trie("a/c") == second);
  CHECK(t.topics.size() == 2);
}

TEST_CASE("a retained message that gives way to a last value leaves the count", "[core]") {
  Fixture t;
  const TopicIndex index = t.known("a");
  t.set(index, true);
  TopicEntry& entry = t.topics.at(index);
  entry.last = entry.retained;
  TopicTable::own_name(entry);
  entry.retained.reset();
  t.topics.value_changed(index, true, true);
  CHECK(t.topics.retained() == 0);
  CHECK(t.topics.valued() == 1);
  CHECK(t.in_trie("a") == index);
}

TEST_CASE("the newest value is the last one, else the retained one", "[core]") {
  Fixture t;
  const TopicIndex index = t.known("a");
  TopicEntry& entry = t.topics.at(index);
  CHECK(entry.newest() == nullptr);
  t.set(index, true);
  CHECK(entry.newest() == entry.retained);
  t.set(index, false);
  CHECK(entry.newest() == entry.last);
}

TEST_CASE("an entry takes its name from its message and has its own again before that", "[core]") {
  Fixture t;
  const std::string name = "acme/lyon/press/7/temperature";
  const TopicIndex index = t.known(name);
  TopicEntry& entry = t.topics.at(index);
  CHECK(entry.own_name != nullptr);
  t.set(index, false);
  CHECK(entry.own_name == nullptr);
  CHECK(entry.name() == name);
  CHECK(t.topics.find(name) == index);
  t.clear(index);
  CHECK(entry.own_name != nullptr);
  CHECK(entry.name() == name);
  CHECK(t.topics.find(name) == index);
  t.set(index, true);
  CHECK(entry.name() == name);
  CHECK(t.in_trie(name) == index);
}

TEST_CASE("an entry is let go when it holds nothing, and only then", "[core]") {
  Fixture t;
  const TopicIndex index = t.known("a");
  TopicEntry& entry = t.topics.at(index);

  t.set(index, false);
  t.topics.release_if_empty(index);
  CHECK(t.topics.find("a") == index);
  t.clear(index);
  entry.dirty = true;
  t.topics.release_if_empty(index);
  CHECK(t.topics.find("a") == index);
  entry.dirty = false;
  t.topics.matches(index);  // it is being published to
  t.topics.release_if_empty(index);
  CHECK(t.topics.find("a") == index);
  entry.matched.reset();

  const std::uint32_t generation = entry.generation;
  t.topics.release_if_empty(index);
  CHECK(t.topics.find("a") == no_topic);
  CHECK(t.topics.size() == 0);
  CHECK(entry.generation != generation);
  t.topics.release_if_empty(index);  // a second time: nothing left to free
  CHECK(t.topics.size() == 0);
}

TEST_CASE("restored topics are found like those that were published", "[core]") {
  Fixture t;
  const TopicIndex index = t.topics.add("a/b");
  t.set(index, true);
  CHECK(t.topics.find("a/b") == index);
  CHECK(t.known("a/b") == index);
}
