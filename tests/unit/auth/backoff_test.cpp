#include "auth/backoff.h"

#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

using Outcome = LoginBackoff::Outcome;

struct World {
  LoginBackoff backoff;
  Instant now{Milliseconds{1'000'000}};

  bool tries(const char* name, const char* address, Outcome outcome) {
    if (!backoff.begin(name, address, now)) return false;
    backoff.end(name, address, outcome, now);
    return true;
  }
  int failures(const char* name, const char* address, int times) {
    int done = 0;
    for (int i = 0; i < times; ++i) done += tries(name, address, Outcome::wrong) ? 1 : 0;
    return done;
  }
};

}  // namespace

TEST_CASE("after some wrong passwords further tries are spaced out, longer each time", "[auth]") {
  World w;
  CHECK(w.failures("alice", "10.0.0.1:1000", 10) == 3);
  w.now += Milliseconds{999};
  CHECK_FALSE(w.tries("alice", "10.0.0.1:1001", Outcome::right));
  w.now += Milliseconds{1};
  CHECK(w.failures("alice", "10.0.0.1:1002", 10) == 1);
  w.now += Milliseconds{1999};
  CHECK_FALSE(w.tries("alice", "10.0.0.1:1003", Outcome::right));
  w.now += Milliseconds{1};
  CHECK(w.tries("alice", "10.0.0.1:1004", Outcome::right));
  // The right one starts anew.
  CHECK(w.failures("alice", "10.0.0.1:1005", 10) == 3);
}

TEST_CASE("who tries many passwords locks nobody out elsewhere", "[auth]") {
  World w;
  w.failures("alice", "10.0.0.1:1000", 100);
  CHECK(w.tries("alice", "10.0.0.2:1000", Outcome::right));
  CHECK(w.tries("bob", "10.0.0.1:1000", Outcome::right));
}

TEST_CASE("an address that tries many names is spaced out, but not names it has proven", "[auth]") {
  World w;
  CHECK(w.tries("gateway", "10.0.0.1:1", Outcome::right));
  int tried = 0;
  for (int i = 0; i < 100; ++i) {
    tried += w.tries(std::to_string(i).c_str(), "10.0.0.1:1", Outcome::wrong) ? 1 : 0;
  }
  CHECK(tried == 20);
  CHECK_FALSE(w.tries("newcomer", "10.0.0.1:2", Outcome::right));
  CHECK(w.tries("gateway", "10.0.0.1:3", Outcome::right));
  w.now += limits::login_backoff_address_max;
  CHECK(w.tries("newcomer", "10.0.0.1:2", Outcome::right));
}

TEST_CASE("tries that are under way count too", "[auth]") {
  World w;
  int begun = 0;
  for (int i = 0; i < 10; ++i) begun += w.backoff.begin("alice", "10.0.0.1:1", w.now) ? 1 : 0;
  CHECK(begun == 3);
  w.backoff.end("alice", "10.0.0.1:1", Outcome::not_tried, w.now);
  CHECK(w.backoff.begin("alice", "10.0.0.1:1", w.now));
}

TEST_CASE("many clients with one name come back at once where its password was right", "[auth]") {
  World w;
  CHECK(w.tries("gateway", "10.0.0.1:1", Outcome::right));
  const auto begun = [&w] {
    int count = 0;
    for (int i = 0; i < 100; ++i) count += w.backoff.begin("gateway", "10.0.0.1:2", w.now) ? 1 : 0;
    return count;
  };
  CHECK(begun() == 32);
  for (int i = 0; i < 31; ++i) w.backoff.end("gateway", "10.0.0.1:2", Outcome::right, w.now);
  // One wrong password, and it is as with everybody.
  w.backoff.end("gateway", "10.0.0.1:2", Outcome::wrong, w.now);
  CHECK(begun() == 2);
}

TEST_CASE("failures are forgotten in time, and the table has a bound", "[auth]") {
  World w;
  w.failures("alice", "10.0.0.1:1", 30);
  w.now += limits::login_backoff_memory;
  CHECK(w.failures("alice", "10.0.0.1:1", 10) == 3);

  BackoffTable table({1, Milliseconds{1000}, Milliseconds{1000}, true});
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = std::to_string(i);
    table.begin(key);
    table.failed(key, w.now);
  }
  CHECK(table.size() == limits::login_backoffs_max);
  CHECK_FALSE(table.may_try("19999", w.now));
  CHECK(table.may_try("0", w.now));
}

TEST_CASE("who guesses many names displaces nobody whose password was right", "[auth]") {
  World w;
  CHECK(w.tries("gateway", "10.0.0.1:1", Outcome::right));
  CHECK(w.backoff.is_known("gateway", "10.0.0.1:2"));
  CHECK_FALSE(w.backoff.is_known("gateway", "10.0.0.2:1"));
  for (std::size_t i = 0; i < limits::login_backoffs_max + 10; ++i) {
    const std::string address = "10." + std::to_string(i / 65536) + "." +
                                std::to_string(i / 256 % 256) + "." + std::to_string(i % 256);
    w.tries("guess", (address + ":1").c_str(), Outcome::wrong);
  }
  CHECK(w.backoff.is_known("gateway", "10.0.0.1:3"));
}

TEST_CASE("an address is a host, or the network of an IPv6 host", "[auth]") {
  CHECK(address_group("192.0.2.7:40312") == "192.0.2.7");
  CHECK(address_group("[2001:db8:1:2:3::4]:1") == address_group("[2001:db8:1:2:ffff::9]:2"));
  CHECK(address_group("[2001:db8:1:2::1]:1") != address_group("[2001:db8:1:3::1]:1"));
  CHECK(address_group("[::ffff:192.0.2.7]:1") == "192.0.2.7");
  CHECK(address_group("unix:uid=0") == "unix:uid=0");
}

}  // namespace lineshaft::auth
