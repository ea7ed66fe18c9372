#include "broker/core/timers.h"

#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::core;

namespace {

Instant at(std::int64_t ms) { return Instant{Milliseconds{ms}}; }

}  // namespace

TEST_CASE("a timer does not fire early and fires once", "[core]") {
  Timers timers;
  CHECK(timers.pop_due(at(0)) == std::nullopt);
  timers.add({at(100), TimerKind::will_delay, 7, 3, 1});
  CHECK(timers.pop_due(at(99)) == std::nullopt);
  const auto fired = timers.pop_due(at(100));
  REQUIRE(fired.has_value());
  CHECK(fired->kind == TimerKind::will_delay);
  CHECK(fired->index == 7);
  CHECK(fired->generation == 3);
  CHECK(fired->shard == 1);
  CHECK(timers.pop_due(at(1'000)) == std::nullopt);
}

TEST_CASE("timers that are due come in the order of their time", "[core]") {
  Timers timers;
  std::mt19937 random(1);
  std::vector<std::int64_t> times;
  for (std::uint32_t i = 0; i < 500; ++i) {
    times.push_back(static_cast<std::int64_t>(random() % 300));
    timers.add({at(times.back()), TimerKind::keep_alive, i, 0, 0});
  }
  std::ranges::sort(times);
  for (const std::int64_t time : times) {
    const auto fired = timers.pop_due(at(299));
    REQUIRE(fired.has_value());
    REQUIRE(fired->due == at(time));
  }
  CHECK(timers.size() == 0);
}

TEST_CASE("timers of the same moment that differ in anything are all kept", "[core]") {
  Timers timers;
  timers.add({at(5), TimerKind::keep_alive, 1, 1, 0});
  timers.add({at(5), TimerKind::session_expiry, 1, 1, 0});
  timers.add({at(5), TimerKind::keep_alive, 2, 1, 0});
  timers.add({at(5), TimerKind::keep_alive, 1, 2, 0});
  timers.add({at(5), TimerKind::keep_alive, 1, 1, 1});
  timers.add({at(5), TimerKind::keep_alive, 1, 1, 1});  // the same again is one
  CHECK(timers.size() == 5);
}

TEST_CASE("a cancelled timer does not fire, its neighbours do", "[core]") {
  Timers timers;
  const TimerKey gone{at(5), TimerKind::session_expiry, 1, 1, 0};
  timers.add(gone);
  timers.add({at(5), TimerKind::session_expiry, 2, 1, 0});
  timers.cancel(gone);
  timers.cancel(gone);  // unknown: nothing happens
  CHECK(timers.pop_due(at(9))->index == 2);
  CHECK(timers.pop_due(at(9)) == std::nullopt);
}
