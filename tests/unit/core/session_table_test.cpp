#include <set>
#include <string>

#include "broker/core/session.h"
#include "tests/support/catch.h"

using namespace lineshaft::core;

TEST_CASE("a session is found by its client identifier, byte for byte", "[core]") {
  SessionTable table;
  Session& press = table.create("press-07");
  Session& line = table.create("line");
  CHECK(table.size() == 2);
  CHECK(table.find("press-07") == &press);
  CHECK(table.find("line") == &line);
  CHECK(table.find("Press-07") == nullptr);
  CHECK(table.find("press-0") == nullptr);
  CHECK(press.client_id == "press-07");
  CHECK(press.index != line.index);
}

TEST_CASE("sessions stay where they are while the table grows", "[core]") {
  SessionTable table;
  Session& first = table.create("0");
  for (int i = 1; i < 2'000; ++i) table.create(std::to_string(i));
  CHECK(table.find("0") == &first);
  for (int i = 0; i < 2'000; ++i) {
    const std::string id = std::to_string(i);
    Session* const session = table.find(id);
    REQUIRE(session != nullptr);
    REQUIRE(session->client_id == id);
    REQUIRE(&table.at(session->index) == session);
    REQUIRE(table.get(session->index, session->generation) == session);
  }
}

TEST_CASE("the place of an erased session answers no longer to its generation", "[core]") {
  SessionTable table;
  Session& old = table.create("old");
  const SessionIndex index = old.index;
  const std::uint32_t generation = old.generation;
  table.erase(index);
  CHECK(table.size() == 0);
  CHECK(table.find("old") == nullptr);
  CHECK(table.get(index, generation) == nullptr);
  CHECK(table.get(index, generation + 1) == nullptr);  // nobody lives there yet

  Session& next = table.create("next");
  REQUIRE(next.index == index);
  CHECK(table.get(index, generation) == nullptr);
  CHECK(table.get(index, next.generation) == &next);
}

TEST_CASE("the same client identifier may come back after it was erased", "[core]") {
  SessionTable table;
  table.create("a").subscriptions["x"] = {};
  table.erase(table.find("a")->index);
  Session& again = table.create("a");
  CHECK(table.find("a") == &again);
  CHECK(again.subscriptions.empty());
}

TEST_CASE("a place that never was is nobody's", "[core]") {
  SessionTable table;
  CHECK(table.get(0, 1) == nullptr);
  CHECK(table.get(no_session, 0) == nullptr);
}

TEST_CASE("all living sessions are visited, each once", "[core]") {
  SessionTable table;
  for (const char* id : {"a", "b", "c", "d"}) table.create(id);
  table.erase(table.find("b")->index);
  std::multiset<std::string> seen;
  table.for_each([&](const Session& session) { seen.insert(session.client_id); });
  CHECK(seen == std::multiset<std::string>{"a", "c", "d"});
}
