#include "broker/net/turn.h"

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::net;

namespace {

class StillClock final : public Clock {
 public:
  Now now() override {
    ++asked;
    return {Instant{Milliseconds{asked}}, WallTime{}};
  }
  int asked = 0;
};

class TestShard final : public TurnShard {
 public:
  void wake() override {
    ++wakes;
    pending = true;
  }
  Mailbox& mailbox() override { return box; }

  std::atomic<int> wakes{0};
  std::atomic<bool> pending{false};
  Mailbox box;
};

/// Remembers the numbers of the commits it is told; each goes to shard 0 as a pause of that slot.
class Recorder final : public Machine {
 public:
  void apply(Now now, core::Input&& input, core::Effects& effects) override {
    if (inside.exchange(true)) overlapped = true;
    times.push_back(now.steady);
    if (const auto* committed = std::get_if<core::StoreCommitted>(&input)) {
      seen.push_back(committed->seq);
      effects.shards[0].list.push_back(
          core::SetReading{{static_cast<std::uint32_t>(committed->seq), 0}, true});
      if (!effects.persist) effects.persist.emplace();
      effects.persist->seq = committed->seq;
      if (on_apply) on_apply(committed->seq);
    } else {
      ++others;
    }
    if (ask_again > 0) {
      --ask_again;
      effects.again = true;
    }
    inside = false;
  }

  std::atomic<bool> inside{false};
  /// Two threads were in the core at once.
  std::atomic<bool> overlapped{false};
  std::vector<std::uint64_t> seen;
  std::vector<Instant> times;
  std::size_t others = 0;
  int ask_again = 0;
  std::function<void(std::uint64_t)> on_apply;
};

class CountingStore final : public core::Store {
 public:
  void persist(core::Persist persist) override { seqs.push_back(persist.seq); }
  void load(const core::LoadQueue&) override {}
  std::vector<std::uint64_t> seqs;
};

std::vector<core::Input> commits(std::initializer_list<std::uint64_t> seqs) {
  std::vector<core::Input> inputs;
  for (const std::uint64_t seq : seqs) {
    inputs.push_back(core::StoreCommitted{core::StoreSource::journal, seq});
  }
  return inputs;
}

std::vector<std::uint32_t> slots_in(Mailbox& box) {
  std::vector<std::uint32_t> slots;
  Mailbox::Letter* letter = box.take_all();
  while (letter != nullptr) {
    Mailbox::Letter* const next = letter->next;
    for (const core::Effect& effect : letter->effects.list) {
      slots.push_back(std::get<core::SetReading>(effect).connection.slot);
    }
    box.give_back(letter);
    letter = next;
  }
  return slots;
}

/// A turn over `size` shards.
struct Fixture {
  explicit Fixture(std::size_t size) : turn(machine, clock, &store, size), shards(size) {
    for (auto& shard : shards) {
      shard = std::make_unique<TestShard>();
      turn.add_shard(*shard);
    }
  }
  StillClock clock;
  Recorder machine;
  CountingStore store;
  Turn turn;
  std::vector<std::unique_ptr<TestShard>> shards;
};

}  // namespace

TEST_CASE("one turn asks the clock once and persists once, whatever it applies", "[net]") {
  Fixture f(1);
  auto batch = commits({1, 2, 3});
  f.turn.run(0, batch);
  CHECK(batch.empty());
  CHECK(f.machine.seen == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(f.machine.times == std::vector<Instant>(3, Instant{Milliseconds{1}}));
  CHECK(f.store.seqs == std::vector<std::uint64_t>{3});
  CHECK(slots_in(f.shards[0]->box) == std::vector<std::uint32_t>{1, 2, 3});
  CHECK(f.turn.applied(0) == 1);
}

TEST_CASE("inputs of other threads stand in front of what is submitted later", "[net]") {
  const std::size_t size = GENERATE(1u, 2u);
  Fixture f(size);
  f.turn.submit(core::StoreCommitted{core::StoreSource::journal, 1});
  CHECK(f.shards[0]->wakes == 1);
  f.turn.submit(core::StoreCommitted{core::StoreSource::journal, 2});
  CHECK(f.shards[0]->wakes == 1);  // it is on its way already
  auto batch = commits({3});
  f.turn.run(size - 1, batch);
  CHECK(f.machine.seen == std::vector<std::uint64_t>{1, 2, 3});
}

TEST_CASE("after 64 batches a shard goes back to its sockets and leaves a reminder", "[net]") {
  const std::size_t size = GENERATE(1u, 2u);
  Fixture f(size);
  for (std::uint64_t i = 0; i < 100; ++i) {
    f.turn.submit(core::StoreCommitted{core::StoreSource::journal, i});
  }
  f.shards[0]->pending = false;
  std::vector<core::Input> none;
  f.turn.run(0, none);
  CHECK(f.machine.seen.size() == 64);
  CHECK(f.shards[0]->pending.exchange(false));
  f.turn.run(0, none);
  CHECK(f.machine.seen.size() == 100);
  CHECK_FALSE(f.shards[0]->pending);
  CHECK(std::is_sorted(f.machine.seen.begin(), f.machine.seen.end()));
}

TEST_CASE("a batch pushed while another shard leaves the core is not forgotten", "[net]") {
  Fixture f(2);
  // Shard 1 comes while shard 0 is inside, and goes back to its sockets at once.
  f.machine.on_apply = [&](std::uint64_t seq) {
    if (seq != 1) return;
    std::thread([&] {
      auto other = commits({2});
      f.turn.run(1, other);
    }).join();
  };
  auto batch = commits({1});
  f.turn.run(0, batch);
  CHECK(f.machine.seen == std::vector<std::uint64_t>{1, 2});
  CHECK(f.turn.applied(1) == 1);
}

TEST_CASE("a shard that waits for its batches is woken when they are applied", "[net]") {
  Fixture f(2);
  f.machine.on_apply = [&](std::uint64_t seq) {
    if (seq != 1) return;
    std::thread([&] {
      auto other = commits({2});
      f.turn.run(1, other);
      f.turn.await_applied(1);
    }).join();
  };
  auto batch = commits({1});
  f.turn.run(0, batch);
  CHECK(f.shards[1]->wakes == 1);
  CHECK(f.shards[0]->wakes == 0);
}

TEST_CASE("a longer work of the core goes on after the sockets had their turn", "[net]") {
  Fixture f(1);
  f.machine.ask_again = 2;
  auto batch = commits({1});
  f.turn.run(0, batch);
  CHECK(f.machine.others == 0);
  CHECK(f.shards[0]->pending.exchange(false));
  std::vector<core::Input> none;
  f.turn.run(0, none);
  CHECK(f.machine.others == 1);
  CHECK(f.shards[0]->pending.exchange(false));
  f.turn.run(0, none);
  CHECK(f.machine.others == 2);
  CHECK_FALSE(f.shards[0]->pending);
}

TEST_CASE("many shards and threads: one at a time, everybody's order kept, nothing lost", "[net]") {
  constexpr std::size_t shards_size = 3;
  constexpr std::size_t others_size = 2;
  constexpr std::uint64_t rounds = 5'000;
  Fixture f(shards_size);
  std::atomic<std::size_t> busy{shards_size + others_size};
  std::atomic<std::uint64_t> applied{0};
  f.machine.on_apply = [&](std::uint64_t) { ++applied; };
  constexpr std::uint64_t total = rounds * (shards_size + others_size);
  const auto seq = [](std::size_t author, std::uint64_t i) { return author << 32 | i; };
  std::vector<std::thread> threads;
  for (std::size_t shard = 0; shard < shards_size; ++shard) {
    threads.emplace_back([&, shard] {
      std::vector<core::Input> batch;
      for (std::uint64_t i = 0; i < rounds; ++i) {
        batch.push_back(core::StoreCommitted{core::StoreSource::journal, seq(shard, i)});
        if (i % 3 == 0) f.turn.run(shard, batch);
      }
      f.turn.run(shard, batch);
      --busy;
      // From now on it runs only when it is woken, like a loop that sleeps.
      while (busy > 0 || applied < total) {
        if (f.shards[shard]->pending.exchange(false)) f.turn.run(shard, batch);
        std::this_thread::yield();
      }
    });
  }
  for (std::size_t other = shards_size; other < shards_size + others_size; ++other) {
    threads.emplace_back([&, other] {
      for (std::uint64_t i = 0; i < rounds; ++i) {
        f.turn.submit(core::StoreCommitted{core::StoreSource::journal, seq(other, i)});
      }
      --busy;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(f.machine.overlapped);
  REQUIRE(f.machine.seen.size() == total);
  std::map<std::uint64_t, std::uint64_t> next;
  bool in_order = true;
  for (const std::uint64_t one : f.machine.seen) {
    in_order = in_order && (one & 0xFFFFFFFF) == next[one >> 32]++;
  }
  CHECK(in_order);
  const auto slots = slots_in(f.shards[0]->box);
  bool same_order = slots.size() == total;
  for (std::size_t i = 0; same_order && i < total; ++i) {
    same_order = slots[i] == static_cast<std::uint32_t>(f.machine.seen[i]);
  }
  CHECK(same_order);
}
