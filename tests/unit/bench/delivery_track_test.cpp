#include "bench/load/delivery_track.h"

#include "tests/support/catch.h"

using lineshaft::load::DeliveryTrack;

TEST_CASE("messages in order are neither lost nor duplicates", "[bench]") {
  DeliveryTrack track;
  for (std::uint64_t sequence = 0; sequence < 5; ++sequence) {
    const auto arrival = track.arrive(sequence);
    CHECK(arrival.passed_from == sequence);
    CHECK(arrival.passed_end == sequence + 1);
    CHECK_FALSE(arrival.is_duplicate);
    CHECK_FALSE(arrival.is_reordered);
  }
  CHECK(track.lost(5) == 0);
}

TEST_CASE("a message that never comes is lost, also at the very end", "[bench]") {
  DeliveryTrack track;
  track.arrive(0);
  const auto arrival = track.arrive(3);
  CHECK(arrival.passed_from == 1);
  CHECK(arrival.passed_end == 4);
  CHECK(track.lost(4) == 2);
  CHECK(track.lost(6) == 4);
}

TEST_CASE("a message that was overtaken is reordered and no longer lost", "[bench]") {
  DeliveryTrack track;
  track.arrive(0);
  track.arrive(5);
  const auto arrival = track.arrive(3);
  CHECK(arrival.is_reordered);
  CHECK_FALSE(arrival.is_duplicate);
  CHECK(arrival.passed_from == arrival.passed_end);
  CHECK(track.lost(6) == 3);
  for (const std::uint64_t late : {1u, 4u, 2u}) CHECK(track.arrive(late).is_reordered);
  CHECK(track.lost(6) == 0);
}

TEST_CASE("a message that comes twice is a duplicate, in order or late", "[bench]") {
  DeliveryTrack track;
  track.arrive(0);
  CHECK(track.arrive(0).is_duplicate);
  track.arrive(2);
  CHECK(track.arrive(2).is_duplicate);
  CHECK(track.lost(3) == 1);
  CHECK(track.arrive(1).is_reordered);
  CHECK(track.arrive(1).is_duplicate);
  CHECK(track.lost(3) == 0);
}
