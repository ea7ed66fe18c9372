// Identities that were found good under other rules.
#include "auth/zones_interceptor.h"
#include "tests/support/catch.h"
#include "tests/unit/auth/identity_world.h"

namespace lineshaft::auth::test {
namespace {

class StillContext final : public core::Context {
 public:
  explicit StillContext(WallTime now) : now_(now) {}
  Now now() const override { return {Instant{}, now_}; }
  bool persist(std::string_view, std::string_view, std::string_view) override { return true; }
  bool publish(MessagePtr, core::PrincipalPtr) override { return true; }
  void wake_at(WallTime at) override { wakes_at = at; }
  void policy_changed() override {}

  std::optional<WallTime> wakes_at;

 private:
  WallTime now_;
};

PolicySnapshotPtr two_zones() {
  const CompiledPolicy compiled = compile_policy_text(R"({
    "zones": { "ot": { "sl_t": 3, "owns": ["ot/#"] }, "it": { "sl_t": 2, "owns": ["it/#"] } },
    "roles": { "edge": { "publish": ["ot/#"] }, "reader": { "subscribe": ["it/#"] } }
  })",
                                                      {}, WallTime{});
  REQUIRE(compiled.policy != nullptr);
  return compiled.policy;
}

}  // namespace

TEST_CASE("a login that was under way at a reload is judged by the rules of now", "[auth][zones]") {
  IdentityPlant plant;
  const Issued shown = plant.gateway("gw");
  const core::Principal gateway = plant.judge(shown, plant.ot).principal;
  StillContext context(plant.now);
  const auto connect = [&] {
    ZonesInterceptor rules(two_zones(), plant.shared_rules());
    rules.on_install(context);
    const core::ConnectVerdict verdict = rules.on_connect({gateway, "c"});
    CHECK(rules.on_recheck({gateway, "c"}).reason == verdict.reason);
    return verdict;
  };
  CHECK(connect().reason == ReasonCode::success);
  // It is looked at again before it ends.
  CHECK(context.wakes_at == gateway.not_after - std::chrono::hours{7 * 24});
  plant.use_lists({plant.ot.revocations({shown.serial}), plant.root.revocations({})});
  CHECK(connect().reason == ReasonCode::not_authorized);
  CHECK(connect().cause.reason == "REVOKED");
}

}  // namespace lineshaft::auth::test
