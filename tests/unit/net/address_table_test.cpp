#include "broker/net/address_table.h"

#include "broker/base/limits.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::net;

namespace {

using Refusal = AddressTable::Refusal;

constexpr Instant start{Milliseconds{1'000'000}};

}  // namespace

TEST_CASE("a bucket lets its number through at once and then so many per second", "[net]") {
  TokenBucket bucket(10, start);
  for (int i = 0; i < 10; ++i) CHECK(bucket.take(start));
  CHECK_FALSE(bucket.take(start));
  CHECK(bucket.wait(start) == Milliseconds{100});
  CHECK_FALSE(bucket.take(start + Milliseconds{99}));
  CHECK(bucket.take(start + Milliseconds{100}));
  CHECK_FALSE(bucket.take(start + Milliseconds{100}));
  int taken = 0;
  for (int ms = 101; ms <= 3100; ++ms) taken += bucket.take(start + Milliseconds{ms}) ? 1 : 0;
  CHECK(taken == 30);
}

TEST_CASE("a bucket that was left alone holds a second's worth, not more", "[net]") {
  TokenBucket bucket(2, start);
  const Instant much_later = start + Milliseconds{1'000'000'000};
  CHECK(bucket.full(much_later));
  CHECK(bucket.take(much_later));
  CHECK_FALSE(bucket.full(much_later));
  CHECK(bucket.take(much_later));
  CHECK_FALSE(bucket.take(much_later));
}

TEST_CASE("an address has so many connections at a time, others have their own", "[net]") {
  const auto table = std::make_shared<AddressTable>(2, 0);
  auto first = table->admit("10.0.0.7", start);
  auto second = table->admit("10.0.0.7", start);
  CHECK(first.use);
  CHECK(second.use);
  CHECK(table->admit("10.0.0.7", start).refusal == Refusal::too_many);
  const auto other = table->admit("10.0.0.8", start);
  CHECK(other.use);
  first.use.reset();
  const auto third = table->admit("10.0.0.7", start);
  CHECK(third.use);
  CHECK(table->size() == 2);
}

TEST_CASE("of refusals in a row the first is told from the others", "[net]") {
  const auto table = std::make_shared<AddressTable>(1, 0);
  auto first = table->admit("10.0.0.7", start);
  CHECK(table->admit("10.0.0.7", start).is_first);
  CHECK_FALSE(table->admit("10.0.0.7", start).is_first);
  first = table->admit("10.0.0.8", start);
  CHECK(table->admit("10.0.0.8", start).is_first);
}

TEST_CASE("an address without connections and without a rate is forgotten", "[net]") {
  const auto table = std::make_shared<AddressTable>(2, 0);
  table->admit("10.0.0.7", start);
  CHECK(table->size() == 0);
}

TEST_CASE("an address that comes too fast is refused until its second is over", "[net]") {
  const auto table = std::make_shared<AddressTable>(0, 3);
  for (int i = 0; i < 3; ++i) CHECK(table->admit("::1", start).use);
  CHECK(table->admit("::1", start).refusal == Refusal::too_fast);
  CHECK(table->admit("::2", start).use);
  CHECK(table->admit("::1", start + Milliseconds{334}).use);
}

TEST_CASE("the table of addresses does not grow without bound", "[net]") {
  const auto table = std::make_shared<AddressTable>(0, 1);
  const auto held = table->admit("held", start);
  for (std::size_t i = 0; i < 2 * limits::addresses_counted_max; ++i) {
    table->admit(std::to_string(i), start);
  }
  CHECK(table->size() <= limits::addresses_counted_max);
  CHECK(table->admit("held", start).refusal == Refusal::too_fast);
}

TEST_CASE("the host of an address is what stands before its port", "[net]") {
  CHECK(host_of("10.0.0.7:40312") == "10.0.0.7");
  CHECK(host_of("[2001:db8::7]:40312") == "2001:db8::7");
  CHECK(host_of("2001:db8::7") == "2001:db8::7");
  CHECK(host_of("unknown") == "unknown");
}
