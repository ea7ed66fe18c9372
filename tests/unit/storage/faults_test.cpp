// Runs with tests/preload/sync_shim preloaded: see CMakeLists.txt.
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "broker/base/metrics.h"
#include "tests/preload/sync_record.h"
#include "tests/unit/storage/store_fixture.h"

namespace lineshaft::storage::test {
namespace {

namespace fs = std::filesystem;

core::Persist topic_write(std::uint64_t seq, std::size_t size_bytes = 100) {
  return make_persist(seq, core::RetainedRecord{make_message("t" + std::to_string(seq),
                                                             std::string(size_bytes, 'x'), seq),
                                                Quality::good});
}

/// The shim's files, in a folder of their own.
class Shim {
 public:
  Shim() {
    ::setenv("LINESHAFT_SYNC_RECORD", record.c_str(), 1);
    ::setenv("LINESHAFT_SYNC_CONTROL", control.c_str(), 1);
  }
  ~Shim() {
    ::unsetenv("LINESHAFT_SYNC_RECORD");
    ::unsetenv("LINESHAFT_SYNC_CONTROL");
  }
  /// Complete at once: a sync may look at it in between.
  void order(const std::string& text) const {
    std::ofstream(control + ".new") << text;
    fs::rename(control + ".new", control);
  }
  void behave() const { fs::remove(control); }
  bool is_preloaded() const { return fs::exists(record); }

  lineshaft::test::TempDir folder;
  const std::string record = folder / "record";
  const std::string control = folder / "control";
};

const auto refuses = [](const core::StoreStateChanged& state) { return !state.accepts_writes; };
const auto accepts = [](const core::StoreStateChanged& state) { return state.accepts_writes; };

TEST_CASE("after a failed sync nothing is acknowledged until it was written again", "[storage]") {
  Shim shim;
  Store store;
  store.open();
  store.write(topic_write(1));
  REQUIRE(shim.is_preloaded());
  shim.order("eio 1");
  store.journal->persist(topic_write(2));
  const auto state = store.sink->wait_for_state(0, refuses);
  CHECK(state.refusal == ReasonCode::unspecified_error);
  store.journal->persist(topic_write(3));
  store.sink->wait_for_commit(3);
  store.sink->wait_for_state(1, accepts);
  CHECK(store.journal->status().fault == StoreFault::none);
  CHECK(store.exit_code == 0);
  store.crash();
  CHECK(store.open().report.retained == 3);
}

TEST_CASE("while the disk fails nothing is acknowledged, the third time ends the broker",
          "[storage]") {
  Shim shim;
  Store store;
  store.open();
  store.write(topic_write(1));
  shim.order("eio");
  store.journal->persist(topic_write(2));
  store.sink->wait_for_state(0, refuses);
  while (store.exit_code == 0) std::this_thread::yield();
  CHECK(store.exit_code == 75);  // after the third failure
  CHECK(store.sink->commits() == std::vector<std::uint64_t>{1});
  CHECK_FALSE(store.journal->status().accepts_writes);
  CHECK_FALSE(store.stop());
  shim.behave();
  // What was not acknowledged may be there or not; what was acknowledged is.
  const auto restored = store.open();
  CHECK_FALSE(restored.report.summary.clean);
  CHECK(restored.report.retained >= 1);
}

TEST_CASE("a store that is gone is not replaced by an empty one, and pages say so", "[storage]") {
  Shim shim;
  Store store;
  store.open();
  store.write(topic_write(1));
  const std::string current = store.options.path + "/db/CURRENT";
  fs::rename(current, current + ".away");
  shim.order("eio 1");
  store.journal->persist(topic_write(2));
  store.sink->wait_for_state(0, refuses);
  bool failed = false;
  while (!failed) {
    store.journal->load({1, 0, 10, 10});
    failed = store.sink->wait_for_page().failed;
  }
  CHECK_FALSE(fs::exists(current));
  CHECK(store.sink->commits() == std::vector<std::uint64_t>{1});
  fs::rename(current + ".away", current);
  store.sink->wait_for_commit(2);
  store.crash();
  CHECK(store.open().report.retained == 2);
}

TEST_CASE("records that nobody waited for are written again after a failed sync", "[storage]") {
  Shim shim;
  Store store;
  store.open();
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    auto persist = topic_write(seq);
    persist.needs_sync = false;
    store.write(std::move(persist));
  }
  const auto written = counter_value(Counter::journal_records);
  shim.order("eio 1");
  store.write(topic_write(4));
  CHECK(counter_value(Counter::journal_records) - written == 4);
  store.crash();
  CHECK(store.open().report.retained == 4);
}

core::Persist queue_write(std::uint64_t seq) {
  return make_persist(seq, make_queue(1, seq, make_message("t", std::to_string(seq), seq)));
}

TEST_CASE("no page of a queue lacks what was committed but has to be written again", "[storage]") {
  Shim shim;
  Store store;
  store.open();
  store.write(queue_write(1));
  for (std::uint64_t seq = 2; seq <= 3; ++seq) {
    auto persist = queue_write(seq);
    persist.needs_sync = false;
    store.write(std::move(persist));
  }
  // The failed sync loses these two: they go while the store cannot be opened again.
  const std::string db = store.options.path + "/db";
  fs::rename(db + "/CURRENT", db + "/CURRENT.away");
  shim.order("eio 1");
  store.journal->persist(queue_write(4));
  store.sink->wait_for_state(0, refuses);
  const auto page = [&store] {
    store.journal->load({1, 1, 3, 10});
    return store.sink->wait_for_page();
  };
  while (!page().failed) std::this_thread::yield();
  REQUIRE(lineshaft::test::cut_unsynced_tail(db, db, shim.record) > 0);
  shim.order("delay 200000");  // long enough to look in between
  fs::rename(db + "/CURRENT.away", db + "/CURRENT");
  core::QueueLoaded loaded = page();
  while (loaded.failed) loaded = page();
  CHECK(loaded.entries.size() == 3);
  shim.behave();
  store.sink->wait_for_commit(4);
}

/// Writes acknowledged and unacknowledged topics, then cuts what was never synced.
std::size_t restored_after_power_loss(core::Durability durability, std::string_view junk) {
  Shim shim;
  Store store;
  store.options.durability = durability;
  store.open();
  for (std::uint64_t seq = 1; seq <= 200; ++seq) store.write(topic_write(seq));
  for (std::uint64_t seq = 201; seq <= 300; ++seq) {
    auto persist = topic_write(seq);
    persist.needs_sync = false;
    store.write(std::move(persist));
  }
  // Taken before the crash: what is left of this process still closes the old files in order.
  const std::string record = shim.folder / "record-at-the-crash";
  fs::copy_file(shim.record, record);
  store.crash();
  const std::string db = store.options.path + "/db";
  CHECK(lineshaft::test::cut_unsynced_tail(db, db, record, junk) > 0);
  const auto restored = store.open();
  const auto retained = all<core::RetainedRecord>(restored.changes);
  std::vector<std::uint64_t> seqs;
  for (const auto& topic : retained) seqs.push_back(topic.message->seq());
  std::sort(seqs.begin(), seqs.end());
  for (std::size_t i = 0; i < seqs.size(); ++i) CHECK(seqs[i] == i + 1);  // no hole
  return seqs.size();
}

TEST_CASE("a power loss takes nothing that was acknowledged", "[storage]") {
  CHECK(restored_after_power_loss(core::Durability::sync, "") == 200);
  CHECK(restored_after_power_loss(core::Durability::sync, std::string(500, '\0')) == 200);
  CHECK(restored_after_power_loss(core::Durability::sync, std::string(500, '\xC3')) == 200);
}

TEST_CASE("a power loss takes acknowledged records with durability async", "[storage]") {
  // The negative control: if nothing is lost here, the cut proves nothing above.
  CHECK(restored_after_power_loss(core::Durability::async, "") < 200);
}

TEST_CASE("a slow disk makes the batches larger, not the promises smaller", "[storage]") {
  Shim shim;
  Store store;
  store.open();
  shim.order("delay 2000");
  for (std::uint64_t seq = 1; seq <= 2000; ++seq) store.journal->persist(topic_write(seq));
  store.sink->wait_for_commit(2000);
  CHECK(store.sink->commits().size() < 1000);
  store.crash();
  CHECK(store.open().report.retained == 2000);
}

/// A file system of its own that can be filled; needs the right to mount.
class SmallDisk {
 public:
  explicit SmallDisk(std::size_t mib) {
    fs::create_directories(path);
    const std::string size = "size=" + std::to_string(mib) + "m";
    mounted = ::mount("tmpfs", path.c_str(), "tmpfs", 0, size.c_str()) == 0;
    if (!mounted) {
      WARN("skipped: cannot mount a small file system (" << std::strerror(errno) << ")");
    }
  }
  ~SmallDisk() {
    if (mounted) ::umount2(path.c_str(), MNT_DETACH);
  }
  /// Leaves `left` bytes free.
  void fill(std::size_t left) const {
    std::ofstream out(path + "/filler", std::ios::binary | std::ios::app);
    for (const std::size_t step : {64 * 1024, 4096}) {
      const std::string block(step, 'f');
      while (fs::space(path).available >= left + step) out << block << std::flush;
    }
  }
  void make_room() const { fs::remove(path + "/filler"); }

  lineshaft::test::TempDir folder;
  const std::string path = folder / "disk";
  bool mounted = false;
};

TEST_CASE("below the reserve of free space publishes are refused until there is room",
          "[storage]") {
  const SmallDisk disk(64);
  if (!disk.mounted) return;
  Store store;
  store.options.path = disk.path + "/data";
  store.options.reserve_mb = 8;
  store.open();
  store.write(topic_write(1));
  CHECK(store.sink->states().empty());
  disk.fill(4 * 1024 * 1024);
  store.clock.steady_ms += 2000;
  store.write(topic_write(2));  // acknowledgements and deletes still find room
  const auto state = store.sink->wait_for_state(0, refuses);
  CHECK(state.refusal == ReasonCode::quota_exceeded);
  CHECK(store.journal->status().low_space);
  disk.make_room();
  store.clock.steady_ms += 2000;
  store.write(topic_write(3));
  store.sink->wait_for_state(1, accepts);
  CHECK(store.stop());
  CHECK(store.open().report.retained == 3);
  store.stop();
}

TEST_CASE("a full disk loses nothing acknowledged and work goes on when there is room",
          "[storage]") {
  const SmallDisk disk(96);
  if (!disk.mounted) return;
  Store store;
  store.options.path = disk.path + "/data";
  store.open();
  store.write(topic_write(1));
  // The journal has some blocks in advance: with none left beside them the tables fail first.
  disk.fill(GENERATE(2 * 1024 * 1024, 0));
  std::uint64_t seq = 1;
  while (store.journal->status().fault == StoreFault::none) {
    const auto queued = store.journal->status().queue_entries;
    if (queued < 8) store.journal->persist(topic_write(++seq, 256 * 1024));
  }
  CHECK(store.sink->wait_for_state(0, refuses).refusal == ReasonCode::quota_exceeded);
  const auto acknowledged = store.sink->commits().back();
  CHECK(acknowledged < seq);
  store.journal->persist(topic_write(++seq));
  disk.make_room();
  store.sink->wait_for_commit(seq);
  store.sink->wait_for_state(1, accepts);
  store.crash();
  const auto restored = store.open();
  CHECK(restored.report.retained == seq);
  CHECK(restored.report.set_aside == 0);
  store.stop();
}

TEST_CASE("a disk that is full at start is refused with a sentence", "[storage]") {
  const SmallDisk disk(16);
  if (!disk.mounted) return;
  Store store;
  store.options.path = disk.path + "/data";
  disk.fill(0);
  const auto failure = store.open_fails();
  INFO(failure.sentence);
  CHECK(failure.fault == OpenFault::no_space);
  CHECK(failure.sentence.find("space") != std::string::npos);
  disk.make_room();
  store.open();
  store.write(topic_write(1));
  CHECK(store.stop());
}

}  // namespace
}  // namespace lineshaft::storage::test
