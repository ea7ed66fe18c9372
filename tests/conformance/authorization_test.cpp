// Who may do what: the core asks at every point where a message or a client could get somewhere.
#include <fmt/format.h>

#include "auth/users_interceptor.h"
#include "tests/support/believing.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace lineshaft::test {
namespace {

using namespace auth;

std::shared_ptr<UsersInterceptor> rules(std::string_view text,
                                        std::vector<const char*> users = {"alice", "bob"}) {
  RulesFile file = parse_user_rules(text);
  REQUIRE(file.faults.empty());
  UserTable table;
  for (const char* name : users) table[name] = {};
  return std::make_shared<UsersInterceptor>(
      make_users_policy(std::move(table), std::move(file.rules), true));
}

struct World {
  Believing believer;
  ScriptedBroker broker;

  explicit World(std::string_view text) { broker.guard(&believer, rules(text)); }

  /// Clean Start, unless `flags` say otherwise; a session of an hour.
  ScriptedClient connect(std::string_view client_id, std::string_view user,
                         const char* flags = "82") {
    return broker.connect(
        fmt::format("10 [<MQTT> 05 {} 0000 [11 00000E10] <{}> <{}>]", flags, client_id, user));
  }
  ScriptedClient in(std::string_view client_id, std::string_view user, const char* flags = "82") {
    ScriptedClient client = connect(client_id, user, flags);
    client.expect_connack();
    return client;
  }
};

constexpr const char* plant =
    "user alice\nboth plant/#\nuser bob\nsubscribe plant/+/value\npublish plant/bob/#\n";

}  // namespace

TEST_CASE("a login that failed is refused, and what came behind it is not looked at",
          "[MQTT-3.1.4-2][MQTT-3.1.4-6]") {
  World w(plant);
  w.connect("c", "stranger").expect_refused(ReasonCode::bad_user_name_or_password);
  w.broker.connect("10 [<MQTT> 04 82 0000 <c> <stranger>]").expect("20020004").expect_closed();
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("plant/#");
  w.broker.connect("10 [<MQTT> 05 82 0000 [] <c> <stranger>] 30 [<plant/x> [] 'x']")
      .expect_refused(ReasonCode::bad_user_name_or_password);
  alice.expect_nothing();
}

TEST_CASE("a user that is no user any more is not let in", "[MQTT-3.1.4-2]") {
  World w(plant);
  w.connect("c", "carl").expect_refused(ReasonCode::not_authorized);
}

TEST_CASE("a publish that is not allowed is refused with 0x87 and reaches nobody", "[auth]") {
  World w(plant);
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("#", "02");
  ScriptedClient bob = w.in("b", "bob");
  bob.send("32 [<plant/x> 0001 [] 'x']").expect("40 [0001 87]");
  bob.send("34 [<plant/x> 0002 [] 'x']").expect("50 [0002 87]");
  bob.send("30 [<plant/x> [] 'x']").expect_nothing();
  bob.send("33 [<plant/x> 0003 [] 'x']").expect("40 [0003 87]");
  bob.send("32 [<plant/bob/x> 0001 [] 'x']").expect("40 [0001]");
  alice.expect("32 [<plant/bob/x> 0001 [] 'x']").expect_nothing();
  CHECK(w.broker.statistics().retained == 0);
}

TEST_CASE("a 3.1.1 client's refused publish is acknowledged and dropped", "[auth]") {
  World w(plant);
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("#", "01");
  ScriptedClient bob = w.broker.connect("10 [<MQTT> 04 82 0000 <b> <bob>]");
  bob.expect("20020000").send("32 [<plant/x> 0001 'x']").expect("40020001");
  bob.send("82 [0002 <other> 00]").expect("90 [0002 80]");
  alice.expect_nothing();
}

TEST_CASE("a subscription that could match nothing allowed is refused, a wider one is filtered",
          "[MQTT-3.9.3-2]") {
  World w(plant);
  ScriptedClient bob = w.in("b", "bob");
  bob.send("82 [0001 [] <other/#> 00 <plant/+/value> 00 <$share/g/other> 00]")
      .expect("90 [0001 [] 87 00 87]");
  bob.subscribe("#");
  ScriptedClient alice = w.in("a", "alice");
  alice.send("30 [<plant/1/value> [] '1']").send("30 [<plant/1/secret> [] '2']");
  alice.send("30 [<plant/1/secret> [] '3']");
  bob.expect("30 [<plant/1/value> [] '1']").expect_nothing();
}

TEST_CASE("retained messages that are not allowed are not replayed", "[auth]") {
  World w(plant);
  ScriptedClient alice = w.in("a", "alice");
  alice.send("31 [<plant/1/value> [] '1']").send("31 [<plant/1/secret> [] '2']");
  ScriptedClient bob = w.in("b", "bob");
  bob.send("82 [0001 [] <plant/#> 00]").expect("90 [0001 [] 00]");
  bob.expect("31 [<plant/1/value> [] '1']").expect_nothing();
}

TEST_CASE("a member that may not have a message does not swallow it from the others",
          "[MQTT-4.8.2-3]") {
  World w(plant);
  ScriptedClient bob = w.in("b", "bob");
  ScriptedClient alice = w.in("a", "alice");
  bob.send("82 [0001 [] <$share/g/plant/#> 00]").expect("90 [0001 [] 00]");
  alice.send("82 [0001 [] <$share/g/plant/#> 00]").expect("90 [0001 [] 00]");
  ScriptedClient sender = w.in("s", "alice");
  for (int i = 0; i < 4; ++i) sender.send("30 [<plant/secret> [] 'x']");
  for (int i = 0; i < 4; ++i) alice.expect("30 [<plant/secret> [] 'x']");
  bob.expect_nothing();
}

TEST_CASE("a will that is not allowed is refused with the CONNECT", "[MQTT-3.1.4-2]") {
  World w(plant);
  w.broker.connect("10 [<MQTT> 05 86 0000 [] <b> [] <plant/x> <gone> <bob>]")
      .expect_refused(ReasonCode::not_authorized);
  w.broker.connect("10 [<MQTT> 05 86 0000 [] <b> [] <plant/bob/x> <gone> <bob>]").expect_connack();
}

TEST_CASE("a will goes out under the rules of that moment, also after a restart", "[auth]") {
  World w(plant);
  w.broker
      .connect("10 [<MQTT> 05 86 0000 [11 00000E10] <b> [18 0000000A] <plant/bob/x> <gone> <bob>]")
      .expect_connack()
      .vanish();
  w.broker
      .connect("10 [<MQTT> 05 86 0000 [11 00000E10] <c> [18 0000000A] <plant/c> <gone> <alice>]")
      .expect_connack()
      .vanish();
  w.broker.restart();
  w.broker.change_policy(rules("user alice\nboth plant/#\n"));
  ScriptedClient alice = w.in("a", "alice");
  alice.subscribe("#");
  w.broker.after(Milliseconds{60'000});
  alice.expect("30 [<plant/c> [] 'gone']").expect_nothing();
}

TEST_CASE("what waits for a client must still be allowed when it leaves", "[auth]") {
  World w(plant);
  ScriptedClient bob = w.in("b", "bob");
  bob.subscribe("plant/#", "01");
  bob.vanish();
  ScriptedClient alice = w.in("a", "alice");
  alice.send("32 [<plant/1/value> 0001 [] '1']").expect("40 [0001]");
  alice.send("32 [<plant/2/value> 0002 [] '2']").expect("40 [0002]");
  w.broker.change_policy(rules("user alice\nboth plant/#\nuser bob\nsubscribe plant/2/value\n"));
  ScriptedClient back = w.in("b", "bob", "80");
  CHECK(back.session_present());
  back.expect("32 [<plant/2/value> 0001 [] '2']").expect_nothing();
}

TEST_CASE("what was sent and not acknowledged is not sent again when it is not allowed any more",
          "[MQTT-4.4.0-1]") {
  World w(plant);
  ScriptedClient bob = w.in("b", "bob");
  bob.subscribe("plant/#", "01");
  ScriptedClient alice = w.in("a", "alice");
  alice.send("32 [<plant/1/value> 0001 [] '1']").expect("40 [0001]");
  alice.send("32 [<plant/2/value> 0002 [] '2']").expect("40 [0002]");
  bob.expect("32 [<plant/1/value> 0001 [] '1']")
      .expect("32 [<plant/2/value> 0002 [] '2']")
      .vanish();
  w.broker.change_policy(rules("user alice\nboth plant/#\nuser bob\nsubscribe plant/2/value\n"));
  w.in("b", "bob", "80").expect("3A [<plant/2/value> 0002 [] '2']").expect_nothing();
  CHECK(w.broker.statistics().queued == 1);
}

TEST_CASE("of a QoS 2 message that is not allowed any more the identifier is still released",
          "[MQTT-4.3.3-6]") {
  World w(plant);
  ScriptedClient bob = w.in("b", "bob");
  bob.subscribe("plant/#", "02");
  ScriptedClient alice = w.in("a", "alice");
  alice.send("34 [<plant/1/value> 0001 [] '1']").expect("50 [0001]");
  alice.send("62 [0001]").expect("70 [0001]");
  bob.expect("34 [<plant/1/value> 0001 [] '1']").vanish();
  w.broker.change_policy(rules("user alice\nboth plant/#\n"));
  // The client may know the identifier: it must not meet another message under it.
  ScriptedClient back = w.in("b", "bob", "80");
  back.expect("62 [0001]").send("70 [0001]").expect_nothing();
  CHECK(w.broker.statistics().queued == 0);
}

TEST_CASE("a session is its owner's: nobody else resumes it, ends it or disturbs its client",
          "[MQTT-3.1.4-3]") {
  World w(plant);
  ScriptedClient alice = w.in("c", "alice");
  alice.subscribe("plant/#", "01");
  w.connect("c", "bob", "80").expect_refused(ReasonCode::not_authorized);
  w.connect("c", "bob", "82").expect_refused(ReasonCode::not_authorized);
  w.broker.connect("10 [<MQTT> 05 00 0000 [] <c>]").expect_refused(ReasonCode::not_authorized);
  alice.expect_nothing();
  alice.vanish();
  w.broker.crash();
  w.connect("c", "bob", "80").expect_refused(ReasonCode::not_authorized);
  ScriptedClient back = w.in("c", "alice", "80");
  CHECK(back.session_present());
}

TEST_CASE("a session whose owner is no user any more keeps nobody's place, and is not read",
          "[auth]") {
  World w(plant);
  ScriptedClient alice = w.in("c", "alice");
  alice.subscribe("plant/#", "01");
  alice.vanish();
  ScriptedClient bob = w.in("b", "bob");
  bob.send("32 [<plant/bob/x> 0001 [] 'x']").expect("40 [0001]");
  w.broker.change_policy(rules("everybody\nboth plant/#\n", {"bob"}));
  ScriptedClient successor = w.in("c", "bob", "80");
  CHECK_FALSE(successor.session_present());
  successor.expect_nothing();
}

TEST_CASE("a user that is gone gets nothing, swallows nothing and leaves no will", "[auth]") {
  World w(plant);
  w.broker
      .connect("10 [<MQTT> 05 86 0000 [11 00000E10] <a> [18 0000000A] <plant/a> <gone> <alice>]")
      .expect_connack()
      .send("82 [0001 [] <$share/g/plant/#> 01]")
      .expect("90 [0001 [] 01]")
      .vanish();
  w.broker.change_policy(rules("everybody\nboth plant/#\nuser alice\nboth plant/#\n", {"bob"}));
  ScriptedClient bob = w.in("b", "bob");
  bob.subscribe("plant/#");
  bob.send("32 [<plant/1> 0002 [] 'x']").expect("30 [<plant/1> [] 'x']").expect("40 [0002]");
  CHECK(w.broker.statistics().queued == 0);
  w.broker.after(Milliseconds{60'000});
  bob.expect_nothing();
}

TEST_CASE("a session whose time is over is nobody's", "[auth]") {
  World w(plant);
  w.in("c", "alice").vanish();
  w.broker.after(Milliseconds{3'601'000});
  CHECK_FALSE(w.in("c", "bob", "80").session_present());
}

TEST_CASE("other rules count at once, for topics and subscriptions that are warm", "[auth]") {
  World w(plant);
  ScriptedClient bob = w.in("b", "bob");
  bob.subscribe("plant/#");
  ScriptedClient alice = w.in("a", "alice");
  alice.send("30 [<plant/1/value> [] '1']");
  bob.expect("30 [<plant/1/value> [] '1']");
  w.broker.change_policy(rules("user bob\nsubscribe plant/#\n"));
  alice.send("30 [<plant/1/value> [] '2']");
  bob.expect_nothing();
  w.broker.change_policy(rules("user alice\nboth plant/#\nuser bob\nsubscribe plant/#\n"));
  alice.send("30 [<plant/1/value> [] '3']");
  bob.expect("30 [<plant/1/value> [] '3']");
}

TEST_CASE("who is no user any more is disconnected with 0x87, the others stay", "[auth]") {
  World w(plant);
  ScriptedClient bob = w.in("b", "bob");
  ScriptedClient alice = w.in("a", "alice");
  w.broker.change_policy(rules(plant, {"alice"}));
  bob.expect_disconnect(ReasonCode::not_authorized);
  alice.send("C000").expect("D000");
}

}  // namespace lineshaft::test
