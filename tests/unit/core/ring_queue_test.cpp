#include "broker/core/ring_queue.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <random>
#include <utility>
#include <vector>

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
    } else if (choice < 90) {
      if (model.empty()) continue;
      REQUIRE(queue.pop_front() == model.front());
      model.pop_front();
    } else if (choice < 99) {
      if (model.empty()) continue;
      const auto at = static_cast<std::ptrdiff_t>(random() % model.size());
      queue.erase(queue.begin() + at);
      model.erase(model.begin() + at);
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

TEST_CASE("an element may leave a ring queue from any place", "[core]") {
  for (std::size_t gone = 0; gone < 7; ++gone) {
    RingQueue<std::shared_ptr<std::size_t>> queue;
    for (int i = 0; i < 5; ++i) queue.push_back(nullptr);
    for (int i = 0; i < 5; ++i) queue.pop_front();  // the rest wraps in 8 slots
    for (std::size_t i = 0; i < 7; ++i) queue.push_back(std::make_shared<std::size_t>(i));
    const auto element = queue[gone];
    const auto place = queue.iterator_to(queue[gone]);
    CHECK(place == queue.begin() + static_cast<std::ptrdiff_t>(gone));
    queue.erase(place);
    CHECK(element.use_count() == 1);
    REQUIRE(queue.size() == 6);
    for (std::size_t i = 0; i < 7; ++i) {
      if (i != gone) CHECK(*queue.pop_front() == i);
    }
  }
}

TEST_CASE("the standard algorithms work on a ring queue that wraps", "[core]") {
  RingQueue<int> queue;
  for (int i = 0; i < 6; ++i) queue.push_back(0);
  for (int i = 0; i < 6; ++i) queue.pop_front();
  for (const int value : {5, 3, 8, 1, 7}) queue.push_back(value);
  CHECK(*std::ranges::find(queue, 8) == 8);
  CHECK(std::ranges::find(queue, 9) == queue.end());
  CHECK(std::ranges::count_if(std::as_const(queue), [](int value) { return value > 4; }) == 3);
  std::ranges::sort(queue);
  CHECK(std::ranges::equal(queue, std::vector<int>{1, 3, 5, 7, 8}));
}
