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
