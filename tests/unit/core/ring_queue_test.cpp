#include "broker/core/ring_queue.h"

#include <deque>
#include <memory>
#include <random>

#include "tests/support/catch.h"

using namespace lineshaft::core;

namespace {

/// Counts its living objects: the slots of a queue hold one each.
struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
};

}  // namespace

TEST_CASE("a ring queue gives back what was put in, in order, across its end", "[core]") {
  RingQueue<int> queue;
  CHECK(queue.empty());
  int in = 0;
  int out = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 3; ++i) queue.push_back(in++);
    REQUIRE(queue.front() == out);
    REQUIRE(queue.back() == in - 1);
    for (int i = 0; i < 2; ++i) REQUIRE(queue.pop_front() == out++);
    REQUIRE(queue.size() == static_cast<std::size_t>(in - out));
  }
  for (std::size_t i = 0; i < queue.size(); ++i) {
    REQUIRE(queue[i] == out + static_cast<int>(i));
  }
}

TEST_CASE("a ring queue that grows while its content wraps keeps the order", "[core]") {
  RingQueue<int> queue;
  for (int i = 0; i < 4; ++i) queue.push_back(i);  // full
  queue.pop_front();
  queue.pop_front();
  for (int i = 4; i < 9; ++i) queue.push_back(i);  // wraps, then grows
  for (int i = 2; i < 9; ++i) CHECK(queue.pop_front() == i);
  CHECK(queue.empty());
}

TEST_CASE("a ring queue lets go of what was taken out of it", "[core]") {
  RingQueue<std::shared_ptr<int>> queue;
  const auto object = std::make_shared<int>(1);
  for (int i = 0; i < 6; ++i) queue.push_back(object);
  CHECK(object.use_count() == 7);
  queue.pop_front();
  CHECK(object.use_count() == 6);
  int seen = 0;
  queue.remove_if([&](const auto&) { return ++seen % 2 == 0; });
  CHECK(object.use_count() == 4);
  queue.clear();
  CHECK(object.use_count() == 1);
}

TEST_CASE("a ring queue that was large and runs empty gives its memory back", "[core]") {
  {
    RingQueue<Counted> queue;
    for (int i = 0; i < 1'000; ++i) queue.push_back({});
    CHECK(Counted::alive >= 1'000);
    while (!queue.empty()) queue.pop_front();
    CHECK(Counted::alive == 0);
    // A small one keeps its slots: it is filled again and again.
    for (int i = 0; i < 10; ++i) queue.push_back({});
    while (!queue.empty()) queue.pop_front();
    CHECK(Counted::alive == 16);
  }
  CHECK(Counted::alive == 0);
}

TEST_CASE("removal from a ring queue keeps the order of the others", "[core]") {
  RingQueue<int> queue;
  for (int i = 0; i < 6; ++i) queue.push_back(i);
  for (int i = 0; i < 5; ++i) queue.pop_front();
  for (int i = 6; i < 12; ++i) queue.push_back(i);  // 5 to 11, wrapped in 8 slots
  queue.remove_if([](int value) { return value == 5 || value == 8 || value == 11; });
  REQUIRE(queue.size() == 4);
  for (const int left : {6, 7, 9, 10}) CHECK(queue.pop_front() == left);
}

TEST_CASE("a ring queue does what a deque does", "[core]") {
  std::mt19937 random(7);
  RingQueue<unsigned> queue;
  std::deque<unsigned> model;
  for (unsigned step = 0; step < 20'000; ++step) {
    const auto choice = random() % 100;
    if (choice < 51) {
      queue.push_back(step);
      model.push_back(step);
    } else if (choice < 99) {
      if (model.empty()) continue;
      REQUIRE(queue.pop_front() == model.front());
      model.pop_front();
    } else {
      const auto odd = [](unsigned value) { return value % 3 == 1; };
      queue.remove_if(odd);
      std::erase_if(model, odd);
    }
    REQUIRE(queue.size() == model.size());
    for (std::size_t i = 0; i < model.size(); ++i) {
      if (queue[i] != model[i]) FAIL("differs at " << i << " in step " << step);
    }
  }
}
