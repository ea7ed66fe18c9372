#include "broker/core/overload.h"

#include "tests/support/catch.h"

using namespace lineshaft::core;

TEST_CASE("levels come at 80, 90 and 97 percent and go with a margin", "[core]") {
  using enum OverloadLevel;
  OverloadLevel level = none;
  const auto at = [&level](std::uint64_t percent) {
    return level = overload_level(level, percent * 1000, 100'000);
  };
  CHECK(at(79) == none);
  CHECK(at(80) == slow_senders);
  CHECK(at(75) == slow_senders);
  CHECK(at(74) == none);
  CHECK(at(89) == slow_senders);
  CHECK(at(90) == no_new_clients);
  CHECK(at(85) == no_new_clients);
  CHECK(at(84) == slow_senders);
  CHECK(at(98) == drop_qos0);
  CHECK(at(92) == drop_qos0);
  CHECK(at(91) == no_new_clients);
  CHECK(at(150) == drop_qos0);
  CHECK(at(10) == none);
}

TEST_CASE("without a budget nothing is ever too much", "[core]") {
  CHECK(overload_level(OverloadLevel::none, ~std::uint64_t{0} / 200, 0) == OverloadLevel::none);
}

TEST_CASE("births, deaths, states and commands are vital, values are not", "[core]") {
  for (const char* const topic :
       {"spBv1.0/plant/NDEATH/node", "spBv1.0/plant/DDEATH/node/device", "spBv1.0/p/NBIRTH/n",
        "spBv1.0/p/DBIRTH/n/d", "spBv1.0/p/NCMD/n", "spBv1.0/p/DCMD/n/d", "spBv1.0/STATE/host",
        "STATE/host", "$SYS/broker/uptime"}) {
    INFO(topic);
    CHECK(is_vital(topic));
  }
  for (const char* const topic :
       {"spBv1.0/plant/NDATA/node", "spBv1.0/plant/DDATA/node/NDEATH", "spBv1.0/NDEATH",
        "spBv1.0/STATES/host", "STATE", "plant/NDEATH/node", "spBv1.0", "a/STATE/b", ""}) {
    INFO(topic);
    CHECK_FALSE(is_vital(topic));
  }
}
