#include "auth/audit_log.h"

#include <memory>
#include <thread>
#include <vector>

#include "tests/support/catch.h"
#include "tests/unit/auth/audit_world.h"

namespace lineshaft::auth {
namespace {

struct FixedClock final : Clock {
  Now now() override { return time; }
  Now time{};
};

TEST_CASE("records of several threads stand in the log when it ends", "[auth]") {
  AuditWorld world;
  FixedClock clock;
  clock.time = world.now;
  {
    AuditLog log(world.options, clock);
    REQUIRE(log.start().empty());
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int j = 0; j < 500; ++j) audit({.type = "login_refused", .identity = "x"});
      });
    }
    for (std::thread& each : threads) each.join();
  }
  audit({.type = "after"});  // nobody is there
  const AuditFindings findings = world.verify();
  CHECK(findings.is_whole());
  CHECK(findings.signed_seq == findings.chain.seq);
  CHECK(findings.records == 2'000 + findings.checkpoints + 1);
  CHECK(findings.gaps == 0);
}

TEST_CASE("a log that cannot be kept says why and takes no records", "[auth]") {
  AuditWorld world;
  FixedClock clock;
  write_text(world.options.folder, "");
  AuditLog log(world.options, clock);
  CHECK_FALSE(log.start().empty());
  audit({.type = "login_refused"});
  CHECK(log.status().head.empty());
}

}  // namespace
}  // namespace lineshaft::auth
