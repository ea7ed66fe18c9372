// The work a policy makes is bounded: per packet and per turn, and what others see in between.
#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "broker/base/limits.h"
#include "broker/core/core.h"
#include "tests/support/answering_interceptor.h"
#include "tests/support/catch.h"

namespace lineshaft::test {
namespace {

constexpr std::size_t many = limits::relate_slice + 44;

/// A core whose turns are run one by one.
struct Turns {
  std::shared_ptr<Answering> rules = std::make_shared<Answering>();
  core::Core core;
  core::Effects effects{1};
  Now now{Instant{Milliseconds{1000}}, WallTime{Milliseconds{1'700'000'000'000}}};

  explicit Turns(std::size_t subscriptions_max = limits::subscriptions_per_session_max)
      : core(config(subscriptions_max), 1, 1, rules) {}

  static core::CoreConfig config(std::size_t subscriptions_max) {
    core::CoreConfig made;
    made.has_store = false;
    made.subscriptions_per_session_max = subscriptions_max;
    return made;
  }
  void turn(core::Input input) {
    effects.clear();
    core.apply(now, std::move(input), effects);
    subscribe_questions_most =
        std::max(subscribe_questions_most, rules->subscribe_questions - asked_before);
    asked_before = rules->subscribe_questions;
    for (core::Effect& effect : effects.shards[0].list) {
      auto* const answer = std::get_if<core::Acknowledge>(&effect);
      if (answer == nullptr) continue;
      answers.push_back(std::move(answer->packet));
    }
  }
  /// Until nothing is left to be done in slices.
  void finish() {
    while (effects.again) turn(core::TimeAdvanced{});
  }
  std::optional<std::string> method;
  /// In one turn.
  std::size_t subscribe_questions_most = 0;
  std::vector<core::OutPacket> answers;

  std::size_t asked_before = 0;

  template <class What>
  std::size_t effects_of() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        effects.shards[0].list,
        [](const core::Effect& effect) { return std::holds_alternative<What>(effect); }));
  }
  static core::PrincipalPtr alice(const std::string& zone) {
    auto principal = std::make_shared<core::Principal>();
    principal->name = "alice";
    principal->proof = core::Proof::password;
    principal->zone = zone;
    return principal;
  }
  void connect(std::uint32_t slot, const std::string& client_id, const std::string& zone = {}) {
    core::ConnectionOpened opened{{0, slot, 1}, nullptr};
    opened.admission = std::make_unique<core::Admission>();
    opened.admission->principal = alice(zone);
    turn(std::move(opened));
    auto packet = std::make_unique<mqtt::ConnectPacket>();
    packet->client_id = client_id;
    packet->clean_start = false;
    packet->session_expiry_interval_s = 3600;
    packet->authentication_method = method;
    send(slot, std::move(packet));
  }
  template <class... Packets>
  void send(std::uint32_t slot, Packets... packets) {
    core::PacketsArrived arrived;
    arrived.connection = {0, slot, 1};
    (arrived.packets.emplace_back(std::move(packets)), ...);
    turn(std::move(arrived));
  }
  std::vector<ReasonCode> subscribe(const std::vector<std::string>& filters) {
    auto packet = std::make_unique<mqtt::SubscribePacket>();
    packet->packet_id = 1;
    for (const std::string& filter : filters) packet->items.push_back({filter, {}});
    rules->subscribe_questions = asked_before = subscribe_questions_most = 0;
    answers.clear();
    send(0, std::move(packet));
    finish();
    return answers.empty() ? std::vector<ReasonCode>{} : suback(answers.front())->reasons;
  }
  void core_changes_its_policy() {
    rules->subscribe_questions = asked_before = 0;
    turn(core::PolicyChanged{rules, 0});
    finish();
  }
  static const mqtt::SubackPacket* suback(const core::OutPacket& packet) {
    const auto* const answer = std::get_if<std::unique_ptr<mqtt::SubackPacket>>(&packet);
    return answer == nullptr ? nullptr : answer->get();
  }
};

mqtt::Packet subscribe_to(std::uint16_t packet_id, const std::vector<std::string>& filters) {
  auto packet = std::make_unique<mqtt::SubscribePacket>();
  packet->packet_id = packet_id;
  for (const std::string& filter : filters) packet->items.push_back({filter, {}});
  return packet;
}

std::vector<std::string> filters(std::size_t count) {
  std::vector<std::string> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back(fmt::format("t/{:04}/#", i));
  return made;
}

}  // namespace

TEST_CASE("a filter that stands in a packet again and again is judged once", "[policy]") {
  Turns t;
  t.rules->subscribes[{"alice", "#"}].reason = ReasonCode::not_authorized;
  t.connect(0, "a");
  const auto reasons = t.subscribe(std::vector<std::string>(1000, "#"));
  CHECK(reasons == std::vector(1000, ReasonCode::not_authorized));
  CHECK(t.rules->subscribe_questions == 1);
  CHECK(t.subscribe({"x", "x"}) == std::vector(2, ReasonCode::success));
  CHECK(t.core.statistics().subscriptions == 1);
}

TEST_CASE("no more filters of a packet are judged than a session may have", "[policy]") {
  Turns t(5);
  for (const std::string& filter : filters(5)) {
    t.rules->subscribes[{"alice", filter}].reason = ReasonCode::not_authorized;
  }
  t.connect(0, "a");
  auto reasons = t.subscribe(filters(8));
  REQUIRE(reasons.size() == 8);
  CHECK(t.rules->subscribe_questions == 5);
  CHECK(std::ranges::count(reasons, ReasonCode::not_authorized) == 5);
  CHECK(std::ranges::count(reasons, ReasonCode::quota_exceeded) == 3);
  t.rules->subscribes.clear();
  t.core_changes_its_policy();
  CHECK(t.subscribe(filters(5)) == std::vector(5, ReasonCode::success));
  // Full: what would be one more is not even looked at.
  CHECK(t.subscribe({"one/more"}) == std::vector{ReasonCode::quota_exceeded});
  CHECK(t.rules->subscribe_questions == 0);
}

TEST_CASE("an owner that comes back in the middle of a look is looked at from the beginning",
          "[policy]") {
  Turns t;
  t.connect(0, "a");
  t.subscribe(filters(many));
  t.turn(core::ConnectionLost{{0, 0, 1}, core::LostBecause::network_error});
  auto later = std::make_shared<Answering>();
  t.turn(core::PolicyChanged{later, 0});
  REQUIRE(t.effects.again);
  REQUIRE(later->subscribe_questions > 0);
  REQUIRE(later->subscribe_questions < many);
  for (const std::string& filter : filters(many)) {
    later->subscribes[{"alice", filter}].reason = ReasonCode::not_authorized;
  }
  t.connect(1, "a", "it");
  t.effects.again = true;
  t.finish();
  CHECK(t.core.statistics().subscriptions_suspended == many);
}

TEST_CASE("a policy is in force when everybody was looked at, not before", "[policy]") {
  Turns t;
  for (std::uint32_t slot = 0; slot < many; ++slot) t.connect(slot, fmt::format("c{}", slot));
  auto later = std::make_shared<Answering>();
  later->connects["alice"].reason = ReasonCode::not_authorized;
  t.turn(core::PolicyChanged{later, 42});
  std::size_t closed = t.effects_of<core::Close>();
  CHECK(closed == limits::relate_slice);
  CHECK(t.effects_of<core::Fence>() == 0);
  REQUIRE(t.effects.again);
  t.turn(core::TimeAdvanced{});
  closed += t.effects_of<core::Close>();
  CHECK(closed == many);
  // Behind what closes them.
  REQUIRE(t.effects_of<core::Fence>() == 1);
  const auto* const fence = std::get_if<core::Fence>(&t.effects.shards[0].list.back());
  REQUIRE(fence != nullptr);
  t.turn(core::FencePassed{fence->number});
  REQUIRE(t.effects.replies.size() == 1);
  CHECK(t.effects.replies.front().id == 42);
}

TEST_CASE("a SUBSCRIBE that takes several turns is answered once, and what is behind it waits",
          "[policy][MQTT-3.8.4-6]") {
  Turns t;
  t.connect(0, "a");
  t.rules->subscribe_questions = t.subscribe_questions_most = 0;
  t.answers.clear();
  auto unsubscribe = std::make_unique<mqtt::UnsubscribePacket>();
  unsubscribe->packet_id = 3;
  unsubscribe->filters = filters(many);
  t.send(0, subscribe_to(1, filters(many)), subscribe_to(2, {"x"}), std::move(unsubscribe),
         mqtt::PingreqPacket{});
  CHECK(t.answers.empty());
  CHECK(t.rules->subscribe_questions == limits::relate_slice);
  CHECK(t.effects_of<core::SetReading>() == 1);
  t.finish();
  REQUIRE(t.answers.size() == 4);
  CHECK(Turns::suback(t.answers[0])->reasons == std::vector(many, ReasonCode::success));
  CHECK(Turns::suback(t.answers[1])->packet_id == 2);
  CHECK(Turns::suback(t.answers[2])->reasons == std::vector(many, ReasonCode::success));
  CHECK(std::holds_alternative<mqtt::PingrespPacket>(t.answers[3]));
  CHECK(t.core.statistics().subscriptions == 1);
}

TEST_CASE("filters that are hard to judge fill a turn sooner", "[policy]") {
  Turns t;
  for (const std::string& filter : filters(20)) {
    t.rules->subscribes[{"alice", filter}].work = limits::relate_slice / 2;
  }
  t.connect(0, "a");
  CHECK(t.subscribe(filters(20)).size() == 20);
  CHECK(t.subscribe_questions_most == 2);
  t.subscribe_questions_most = 0;
  t.core_changes_its_policy();
  CHECK(t.rules->subscribe_questions == 20);
  CHECK(t.subscribe_questions_most == 2);
}

TEST_CASE("those who have the same rights are judged once per filter and policy", "[policy]") {
  Turns t;
  for (std::uint32_t slot = 0; slot < 3; ++slot) {
    t.connect(slot, fmt::format("c{}", slot));
    t.send(slot, subscribe_to(1, {"#"}));
  }
  CHECK(t.rules->subscribe_questions == 1);
  t.rules->subscribes[{"alice", "#"}].reason = ReasonCode::not_authorized;
  t.core_changes_its_policy();
  CHECK(t.rules->subscribe_questions == 1);
  CHECK(t.core.statistics().subscriptions_suspended == 3);
}

TEST_CASE("what was sent before a connection was lost counts, however long it takes", "[policy]") {
  Turns t;
  t.connect(0, "a");
  for (const std::string& filter : filters(many)) {
    t.rules->subscribes[{"alice", filter}].reason = ReasonCode::not_authorized;
  }
  SECTION("its subscriptions are looked at like those of a session that is there") {
    t.send(0, subscribe_to(1, filters(many)), subscribe_to(2, filters(many)));
    t.turn(core::ConnectionLost{{0, 0, 1}, core::LostBecause::peer_closed});
    CHECK(t.rules->subscribe_questions == limits::relate_slice);
    t.effects.again = true;
    t.finish();
    // Those that were judged in time are not there.
    CHECK(t.core.statistics().subscriptions == many);
    CHECK(t.core.statistics().subscriptions_suspended == many);
  }
  SECTION("a DISCONNECT ends it") {
    auto disconnect = std::make_unique<mqtt::DisconnectPacket>();
    disconnect->session_expiry_interval_s = 0;
    t.send(0, subscribe_to(1, filters(many)), std::move(disconnect));
    REQUIRE(t.core.statistics().sessions == 1);
    SECTION("when the connection is lost") {
      t.turn(core::ConnectionLost{{0, 0, 1}, core::LostBecause::peer_closed});
      CHECK(t.core.statistics().sessions == 0);
    }
    SECTION("when its client comes back sooner") {
      t.connect(1, "a");
      REQUIRE(t.answers.size() >= 2);
      const auto& connack = std::get<std::unique_ptr<mqtt::ConnackPacket>>(t.answers.back());
      CHECK_FALSE(connack->session_present);
      CHECK(t.core.statistics().subscriptions == 0);
    }
  }
}

TEST_CASE("a change of policy is answered although the broker stops", "[policy]") {
  Turns t;
  for (std::uint32_t slot = 0; slot < many; ++slot) t.connect(slot, fmt::format("c{}", slot));
  const auto answered = [&] {
    return std::ranges::count_if(t.effects.replies, [](const core::Reply& reply) {
      return std::holds_alternative<core::PolicyInForce>(reply.what);
    });
  };
  SECTION("while everybody is looked at") {
    t.turn(core::PolicyChanged{std::make_shared<Answering>(), 42});
    REQUIRE(t.effects.again);
    t.turn(core::Request{43, core::DrainRequest{}});
    CHECK(answered() == 1);
  }
  SECTION("while the shards are on their way") {
    t.turn(core::PolicyChanged{std::make_shared<Answering>(), 42});
    t.finish();
    CHECK(answered() == 0);
    t.turn(core::Request{43, core::DrainRequest{}});
    CHECK(answered() == 1);
  }
  SECTION("when it comes behind the stop") {
    t.turn(core::Request{43, core::DrainRequest{}});
    t.turn(core::PolicyChanged{std::make_shared<Answering>(), 42});
    CHECK(answered() == 1);
  }
}

TEST_CASE("who authenticates again while the policy changes is judged by the new one", "[policy]") {
  Turns t;
  t.method = "M";
  t.connect(0, "a");
  auto auth = std::make_unique<mqtt::AuthPacket>();
  auth->reason = ReasonCode::reauthenticate;
  auth->authentication_method = "M";
  t.send(0, std::move(auth));
  REQUIRE(t.effects_of<core::Authenticate>() == 1);
  t.core_changes_its_policy();
  REQUIRE(t.effects_of<core::Close>() == 0);
  // Whoever proves it says what held before: those claims are refused by now.
  t.rules->connects["alice"].reason = ReasonCode::not_authorized;
  core::Reauthenticated proven{{0, 0, 1}, std::make_unique<core::Admission>()};
  proven.admission->principal = Turns::alice("it");
  t.turn(std::move(proven));
  CHECK(t.effects_of<core::Close>() == 1);
}

TEST_CASE("a clock that is set back while the broker runs is noticed once", "[policy]") {
  Turns t;
  t.turn(core::TimeAdvanced{});
  const auto later = [&](int steady_s, int wall_s) {
    t.now.steady += Milliseconds{1000} * steady_s;
    t.now.wall += Milliseconds{1000} * wall_s;
    t.turn(core::TimeAdvanced{});
    return t.rules->clock_set_backs;
  };
  CHECK(later(1, 3600) == 0);
  CHECK(later(10, -20) == 0);  // 30 s back
  CHECK(later(100, 100) == 0);
  CHECK(later(10, -20) == 1);  // 60 s in all
  CHECK(later(100, 100) == 1);
  CHECK(later(1, -3600) == 2);
}

}  // namespace lineshaft::test
