#include "broker/core/topic_trie.h"

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::core;

namespace {

std::string random_name(std::mt19937& random, std::size_t levels_max) {
  static const char* const names[] = {"a",  "b",        "",
                                      "$c", "press-07", "a level of more than 16 bytes"};
  std::string name = names[random() % std::size(names)];
  for (std::size_t left = random() % levels_max; left > 0; --left) {
    name += '/';
    name += names[random() % std::size(names)];
  }
  return name;
}

}  // namespace

TEST_CASE("a level name is stored once and vanishes with its last reference", "[core]") {
  LevelNames names(1);
  const std::size_t empty = names.size();
  const LevelId press = names.intern("press");
  CHECK(names.intern("press") == press);
  CHECK(names.find("press") == press);
  CHECK(names.name(press) == "press");
  CHECK(names.find("pres") == LevelNames::npos);
  names.release(press);
  CHECK(names.find("press") == press);
  names.release(press);
  CHECK(names.find("press") == LevelNames::npos);
  CHECK(names.size() == empty);
}

TEST_CASE("the wildcard levels have fixed ids", "[core]") {
  LevelNames names(1);
  CHECK(names.find("+") == LevelNames::plus);
  CHECK(names.find("#") == LevelNames::hash);
}

TEST_CASE("an inserted topic is found under its name, with its value", "[core][MQTT-4.7.3-4]") {
  TopicTrie trie;
  const char* const topics[] = {"a", "a/", "/a", "a/b", "a//b", "/", "a/b/c", "$a"};
  std::uint32_t value = 0;
  for (const char* topic : topics) trie.set_value(trie.insert(topic), value++);
  value = 0;
  for (const char* topic : topics) {
    const auto node = trie.find(topic);
    REQUIRE(node);
    CHECK(trie.value(*node) == value++);
    CHECK(trie.name(*node) == topic);
    CHECK(trie.insert(topic) == *node);
  }
}

TEST_CASE("a topic that was not inserted is not found, an inner node has no value", "[core]") {
  TopicTrie trie;
  trie.set_value(trie.insert("a/b/c"), 7);
  CHECK_FALSE(trie.find("a/c"));
  CHECK_FALSE(trie.find("b"));
  CHECK_FALSE(trie.find("a/b/c/d"));
  CHECK_FALSE(trie.find(""));
  REQUIRE(trie.find("a/b"));
  CHECK(trie.value(*trie.find("a/b")) == TopicTrie::npos);
}

TEST_CASE("release prunes upwards to the first node with a value or a child", "[core]") {
  TopicTrie trie;
  trie.set_value(trie.insert("a"), 1);
  const NodeId deep = trie.insert("a/b/c/d");
  trie.set_value(deep, 2);
  trie.set_value(trie.insert("a/b/x"), 3);
  trie.release(deep);
  CHECK_FALSE(trie.find("a/b/c"));
  CHECK(trie.find("a/b"));
  trie.release(*trie.find("a/b/x"));
  CHECK_FALSE(trie.find("a/b"));
  CHECK(trie.value(*trie.find("a")) == 1);
  trie.release(*trie.find("a"));
  CHECK(trie.node_count() == 0);
  CHECK(trie.levels().size() == 2);
}

TEST_CASE("releasing an inner node's value keeps the topics below", "[core]") {
  TopicTrie trie;
  trie.set_value(trie.insert("a"), 1);
  trie.set_value(trie.insert("a/b"), 2);
  trie.release(*trie.find("a"));
  REQUIRE(trie.find("a/b"));
  CHECK(trie.value(*trie.find("a/b")) == 2);
  CHECK(trie.value(*trie.find("a")) == TopicTrie::npos);
}

TEST_CASE("a node id that is used again has another generation", "[core]") {
  TopicTrie trie;
  const NodeId first = trie.insert("a");
  const std::uint32_t generation = trie.generation(first);
  trie.release(first);
  const NodeId second = trie.insert("b");
  REQUIRE(second == first);
  CHECK(trie.generation(second) != generation);
}

TEST_CASE("a held node stays without value and is freed with the last hold", "[core]") {
  TopicTrie trie;
  const NodeId node = trie.insert("a/b");
  trie.hold(node);
  trie.hold(node);
  trie.release(node);
  CHECK(trie.find("a/b") == node);
  trie.drop(node);
  CHECK(trie.find("a/b") == node);
  trie.drop(node);
  CHECK(trie.node_count() == 0);
}

TEST_CASE("names with tens of thousands of levels are only memory", "[core]") {
  TopicTrie trie;
  const std::string name(65'535, '/');
  const NodeId node = trie.insert(name);
  CHECK(trie.node_count() == 65'536);
  CHECK(trie.name(node) == name);
  trie.release(node);
  CHECK(trie.node_count() == 0);
}

TEST_CASE("after any sequence of inserts and releases the trie is a map from name to value",
          "[core]") {
  const auto seed = GENERATE(1u, 2u, 3u);
  std::mt19937 random(seed);
  TopicTrie trie(seed);
  std::map<std::string, std::uint32_t> model;
  for (std::uint32_t step = 0; step < 20'000; ++step) {
    const std::string name = random_name(random, 5);
    const bool is_known = model.count(name) > 0;
    const auto node = trie.find(name);
    REQUIRE((node && trie.value(*node) != TopicTrie::npos) == is_known);
    if (is_known) REQUIRE(trie.value(*node) == model[name]);
    // Grows for the first half of the steps and shrinks in the second.
    if (random() % 10 < (step < 10'000 ? 7u : 3u)) {
      trie.set_value(trie.insert(name), step);
      model[name] = step;
    } else if (is_known) {
      trie.release(*node);
      model.erase(name);
    }
  }
  for (const auto& [name, value] : model) {
    const auto node = trie.find(name);
    REQUIRE(node);
    CHECK(trie.name(*node) == name);
    CHECK(trie.value(*node) == value);
    trie.release(*node);
  }
  CHECK(trie.node_count() == 0);
  CHECK(trie.levels().size() == 2);
}

TEST_CASE("the index keeps every id findable while ids come and go", "[core]") {
  // Bits of the hash that vary and bits that are always set: well spread; one crowded segment;
  // one long run; runs that wrap around the end of their segment.
  const auto [varying, fixed] =
      GENERATE(std::pair{0xFFFF'FFFFu, 0u}, std::pair{0x00FF'FFFFu, 0u}, std::pair{0xFFu, 0u},
               std::pair{0x0003'00FFu, 0x00FC'0000u});
  const std::uint32_t ids = 600;
  std::mt19937 random(7);
  FlatIndex index;
  std::vector<bool> present(ids);
  const auto hash = [v = varying, f = fixed](std::uint32_t id) {
    return (hash_u64(id, 1) & v) | f;
  };
  for (std::size_t step = 0; step < 20'000; ++step) {
    const auto id = static_cast<std::uint32_t>(random() % ids);
    if (present[id]) {
      REQUIRE(index.erase(hash(id), id));
    } else {
      index.insert(hash(id), id);
    }
    present[id] = !present[id];
  }
  for (std::uint32_t id = 0; id < ids; ++id) {
    const auto found = index.find(hash(id), [&](std::uint32_t other) { return other == id; });
    CHECK((found == id) == present[id]);
    CHECK(index.erase(hash(id), id) == present[id]);
  }
  CHECK(index.size() == 0);
}
