#include "auth/hash_pool.h"

#include <future>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

/// A queue whose jobs are named by their group and a number.
struct Line {
  HashQueue queue{6, 4};
  std::vector<std::string> done;
  std::vector<std::string> refused;

  /// What was refused for it.
  std::vector<std::string> push(const std::string& group, int number, bool is_known = false) {
    HashJob job{group, is_known, {}, {}};
    const std::string name = group + std::to_string(number);
    job.run = [this, name] { done.push_back(name); };
    job.refuse = [this, name] { refused.push_back(name); };
    for (const HashJob& one : queue.push(std::move(job))) one.refuse();
    return std::exchange(refused, {});
  }
  std::vector<std::string> run() {
    while (!queue.empty()) queue.pop().run();
    return std::exchange(done, {});
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("addresses take turns at being hashed", "[auth]") {
  Line line;
  for (int i = 1; i <= 3; ++i) CHECK(line.push("a", i).empty());
  CHECK(line.push("b", 1).empty());
  CHECK(line.run() == Names{"a1", "b1", "a2", "a3"});
}

TEST_CASE("a full queue takes from the address with most in it", "[auth]") {
  Line line;
  for (int i = 1; i <= 4; ++i) CHECK(line.push("a", i).empty());
  CHECK(line.push("a", 5) == Names{"a5"});
  CHECK(line.push("b", 1) == Names{"a4"});
  CHECK(line.push("b", 2) == Names{"a3"});
  CHECK(line.push("c", 1) == Names{"b2"});
  CHECK(line.push("d", 1) == Names{"a2"});
  // One each: they would only take each other's place.
  CHECK(line.push("e", 1) == Names{"e1"});
  CHECK(line.run() == Names{"a1", "b1", "c1", "d1"});
}

TEST_CASE("however many addresses guess, there is room for those that are known", "[auth]") {
  Line line;
  for (const char* const group : {"a", "b", "c", "d"}) CHECK(line.push(group, 1).empty());
  CHECK(line.push("e", 1) == Names{"e1"});
  CHECK(line.push("e", 2, true).empty());
  CHECK(line.push("f", 1, true).empty());
  CHECK(line.push("g", 1, true) == Names{"g1"});
  CHECK(line.run() == Names{"a1", "b1", "c1", "d1", "e2", "f1"});
}

TEST_CASE("a password is hashed on another thread, or refused at once", "[auth]") {
  HashPool pool(1, 2, 2);
  std::promise<void> gate;
  std::promise<void> started;
  std::promise<void> ended;
  int refused = 0;
  const auto job = [&refused](std::function<void()> run) {
    return HashJob{"a", false, std::move(run), [&refused] { ++refused; }};
  };
  pool.submit(job([&] {
    started.set_value();
    gate.get_future().wait();
  }));
  started.get_future().wait();
  pool.submit(job([] {}));
  pool.submit(job([&] { ended.set_value(); }));
  CHECK(refused == 0);
  pool.submit(job([] {}));
  CHECK(refused == 1);
  gate.set_value();
  ended.get_future().wait();
}

}  // namespace lineshaft::auth
