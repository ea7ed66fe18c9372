#include "storage/restore.h"

#include <fstream>
#include <iterator>

#include "storage/bytes.h"
#include "storage/data_folder.h"
#include "storage/rocks.h"
#include "tests/unit/storage/store_fixture.h"

namespace lineshaft::storage::test {
namespace {

/// Writes past the journal, as damage or another version would.
void put_raw(Store& store, Family family, const std::string& key, const std::string& value) {
  OpenResult opened = Database::open(store.options, store.clock.now().wall);
  REQUIRE(opened.database);
  REQUIRE(opened.database->db()
              .Put(rocksdb::WriteOptions(), opened.database->family(family), key, value)
              .ok());
  REQUIRE(opened.database->close_cleanly(store.clock.now().wall));
}

TEST_CASE("records come in the order the core asks for", "[storage]") {
  Store store;
  store.open();
  store.write(make_persist(
      1, core::WillRecord{"c", make_message("w", "1"), 0, 0, {}},
      core::InflightRecord{1, core::Direction::in, 3, {}, 0},
      make_queue(2, 4, make_message("t", "")), make_queue(1, 9, make_message("t", "")),
      make_queue(1, 3, make_message("t", "")), core::SubscriptionRecord{1, "f", {}, 0, false},
      make_session("c", 1), make_session("b", 2),
      core::LastValueRecord{make_message("l", "1"), Quality::good},
      core::RetainedRecord{make_message("r", "1"), Quality::good}, core::NameRecord{1, "n"},
      core::KeptItemRecord{"island", "ot", "1"}, core::KeptItemRecord{"island", "it", "1"},
      core::KeptItemErase{"island", "it"}));
  store.stop();
  const auto changes = store.open().changes;
  std::vector<std::size_t> kinds;
  for (const auto& change : changes) kinds.push_back(change.index());
  const auto index = [](core::Change change) { return change.index(); };
  CHECK(kinds ==
        std::vector<std::size_t>{index(core::KeptItemRecord{}), index(core::NameRecord{}),
                                 index(core::RetainedRecord{}), index(core::LastValueRecord{}),
                                 index(core::SessionRecord{}), index(core::SessionRecord{}),
                                 index(core::SubscriptionRecord{}), index(core::InflightRecord{}),
                                 index(core::QueueRecord{}), index(core::QueueRecord{}),
                                 index(core::QueueRecord{}), index(core::WillRecord{})});
  const auto queue = all<core::QueueRecord>(changes);
  CHECK(queue[0].seq == 3);
  CHECK(queue[1].seq == 9);
  CHECK(queue[2].sid == 2);
}

TEST_CASE("of a topic only the newer of its retained and its last value is restored", "[storage]") {
  Store store;
  store.open();
  core::Persist persist = make_persist(1000);
  // Many retained topics between the last values, so that both ways to find one are taken.
  for (int i = 100; i < 400; ++i) {
    persist.changes.push_back(
        core::RetainedRecord{make_message("t" + std::to_string(i), "retained", 50), Quality::good});
  }
  for (const auto& [topic, seq] : {std::pair{"t100", 40},
                                   {"t101", 60},
                                   {"t250", 40},
                                   {"t251", 60},
                                   {"t2515", 10},
                                   {"t399", 60},
                                   {"u", 10}}) {
    persist.changes.push_back(core::LastValueRecord{
        make_message(topic, "last", static_cast<std::uint64_t>(seq)), Quality::good});
  }
  store.write(std::move(persist));
  store.stop();
  const auto restored = store.open();
  CHECK(restored.report.retained == 300);
  std::vector<std::string> topics;
  for (const auto& record : all<core::LastValueRecord>(restored.changes)) {
    topics.emplace_back(record.message->topic());
  }
  CHECK(topics == std::vector<std::string>{"t101", "t251", "t2515", "t399", "u"});
  CHECK(restored.report.set_aside == 0);
  // The older ones are gone from the store, too: a topic that is deleted now does not come back.
  store.write(make_persist(2000, core::RetainedErase{"t100"}));
  store.stop();
  const auto again = store.open();
  CHECK(again.report.retained == 299);
  CHECK(again.report.last_values == 5);
}

TEST_CASE("a record that cannot be restored is set aside and the start goes on", "[storage]") {
  Store store;
  store.open();
  store.write(make_persist(1, core::RetainedRecord{make_message("a", "1"), Quality::good},
                           core::RetainedRecord{make_message("z", "1"), Quality::good}));
  store.stop();
  put_raw(store, Family::retained, "m", "\x07 of the future");

  const auto restored = store.open();
  CHECK(all<core::RetainedRecord>(restored.changes).size() == 2);
  CHECK(restored.report.set_aside == 1);
  std::ifstream in(restored.report.set_aside_file, std::ios::binary);
  const std::string content(std::istreambuf_iterator<char>(in), {});
  ByteReader reader(content);
  CHECK(reader.sized() == "retained");
  CHECK(reader.sized() == "m");
  CHECK(reader.sized() == "\x07 of the future");
  CHECK(reader.done());
  store.stop();
  // It was moved: the next start has nothing to complain about.
  CHECK(store.open().report.set_aside == 0);
}

TEST_CASE("a record the core cannot make sense of is set aside", "[storage]") {
  Store store;
  store.open();
  store.write(
      make_persist(1, make_session("a", 1), core::SubscriptionRecord{9, "f", {}, 0, false}));
  store.stop();
  const auto restored = store.open([](const core::Change& change) {
    return !std::holds_alternative<core::SubscriptionRecord>(change);
  });
  CHECK(restored.report.set_aside == 1);
  CHECK(restored.report.sessions == 1);
  CHECK(restored.report.subscriptions == 0);
}

TEST_CASE("a queue entry whose shared message is gone is set aside", "[storage]") {
  Store store;
  store.open();
  const auto shared = make_message("p", "x");
  shared->store_id = 5;
  store.write(make_persist(1, make_session("a", 1), make_queue(1, 2, shared)));
  store.stop();
  const auto restored = store.open();
  CHECK(restored.report.set_aside == 1);
  CHECK(restored.report.queued == 0);
}

TEST_CASE("queues that share a message share it again", "[storage]") {
  Store store;
  store.open();
  const auto shared = make_message("p", std::string(1000, 'x'));
  shared->store_id = 5;
  store.write(make_persist(1, core::PayloadRecord{shared}, make_session("a", 1),
                           make_session("b", 2), make_queue(1, 2, shared),
                           make_queue(2, 2, shared)));
  store.crash();
  const auto queue = all<core::QueueRecord>(store.open().changes);
  REQUIRE(queue.size() == 2);
  CHECK(queue[0].message == queue[1].message);
  CHECK(queue[0].message->store_id == 5);
}

TEST_CASE("after a crash shared messages without a queue entry are deleted", "[storage]") {
  Store store;
  store.open();
  const auto kept = make_message("p", "kept");
  kept->store_id = 5;
  const auto orphan = make_message("p", "orphan");
  orphan->store_id = 6;
  store.write(make_persist(1, core::PayloadRecord{kept}, core::PayloadRecord{orphan},
                           make_session("a", 1), make_queue(1, 2, kept)));
  store.crash();
  CHECK(store.open().report.orphan_payloads == 1);
  store.crash();
  const auto restored = store.open();
  CHECK(restored.report.orphan_payloads == 0);
  CHECK(restored.report.queued == 1);
}

TEST_CASE("a session that ended with its connection is not restored, its will is", "[storage]") {
  Store store;
  store.open();
  auto ended = make_session("ended", 1);
  ended.expiry_interval_s = 0;
  store.write(make_persist(1, ended, core::SubscriptionRecord{1, "f", {}, 0, false},
                           make_queue(1, 2, make_message("t", "")),
                           core::InflightRecord{1, core::Direction::in, 3, {}, 0},
                           core::WillRecord{"ended", make_message("w", "1"), 0, 0, {}},
                           make_session("lives", 2),
                           core::SubscriptionRecord{2, "f", {}, 0, false}));
  store.crash();
  for (int start = 0; start < 2; ++start) {
    const auto restored = store.open();
    CHECK(restored.report.sessions_ended == (start == 0 ? 1 : 0));
    CHECK(restored.report.set_aside == 0);
    REQUIRE(restored.changes.size() == 3);
    CHECK(all<core::SessionRecord>(restored.changes).at(0).client_id == "lives");
    CHECK(all<core::SubscriptionRecord>(restored.changes).at(0).sid == 2);
    CHECK(all<core::WillRecord>(restored.changes).at(0).client_id == "ended");
    store.stop();
  }
}

TEST_CASE("a restore that is told to stop reads no further", "[storage]") {
  Store store;
  store.open();
  core::Persist persist = make_persist(1);
  for (int i = 0; i < 5000; ++i) {
    persist.changes.push_back(
        core::RetainedRecord{make_message("t" + std::to_string(i), "x"), Quality::good});
  }
  persist.changes.push_back(make_session("c", 1));
  store.write(std::move(persist));
  store.stop();
  OpenResult opened = Database::open(store.options, store.clock.now().wall);
  Leftovers leftovers(*opened.database, store.clock.now().wall);
  int asked = 0;
  std::size_t restored = 0;
  const auto report = restore(
      *opened.database, leftovers, store.clock.now().wall,
      [&restored](const core::Change&) {
        ++restored;
        return true;
      },
      [&asked] { return ++asked == 3; });
  CHECK(report.stopped);
  CHECK(report.error.empty());
  CHECK(restored > 0);
  CHECK(restored < 5000);
  CHECK(asked == 3);
  CHECK(report.sessions == 0);
}

}  // namespace
}  // namespace lineshaft::storage::test
