// A watcher sees what clients do, whatever is remembered about their rights.
#include "broker/core/watcher.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "auth/anomaly_watcher.h"
#include "auth/users_interceptor.h"
#include "auth/zones_interceptor.h"
#include "tests/support/believing.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace lineshaft::test {
namespace {

using namespace auth;

/// Writes down what it sees.
class Recorder final : public core::Watcher {
 public:
  std::uint32_t on_connect(const core::ConnectFacts& facts, Now) override {
    seen.push_back(
        fmt::format("connect {} {} {}", facts.principal.name, facts.client_id, facts.protocol));
    return ++clients;
  }
  bool on_publish(std::uint32_t who, const Message& message) override {
    seen.push_back(fmt::format("publish {} {}", who, message.topic()));
    return who == held_back;
  }
  void on_deliver(std::uint32_t who, const Message& message) override {
    seen.push_back(fmt::format("deliver {} {}", who, message.topic()));
  }
  void on_deny(std::uint32_t who) override { seen.push_back(fmt::format("deny {}", who)); }
  core::Watched on_time(Now) override { return std::exchange(says, {}); }

  std::vector<std::string> take() { return std::exchange(seen, {}); }

  std::uint32_t clients = 0;
  std::uint32_t held_back = 0;
  std::vector<std::string> seen;
  core::Watched says;
};

struct Watched {
  Believing believer;
  ScriptedBroker broker;
  std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();

  Watched() {
    RulesFile file = parse_user_rules("user alice\nboth plant/#\nuser bob\nsubscribe plant/#\n");
    UserTable table;
    table["alice"] = table["bob"] = {};
    broker.guard(&believer, std::make_shared<UsersInterceptor>(
                                make_users_policy(std::move(table), std::move(file.rules), false)));
    broker.watch(recorder);
  }
  ScriptedClient in(std::string_view user) {
    ScriptedClient client =
        broker.connect(fmt::format("10 [<MQTT> 05 82 0000 [] <c-{0}> <{0}>]", user));
    client.expect_connack();
    return client;
  }
};

using Seen = std::vector<std::string>;

}  // namespace

TEST_CASE("a watcher sees every message that is taken, delivered or refused", "[core]") {
  Watched w;
  ScriptedClient alice = w.in("alice");
  ScriptedClient bob = w.in("bob");
  CHECK(w.recorder->take() == Seen{"connect alice c-alice MQTT 5 over no TLS at test",
                                   "connect bob c-bob MQTT 5 over no TLS at test"});
  bob.subscribe("plant/#");
  for (int i = 0; i < 2; ++i) {
    alice.send("30 [<plant/x> [] 'x']");
    bob.expect("30 [<plant/x> [] 'x']");
    bob.send("30 [<plant/x> [] 'x']");
    alice.expect_nothing();
    CHECK(w.recorder->take() == Seen{"publish 1 plant/x", "deliver 2 plant/x", "deny 2"});
  }
  bob.send("82 [0001 [] <other/#> 00]").expect("90 [0001 [] 87]");
  CHECK(w.recorder->take() == Seen{"deny 2"});
}

TEST_CASE("who is held back is not read until the watcher is asked again", "[core]") {
  Watched w;
  ScriptedClient alice = w.in("alice");
  ScriptedClient bob = w.in("bob");
  w.recorder->held_back = 1;
  alice.send("30 [<plant/x> [] 'x']");
  CHECK(alice.reading_paused());
  CHECK_FALSE(bob.reading_paused());
  w.broker.after(limits::timer_tick);
  CHECK_FALSE(alice.reading_paused());
}

TEST_CASE("what a watcher says is published by the broker", "[core]") {
  Watched w;
  ScriptedClient bob = w.in("bob");
  bob.subscribe("plant/#");
  MessageFields fields;
  fields.topic = "plant/event";
  fields.payload = "!";
  w.recorder->says.messages.push_back(KeptMessage::make(fields, {{}, 0, 0}));
  w.recorder->says.calls.push_back({"quarantine", "{}"});  // nobody here knows it: only a log line
  w.broker.after(limits::timer_tick);
  bob.expect("30 [<plant/event> [] '!']");
}

TEST_CASE("an anomaly rule puts one into quarantine, and nobody else of the name",
          "[core][zones]") {
  const CompiledPolicy compiled = compile_policy_text(
      R"({"zones": {"ot": {"sl_t": 1, "owns": ["ot/#"]}, "it": {"sl_t": 1, "owns": ["it/#"]}},
          "roles": {"ot": {"publish": ["ot/#", "it/#"]}, "it": {"publish": ["it/#"]}}})",
      {}, WallTime{});
  REQUIRE(compiled.policy != nullptr);
  AnomalyConfig config;
  AnomalyRule rule;
  rule.name = "too-many";
  rule.kind = AnomalyKind::deny_burst;
  rule.min = 3;
  rule.action = AnomalyAction::quarantine;
  rule.ttl = Milliseconds{60'000};
  config.rules.push_back(rule);
  Believing believer;
  ScriptedBroker broker;
  broker.guard(&believer, std::make_shared<ZonesInterceptor>(compiled.policy));
  broker.watch(std::make_shared<AnomalyWatcher>(config));
  const auto in = [&](std::string_view user, std::string_view client_id) {
    ScriptedClient client =
        broker.connect(fmt::format("10 [<MQTT> 05 82 0000 [] <{}> <{}>]", client_id, user));
    client.expect_connack();
    return client;
  };
  ScriptedClient press = in("ot/press", "a");
  ScriptedClient other = in("it/press", "b");
  press.send("32 [<ot/x> 0001 [] 'x']").expect("40 [0001 10]");
  for (int i = 0; i < 4; ++i) press.send("32 [<it/x> 0001 [] 'x']").expect("40 [0001 87]");
  broker.after(limits::anomaly_window);
  press.send("32 [<ot/x> 0001 [] 'x']").expect("40 [0001 87]");
  other.send("32 [<it/x> 0001 [] 'x']").expect("40 [0001 10]");
  // Until its time is over.
  broker.after(Milliseconds{60'000});
  press.send("32 [<ot/x> 0001 [] 'x']").expect("40 [0001 10]");
}

}  // namespace lineshaft::test
