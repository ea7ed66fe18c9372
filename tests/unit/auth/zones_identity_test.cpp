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

KeptMessagePtr message(std::string_view topic) {
  MessageFields fields;
  fields.topic = topic;
  fields.payload = "x";
  return KeptMessage::make(fields, {});
}

PolicySnapshotPtr two_zones() {
  const CompiledPolicy compiled = compile_policy_text(R"({
    "zones": { "ot": { "sl_t": 3, "owns": ["ot/#"] }, "it": { "sl_t": 2, "owns": ["it/#"] } },
    "roles": { "edge": { "publish": ["ot/#"] }, "reader": { "subscribe": ["it/#"] },
               "writer": { "publish": ["it/#"] } }
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

TEST_CASE("the will of who is revoked, expired or has other roles now does not go out",
          "[auth][zones]") {
  IdentityPlant plant;
  plant.config.users["alice"].roles = {"writer"};
  const Issued shown = plant.gateway("gw");
  const core::Principal gateway = plant.judge(shown, plant.ot).principal;
  const core::Principal alice = plant.user("alice");
  StillContext context(plant.now);
  const auto due = [&](const core::Principal& who, std::string_view topic) {
    ZonesInterceptor rules(two_zones(), plant.shared_rules());
    rules.on_install(context);
    const auto moment = core::Interceptor::WillMoment::due;
    const core::PublishVerdict verdict = rules.on_will({who, "c"}, *message(topic), moment);
    CHECK(is_failure(verdict.reason) == !verdict.cause.reason.empty());
    return std::string(is_failure(verdict.reason) ? verdict.cause.reason : "sent");
  };
  CHECK(due(gateway, "ot/cmd/stop") == "sent");
  CHECK(due(alice, "it/x") == "sent");
  core::Principal ended = gateway;
  ended.not_after = plant.now;
  CHECK(due(ended, "ot/cmd/stop") == "CERT_INVALID");
  plant.use_lists({plant.ot.revocations({shown.serial}), plant.root.revocations({})});
  plant.config.users["alice"].roles = {};
  CHECK(due(gateway, "ot/cmd/stop") == "REVOKED");
  CHECK(due(alice, "it/x") == "NO_ZONE_CLAIM");
  // That it is gone is said all the same.
  CHECK(due(gateway, "spBv1.0/G/NDEATH/E") == "sent");
}

TEST_CASE("what a revoked or forgotten author left behind is not shown", "[auth][zones]") {
  IdentityPlant plant;
  const Issued shown = plant.gateway("gw");
  const core::Principal gateway = plant.judge(shown, plant.ot).principal;
  const core::Principal alice = plant.user("alice");
  StillContext context(plant.now);
  const auto shows = [&](const core::Principal& author, std::string_view topic) {
    ZonesInterceptor rules(two_zones(), plant.shared_rules());
    rules.on_install(context);
    return rules.on_replay(&author, *message(topic));
  };
  CHECK(shows(gateway, "ot/setpoint"));
  CHECK(shows(alice, "it/x"));
  // It was good when it was written.
  core::Principal ended = gateway;
  ended.not_after = plant.now;
  ended.listener = "closed";
  CHECK(shows(ended, "ot/setpoint"));
  plant.use_lists({plant.ot.revocations({shown.serial}), plant.root.revocations({})});
  plant.config.users.erase("alice");
  CHECK_FALSE(shows(gateway, "ot/setpoint"));
  CHECK_FALSE(shows(alice, "it/x"));
  CHECK(shows(gateway, "spBv1.0/G/NDEATH/E"));
}

TEST_CASE("a quarantine or a lent role is one identity's, not that of all who have its name",
          "[auth][zones]") {
  IdentityPlant plant;
  plant.config.users["press-07"] = {"it", {"reader"}};
  const core::Principal machine = plant.judge(plant.gateway("press-07"), plant.ot).principal;
  const core::Principal user = plant.user("press-07");
  StillContext context(plant.now);
  ZonesInterceptor rules(two_zones(), plant.shared_rules());
  rules.on_install(context);
  const auto ask = [&](std::string_view verb, const char* body,
                       const core::Subject* subject = nullptr) {
    return rules.on_request(verb, body, subject);
  };
  using State = core::RequestAnswer::State;
  const auto held = [&] {
    return std::pair(rules.policy().is_quarantined(machine), rules.policy().is_quarantined(user));
  };
  const core::RequestAnswer bare = ask("quarantine", R"({"identity":"press-07"})");
  CHECK(bare.state == State::refused);
  CHECK(bare.body.find("certificate press-07 of zone ot") != std::string::npos);
  CHECK(bare.body.find("user press-07 of zone it") != std::string::npos);
  CHECK(ask("break_glass", R"({"identity":"press-07","role":"writer","ttl_s":60,"reason":"r"})")
            .state == State::refused);
  CHECK(ask("quarantine", R"({"identity":"press-07","zone":"dmz"})").state == State::refused);
  CHECK(held() == std::pair(false, false));
  CHECK(ask("quarantine", R"({"identity":"press-07","proof":"user"})").state == State::done);
  CHECK(held() == std::pair(false, true));
  CHECK(ask("quarantine", R"({"identity":"press-07","zone":"ot"})").state == State::done);
  CHECK(held() == std::pair(true, true));
  CHECK(ask("release", R"({"identity":"press-07"})").state == State::refused);
  CHECK(ask("release", R"({"identity":"press-07","proof":"user"})").state == State::done);
  CHECK(held() == std::pair(true, false));
  CHECK(ask("release", R"({"identity":"press-07"})").state == State::done);
  CHECK(held() == std::pair(false, false));
  // Or the one who owns a session.
  const core::Subject subject{machine, "c"};
  CHECK(ask("quarantine", "{}").state == State::refused);
  CHECK(ask("quarantine", "{}", &subject).state == State::done);
  CHECK(held() == std::pair(true, false));
}

TEST_CASE("after a reload the end of a certificate that is here is known again", "[auth][zones]") {
  IdentityPlant plant;
  const core::Principal gateway = plant.judge(plant.gateway("gw"), plant.ot).principal;
  StillContext context(plant.now);
  ZonesInterceptor rules(two_zones(), plant.shared_rules());
  rules.on_install(context);
  REQUIRE_FALSE(context.wakes_at);
  CHECK(rules.on_recheck({gateway, "c"}).reason == ReasonCode::success);
  CHECK(context.wakes_at == gateway.not_after - std::chrono::hours{7 * 24});
}

}  // namespace lineshaft::auth::test
