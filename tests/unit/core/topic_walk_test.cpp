#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "broker/core/topic_name.h"
#include "broker/core/topic_trie.h"
#include "tests/support/catch.h"

using namespace lineshaft::core;

namespace {

using Names = std::vector<std::string>;

/// A trie whose values are indexes of names, so that a hit can be named.
struct NamedTrie {
  TopicTrie trie{42};
  Names names;

  void insert(const std::string& name) {
    names.push_back(name);
    trie.set_value(trie.insert(name), static_cast<std::uint32_t>(names.size() - 1));
  }
  void release(const std::string& name) { trie.release(trie.find(name).value()); }
  bool has(const std::string& name) const {
    const auto node = trie.find(name);
    return node && trie.value(*node) != TopicTrie::npos;
  }

  /// What a walk visits, sorted.
  Names walk(const std::string& filter, std::size_t budget = 1'000'000) {
    Names hits;
    FilterWalk walk(trie, filter);
    while (!walk.advance(budget, [&](std::uint32_t value) { hits.push_back(names[value]); })) {
    }
    std::sort(hits.begin(), hits.end());
    return hits;
  }
};

std::string random_levels(std::mt19937& random, const Names& choice) {
  std::string text = choice[random() % choice.size()];
  for (std::size_t left = random() % 4; left > 0; --left) {
    text += '/';
    text += choice[random() % choice.size()];
  }
  return text;
}

std::string random_topic(std::mt19937& random) {
  return random_levels(random, {"a", "b", "c", "", "$d"});
}

std::string random_filter(std::mt19937& random) {
  std::string filter = random_levels(random, {"a", "b", "", "$d", "+", "+", "+"});
  if (random() % 3 == 0) filter += "/#";
  return random() % 20 == 0 ? "#" : filter;
}

}  // namespace

TEST_CASE("a walk without wildcard visits the one topic", "[core]") {
  NamedTrie named;
  for (const char* name : {"a", "a/b", "a/b/c"}) named.insert(name);
  CHECK(named.walk("a/b") == Names{"a/b"});
  CHECK(named.walk("a/c") == Names{});
  CHECK(named.walk("b") == Names{});
}

TEST_CASE("a walk over '+' visits one level, empty names too", "[core][MQTT-4.7.1-2]") {
  NamedTrie named;
  for (const char* name : {"a", "a/", "a/b", "a/b/c", "/b", "x/b"}) named.insert(name);
  CHECK(named.walk("a/+") == Names{"a/", "a/b"});
  CHECK(named.walk("+/b") == Names{"/b", "a/b", "x/b"});
  CHECK(named.walk("+") == Names{"a"});
}

TEST_CASE("a walk over '#' visits the parent and everything below", "[core][MQTT-4.7.1-1]") {
  NamedTrie named;
  for (const char* name : {"a", "a/", "a/b", "a/b/c", "ab", "b/a"}) named.insert(name);
  CHECK(named.walk("a/#") == Names{"a", "a/", "a/b", "a/b/c"});
  CHECK(named.walk("#").size() == 6);
  CHECK(named.walk("a/+/#") == Names{"a/", "a/b", "a/b/c"});
}

TEST_CASE("a walk with a wildcard at the front leaves '$' names out", "[core][MQTT-4.7.2-1]") {
  NamedTrie named;
  for (const char* name : {"$SYS", "$SYS/a", "x/$a", "x/a"}) named.insert(name);
  CHECK(named.walk("#") == Names{"x/$a", "x/a"});
  CHECK(named.walk("+/a") == Names{"x/a"});
  CHECK(named.walk("+/#") == Names{"x/$a", "x/a"});
  CHECK(named.walk("$SYS/#") == Names{"$SYS", "$SYS/a"});
}

TEST_CASE("a slice visits no more nodes than its budget, misses included", "[core]") {
  NamedTrie named;
  for (int i = 0; i < 100; ++i) named.insert("$" + std::to_string(i));
  for (int i = 0; i < 100; ++i) named.insert("a/" + std::to_string(i) + "/x");
  const auto slices = [&](const char* filter) {
    FilterWalk walk(named.trie, filter);
    int count = 1;
    for (; !walk.advance(10, [](std::uint32_t) {}); ++count) {
    }
    return count;
  };
  CHECK(slices("#") >= 30);      // root, 101 at level one, 100 + 100 below "a"
  CHECK(slices("+/+/y") >= 20);  // no hit at all
  CHECK(slices("a/1/x") == 1);
}

TEST_CASE("a walk with budget 0 neither visits nor finishes", "[core]") {
  NamedTrie named;
  named.insert("a");
  FilterWalk walk(named.trie, "#");
  CHECK_FALSE(walk.advance(0, [](std::uint32_t) { FAIL("visited"); }));
}

TEST_CASE("a random walk visits what the filter matches, at any slice size", "[core]") {
  const auto seed = GENERATE(11u, 12u, 13u);
  std::mt19937 random(seed);
  NamedTrie named;
  std::set<std::string> topics;
  while (topics.size() < 150) topics.insert(random_topic(random));
  for (const std::string& topic : topics) named.insert(topic);
  for (int i = 0; i < 500; ++i) {
    const std::string filter = random_filter(random);
    Names expected;
    for (const std::string& topic : topics) {
      if (topic_matches_filter(topic, filter)) expected.push_back(topic);
    }
    INFO(filter);
    CHECK(named.walk(filter, 1 + random() % 20) == expected);
  }
  CHECK(named.trie.levels().size() == 2 + 5);  // the walks have let go of their level names
}

TEST_CASE("a walk visits once what is there all the time, whatever changes between slices",
          "[core]") {
  const auto seed = GENERATE(21u, 22u, 23u, 24u);
  std::mt19937 random(seed);
  NamedTrie named;
  for (int round = 0; round < 400; ++round) {
    const std::string filter = random_filter(random);
    FilterWalk walk(named.trie, filter);
    std::set<std::string> always;  // matching topics not released since the walk began
    for (const std::string& name : named.names) {
      if (named.has(name) && topic_matches_filter(name, filter)) always.insert(name);
    }
    std::map<std::string, int> visits;
    bool finished = false;
    while (!finished) {
      for (auto changes = random() % 8; changes > 0; --changes) {
        const std::string name = random_topic(random);
        if (!named.has(name)) {
          named.insert(name);
        } else {
          named.release(name);
          always.erase(name);
        }
      }
      const bool move = random() % 4 == 0;
      if (move) {
        FilterWalk other(std::move(walk));
        walk = std::move(other);
      }
      finished = walk.advance(1 + random() % 5, [&](std::uint32_t value) {
        const std::string& name = named.names[value];
        REQUIRE(named.has(name));
        REQUIRE(topic_matches_filter(name, filter));
        ++visits[name];
        if (random() % 5 == 0) {  // a visitor may drop what it was shown, and add more
          always.erase(name);
          const std::string gone = name;
          named.release(gone);
          if (random() % 2 == 0) named.insert(gone + "/a");
        }
      });
    }
    INFO(filter);
    for (const std::string& name : always) CHECK(visits[name] == 1);
    for (const auto& [name, count] : visits) CHECK(count == 1);
    if (named.names.size() > 10'000) break;
  }
  for (const std::string& name : named.names) {
    if (named.has(name)) named.release(name);
  }
  CHECK(named.trie.node_count() == 0);
  CHECK(named.trie.levels().size() == 2);
}

TEST_CASE("a waiting walk keeps its place when its node is released, and frees it when it ends",
          "[core]") {
  const bool finishes = GENERATE(true, false);
  NamedTrie named;
  for (const char* name : {"a/1/x", "a/2/x", "a/3/x"}) named.insert(name);
  std::optional<FilterWalk> walk(std::in_place, named.trie, "a/#");
  Names hits;
  const auto visit = [&](std::uint32_t value) { hits.push_back(named.names[value]); };
  while (hits.empty()) walk->advance(1, visit);
  for (const char* name : {"a/1/x", "a/2/x", "a/3/x"}) named.release(name);
  CHECK(named.trie.node_count() > 0);
  CHECK(named.trie.node_count() <= 3);
  if (finishes) {
    while (!walk->advance(1, visit)) {
    }
  }
  walk.reset();
  CHECK(hits.size() == 1);
  CHECK(named.trie.node_count() == 0);
  CHECK(named.trie.levels().size() == 2);
}

TEST_CASE("a walk finds a level that did not exist when it began", "[core]") {
  NamedTrie named;
  for (const char* name : {"a/1", "a/2"}) named.insert(name);
  FilterWalk walk(named.trie, "+/+/new");
  CHECK_FALSE(walk.advance(1, [](std::uint32_t) {}));
  named.insert("a/2/new");
  std::size_t hits = 0;
  CHECK(walk.advance(100, [&](std::uint32_t) { ++hits; }));
  CHECK(hits == 1);
}
