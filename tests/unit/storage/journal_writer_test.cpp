#include "storage/journal_writer.h"

#include <thread>

#include "broker/base/metrics.h"
#include "tests/unit/storage/store_fixture.h"

namespace lineshaft::storage::test {
namespace {

core::LoadQueue page_request(core::SessionId sid, std::uint64_t first, std::uint64_t last,
                             std::size_t max = 100) {
  core::LoadQueue request;
  request.sid = sid;
  request.first_seq = first;
  request.last_seq = last;
  request.entries_max = max;
  return request;
}

TEST_CASE("names, values and wills come back as they were written", "[storage]") {
  Store store;
  store.open();
  const core::WillRecord will{"press-7", make_message("acme/will", "gone"), 5, 600, wall(456)};
  store.write(
      make_persist(100, core::NameRecord{7, "press-7"},
                   core::RetainedRecord{make_message("acme/r", "1", 90), Quality::uncertain},
                   core::LastValueRecord{make_message("acme/l", "", 91), Quality::stale}, will));
  CHECK(store.stop());

  const auto restored = store.open();
  const auto& changes = restored.changes;
  CHECK(restored.report.set_aside == 0);
  REQUIRE(changes.size() == 4);
  CHECK(all<core::NameRecord>(changes).at(0).client_id == "press-7");
  CHECK(all<core::NameRecord>(changes).at(0).number == 7);
  const auto retained = all<core::RetainedRecord>(changes).at(0);
  CHECK(same(*retained.message, *make_message("acme/r", "1", 90)));
  CHECK(retained.quality == Quality::uncertain);
  const auto last_value = all<core::LastValueRecord>(changes).at(0);
  CHECK(same(*last_value.message, *make_message("acme/l", "", 91)));
  CHECK(last_value.quality == Quality::stale);
  const auto w = all<core::WillRecord>(changes).at(0);
  CHECK(w.client_id == will.client_id);
  CHECK(w.delay_interval_s == 5);
  CHECK(w.session_expiry_interval_s == 600);
  CHECK(w.disconnected_at == wall(456));
  CHECK(same(*w.message, *will.message));
}

TEST_CASE("a session and its subscriptions come back as they were written", "[storage]") {
  Store store;
  store.open();
  auto session = make_session("press-7", 11);
  session.version = mqtt::Version::v3_1_1;
  session.connected = true;
  session.disconnected_at = wall(123);
  session.head_seq = 77;
  const core::SubscriptionRecord sub{
      11, "$share/g/acme/#", {QoS::exactly_once, true, true, 2}, 268'435'455, true};
  store.write(make_persist(100, session, sub));
  CHECK(store.stop());

  const auto changes = store.open().changes;
  const auto s = all<core::SessionRecord>(changes).at(0);
  CHECK(s.client_id == session.client_id);
  CHECK(s.sid == session.sid);
  CHECK(s.version == session.version);
  CHECK(s.expiry_interval_s == session.expiry_interval_s);
  CHECK(s.connected);
  CHECK(s.disconnected_at == session.disconnected_at);
  CHECK(s.head_seq == session.head_seq);
  const auto f = all<core::SubscriptionRecord>(changes).at(0);
  CHECK(f.sid == sub.sid);
  CHECK(f.filter == sub.filter);
  CHECK(f.options == sub.options);
  CHECK(f.subscription_identifier == sub.subscription_identifier);
  CHECK(f.replay_pending);
}

TEST_CASE("a queue and what is in flight come back as they were written", "[storage]") {
  Store store;
  store.open();
  auto queued = make_queue(11, 78, make_message("acme/a", "inline"));
  queued.qos = QoS::exactly_once;
  queued.retain = true;
  queued.packet_id = 9;
  queued.subscription_identifiers = {1, 200, 268'435'455};
  queued.share = "$share/g/acme/#";
  const auto shared = make_message("acme/b", std::string(1000, 'x'));
  shared->store_id = 5;
  store.write(make_persist(
      100, make_session("press-7", 11), core::PayloadRecord{shared}, queued,
      make_queue(11, 79, shared),
      core::InflightRecord{11, core::Direction::in, 3, core::InflightState::received, 0},
      core::InflightRecord{11, core::Direction::out, 9, core::InflightState::released, 78}));
  CHECK(store.stop());

  const auto changes = store.open().changes;
  const auto queue = all<core::QueueRecord>(changes);
  REQUIRE(queue.size() == 2);
  CHECK(same(*queue[0].message, *queued.message));
  CHECK(queue[0].sid == 11);
  CHECK(queue[0].seq == 78);
  CHECK(queue[0].qos == queued.qos);
  CHECK(queue[0].retain);
  CHECK(queue[0].packet_id == 9);
  CHECK(queue[0].subscription_identifiers == queued.subscription_identifiers);
  CHECK(queue[0].share == queued.share);
  CHECK(same(*queue[1].message, *shared));
  const auto inflight = all<core::InflightRecord>(changes);
  REQUIRE(inflight.size() == 2);
  CHECK(inflight[0].direction == core::Direction::in);
  CHECK(inflight[0].packet_id == 3);
  CHECK(inflight[1].state == core::InflightState::released);
  CHECK(inflight[1].seq == 78);
}

TEST_CASE("every erase takes its record away", "[storage]") {
  Store store;
  store.open();
  const auto shared = make_message("p", "x");
  shared->store_id = 5;
  store.write(
      make_persist(1, core::RetainedRecord{make_message("r", "1"), Quality::good},
                   core::LastValueRecord{make_message("l", "1"), Quality::good},
                   make_session("c", 1), core::SubscriptionRecord{1, "f", {}, 0, false},
                   core::PayloadRecord{shared}, make_queue(1, 2, shared),
                   core::InflightRecord{1, core::Direction::out, 3, core::InflightState::sent, 2},
                   core::WillRecord{"c", make_message("w", "1"), 0, 0, {}}));
  store.write(make_persist(2, core::RetainedErase{"r"}, core::LastValueErase{"l"},
                           core::SubscriptionErase{1, "f"}, core::QueueErase{1, 2},
                           core::InflightErase{1, core::Direction::out, 3}, core::PayloadErase{5},
                           core::WillErase{"c"}));
  store.stop();
  const auto restored = store.open();
  REQUIRE(restored.changes.size() == 1);
  CHECK(all<core::SessionRecord>(restored.changes).size() == 1);
  CHECK(restored.report.orphan_payloads == 0);
}

TEST_CASE("later changes of a key win, within a batch too", "[storage]") {
  Store store;
  store.open();
  store.write(make_persist(
      1, core::RetainedRecord{make_message("t", "old"), Quality::good}, core::RetainedErase{"t"},
      core::RetainedRecord{make_message("t", "new"), Quality::good},
      core::RetainedRecord{make_message("u", "x"), Quality::good}, core::RetainedErase{"u"}));
  store.stop();
  const auto retained = all<core::RetainedRecord>(store.open().changes);
  REQUIRE(retained.size() == 1);
  CHECK(retained[0].message->payload() == "new");
}

TEST_CASE("a session is erased with everything that hangs on it and nothing else", "[storage]") {
  Store store;
  store.open();
  const auto hang_on = [](core::SessionId sid, std::uint64_t seq) {
    return std::tuple{core::SubscriptionRecord{sid, "f", {}, 0, false},
                      make_queue(sid, seq, make_message("t", "x")),
                      core::InflightRecord{sid, core::Direction::in, 3, {}, 0}};
  };
  const auto write = [&](std::uint64_t seq, auto&&... changes) {
    store.write(make_persist(seq, changes...));
  };
  const auto [sub1, queue1, inflight1] = hang_on(0xFF, 1);
  const auto [sub2, queue2, inflight2] = hang_on(0x100, 2);
  write(1, make_session("a", 0xFF), sub1, queue1, inflight1, make_session("b", 0x100), sub2, queue2,
        inflight2);

  SECTION("in a later batch") { write(2, core::SessionErase{"a", 0xFF}); }
  SECTION("in the batch that also writes records of it, before the erase") {
    write(2, core::SubscriptionRecord{0xFF, "g", {}, 0, false}, core::SessionErase{"a", 0xFF});
  }
  SECTION("with more records than are erased one by one") {
    core::Persist many = make_persist(2);
    for (std::uint64_t seq = 10; seq < 2000; ++seq) {
      many.changes.push_back(make_queue(0xFF, seq, make_message("t", "x")));
    }
    store.write(std::move(many));
    write(3, core::SessionErase{"a", 0xFF});
  }
  store.stop();
  const auto restored = store.open();
  REQUIRE(restored.changes.size() == 4);
  CHECK(all<core::SessionRecord>(restored.changes).at(0).client_id == "b");
  CHECK(all<core::SubscriptionRecord>(restored.changes).at(0).sid == 0x100);
  CHECK(all<core::QueueRecord>(restored.changes).at(0).sid == 0x100);
  CHECK(all<core::InflightRecord>(restored.changes).at(0).sid == 0x100);
}

TEST_CASE("records that follow a session's erase in the same batch stay", "[storage]") {
  Store store;
  store.open();
  store.write(
      make_persist(1, make_session("a", 1), core::SubscriptionRecord{1, "old", {}, 0, false}));
  const bool touched_before = GENERATE(false, true);
  core::Persist persist = make_persist(2);
  if (touched_before) {
    persist.changes.push_back(core::SubscriptionRecord{1, "older", {}, 0, false});
  }
  persist.changes.push_back(core::SessionErase{"a", 1});
  persist.changes.push_back(make_session("a", 1));
  persist.changes.push_back(core::SubscriptionRecord{1, "new", {}, 0, false});
  store.write(std::move(persist));
  store.stop();
  const auto restored = store.open();
  CHECK(all<core::SessionRecord>(restored.changes).size() == 1);
  REQUIRE(all<core::SubscriptionRecord>(restored.changes).size() == 1);
  CHECK(all<core::SubscriptionRecord>(restored.changes)[0].filter == "new");
}

TEST_CASE("a page of a queue has what was asked for, in order, with shared messages", "[storage]") {
  Store store;
  store.open();
  const auto shared = make_message("p", std::string(600, 'p'));
  shared->store_id = 4;
  core::Persist persist = make_persist(1, core::PayloadRecord{shared});
  for (std::uint64_t seq = 10; seq < 20; ++seq) {
    persist.changes.push_back(
        make_queue(1, seq, seq % 2 == 0 ? shared : make_message("t", std::to_string(seq))));
    persist.changes.push_back(make_queue(2, seq, make_message("other", "")));
  }
  store.write(std::move(persist));

  store.journal->load(page_request(1, 12, 17, 4));
  auto page = store.sink->wait_for_page();
  CHECK_FALSE(page.failed);
  CHECK(page.sid == 1);
  CHECK(page.first_seq == 12);
  CHECK(page.last_seq == 17);
  REQUIRE(page.entries.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(page.entries[i].sid == 1);
    CHECK(page.entries[i].seq == 12 + i);
  }
  CHECK(same(*page.entries[0].message, *shared));
  CHECK(page.entries[1].message->payload() == "13");
  CHECK(page.entries[0].message == page.entries[2].message);  // one copy in memory again

  store.journal->load(page_request(1, 16, 17, 4));
  CHECK(store.sink->wait_for_page().entries.size() == 2);  // the last one included, no more
  store.journal->load(page_request(3, 0, UINT64_MAX));
  CHECK(store.sink->wait_for_page().entries.empty());
  store.journal->load(page_request(1, 5, 4));
  CHECK(store.sink->wait_for_page().entries.empty());
}

TEST_CASE("commits are reported in order and cover everything", "[storage]") {
  Store store;
  store.open();
  for (std::uint64_t seq = 1; seq <= 20'000; ++seq) {
    auto persist = make_persist(
        seq,
        core::RetainedRecord{make_message("t" + std::to_string(seq), "x", seq), Quality::good});
    persist.needs_sync = seq % 3 == 0;
    store.journal->persist(std::move(persist));
  }
  store.sink->wait_for_commit(20'000);
  const auto commits = store.sink->commits();
  CHECK(std::is_sorted(commits.begin(), commits.end(), std::less_equal<>()));
  CHECK(commits.back() == 20'000);
  CHECK(store.journal->status().queue_bytes == 0);
  CHECK(store.journal->status().queue_entries == 0);
  store.crash();
  CHECK(store.open().report.retained == 20'000);
}

TEST_CASE("what was handed over before the stop is written", "[storage]") {
  Store store;
  store.open();
  for (std::uint64_t seq = 1; seq <= 1000; ++seq) {
    store.journal->persist(make_persist(
        seq, core::RetainedRecord{make_message("t" + std::to_string(seq), "x"), Quality::good}));
  }
  CHECK(store.stop());
  CHECK(store.sink->commits().back() == 1000);
  CHECK(store.open().report.retained == 1000);
}

TEST_CASE("sequence numbers and the wall time outlive a crash", "[storage]") {
  Store store;
  CHECK(store.open().report.summary.last_seq == 0);
  store.clock.wall_ms = 2'000'000'000'000;
  auto persist = make_persist(5);
  persist.last_seq = 9;  // numbers beyond its own were used inside
  store.write(std::move(persist));
  store.crash();
  store.clock.wall_ms = 1'900'000'000'000;  // no battery
  const auto summary = store.open().report.summary;
  CHECK_FALSE(summary.clean);
  CHECK(summary.last_seq == 9);
  CHECK(summary.last_wall == wall(2'000'000'000'000));
  store.write(make_persist(20));
  CHECK(store.stop());
  const auto again = store.open().report.summary;
  CHECK(again.clean);
  CHECK(again.last_seq == 20);
  // The clock is still behind: what was stored does not go back.
  CHECK(again.last_wall == wall(2'000'000'000'000));
  CHECK(again.stopped_at == wall(2'000'000'000'000));
}

TEST_CASE("a crash is told from a stop in order", "[storage]") {
  Store store;
  CHECK(store.open().report.summary.clean);  // nothing was lost in a new store
  store.write(make_persist(1));
  store.clock.wall_ms += 1000;
  const auto stopped_at = store.clock.now().wall;
  CHECK(store.stop());
  store.clock.wall_ms += 1000;
  auto summary = store.open().report.summary;
  CHECK(summary.clean);
  CHECK(summary.stopped_at == stopped_at);
  store.crash();
  store.clock.wall_ms += 1000;
  summary = store.open().report.summary;
  CHECK_FALSE(summary.clean);
  CHECK(summary.stopped_at == store.clock.now().wall);
}

TEST_CASE("the core hears when the journal is behind and when it has caught up", "[storage]") {
  Store store;
  store.options.journal_queue_bytes_max = 10'000;
  store.open();
  store.sink->hold(true);
  store.write(make_persist(1));
  store.journal->persist(make_persist(
      2, core::RetainedRecord{make_message("t", std::string(20'000, 'x')), Quality::good}));
  const auto behind = store.sink->wait_for_state(0, [](const auto&) { return true; });
  CHECK(behind.overloaded);
  CHECK(behind.accepts_writes);
  CHECK(store.journal->status().queue_bytes > 10'000);
  store.sink->hold(false);
  const auto caught_up = store.sink->wait_for_state(1, [](const auto&) { return true; });
  CHECK_FALSE(caught_up.overloaded);
  store.sink->wait_for_commit(2);
}

TEST_CASE("what gathers while the disk is busy becomes one batch", "[storage]") {
  Store store;
  store.open();
  store.sink->hold(true);
  store.write(make_persist(1));
  for (std::uint64_t seq = 2; seq <= 1000; ++seq) {
    store.journal->persist(make_persist(
        seq, core::RetainedRecord{make_message("t" + std::to_string(seq), "x"), Quality::good}));
  }
  store.sink->hold(false);
  store.sink->wait_for_commit(1000);
  CHECK(store.sink->commits() == std::vector<std::uint64_t>{1, 1000});
}

TEST_CASE("async durability commits without a sync", "[storage]") {
  Store store;
  store.options.durability = core::Durability::async;
  store.open();
  const auto syncs = counter_value(Counter::journal_syncs);
  store.write(make_persist(1, core::RetainedRecord{make_message("t", "x"), Quality::good}));
  CHECK(counter_value(Counter::journal_syncs) == syncs);
  CHECK(store.journal->status().syncs == 0);
}

TEST_CASE("records nobody waits for are synced after a while", "[storage]") {
  Store store;
  store.options.wal_sync = Milliseconds{1};
  store.open();
  auto persist = make_persist(1, core::RetainedRecord{make_message("t", "x"), Quality::good});
  persist.needs_sync = false;
  store.write(std::move(persist));
  CHECK(store.journal->status().syncs == 0);
  store.clock.steady_ms += 1;
  auto another = make_persist(2);
  another.needs_sync = false;
  while (store.journal->status().syncs == 0) std::this_thread::yield();
  CHECK(store.journal->status().syncs > 0);
}

}  // namespace
}  // namespace lineshaft::storage::test
