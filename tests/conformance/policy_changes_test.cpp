// Another policy: what it changes for those who are here, and what the core does for its
// interceptor.
#include "broker/base/limits.h"
#include "broker/core/core.h"
#include "tests/support/policy_world.h"

namespace lineshaft::test {
namespace {

MessagePtr own_message(std::string_view topic) {
  MessageFields fields;
  fields.topic = topic;
  fields.payload = "own";
  return KeptMessage::make(fields, {});
}

std::shared_ptr<Answering> without(std::string_view name, std::string_view filter,
                                   bool disconnects = false) {
  auto rules = std::make_shared<Answering>();
  core::SubscribeVerdict& verdict = rules->subscribes[{std::string(name), std::string(filter)}];
  verdict.reason = ReasonCode::not_authorized;
  verdict.disconnects = disconnects;
  rules->delivers[{std::string(name), "t/1"}] = denied_delivery();
  return rules;
}

}  // namespace

TEST_CASE("a subscription without any right is suspended, and is there again with the right",
          "[policy]") {
  PolicyWorld w;
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("t/#");
  alice.subscribe("u");
  ScriptedClient away = w.in("w", "alice");
  away.subscribe("t/#", "01");
  away.vanish();
  ScriptedClient bob = w.in("b", "bob");
  w.change(without("alice", "t/#"));
  CHECK(w.broker.statistics().subscriptions_suspended == 2);
  CHECK(w.broker.statistics().subscriptions == 3);
  bob.send("30 [<t/1> [] '1']").send("30 [<u> [] '2']");
  alice.expect("30 [<u> [] '2']").expect_nothing();
  // Also after a restart: nothing about it is stored but the subscription.
  w.broker.crash();
  CHECK(w.broker.statistics().subscriptions_suspended == 2);
  w.change(std::make_shared<Answering>());
  CHECK(w.broker.statistics().subscriptions_suspended == 0);
  ScriptedClient back = w.in("a", "alice", "80");
  w.in("b", "bob").send("30 [<t/1> [] '3']");
  back.expect("30 [<t/1> [] '3']").expect_nothing();
}

TEST_CASE("a suspended subscription can be cancelled and made again", "[policy]") {
  PolicyWorld w;
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("t/#");
  w.change(without("alice", "t/#"));
  alice.send("82 [0001 [] <t/#> 00]").expect("90 [0001 [] 87]");
  CHECK(w.broker.statistics().subscriptions_suspended == 1);
  alice.unsubscribe("t/#");
  CHECK(w.broker.statistics().subscriptions_suspended == 0);
  w.change(std::make_shared<Answering>());
  alice.subscribe("t/#");
  w.in("b", "bob").send("30 [<t/1> [] 'x']");
  alice.expect("30 [<t/1> [] 'x']");
}

TEST_CASE("where the policy says so a suspended subscription ends the connection", "[policy]") {
  PolicyWorld w;
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("t/#");
  ScriptedClient bob = w.in("b", "bob");
  bob.subscribe("t/#");
  w.change(without("alice", "t/#", true));
  alice.expect_disconnect(ReasonCode::not_authorized);
  bob.expect_nothing();
  CHECK(w.broker.statistics().sessions == 2);
}

TEST_CASE("who may not connect any more is closed; its session stays and is locked", "[policy]") {
  PolicyWorld w;
  ScriptedClient alice = w.in("a", "ot/alice");
  alice.subscribe("t", "01");
  ScriptedClient old = w.in_3_1_1("o", "ot/alice");
  auto later = std::make_shared<Answering>();
  later->connects["alice"].reason = ReasonCode::not_authorized;
  w.change(later);
  alice.expect_disconnect(ReasonCode::not_authorized);
  old.expect_closed();
  CHECK(w.broker.statistics().sessions == 1);
  w.connect("10 [<MQTT> 05 80 0000 [] <a> <ot/bob>]").expect_refused(ReasonCode::not_authorized);
  w.in("b", "bob").send("32 [<t> 0001 [] 'x']").expect("40 [0001]");
  w.change(std::make_shared<Answering>());
  w.in("a", "ot/alice", "80").expect("32 [<t> 0001 [] 'x']");
}

TEST_CASE("more subscriptions than a turn looks at are all looked at", "[policy]") {
  PolicyWorld w;
  const std::size_t many = limits::relate_slice * 2 + 7;
  ScriptedClient alice = w.in("a", "alice");
  auto later = std::make_shared<Answering>();
  for (std::size_t i = 0; i < many; ++i) {
    const std::string filter = fmt::format("t/{}/#", i);
    alice.subscribe(filter);
    later->subscribes[{"alice", filter}].reason = ReasonCode::not_authorized;
  }
  w.change(later);
  CHECK(w.broker.statistics().subscriptions_suspended == many);
}

TEST_CASE("an owner that is back with other claims gets what they allow", "[policy]") {
  PolicyWorld w;
  w.rules->subscribes[{"alice", "t/#"}].covers_all_topics = true;
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("t/#");
  alice.vanish();
  w.rules->subscribes[{"alice", "t/#"}] = {ReasonCode::not_authorized};
  w.rules->delivers[{"alice", "t/1"}] = denied_delivery();
  // Only the zone differs, and a name without a certificate is the same in each.
  ScriptedClient back = w.in("a", "it/alice", "80");
  CHECK(back.session_present());
  w.in("b", "bob").send("30 [<t/1> [] 'x']");
  back.expect_nothing();
  CHECK(w.broker.statistics().subscriptions_suspended == 1);
}

TEST_CASE("a change of policy is answered when every shard has met it", "[policy]") {
  core::Core core({}, 3, 1, std::make_shared<Answering>());
  core::Effects effects(3);
  const Now now{Instant{Milliseconds{1000}}, WallTime{Milliseconds{1'700'000'000'000}}};
  core.apply(now, core::PolicyChanged{std::make_shared<Answering>(), 42}, effects);
  REQUIRE(effects.replies.empty());
  std::uint64_t number = 0;
  for (const core::ShardEffects& shard : effects.shards) {
    REQUIRE(shard.list.size() == 1);
    number = std::get<core::Fence>(shard.list.front()).number;
  }
  core.apply(now, core::FencePassed{number}, effects);
  core.apply(now, core::FencePassed{number}, effects);
  CHECK(effects.replies.empty());
  core.apply(now, core::FencePassed{number}, effects);
  REQUIRE(effects.replies.size() == 1);
  CHECK(effects.replies.front().id == 42);
  CHECK(std::get<core::PolicyInForce>(effects.replies.front().what).epoch ==
        core.statistics().policy_epoch);
}

TEST_CASE("what was covered under another policy is asked for until it was looked at", "[policy]") {
  auto before = std::make_shared<Answering>();
  before->subscribes[{"alice", "t/1"}].covers_all_topics = true;
  core::CoreConfig config;
  config.has_store = false;
  core::Core core(config, 1, 1, before);
  core::Effects effects(1);
  const Now now{Instant{Milliseconds{1000}}, WallTime{Milliseconds{1'700'000'000'000}}};
  const auto packets = [&](std::uint32_t slot, auto... one) {
    core::PacketsArrived in{{0, slot, 1}, {}};
    (in.packets.emplace_back(std::move(one)), ...);
    core.apply(now, std::move(in), effects);
  };
  for (const char* name : {"bob", "alice"}) {
    const auto slot = static_cast<std::uint32_t>(name[0] - 'a');
    auto principal = std::make_shared<core::Principal>();
    principal->name = name;
    principal->proof = core::Proof::password;
    auto admission = std::make_unique<core::Admission>();
    admission->principal = principal;
    core.apply(now, core::ConnectionOpened{{0, slot, 1}, nullptr, std::move(admission)}, effects);
    auto connect = std::make_unique<mqtt::ConnectPacket>();
    connect->version = mqtt::Version::v5;
    connect->client_id = name;
    packets(slot, std::move(connect));
  }
  auto subscribe = std::make_unique<mqtt::SubscribePacket>();
  subscribe->packet_id = 1;
  // The one that counts comes behind more than a turn looks at.
  for (std::size_t i = 0; i < limits::relate_slice * 2; ++i) {
    subscribe->items.emplace_back().filter = fmt::format("a/{}", i);
  }
  subscribe->items.emplace_back().filter = "t/1";
  packets(0, std::move(subscribe));
  while (std::exchange(effects.again, false)) core.apply(now, core::TimeAdvanced{}, effects);
  const auto deliveries = [&] {
    effects.clear();
    mqtt::PublishPacket publish;
    publish.message = own_message("t/1");
    packets(1, std::move(publish));
    return effects.shards[0].recipients.size();
  };
  CHECK(deliveries() == 1);
  CHECK(before->deliver_questions == 0);
  auto after = std::make_shared<Answering>();
  after->delivers[{"alice", "t/1"}] = denied_delivery();
  core.apply(now, core::PolicyChanged{after}, effects);
  REQUIRE(effects.again);
  CHECK(deliveries() == 0);
}

TEST_CASE("a suspended subscription gets nothing, and what is new once its right is back",
          "[policy]") {
  PolicyWorld w;
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("t/#");
  ScriptedClient bob = w.in("b", "bob");
  bob.subscribe("$share/g/t/#");
  ScriptedClient carol = w.in("c", "carol");
  carol.subscribe("$share/g/t/#");
  ScriptedClient sender = w.in("s", "sender");
  auto later = std::make_shared<Answering>();
  // A part of it would be allowed topic by topic.
  later->subscribes[{"alice", "t/#"}].reason = ReasonCode::not_authorized;
  later->subscribes[{"bob", "t/#"}].reason = ReasonCode::not_authorized;
  w.change(later);
  CHECK(w.broker.statistics().subscriptions_suspended == 2);
  for (int i = 0; i < 2; ++i) {
    sender.send("31 [<t/1> [] 'r']");
    carol.expect("30 [<t/1> [] 'r']");
  }
  alice.expect_nothing();
  bob.expect_nothing();
  w.change(std::make_shared<Answering>());
  CHECK(w.broker.statistics().subscriptions_suspended == 0);
  alice.expect_nothing();
  sender.send("30 [<t/1> [] 'n']");
  alice.expect("30 [<t/1> [] 'n']");
}

TEST_CASE("what waited for the disk is judged when it leaves", "[policy]") {
  PolicyWorld w;
  ScriptedClient alice = w.in("a", "alice");
  alice.send("82 [0001 [] <t> 02]").expect("90 [0001 [] 02]");
  ScriptedClient bob = w.in("b", "bob");
  w.broker.hold_commits();
  bob.send("34 [<t> 0001 [] 'x']");
  alice.expect_nothing();
  auto later = std::make_shared<Answering>();
  later->delivers[{"alice", "t"}] = denied_delivery();
  w.change(later);
  w.broker.commit();
  alice.expect_nothing();
  CHECK(w.broker.statistics().queued == 0);
}

TEST_CASE("an answer about what is kept waits until it is on the disk", "[policy]") {
  PolicyWorld w;
  w.broker.hold_commits();
  w.broker.request({7, core::InterceptorRequest{"keep", "a"}});
  w.broker.request({8, core::InterceptorRequest{"echo", "{}"}});
  const auto at_once = w.broker.take_replies();
  REQUIRE(at_once.size() == 1);
  CHECK(at_once[0].id == 8);
  w.broker.commit();
  const auto later = w.broker.take_replies();
  REQUIRE(later.size() == 1);
  CHECK(later[0].id == 7);
  CHECK(std::get<core::RequestAnswer>(later[0].what).body == "kept");
}

TEST_CASE("what an interceptor keeps comes back after a crash and to its successor", "[policy]") {
  PolicyWorld w;
  w.rules->at_publish = [&](const Message&) {
    CHECK(w.rules->context->persist("island", "ot", "1"));
    CHECK(w.rules->context->persist("island", "it", "1"));
    CHECK(w.rules->context->persist("island", "it", ""));
    CHECK_FALSE(
        w.rules->context->persist("x", "y", std::string(limits::kept_item_bytes_max + 1, 'x')));
  };
  w.in("a", "alice").send("30 [<t> [] 'x']");
  w.rules->at_publish = {};
  const std::map<Answering::Place, std::string> kept = {{{"island", "ot"}, "1"}};
  w.broker.crash();
  CHECK(w.rules->restored == kept);
  w.change(std::make_shared<Answering>());
  CHECK(w.rules->restored == kept);
}

TEST_CASE("a message an interceptor adds follows its packet, under the policy", "[policy]") {
  PolicyWorld w;
  const auto bob = std::make_shared<core::Principal>();
  const_cast<core::Principal&>(*bob).name = "bob";
  w.rules->publishes[{"bob", "no"}] = {ReasonCode::not_authorized};
  std::size_t refused = 0;
  w.rules->at_publish = [&](const Message& message) {
    core::Context& context = *w.rules->context;
    if (message.topic() != "t") {
      // Judged itself: it must not begin a chain.
      refused += context.publish(own_message("more"), nullptr) ? 0 : 1;
      return;
    }
    CHECK(context.publish(own_message("yes"), bob));
    CHECK(context.publish(own_message("no"), bob));
    CHECK(context.publish(own_message("$SYS/own"), nullptr));
    CHECK(context.publish(own_message("$SYS/bob"), bob));
  };
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("#");
  alice.subscribe("$SYS/#");
  w.in("b", "bob").send("30 [<t> [] '1'] 30 [<t2> [] '2']");
  alice.expect("30 [<t> [] '1']").expect("30 [<yes> [] 'own']").expect("30 [<$SYS/own> [] 'own']");
  alice.expect("30 [<t2> [] '2']").expect("30 [<more> [] 'own']").expect_nothing();
  CHECK(refused == 3);
}

TEST_CASE("an interceptor adds so many messages to a packet and no more", "[policy]") {
  PolicyWorld w;
  std::size_t taken = 0;
  w.rules->at_publish = [&](const Message&) {
    for (std::size_t i = 0; i < limits::added_messages_max + 5; ++i) {
      taken += w.rules->context->publish(own_message("own"), nullptr) ? 1 : 0;
    }
  };
  w.in("b", "bob").send("30 [<t> [] '1']");
  CHECK(taken == limits::added_messages_max);
}

TEST_CASE("an interceptor is woken when it asked for it, and may change its mind", "[policy]") {
  PolicyWorld w;
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("t/#");
  w.in("b", "bob").send("30 [<t/1> [] '1']");
  alice.expect("30 [<t/1> [] '1']");
  int edges = 0;
  w.rules->at_edge = [&] {
    ++edges;
    w.rules->delivers[{"alice", "t/1"}] = denied_delivery();
    w.rules->subscribes[{"alice", "t/#"}].reason = ReasonCode::not_authorized;
    w.rules->context->policy_changed();
  };
  const std::uint32_t epoch = w.broker.statistics().policy_epoch;
  w.rules->context->wake_at(w.broker.wall() + Milliseconds{1000});
  w.broker.after(Milliseconds{900});
  CHECK(edges == 0);
  w.broker.after(Milliseconds{100});
  w.broker.after(Milliseconds{5000});
  CHECK(edges == 1);
  CHECK(w.broker.statistics().policy_epoch > epoch);
  CHECK(w.broker.statistics().subscriptions_suspended == 1);
  w.in("b", "bob").send("30 [<t/1> [] '2']");
  alice.expect_nothing();
}

TEST_CASE("a request reaches the interceptor with the session it names", "[policy]") {
  PolicyWorld w;
  w.in("a", "alice");
  w.broker.request({7, core::InterceptorRequest{"echo", "{}", "a"}});
  w.broker.request({8, core::InterceptorRequest{"echo", "{}", "nobody"}});
  w.broker.request({9, core::InterceptorRequest{"other", "{}"}});
  const auto replies = w.broker.take_replies();
  REQUIRE(replies.size() == 3);
  CHECK(replies[0].id == 7);
  CHECK(std::get<core::RequestAnswer>(replies[0].what).body == "alice:{}");
  CHECK(std::get<core::RequestAnswer>(replies[1].what).body == "nobody:{}");
  CHECK(std::get<core::RequestAnswer>(replies[2].what).state ==
        core::RequestAnswer::State::unknown_verb);
}

}  // namespace lineshaft::test
