// Whose a Client Identifier is: a session belongs to the identity that made it, and nobody else
// gets it, its queue or its place.
#include <fmt/format.h>

#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace lineshaft::test {
namespace {

/// Believes "ISSUER/NAME" as user name: a certificate of that issuer.
class CertificateBeliever final : public core::Authenticator {
 public:
  void authenticate(core::AuthenticationStep step,
                    std::function<void(core::AuthenticationAnswer)> done) override {
    const std::string who = step.user_name.value_or("/");
    auto principal = std::make_shared<core::Principal>();
    principal->issuer_spki = who.substr(0, who.find('/'));
    principal->name = who.substr(who.find('/') + 1);
    principal->proof = core::Proof::certificate;
    principal->zone = principal->issuer_spki;
    core::Admission admission;
    admission.principal = std::move(principal);
    done(std::move(admission));
  }
};

/// Everything is allowed, and a Client Identifier is its first identity's.
class Binding final : public core::Interceptor {
 public:
  core::PolicyClass classify(const core::Subject&) override { return 0; }
  core::ConnectVerdict on_connect(const core::Subject&) override {
    return {ReasonCode::success, ReasonCode::client_identifier_not_valid, {}};
  }
  core::ConnectVerdict on_recheck(const core::Subject& subject) override {
    core::ConnectVerdict verdict = on_connect(subject);
    if (subject.principal.name == locked_out) verdict.reason = ReasonCode::not_authorized;
    return verdict;
  }
  bool is_gone(const core::Principal& owner) const override { return owner.name == gone; }
  core::PublishVerdict on_publish(const core::Subject&, const Message&) override { return {}; }
  core::SubscribeVerdict on_subscribe(const core::Subject&, std::string_view) override {
    return {};
  }
  core::DeliverVerdict on_deliver(const core::Subject&, const Message&) override {
    return core::DeliverVerdict::all(true);
  }

  std::string locked_out;
  std::string gone;
};

struct World {
  CertificateBeliever believer;
  std::shared_ptr<Binding> rules = std::make_shared<Binding>();
  ScriptedBroker broker;

  World() { broker.guard(&believer, rules); }

  ScriptedClient connect(std::string_view client_id, std::string_view who,
                         const char* flags = "80") {
    return broker.connect(
        fmt::format("10 [<MQTT> 05 {} 0000 [11 00000E10] <{}> <{}>]", flags, client_id, who));
  }
  ScriptedClient in(std::string_view client_id, std::string_view who, const char* flags = "80") {
    ScriptedClient client = connect(client_id, who, flags);
    client.expect_connack();
    return client;
  }
  /// Other names of the same CA, the same name of another CA, nobody: all are somebody else.
  void check_bound() {
    for (const char* const who : {"ot/other", "it/gw", "/"}) {
      for (const char* const flags : {"80", "82"}) {
        connect("c", who, flags).expect_refused(ReasonCode::client_identifier_not_valid);
      }
    }
    broker.connect("10 [<MQTT> 04 80 0000 <c> <it/gw>]").expect("20020002").expect_closed();
  }
};

}  // namespace

TEST_CASE("a Client Identifier is its first identity's, while it is here and while it is away",
          "[zones][MQTT-3.1.4-3]") {
  World w;
  ScriptedClient gateway = w.in("c", "ot/gw");
  gateway.subscribe("plant/#", "01");
  w.check_bound();
  gateway.expect_nothing().vanish();
  w.check_bound();
  w.broker.crash();
  w.check_bound();
  ScriptedClient back = w.in("c", "ot/gw");
  CHECK(back.session_present());
}

TEST_CASE("an owner that is not let in just now keeps its Client Identifier", "[zones]") {
  World w;
  ScriptedClient gateway = w.in("c", "ot/gw");
  gateway.subscribe("plant/#", "01").vanish();
  auto revoked = std::make_shared<Binding>();
  revoked->locked_out = "gw";
  w.broker.change_policy(revoked);
  w.check_bound();
}

TEST_CASE("a Client Identifier whose owner is gone is free, and its session unread", "[zones]") {
  World w;
  ScriptedClient gateway = w.in("c", "ot/gw");
  gateway.subscribe("plant/#", "01").vanish();
  ScriptedClient other = w.in("o", "ot/other");
  other.send("32 [<plant/x> 0001 [] 'x']").expect("40 [0001]");
  auto changed = std::make_shared<Binding>();
  changed->gone = "gw";
  w.broker.change_policy(changed);
  ScriptedClient successor = w.in("c", "it/gw");
  CHECK_FALSE(successor.session_present());
  successor.expect_nothing();
}

}  // namespace lineshaft::test
