#include "bench/load/histogram.h"

#include "tests/support/catch.h"

using lineshaft::load::Histogram;

TEST_CASE("an empty histogram has percentile 0", "[bench]") {
  CHECK(Histogram{}.percentile_ns(0.99) == 0);
}

TEST_CASE("percentiles are exact to 1.6 percent over nine decades", "[bench]") {
  for (std::uint64_t value = 1; value < 1'000'000'000'000; value = value * 3 + 1) {
    Histogram histogram;
    histogram.record(value);
    const std::uint64_t found = histogram.percentile_ns(0.5);
    CHECK(found >= value);
    CHECK(static_cast<double>(found) <= static_cast<double>(value) * 1.016 + 1);
  }
}

TEST_CASE("the 99th percentile of 1 to 1000 is 990", "[bench]") {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 1000; ++value) histogram.record(value);
  CHECK(histogram.percentile_ns(0.99) >= 990);
  CHECK(histogram.percentile_ns(0.99) <= 1006);
  CHECK(histogram.percentile_ns(0.5) >= 500);
  CHECK(histogram.percentile_ns(0.5) <= 508);
  CHECK(histogram.max_ns() == 1000);
}
