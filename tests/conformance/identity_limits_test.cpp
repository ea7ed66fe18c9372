// What one identity may have in all, whatever Client Identifiers its clients have.
#include <map>

#include "broker/base/metrics.h"
#include "tests/support/believing.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

using namespace lineshaft;
using namespace lineshaft::test;

namespace {

core::CoreConfig limited_to(std::size_t connections, std::size_t sessions) {
  core::CoreConfig config;
  config.listeners["test"].connections_per_identity_max = connections;
  config.listeners["test"].sessions_per_identity_max = sessions;
  return config;
}

/// CONNECT of a client with a session of an hour; `user` of one letter, or empty.
std::string connect(const std::string& client_id, const std::string& user) {
  const std::string flags = user.empty() ? "00" : "80";
  const std::string name = user.empty() ? "" : " <" + user + ">";
  return "10 [<MQTT> 05 " + flags + " 0000 [11 00000E10] <" + client_id + ">" + name + "]";
}

/// Reason Code of the CONNACK.
std::string reason(ScriptedBroker& broker, const std::string& client_id, const std::string& user,
                   std::map<std::string, ScriptedClient>& clients) {
  ScriptedClient client = broker.connect(connect(client_id, user));
  const std::string connack = client.take();
  clients.insert_or_assign(client_id, std::move(client));
  REQUIRE(connack.size() > 3);
  return to_hex(connack.substr(3, 1));
}

}  // namespace

TEST_CASE("an identity has so many clients connected, others and nobody have their own",
          "[limits]") {
  Believing believer;
  ScriptedBroker broker(limited_to(2, 0));
  broker.guard(&believer, nullptr);
  std::map<std::string, ScriptedClient> clients;
  const auto before = counter_value(Counter::connections_refused_identity);
  CHECK(reason(broker, "1", "a", clients) == "00");
  CHECK(reason(broker, "2", "a", clients) == "00");
  CHECK(reason(broker, "3", "a", clients) == "97");
  CHECK(counter_value(Counter::connections_refused_identity) == before + 1);
  CHECK(reason(broker, "4", "b", clients) == "00");
  for (const char* const id : {"5", "6", "7"}) CHECK(reason(broker, id, "", clients) == "00");
  // A client that takes over its own connection is none more.
  CHECK(reason(broker, "2", "a", clients) == "00");
  CHECK(reason(broker, "3", "a", clients) == "97");
  clients.at("1").vanish();
  CHECK(reason(broker, "3", "a", clients) == "00");
  CHECK(reason(broker, "1", "a", clients) == "97");
}

TEST_CASE("an identity has so many sessions, and comes back to each of them", "[limits]") {
  Believing believer;
  ScriptedBroker broker(limited_to(0, 2));
  broker.guard(&believer, nullptr);
  std::map<std::string, ScriptedClient> clients;
  CHECK(reason(broker, "1", "a", clients) == "00");
  CHECK(reason(broker, "2", "a", clients) == "00");
  clients.at("1").vanish();
  clients.at("2").vanish();
  CHECK(reason(broker, "3", "a", clients) == "97");
  CHECK(reason(broker, "3", "b", clients) == "00");
  CHECK(reason(broker, "1", "a", clients) == "00");
  // A session that ends makes room for another one.
  clients.at("1").send("E0 [00 [11 00000000]]");
  CHECK(reason(broker, "4", "a", clients) == "00");
  CHECK(reason(broker, "5", "a", clients) == "97");
}

TEST_CASE("an identity has so many topics with a retained message", "[limits]") {
  Believing believer;
  core::CoreConfig config;
  config.listeners["test"].retained_per_identity_max = 2;
  ScriptedBroker broker(config);
  broker.guard(&believer, nullptr);
  const auto in = [&](const char* client_id, const char* user) {
    ScriptedClient client = broker.connect(connect(client_id, user));
    client.expect_connack();
    return client;
  };
  ScriptedClient one = in("1", "a");
  ScriptedClient other = in("2", "a");
  const auto before = counter_value(Counter::retained_refused_identity);
  one.send("33 [<t1> 0001 [] 'x']").expect("40 [0001 10]");
  other.send("33 [<t2> 0001 [] 'x']").expect("40 [0001 10]");
  one.send("33 [<t3> 0002 [] 'x']").expect("40 [0002 97]");
  CHECK(counter_value(Counter::retained_refused_identity) == before + 1);
  SECTION("its own it replaces, another identity and nobody have their own") {
    other.send("33 [<t1> 0002 [] 'y']").expect("40 [0002 10]");
    in("3", "b").send("33 [<t3> 0001 [] 'x']").expect("40 [0001 10]");
    ScriptedClient nobody = in("4", "");
    for (const char* const topic : {"<n1>", "<n2>", "<n3>"}) {
      nobody.send("33 [" + std::string(topic) + " 0001 [] 'x']").expect("40 [0001 10]");
    }
    // Without RETAIN nothing is kept.
    one.send("32 [<t4> 0002 [] 'x']").expect("40 [0002 10]");
  }
  SECTION("what is deleted, by whomever, makes room") {
    in("3", "b").send("33 [<t1> 0001 [] '']").expect("40 [0001 10]");
    one.send("33 [<t3> 0002 [] 'x']").expect("40 [0002 10]");
    one.send("33 [<t4> 0002 [] 'x']").expect("40 [0002 97]");
  }
  SECTION("what another one replaces makes room") {
    in("3", "b").send("33 [<t1> 0001 [] 'x']").expect("40 [0001 10]");
    one.send("33 [<t3> 0002 [] 'x']").expect("40 [0002 10]");
  }
  SECTION("what expires makes room") {
    in("3", "b").send("33 [<t1> 0001 [] '']").expect("40 [0001 10]");
    one.send("33 [<t3> 0002 [02 00000001] 'x']").expect("40 [0002 10]");
    broker.after(Milliseconds{2000});
    one.send("33 [<t4> 0002 [] 'x']").expect("40 [0002 10]");
  }
  SECTION("they are counted again after a crash") {
    broker.crash();
    in("1", "a").send("33 [<t3> 0002 [] 'x']").expect("40 [0002 97]");
  }
}
