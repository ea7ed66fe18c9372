#include "broker/net/fair_queue.h"

#include <algorithm>
#include <map>
#include <vector>

#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::net;

namespace {

constexpr std::int64_t share = 100;

void push(FairQueue& queue, std::size_t listener, std::uint32_t first, std::uint32_t size = 1) {
  for (std::uint32_t i = 0; i < size; ++i) queue.push(listener, {first + i, 0});
}

/// Slots in the order of their turns, until `cost` of each comes to `limit`.
std::vector<std::uint32_t> served(FairQueue& queue, std::size_t cost, std::size_t limit) {
  std::vector<std::uint32_t> all;
  for (std::size_t taken = 0; !queue.empty() && taken < limit; taken += cost) {
    all.push_back(queue.pop().slot);
    queue.charge(cost);
  }
  return all;
}

}  // namespace

TEST_CASE("connections of one listener have their turns in the order they came", "[net]") {
  FairQueue queue(share);
  push(queue, 2, 10, 5);
  CHECK(served(queue, 1'000, 5'000) == std::vector<std::uint32_t>{10, 11, 12, 13, 14});
  CHECK(queue.empty());
}

TEST_CASE("a client of a quiet listener does not wait behind the flood of another", "[net]") {
  FairQueue queue(share);
  push(queue, 0, 1'000, 500);
  served(queue, 10, 5 * share);
  push(queue, 1, 7);
  const auto next = served(queue, 10, 2 * share);
  CHECK(std::count(next.begin(), next.end(), 7u) == 1);
}

TEST_CASE("listeners that all want more than there is get the same", "[net]") {
  FairQueue queue(share);
  push(queue, 0, 0, 1'000);
  push(queue, 1, 1'000, 1'000);
  push(queue, 3, 2'000, 1'000);
  std::map<std::uint32_t, int> cost;
  // Those of listener 1 take five times as much each.
  for (int taken = 0; taken < 30 * share;) {
    const std::uint32_t kind = queue.pop().slot / 1'000;
    const int one = kind == 1 ? 50 : 10;
    queue.charge(static_cast<std::size_t>(one));
    cost[kind] += one;
    taken += one;
  }
  for (const auto& [kind, sum] : cost) {
    INFO(kind);
    CHECK(sum >= 9 * share);
    CHECK(sum <= 11 * share);
  }
}

TEST_CASE("a listener that took far more than its share waits until the others had theirs",
          "[net]") {
  FairQueue queue(share);
  push(queue, 0, 0, 3);
  push(queue, 1, 10, 100);
  while (queue.pop().slot >= 10) queue.charge(10);
  queue.charge(5 * share);
  int others = 0;
  for (; queue.pop().slot >= 10; ++others) queue.charge(10);
  CHECK(others >= 4 * share / 10);
}
