#include "broker/net/wheel.h"

#include <algorithm>
#include <vector>

#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::net;

namespace {

constexpr Instant at(std::int64_t ms) { return Instant{Milliseconds{ms}}; }

std::vector<int> fired(Wheel<int>& wheel, Instant now) {
  std::vector<int> all;
  wheel.advance(now, [&](int one) { all.push_back(one); });
  return all;
}

}  // namespace

TEST_CASE("a deadline never fires early and at most one tick late", "[net]") {
  for (std::int64_t deadline = 5'000; deadline < 5'300; deadline += 7) {
    Wheel<int> wheel(at(4'321));
    wheel.add(at(deadline), 1);
    std::int64_t now = 4'321;
    while (fired(wheel, at(now)).empty()) ++now;
    CHECK(now >= deadline);
    CHECK(now - deadline <= limits::timer_tick.count());
  }
}

TEST_CASE("a deadline beyond the wheel's round waits for its own", "[net]") {
  Wheel<int> wheel(at(0));
  wheel.add(at(500'000), 1);
  wheel.add(at(200), 2);
  CHECK(fired(wheel, at(200)) == std::vector<int>{2});
  for (std::int64_t now = 300; now < 500'000; now += 100) REQUIRE(fired(wheel, at(now)).empty());
  CHECK(fired(wheel, at(500'000)) == std::vector<int>{1});
}

TEST_CASE("after a long sleep everything due fires once", "[net]") {
  Wheel<int> wheel(at(0));
  for (int i = 0; i < 2'000; ++i) wheel.add(at(i * 100), i);
  auto all = fired(wheel, at(1'000'000));
  std::sort(all.begin(), all.end());
  REQUIRE(all.size() == 2'000);
  for (int i = 0; i < 2'000; ++i) REQUIRE(all[static_cast<std::size_t>(i)] == i);
  CHECK(fired(wheel, at(2'000'000)).empty());
}

TEST_CASE("an entry may be added again while it fires", "[net]") {
  Wheel<int> wheel(at(0));
  wheel.add(at(0), 1);
  int times = 0;
  for (std::int64_t now = 0; now <= 1'000; now += 100) {
    wheel.advance(at(now), [&](int one) {
      ++times;
      wheel.add(at(now), one);  // in the past: the next tick
    });
  }
  CHECK(times == 10);
}
