#include "auth/users_interceptor.h"

#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

core::Principal user(const char* name) { return {name, core::Proof::password, 1}; }

KeptMessagePtr message(std::string_view topic) {
  MessageFields fields;
  fields.topic = topic;
  return KeptMessage::make(fields, {});
}

/// The rules, and alice, bob and "%c" as users.
UsersInterceptor with_rules(std::string_view rules, bool anonymous = false) {
  RulesFile file = parse_user_rules(rules);
  REQUIRE(file.faults.empty());
  UserTable users;
  for (const char* name : {"alice", "bob", "%c"}) users[name] = {};
  return UsersInterceptor(make_users_policy(std::move(users), std::move(file.rules), anonymous));
}

bool publishes(UsersInterceptor& rules, const core::Subject& subject, std::string_view topic) {
  return rules.on_publish(subject, *message(topic)).reason == ReasonCode::success;
}
bool subscribes(UsersInterceptor& rules, const core::Subject& subject, std::string_view filter) {
  return rules.on_subscribe(subject, filter).reason == ReasonCode::success;
}

bool receives(UsersInterceptor& rules, const core::Subject& subject, std::string_view topic) {
  const core::DeliverVerdict verdict = rules.on_deliver(subject, *message(topic));
  CHECK(verdict.is_plain());
  return verdict.allowed;
}

}  // namespace

TEST_CASE("what no rule allows is refused, and a denial wins", "[auth]") {
  auto rules = with_rules(
      "everybody\nsubscribe plant/#\ndeny plant/payroll/#\nuser alice\npublish plant/press/+\n"
      "both plant/payroll/alice\nuser bob\ndeny plant/press/7\n");
  const auto alice = user("alice");
  const auto bob = user("bob");
  const core::Subject a{alice, "c"};
  const core::Subject b{bob, "c"};
  CHECK(publishes(rules, a, "plant/press/7"));
  CHECK_FALSE(publishes(rules, a, "plant/press"));
  CHECK_FALSE(publishes(rules, a, "plant/payroll/alice"));
  CHECK_FALSE(publishes(rules, b, "plant/press/7"));
  CHECK(receives(rules, a, "plant/press/7"));
  CHECK_FALSE(receives(rules, a, "plant/payroll/x"));
  CHECK_FALSE(receives(rules, b, "plant/press/7"));
  CHECK(receives(rules, b, "plant/press/8"));
  CHECK_FALSE(receives(rules, b, "other"));
}

TEST_CASE("a subscription may be wider than the rules, but must meet them", "[auth]") {
  auto rules = with_rules("everybody\nsubscribe plant/#\npublish cmd/#\ndeny plant/payroll/#\n");
  const auto alice = user("alice");
  const core::Subject a{alice, "c"};
  CHECK(subscribes(rules, a, "#"));
  CHECK(subscribes(rules, a, "plant/+/x"));
  CHECK_FALSE(subscribes(rules, a, "plant/payroll/+"));
  CHECK_FALSE(subscribes(rules, a, "cmd/#"));
  CHECK_FALSE(subscribes(rules, a, "$SYS/#"));
}

TEST_CASE("names in patterns give everybody his own topics, and evil names nobody else's",
          "[auth]") {
  auto rules = with_rules("everybody\nboth by-user/%u/#\nboth by-client/%c/#\nsubscribe %c/#\n");
  const auto alice = user("alice");
  const core::Subject a{alice, "c1"};
  CHECK(publishes(rules, a, "by-user/alice/x"));
  CHECK_FALSE(publishes(rules, a, "by-user/bob/x"));
  CHECK(publishes(rules, a, "by-client/c1"));
  CHECK_FALSE(publishes(rules, a, "by-client/c2"));
  for (const char* evil : {"+", "#", "c1/../c2", "$SYS", "", "+/#"}) {
    INFO(evil);
    const core::Subject e{alice, evil};
    CHECK_FALSE(publishes(rules, e, "by-client/c2/x"));
    CHECK_FALSE(publishes(rules, e, "by-client//x"));
    CHECK_FALSE(receives(rules, e, "$SYS/broker/version"));
    CHECK_FALSE(receives(rules, e, "anything/x"));
    CHECK_FALSE(subscribes(rules, e, "by-client/#"));
  }
  // A name that looks like a pattern is not one.
  const auto percent = user("%c");
  const core::Subject p{percent, "c1"};
  CHECK(publishes(rules, p, "by-user/%c/x"));
  CHECK_FALSE(publishes(rules, p, "by-user/c1/x"));
}

TEST_CASE("what is denied by a name that fits no pattern is denied everywhere", "[auth]") {
  auto rules = with_rules("everybody\nboth #\ndeny secret/%c\ndeny own/%u\n", true);
  const auto alice = user("alice");
  CHECK(publishes(rules, {alice, "c1"}, "secret/c2"));
  CHECK_FALSE(publishes(rules, {alice, "c1"}, "secret/c1"));
  CHECK_FALSE(publishes(rules, {alice, "a/+"}, "secret/c1"));
  CHECK_FALSE(publishes(rules, {alice, "a/+"}, "anything"));
  // Topics that begin with '$' are part of everywhere.
  auto system = with_rules("everybody\nsubscribe $SYS/#\ndeny $SYS/clients/%c\n");
  CHECK(receives(system, {alice, "c1"}, "$SYS/clients/c2"));
  CHECK_FALSE(receives(system, {alice, "c1"}, "$SYS/clients/c1"));
  CHECK_FALSE(receives(system, {alice, "a/+"}, "$SYS/clients/c1"));
  CHECK_FALSE(subscribes(system, {alice, "a/+"}, "$SYS/clients/+"));
  // Who has no name is not meant by %u.
  CHECK(publishes(rules, {core::Principal{}, "c1"}, "anything"));
}

TEST_CASE("$ topics must be named", "[auth]") {
  auto rules = with_rules("everybody\nsubscribe #\nuser alice\nsubscribe $SYS/#\n");
  const auto alice = user("alice");
  const auto bob = user("bob");
  CHECK(receives(rules, {alice, "c"}, "$SYS/broker/version"));
  CHECK_FALSE(receives(rules, {bob, "c"}, "$SYS/broker/version"));
}

TEST_CASE("only users of the file connect, and nameless clients where they are let in", "[auth]") {
  auto closed = with_rules("everybody\nboth #\n");
  auto opened = with_rules("anonymous\nsubscribe public/#\n", true);
  CHECK(closed.on_connect({user("alice"), "c"}).reason == ReasonCode::success);
  CHECK(closed.on_connect({user("mallory"), "c"}).reason == ReasonCode::not_authorized);
  CHECK(closed.on_connect({core::Principal{}, "c"}).reason == ReasonCode::not_authorized);
  CHECK(opened.on_connect({core::Principal{}, "c"}).reason == ReasonCode::success);
  CHECK(receives(opened, {core::Principal{}, "c"}, "public/x"));
  CHECK_FALSE(receives(opened, {user("alice"), "c"}, "public/x"));
}

TEST_CASE("a user that is gone has no rights, whatever the rules still say about it", "[auth]") {
  auto rules = with_rules("everybody\nboth #\nuser mallory\nboth #\n");
  CHECK_FALSE(publishes(rules, {user("mallory"), "c"}, "x"));
  CHECK_FALSE(receives(rules, {user("mallory"), "c"}, "x"));
  CHECK_FALSE(receives(rules, {user("carl"), "c"}, "x"));
  // What is remembered about others with everybody's rights does not count for it.
  CHECK(rules.classify({user("carl"), "c"}) != rules.classify({user("alice"), "c"}));
  CHECK(rules.classify({user("carl"), "c"}) == rules.classify({user("mallory"), "d"}));
}

TEST_CASE("who has the same rights shares a class, and there are so many classes", "[auth]") {
  auto rules = with_rules("everybody\nboth #\nuser bob\npublish x\n");
  const auto one = rules.classify({user("alice"), "c1"});
  CHECK(one == rules.classify({user("%c"), "c2"}));
  CHECK(one != rules.classify({user("bob"), "c1"}));
  CHECK(one != rules.classify({core::Principal{}, "c1"}));
  auto by_client = with_rules("everybody\nboth %c/#\n");
  CHECK(by_client.classify({user("alice"), "c1"}) == by_client.classify({user("bob"), "c1"}));
  CHECK(by_client.classify({user("alice"), "c1"}) != by_client.classify({user("alice"), "c2"}));
  for (int i = 0; i < 2000; ++i) by_client.classify({user("alice"), std::to_string(i)});
  CHECK(by_client.classify({user("alice"), "new"}) == core::no_policy_class);
  CHECK(by_client.classify({user("bob"), "c1"}) == 0);
}

}  // namespace lineshaft::auth
