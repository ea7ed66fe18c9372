#include "broker/base/metrics.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

using namespace lineshaft;

TEST_CASE("a counter grows by what is counted and leaves the others alone", "[base]") {
  const std::uint64_t wills = counter_value(Counter::wills_sent);
  const std::uint64_t takeovers = counter_value(Counter::takeovers);
  count(Counter::wills_sent);
  count(Counter::wills_sent, 41);
  CHECK(counter_value(Counter::wills_sent) == wills + 42);
  CHECK(counter_value(Counter::takeovers) == takeovers);
}

TEST_CASE("what threads counted stays in the sum after they ended", "[base]") {
  const std::uint64_t before = counter_value(Counter::bytes_sent);
  for (int i = 0; i < 5; ++i) {
    std::thread([] { count(Counter::bytes_sent, 100); }).join();
    CHECK(counter_value(Counter::bytes_sent) == before + 100 * (static_cast<std::uint64_t>(i) + 1));
  }
}

TEST_CASE("threads that count at the same time lose nothing", "[base]") {
  constexpr std::uint64_t each = 50'000;
  const std::uint64_t before = counter_value(Counter::packets_sent);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (std::uint64_t n = 0; n < each; ++n) count(Counter::packets_sent);
    });
  }
  std::uint64_t seen = before;
  for (int i = 0; i < 100; ++i) {  // a reader never sees a counter shrink
    const std::uint64_t now = counter_value(Counter::packets_sent);
    REQUIRE(now >= seen);
    seen = now;
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(counter_value(Counter::packets_sent) == before + 4 * each);
}

TEST_CASE("a running thread is in the sum before it ends", "[base]") {
  const std::uint64_t before = counter_value(Counter::journal_syncs);
  std::atomic<bool> counted{false};
  std::atomic<bool> leave{false};
  std::thread thread([&] {
    count(Counter::journal_syncs, 3);
    counted = true;
    counted.notify_one();
    leave.wait(false);
  });
  counted.wait(false);
  const std::uint64_t during = counter_value(Counter::journal_syncs);
  leave = true;
  leave.notify_one();
  thread.join();
  CHECK(during == before + 3);
  CHECK(counter_value(Counter::journal_syncs) == before + 3);
}

TEST_CASE("every counter has a name of its own in snake case", "[base]") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < counters_size; ++i) {
    const std::string_view name = counter_name(static_cast<Counter>(i));
    INFO(i << " " << name);
    CHECK_FALSE(name.empty());
    CHECK(std::ranges::all_of(
        name, [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '_'; }));
    CHECK(names.insert(name).second);
  }
  CHECK(counter_name(Counter::packets_received) == "messages_received");
  CHECK(counter_name(Counter::log_records_dropped) == "log_records_dropped");
}
