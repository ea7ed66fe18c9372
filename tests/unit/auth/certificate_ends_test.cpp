#include "auth/certificate_ends.h"

#include <chrono>

#include "broker/base/metrics.h"
#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

constexpr WallTime start{Milliseconds{1'700'000'000'000}};

core::Principal ending_in(std::chrono::hours left, const char* serial = "01") {
  core::Principal principal{"gw", core::Proof::certificate, 3};
  principal.zone = "ot";
  principal.serial = serial;
  principal.not_after = start + left;
  return principal;
}

std::uint64_t warnings() { return counter_value(Counter::client_certificates_ending); }

}  // namespace

TEST_CASE("a certificate's end is said 30, 7 and 1 days before, once each", "[auth]") {
  using std::chrono::hours;
  CertificateEnds ends;
  const auto before = warnings();
  const core::Principal gateway = ending_in(hours{40 * 24});
  ends.saw(gateway, start);
  CHECK(warnings() == before);
  CHECK(ends.next() == start + hours{10 * 24});
  std::uint64_t said = 0;
  for (const int days : {10, 33, 39}) {
    const WallTime at = start + hours{days * 24};
    ends.look(at - Milliseconds{1});
    CHECK(warnings() == before + said);
    ends.look(at);
    ends.look(at);
    ends.saw(gateway, at);
    CHECK(warnings() == before + ++said);
  }
  const WallTime end = start + hours{40 * 24};
  CHECK(ends.next() == end);
  ends.look(end);
  CHECK(warnings() == before + 3);
  CHECK(ends.size() == 0);
  CHECK(ends.next() == std::nullopt);
}

TEST_CASE("who comes with little time left is warned at once, only once", "[auth]") {
  CertificateEnds ends;
  const auto before = warnings();
  ends.saw(ending_in(std::chrono::hours{5 * 24}), start);
  ends.saw(ending_in(std::chrono::hours{5 * 24}), start);
  CHECK(warnings() == before + 1);
  ends.saw(ending_in(std::chrono::hours{5 * 24}, "02"), start);
  CHECK(warnings() == before + 2);
}

TEST_CASE("users without a certificate have no end", "[auth]") {
  CertificateEnds ends;
  ends.saw({"alice", core::Proof::password, 2}, start);
  CHECK(ends.size() == 0);
  CHECK(ends.next() == std::nullopt);
}

}  // namespace lineshaft::auth
