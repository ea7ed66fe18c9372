#include "broker/core/subscription_trie.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/topic_name.h"
#include "tests/support/catch.h"

using namespace lineshaft::core;

namespace {

Subscriber subscriber(std::uint32_t session, std::uint32_t subscription_id = 0,
                      std::uint8_t qos = 0) {
  Subscriber made;
  made.session = session;
  made.subscription_id = subscription_id;
  made.qos = qos;
  return made;
}

std::vector<std::uint32_t> sessions(const SubscriptionTrie& trie, const std::string& topic) {
  Matches matches;
  trie.match(topic, matches);
  std::vector<std::uint32_t> found;
  for (const Subscriber& s : matches.subscribers) found.push_back(s.session);
  return found;
}

std::vector<std::uint32_t> groups(const SubscriptionTrie& trie, const std::string& topic) {
  Matches matches;
  trie.match(topic, matches);
  std::sort(matches.groups.begin(), matches.groups.end());
  return matches.groups;
}

using List = std::vector<std::uint32_t>;

std::string random_text(std::mt19937& random, const std::vector<std::string>& choice) {
  std::string text = choice[random() % choice.size()];
  for (std::size_t left = random() % 4; left > 0; --left) {
    text += '/' + choice[random() % choice.size()];
  }
  return text;
}

}  // namespace

TEST_CASE("a topic finds the filter that is equal to it", "[core][MQTT-4.7.3-4]") {
  SubscriptionTrie trie;
  trie.set("a/b", subscriber(1));
  CHECK(sessions(trie, "a/b") == List{1});
  CHECK(sessions(trie, "a").empty());
  CHECK(sessions(trie, "a/b/").empty());
  CHECK(sessions(trie, "/a/b").empty());
  CHECK(sessions(trie, "a/b/c").empty());
}

TEST_CASE("'+' stands for one level, '#' for the parent and all below",
          "[core][MQTT-4.7.1-1][MQTT-4.7.1-2]") {
  SubscriptionTrie trie;
  trie.set("a/+", subscriber(1));
  trie.set("a/#", subscriber(2));
  trie.set("#", subscriber(3));
  trie.set("+/+", subscriber(4));
  CHECK(sessions(trie, "a") == List{2, 3});
  CHECK(sessions(trie, "a/b") == List{1, 2, 3, 4});
  CHECK(sessions(trie, "a/") == List{1, 2, 3, 4});
  CHECK(sessions(trie, "a/b/c") == List{2, 3});
  CHECK(sessions(trie, "/") == List{3, 4});
}

TEST_CASE("a wildcard at the front does not see '$' topics", "[core][MQTT-4.7.2-1]") {
  SubscriptionTrie trie;
  trie.set("#", subscriber(1));
  trie.set("+/x", subscriber(2));
  trie.set("+/#", subscriber(3));
  trie.set("$SYS/#", subscriber(4));
  trie.set("$SYS/+", subscriber(5));
  CHECK(sessions(trie, "$SYS/x") == List{4, 5});
  CHECK(sessions(trie, "$SYS") == List{4});
  CHECK(sessions(trie, "a/x") == List{1, 2, 3});
  CHECK(sessions(trie, "a/$x") == List{1, 3});
}

TEST_CASE("a second subscription to the same filter replaces the first", "[core]") {
  SubscriptionTrie trie;
  CHECK(trie.set("a/+", subscriber(1, 10, 0)));
  CHECK_FALSE(trie.set("a/+", subscriber(1, 20, 2)));
  CHECK(trie.size() == 1);
  CHECK(trie.set("a/+", subscriber(2)));
  CHECK_FALSE(trie.set("a/+", subscriber(1, 30, 1)));
  CHECK(trie.size() == 2);
  Matches matches;
  trie.match("a/b", matches);
  CHECK(matches.subscribers == std::vector{subscriber(1, 30, 1), subscriber(2)});
}

TEST_CASE("overlapping subscriptions of one session stand next to each other", "[core]") {
  SubscriptionTrie trie;
  trie.set("a/#", subscriber(7, 1));
  trie.set("a/+", subscriber(3));
  trie.set("+/b", subscriber(7, 2));
  trie.set("a/b", subscriber(5));
  trie.set("#", subscriber(7, 3));
  CHECK(sessions(trie, "a/b") == List{3, 5, 7, 7, 7});
}

TEST_CASE("match forgets what the result held before", "[core]") {
  SubscriptionTrie trie;
  trie.set("a", subscriber(1));
  trie.set_group("a", 1);
  Matches matches;
  trie.match("a", matches);
  trie.match("b", matches);
  CHECK(matches.subscribers.empty());
  CHECK(matches.groups.empty());
}

TEST_CASE("find returns a session's record on exactly that filter", "[core]") {
  SubscriptionTrie trie;
  trie.set("a/+", subscriber(1, 10));
  CHECK(trie.find("a/b", 1) == nullptr);
  CHECK(trie.find("a", 1) == nullptr);
  CHECK(trie.find("a/+", 2) == nullptr);
  REQUIRE(trie.find("a/+", 1) != nullptr);
  CHECK(trie.find("a/+", 1)->subscription_id == 10);
  trie.set("a/+", subscriber(2, 20));
  REQUIRE(trie.find("a/+", 2) != nullptr);
  CHECK(trie.find("a/+", 2)->subscription_id == 20);
  CHECK(trie.find("a/+", 3) == nullptr);
}

TEST_CASE("erase removes one session from one filter and nothing else", "[core]") {
  SubscriptionTrie trie;
  for (std::uint32_t session : {3u, 1u, 2u}) trie.set("a/#", subscriber(session));
  trie.set("a/b", subscriber(1));
  CHECK_FALSE(trie.erase("a/#", 9));
  CHECK_FALSE(trie.erase("a", 1));
  CHECK_FALSE(trie.erase("a/+", 1));
  CHECK(trie.erase("a/#", 1));
  CHECK_FALSE(trie.erase("a/#", 1));
  CHECK(sessions(trie, "a/b") == List{1, 2, 3});
  CHECK(trie.erase("a/#", 3));
  CHECK(trie.erase("a/#", 2));
  CHECK(trie.filter_count() == 1);
  CHECK(trie.erase("a/b", 1));
  CHECK(trie.filter_count() == 0);
  CHECK(trie.size() == 0);
}

TEST_CASE("a filter carries several share groups beside its subscribers", "[core]") {
  SubscriptionTrie trie;
  CHECK(trie.set_group("a/+", 5));
  CHECK(trie.set_group("a/+", 6));
  CHECK_FALSE(trie.set_group("a/+", 5));
  trie.set_group("#", 7);
  trie.set("a/+", subscriber(1));
  CHECK(groups(trie, "a/b") == List{5, 6, 7});
  CHECK(groups(trie, "$a") == List{});
  CHECK(sessions(trie, "a/b") == List{1});
  CHECK(trie.erase("a/+", 1));
  CHECK(groups(trie, "a/b") == List{5, 6, 7});
  CHECK(trie.erase_group("a/+", 5));
  CHECK_FALSE(trie.erase_group("a/+", 5));
  CHECK_FALSE(trie.erase_group("a", 5));
  CHECK(groups(trie, "a/b") == List{6, 7});
  CHECK(trie.erase_group("a/+", 6));
  CHECK(trie.erase_group("#", 7));
  CHECK(trie.filter_count() == 0);
}

TEST_CASE("after any changes a match is what comparing each filter would give", "[core]") {
  const auto seed = GENERATE(31u, 32u, 33u);
  std::mt19937 random(seed);
  SubscriptionTrie trie(seed);
  std::map<std::pair<std::string, std::uint32_t>, Subscriber> model;
  std::set<std::pair<std::string, std::uint32_t>> group_model;
  for (std::uint32_t step = 0; step < 4'000; ++step) {
    std::string filter = random_text(random, {"a", "b", "", "$d", "+", "+"});
    if (random() % 4 == 0) filter += "/#";
    const auto session = static_cast<std::uint32_t>(random() % 6);
    const auto key = std::pair{filter, session};
    const bool grows = random() % 10 < (step < 2'000 ? 7u : 3u);
    if (random() % 4 == 0) {
      REQUIRE((grows ? trie.set_group(filter, session) == group_model.insert(key).second
                     : trie.erase_group(filter, session) == (group_model.erase(key) > 0)));
    } else if (grows) {
      const Subscriber record = subscriber(session, step);
      REQUIRE(trie.set(filter, record) == model.insert_or_assign(key, record).second);
    } else {
      REQUIRE(trie.erase(filter, session) == (model.erase(key) > 0));
    }
    REQUIRE(trie.size() == model.size());
    if (step % 4 != 0) continue;
    const std::string topic = random_text(random, {"a", "b", "c", "", "$d"});
    std::vector<Subscriber> expected;
    for (const auto& [at, record] : model) {
      if (topic_matches_filter(topic, at.first)) expected.push_back(record);
    }
    List expected_groups;
    for (const auto& [at, group] : group_model) {
      if (topic_matches_filter(topic, at)) expected_groups.push_back(group);
    }
    std::sort(expected.begin(), expected.end(), [](const Subscriber& x, const Subscriber& y) {
      return std::pair{x.session, x.subscription_id} < std::pair{y.session, y.subscription_id};
    });
    std::sort(expected_groups.begin(), expected_groups.end());
    Matches matches;
    trie.match(topic, matches);
    INFO(topic);
    REQUIRE(matches.subscribers == expected);
    REQUIRE(groups(trie, topic) == expected_groups);
  }
  for (const auto& [at, record] : model) CHECK(trie.erase(at.first, at.second));
  for (const auto& [filter, group] : group_model) CHECK(trie.erase_group(filter, group));
  CHECK(trie.filter_count() == 0);
}

TEST_CASE("a filter of thousands of levels is matched without recursion", "[core]") {
  SubscriptionTrie trie;
  std::string filter = "+";
  for (int i = 0; i < 32'000; ++i) filter += "/+";
  trie.set(filter, subscriber(1));
  CHECK(sessions(trie, std::string(32'000, '/')) == List{1});
  CHECK(sessions(trie, std::string(31'999, '/')).empty());
}
