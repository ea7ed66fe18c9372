#include "auth/policy_trie.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "auth/filter_relation.h"
#include "auth/policy_sparkplug.h"
#include "broker/core/topic_name.h"
#include "tests/support/catch.h"
#include "tests/unit/auth/policy_random.h"

namespace lineshaft::auth {

TEST_CASE("the trie finds what matches, intersects and contains, and nothing else",
          "[auth][policy]") {
  reference::Chance chance(5);
  const Variables variables[] = {{"n1", "z0", "c1"}, {"n1", "z0", ""}, {"", "", ""}};
  for (int round = 0; round < 60; ++round) {
    PolicyTrie trie;
    std::vector<std::string> filters;
    for (int i = 0; i < 40; ++i) {
      filters.push_back(chance.filter(true));
      trie.insert(filters.back());
    }
    trie.freeze();
    for (int i = 0; i < 60; ++i) {
      const Variables& names = variables[i % 3];
      const std::string topic = chance.topic();
      const std::string asked = chance.filter(false);
      SlotList matched;
      trie.match(topic, names, matched);
      std::vector<bool> is_matched(trie.slot_count());
      matched.for_each([&](std::uint32_t slot) { is_matched[slot] = true; });
      std::map<std::uint32_t, bool> related;
      for (const auto& one : trie.relatives(asked, names)) related[one.slot] |= one.contains;
      for (std::uint32_t slot = 0; slot < trie.slot_count(); ++slot) {
        const std::string plain = expand(trie.filter(slot), names);
        const bool exists = !plain.empty();
        const bool matches = exists && core::topic_matches_filter(topic, plain);
        const bool meets = exists && intersects(plain, asked);
        const bool good = is_matched[slot] == matches && related.contains(slot) == meets &&
                          (!meets || related[slot] == contains(plain, asked));
        if (good) continue;
        FAIL_CHECK(trie.filter(slot) << " against " << topic << " and " << asked);
      }
    }
  }
}

TEST_CASE("a variable takes no name that could change a filter", "[auth][policy]") {
  for (const char* name : {"press-7", "a.b_c:d@e", "x"}) CHECK(is_safe_name(name));
  for (const char* name : {"", "+", "#", "a/b", "a b", "$SYS", "%u", "\xC3\xA9", "a\nb"}) {
    INFO(name);
    CHECK_FALSE(is_safe_name(name));
  }
  CHECK_FALSE(is_safe_name(std::string(65, 'a')));
  CHECK_FALSE(is_safe_name(std::string_view("a\0b", 3)));
}

TEST_CASE("a topic's Sparkplug type is what a subscriber would take it for", "[auth][policy]") {
  using enum SparkplugType;
  const std::pair<const char*, SparkplugType> cases[] = {{"spBv1.0/G/NCMD/E", ncmd},
                                                         {"spBv1.0/G/DCMD/E/D", dcmd},
                                                         {"spBv1.0/G/NCMD", ncmd},
                                                         {"spBv1.0/G/NCMD/E/more/levels", ncmd},
                                                         {"spBv1.0/G/DDATA/E/D", ddata},
                                                         {"spBv1.0/STATE/host", state},
                                                         {"STATE/host", state},
                                                         {"STATE/a/b", none},
                                                         {"spBv1.0/STATE/a/b", state},
                                                         {"spBv1.0/STATE/NCMD/E", ncmd},
                                                         {"spBv1.0/STATE/NCMD", state},
                                                         {"spBv1.0/STATE", state},
                                                         {"spBv1.0/G/ncmd/E", none},
                                                         {"spBv1.0/G/OTHER/E", none},
                                                         {"spBv1.0", none},
                                                         {"x/spBv1.0/G/NCMD/E", none},
                                                         {"spBv1.0/G/STATE/E", none}};
  for (const auto& [topic, type] : cases) {
    INFO(topic);
    CHECK(classify_topic(topic) == type);
    CHECK(possible_types(topic) == bit_of(type));
  }
}

TEST_CASE("a filter's possible types are those of its topics", "[auth][policy]") {
  reference::Chance chance(6);
  for (int i = 0; i < 4000; ++i) {
    const std::string filter = chance.filter(false);
    const std::string topic = chance.topic_of(filter);
    if (!core::topic_matches_filter(topic, filter)) continue;
    INFO(filter << " " << topic);
    CHECK((possible_types(filter) & bit_of(classify_topic(topic))) != 0);
  }
  CHECK(possible_types("plant/#") == bit_of(SparkplugType::none));
  CHECK((possible_types("spBv1.0/G/NCMD/#") & bit_of(SparkplugType::ndata)) == 0);
}

}  // namespace lineshaft::auth
