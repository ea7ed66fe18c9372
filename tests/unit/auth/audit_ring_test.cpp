#include "auth/audit_ring.h"

#include <string>

#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

constexpr AuditRing::Setup roomy{1000, 1'000'000, 100};

WallTime at(std::int64_t ms) { return WallTime{Milliseconds{ms}}; }

AuditRecord denial(std::string_view client, std::string_view topic = "t",
                   std::string_view reason = "r", std::string_view rule = "1") {
  return {.type = "publish_denied",
          .client = client,
          .topic = topic,
          .reason = reason,
          .rule = rule,
          .is_repeatable = true};
}

TEST_CASE("equal denials of one second become one record with their number", "[auth]") {
  AuditRing ring(roomy);
  CHECK(ring.push(denial("c", "first"), at(5'000)));
  CHECK(ring.push(denial("c", "second"), at(5'100)));  // now somebody must look again
  for (int i = 0; i < 98; ++i) CHECK_FALSE(ring.push(denial("c", "more"), at(5'999)));
  auto taken = ring.take(at(5'999));
  REQUIRE(taken.entries.size() == 1);
  CHECK(taken.entries[0].field(AuditField::topic) == "first");
  CHECK(taken.entries[0].count() == 1);
  CHECK(ring.has_repeats());
  CHECK(ring.take(at(5'999)).entries.empty());
  taken = ring.take(at(6'000));
  REQUIRE(taken.entries.size() == 1);
  CHECK(taken.entries[0].count() == 99);
  CHECK(taken.entries[0].at() == at(5'999));
  CHECK_FALSE(ring.has_repeats());
}

TEST_CASE("what differs in client, reason or rule, or in its second, is not folded", "[auth]") {
  AuditRing ring(roomy);
  ring.push(denial("c"), at(0));
  ring.push(denial("d"), at(0));
  ring.push(denial("c", "t", "other"), at(0));
  ring.push(denial("c", "t", "r", "2"), at(0));
  ring.push(denial("c"), at(1'000));
  AuditRecord once = denial("c");
  once.is_repeatable = false;
  ring.push(once, at(1'000));
  ring.push(once, at(1'000));
  CHECK(ring.take(at(1'000), true).entries.size() == 7);
}

TEST_CASE("the last take leaves nothing behind", "[auth]") {
  AuditRing ring(roomy);
  ring.push(denial("c"), at(0));
  ring.push(denial("c"), at(0));
  const auto taken = ring.take(at(0), true);
  REQUIRE(taken.entries.size() == 2);
  CHECK(taken.entries[1].count() == 1);
}

TEST_CASE("a full ring loses what comes and counts it", "[auth]") {
  SECTION("by number") {
    AuditRing ring({2, 1'000'000, 100});
    for (int i = 0; i < 5; ++i) ring.push(denial(std::to_string(i)), at(0));
    const auto taken = ring.take(at(0));
    CHECK(taken.entries.size() == 2);
    CHECK(taken.lost == 3);
    CHECK(ring.take(at(0)).lost == 0);
  }
  SECTION("by bytes") {
    AuditRing ring({1000, 1'000, 100});
    for (int i = 0; i < 50; ++i) ring.push(denial(std::to_string(i)), at(0));
    const auto taken = ring.take(at(0));
    CHECK(taken.entries.size() + taken.lost == 50);
    CHECK(taken.lost > 0);
  }
  SECTION("repetitions count one by one") {
    AuditRing ring({1, 1'000'000, 100});
    for (int i = 0; i < 11; ++i) ring.push(denial("c"), at(0));
    const auto taken = ring.take(at(1'000));
    CHECK(taken.entries.size() == 1);
    CHECK(taken.lost == 10);
  }
}

TEST_CASE("more kinds than are folded stand alone", "[auth]") {
  AuditRing ring({1000, 1'000'000, 1});
  for (int i = 0; i < 3; ++i) {
    ring.push(denial("c"), at(0));
    ring.push(denial("d"), at(0));
  }
  CHECK(ring.take(at(0)).entries.size() == 4);
}

}  // namespace
}  // namespace lineshaft::auth
