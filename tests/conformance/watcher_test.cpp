// A watcher sees what clients do, whatever is remembered about their rights.
#include "broker/core/watcher.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "auth/users_interceptor.h"
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

}  // namespace lineshaft::test
