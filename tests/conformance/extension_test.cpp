// An extension follows topics, and has topics on which only the broker speaks.
#include "broker/core/extension.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace lineshaft::test {
namespace {

using Seen = std::vector<std::string>;
using core::ExtensionClient;

MessagePtr message_of(std::string_view topic, std::string_view payload, bool retain,
                      QoS qos = QoS::at_most_once) {
  MessageFields fields;
  fields.topic = topic;
  fields.payload = payload;
  fields.retain = retain;
  fields.qos = qos;
  return KeptMessage::make(fields, {});
}

/// What outlives the extension in a test.
struct Notes {
  Seen seen;
  std::map<std::string, std::string> replace;
  core::ExtensionContext* context = nullptr;

  Seen take() { return std::exchange(seen, {}); }
};

/// Follows "f/", owns "$own/" and "own/", answers "f/birth" with a retained "$own/birth".
class Follower final : public core::Extension {
 public:
  explicit Follower(Notes& notes) : notes_(notes) {}

  std::string_view name() const override { return "follower"; }
  void on_install(core::ExtensionContext& context) override { notes_.context = &context; }
  core::TopicClaim claim(std::string_view topic) const override {
    core::TopicClaim claim;
    claim.follows = topic.starts_with("f/");
    claim.owns = topic.starts_with("$own/") || topic.starts_with("own/");
    claim.shows_retain = topic.starts_with("$own/");
    if (claim.owns) claim.storing = core::TopicClaim::Storing::at_once;
    return claim;
  }
  void on_restore(std::string_view key, std::string_view value) override {
    notes_.seen.push_back(fmt::format("restore {}={}", key, value));
  }
  void on_restored() override {
    notes_.context->for_each_retained("$own/#", [&](const KeptMessagePtr& message) {
      notes_.seen.push_back(fmt::format("retained {}", message->topic()));
    });
  }
  void on_connect(const ExtensionClient& client, const Message* will) override {
    notes_.seen.push_back(fmt::format("connect {} {} {}", client.connection, client.client_id,
                                      will == nullptr ? "-" : will->topic()));
  }
  MessagePtr on_publish(const ExtensionClient& client, const Message& message) override {
    notes_.seen.push_back(fmt::format("{} {} {} {}", client.is_will ? "will" : "publish",
                                      client.connection, message.topic(), message.payload()));
    if (message.topic() == "f/birth") {
      notes_.context->publish(message_of("$own/birth", message.payload(), true), nullptr);
    }
    const auto found = notes_.replace.find(std::string(message.topic()));
    if (found == notes_.replace.end()) return nullptr;
    return message_of(message.topic(), found->second, message.retain(), message.qos());
  }
  void on_disconnect(const ExtensionClient& client, bool in_order, bool will_waits) override {
    notes_.seen.push_back(fmt::format("gone {} {}{}{}", client.connection, client.client_id,
                                      in_order ? " in order" : "", will_waits ? " waits" : ""));
  }
  void on_time() override { notes_.seen.push_back("time"); }
  void on_stop() override { notes_.seen.push_back("stop"); }
  core::RequestAnswer on_request(std::string_view verb, std::string_view body) override {
    if (verb == "keep") {
      notes_.context->keep("one", "1");
      notes_.context->keep("two", "2");
      notes_.context->keep("one", "");
    }
    if (verb != "say") return {};
    return {core::RequestAnswer::State::done, std::string(body)};
  }

 private:
  Notes& notes_;
};

struct Extended {
  Notes notes;
  ScriptedBroker broker;

  Extended() {
    broker.extend([this] { return std::make_shared<Follower>(notes); });
  }
};

}  // namespace

TEST_CASE("an extension sees every message on the topics it follows, and no other", "[core]") {
  Extended e;
  ScriptedClient pub = e.broker.v5("pub");
  CHECK(e.notes.take() == Seen{"connect 1 pub -"});
  pub.send("30 [<f/a> [] 'x']").send("30 [<g/a> [] 'x']");
  pub.send("32 [<f/a> 0001 [] 'y']").expect("40 [0001 10]");
  CHECK(e.notes.take() == Seen{"publish 1 f/a x", "publish 1 f/a y"});
  pub.send("E0 []").expect_closed();
  CHECK(e.notes.take() == Seen{"gone 1 pub in order"});
}

TEST_CASE("what an extension puts in a message's place is what is kept and sent", "[core]") {
  Extended e;
  e.notes.replace["f/a"] = "other";
  ScriptedClient sub = e.broker.v5("sub").subscribe("f/#", "01");
  ScriptedClient pub = e.broker.v5("pub");
  pub.send("31 [<f/a> [] 'x']").send("32 [<f/a> 0001 [] 'x']").expect("40 [0001]");
  sub.expect("30 [<f/a> [] 'other']").expect("32 [<f/a> 0001 [] 'other']").expect_nothing();
  e.broker.v5("late").subscribe("f/#").expect("31 [<f/a> [] 'other']");
}

TEST_CASE("only the broker publishes on a topic that an extension owns", "[core]") {
  Extended e;
  ScriptedClient sub = e.broker.v5("sub").subscribe("own/#").subscribe("$own/#");
  ScriptedClient pub = e.broker.v5("pub");
  pub.send("32 [<own/a> 0001 [] 'x']").expect("40 [0001 87]");
  pub.send("34 [<own/a> 0002 [] 'x']").expect("50 [0002 87]");
  pub.send("32 [<$own/birth> 0003 [] 'x']").expect("40 [0003 87]");
  pub.send("31 [<own/a> [] 'x']").expect_nothing();
  ScriptedClient dying = e.broker.connect("10 [<MQTT> 05 06 0000 [] <dying> [] <own/a> <x>]");
  dying.expect_connack().vanish();
  sub.expect_nothing();
  CHECK(e.broker.statistics().retained == 0);
}

TEST_CASE("a retained message of an extension shows RETAIN on the live copy, too",
          "[core][tck-id-conformance-mqtt-aware-nbirth-mqtt-retain]") {
  Extended e;
  ScriptedClient v5 = e.broker.v5("v5").subscribe("$own/+").subscribe("f/+");
  ScriptedClient v3 = e.broker.v3_1_1("v3").subscribe("$own/birth");
  ScriptedClient shared = e.broker.v5("shared").subscribe("$share/s/$own/#");
  ScriptedClient wide = e.broker.v5("wide").subscribe("#");
  e.broker.v5("pub").send("30 [<f/birth> [] 'x']");
  v5.expect("30 [<f/birth> [] 'x']").expect("31 [<$own/birth> [] 'x']").expect_nothing();
  v3.expect("31 [<$own/birth> 'x']").expect_nothing();
  shared.expect("31 [<$own/birth> [] 'x']").expect_nothing();
  wide.expect("30 [<f/birth> [] 'x']").expect_nothing();
  // There as soon as somebody can have seen what it was made of.
  e.broker.v5("late").subscribe("$own/#").expect("31 [<$own/birth> [] 'x']").expect_nothing();
}

TEST_CASE("what an extension retains at once survives a crash, although it begins with a dollar",
          "[core][storage]") {
  Extended e;
  e.broker.v5("pub").send("30 [<f/birth> [] 'x']");
  e.broker.crash();
  CHECK(e.notes.take().back() == "retained $own/birth");
  e.broker.v5("late").subscribe("$own/#").expect("31 [<$own/birth> [] 'x']").expect_nothing();

  SECTION("an extension that is switched off has nothing to show, and loses nothing") {
    e.broker.extend({});
    e.broker.v5("late").subscribe("$own/#").expect_nothing();
    e.broker.extend([&] { return std::make_shared<Follower>(e.notes); });
    e.broker.v5("late").subscribe("$own/#").expect("31 [<$own/birth> [] 'x']").expect_nothing();
  }
}

TEST_CASE("an extension sees a will before it hears that its client is gone", "[core]") {
  Extended e;
  const auto connect = [&](std::string_view properties = "") {
    return e.broker
        .connect(fmt::format("10 [<MQTT> 05 06 0000 [11 00000064] <c> [{}] <f/will> <dead>]",
                             properties))
        .expect_connack();
  };
  ScriptedClient first = connect();
  CHECK(e.notes.take() == Seen{"connect 1 c f/will"});

  SECTION("the network fails") {
    first.vanish();
    CHECK(e.notes.take() == Seen{"will 1 f/will dead", "gone 1 c"});
  }
  SECTION("it says goodbye in order") {
    first.send("E0 []").expect_closed();
    CHECK(e.notes.take() == Seen{"gone 1 c in order"});
  }
  SECTION("it says goodbye with its will") {
    first.send("E0 [04]").expect_closed();
    CHECK(e.notes.take() == Seen{"will 1 f/will dead", "gone 1 c"});
  }
  SECTION("somebody takes over") {
    connect();
    CHECK(e.notes.take() == Seen{"will 1 f/will dead", "connect 2 c f/will", "gone 1 c"});
  }
  SECTION("the will waits") {
    ScriptedClient second = connect("18 00000005");
    e.notes.take();
    second.vanish();
    CHECK(e.notes.take() == Seen{"gone 2 c waits"});
    e.broker.after(Milliseconds{6'000});
    CHECK(e.notes.take() == Seen{"will 2 f/will dead"});
  }
}

TEST_CASE("a will from before the start belongs to no connection", "[core][storage]") {
  Extended e;
  e.broker.connect("10 [<MQTT> 05 06 0000 [] <c> [] <f/will> <dead>]").expect_connack();
  e.broker.crash();
  e.notes.take();
  e.broker.after(Milliseconds{600'000});
  CHECK(e.notes.take() == Seen{"will 0 f/will dead"});
}

TEST_CASE("what an extension keeps comes back to it, and to nobody else", "[core][storage]") {
  Extended e;
  e.broker.request({7, core::ExtensionRequest{"follower", "keep", ""}});
  e.broker.restart();
  CHECK(e.notes.take() == Seen{"stop", "restore two=2"});
}

TEST_CASE("an extension is woken when it asked for it", "[core]") {
  Extended e;
  e.notes.context->wake_at(e.notes.context->now().steady + Milliseconds{500});
  e.broker.after(Milliseconds{400});
  CHECK(e.notes.take().empty());
  e.broker.after(Milliseconds{200});
  CHECK(e.notes.take() == Seen{"time"});
  e.broker.after(Milliseconds{2'000});
  CHECK(e.notes.take().empty());
}

TEST_CASE("a request reaches the extension it names", "[core]") {
  Extended e;
  e.broker.request({7, core::ExtensionRequest{"follower", "say", "{}"}});
  e.broker.request({8, core::ExtensionRequest{"nobody", "say", "{}"}});
  const auto replies = e.broker.take_replies();
  REQUIRE(replies.size() == 2);
  CHECK(std::get<core::RequestAnswer>(replies[0].what).body == "{}");
  CHECK(std::get<core::RequestAnswer>(replies[1].what).state ==
        core::RequestAnswer::State::unknown_verb);
}

}  // namespace lineshaft::test
