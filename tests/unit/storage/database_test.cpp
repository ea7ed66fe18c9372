#include "storage/database.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include "storage/rocks.h"
#include "tests/unit/storage/store_fixture.h"

namespace lineshaft::storage::test {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::map<std::string, std::string> files_of(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files[entry.path()] = content_of(entry.path());
  }
  return files;
}

void append(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
}

bool mentions(const OpenFailure& failure, std::string_view text) {
  INFO(failure.sentence);
  return failure.sentence.find(text) != std::string::npos;
}

void write_topics(Store& store, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t seq = first; seq <= last; ++seq) {
    store.write(make_persist(seq, core::RetainedRecord{make_message("t" + std::to_string(seq),
                                                                    std::string(200, 'x'), seq),
                                                       Quality::good}));
  }
}

TEST_CASE("a folder in use is refused and names the process", "[storage]") {
  Store store;
  store.open();
  const auto failure = store.open_fails();
  CHECK(failure.fault == OpenFault::locked);
  CHECK(mentions(failure, store.options.path));
  CHECK(mentions(failure, std::to_string(::getpid())));
  CHECK(mentions(failure, "--data"));
  store.write(make_persist(1));  // the first one is not disturbed
}

TEST_CASE("a store of a newer version is refused and stays as it is", "[storage]") {
  Store store;
  store.open();
  store.stop();
  std::ofstream(store.options.path + "/SCHEMA") << "lineshaft store, schema 2\n";
  const auto before = files_of(store.options.path);
  const auto failure = store.open_fails();
  CHECK(failure.fault == OpenFault::newer_schema);
  CHECK(mentions(failure, "schema 2"));
  CHECK(files_of(store.options.path) == before);
}

TEST_CASE("a store with a part this version does not know is refused", "[storage]") {
  Store store;
  store.open();
  store.stop();
  {
    OpenResult opened = Database::open(store.options, store.clock.now().wall);
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    REQUIRE(opened.database->db().CreateColumnFamily({}, "hologram", &handle).ok());
    REQUIRE(opened.database->db().DestroyColumnFamilyHandle(handle).ok());
  }
  const auto failure = store.open_fails();
  CHECK(failure.fault == OpenFault::newer_schema);
  CHECK(mentions(failure, "hologram"));
}

TEST_CASE("a database that is not ours is refused", "[storage]") {
  Store store;
  store.open();
  store.stop();
  fs::remove(store.options.path + "/SCHEMA");
  CHECK(store.open_fails().fault == OpenFault::foreign);
  std::ofstream(store.options.path + "/SCHEMA") << "something else";
  CHECK(store.open_fails().fault == OpenFault::foreign);
}

TEST_CASE("a store that lost its files is not taken for a new one", "[storage]") {
  Store store;
  store.open();
  store.stop();
  fs::remove_all(store.options.path + "/db");
  CHECK(store.open_fails().fault == OpenFault::corrupt);
}

TEST_CASE("a start that died while it made the store is repeated", "[storage]") {
  Store store;
  fs::create_directories(store.options.path);
  std::ofstream(store.options.path + "/SCHEMA") << "lineshaft store, schema 1\nbeing made\n";
  store.open();
  store.write(make_persist(1));
  CHECK(store.stop());
  CHECK(content_of(store.options.path + "/SCHEMA") == "lineshaft store, schema 1\n");
}

TEST_CASE("a data folder that is a file is refused", "[storage]") {
  Store store;
  std::ofstream(store.options.path) << "x";
  auto failure = store.open_fails();
  CHECK(failure.fault == OpenFault::not_a_directory);
  CHECK(mentions(failure, "--data"));
  store.options.path += "/below";
  CHECK(store.open_fails().fault == OpenFault::not_a_directory);
}

TEST_CASE("a folder without the right to write is refused", "[storage]") {
  if (::geteuid() == 0) {
    WARN("skipped: the superuser may write everywhere");
    return;
  }
  Store store;
  fs::create_directories(store.options.path);
  fs::permissions(store.options.path, fs::perms::owner_read | fs::perms::owner_exec);
  CHECK(store.open_fails().fault == OpenFault::permission);
}

TEST_CASE("every start has a number of its own", "[storage]") {
  Store store;
  for (std::uint64_t start = 1; start <= 3; ++start) {
    OpenResult opened = Database::open(store.options, store.clock.now().wall);
    REQUIRE(opened.database);
    REQUIRE(opened.database->begin_run(store.clock.now().wall).fault == OpenFault::none);
    CHECK(opened.database->boot_epoch() == start);
  }
}

/// What stands in the store: every record of every column family, but not in which files.
std::map<std::string, std::string> records_of(Database& open) {
  std::map<std::string, std::string> records;
  for (std::size_t i = 0; i < families_size; ++i) {
    const auto family = static_cast<Family>(i);
    const std::unique_ptr<rocksdb::Iterator> iterator(
        open.db().NewIterator(rocksdb::ReadOptions(), open.family(family)));
    for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
      records[std::string(family_name(family)) + "/" + iterator->key().ToString()] =
          iterator->value().ToString();
    }
  }
  return records;
}

TEST_CASE("a start that ends before the run begins changes no record", "[storage]") {
  Store store;
  store.open();
  const auto orphan = make_message("p", "orphan");
  orphan->store_id = 6;
  auto ended = make_session("ended", 1);
  ended.expiry_interval_s = 0;
  store.write(make_persist(1, core::PayloadRecord{orphan}, ended,
                           core::SubscriptionRecord{1, "f", {}, 0, false},
                           core::SubscriptionRecord{9, "of nobody", {}, 0, false},
                           core::RetainedRecord{make_message("t", "new", 50), Quality::good},
                           core::LastValueRecord{make_message("t", "old", 40), Quality::good}));
  store.stop();
  const auto open = [&store] { return Database::open(store.options, store.clock.now().wall); };
  const auto before = records_of(*open().database);
  const auto files = [&store] {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(store.options.path))
      count += !entry.path().empty();
    return count;
  };
  const auto files_before = files();
  store.clock.wall_ms += 1000;
  {
    OpenResult opened = open();
    Leftovers leftovers(*opened.database, store.clock.now().wall);
    const auto report = restore(*opened.database, leftovers, store.clock.now().wall,
                                [](const core::Change& change) {
                                  const auto* sub = std::get_if<core::SubscriptionRecord>(&change);
                                  return sub == nullptr || sub->sid != 9;
                                });
    CHECK(report.set_aside == 1);
    CHECK(report.sessions_ended == 1);
    CHECK(report.orphan_payloads == 1);
  }
  CHECK(records_of(*open().database) == before);
  CHECK(files() == files_before);
}

TEST_CASE("a torn journal tail is cut and everything before it is there", "[storage]") {
  Store store;
  store.open();
  write_topics(store, 1, 50);
  store.crash();
  const fs::path wal = store.newest_wal();
  const auto size = fs::file_size(wal);
  std::size_t kept = 50;
  SECTION("half of the last record") {
    fs::resize_file(wal, size - 100);
    kept = 49;
  }
  SECTION("zeros behind it") { fs::resize_file(wal, size + 5000); }
  SECTION("junk behind it") { append(wal, std::string(300, '\xA5')); }
  SECTION("a page of the last record never written") {
    fs::resize_file(wal, size - 100);
    fs::resize_file(wal, size);
    kept = 49;
  }
  SECTION("junk of several blocks behind it") {
    std::mt19937 random(1);
    std::string junk(100'000, '\0');
    for (char& byte : junk) byte = static_cast<char>(random());
    append(wal, junk);
  }
  SECTION("zeros and junk that begins like a record") {
    fs::resize_file(wal, size + 40'000);
    append(wal, std::string("\1\2\3\4\5\0\1hello", 12));
  }
  const auto restored = store.open();
  CHECK(restored.report.retained == kept);
  CHECK(restored.report.summary.last_seq == kept);
  CHECK(store.journal->status().alarms.empty());
}

/// Flips one bit in the middle of the journal of a store with 50 acknowledged topics.
void damage(Store& store) {
  store.open();
  write_topics(store, 1, 50);
  store.crash();
  std::fstream wal(store.newest_wal(), std::ios::binary | std::ios::in | std::ios::out);
  const auto middle = static_cast<std::streamoff>(fs::file_size(store.newest_wal()) / 2);
  wal.seekg(middle);
  const auto byte = static_cast<char>(wal.get() ^ 0x10);
  wal.seekp(middle);
  wal.put(byte);
}

TEST_CASE("damage in the middle of the journal is refused with the way out", "[storage]") {
  Store store;
  damage(store);
  const auto failure = store.open_fails();
  CHECK(failure.fault == OpenFault::corrupt);
  CHECK(mentions(failure, "on_corruption"));
  CHECK(mentions(failure, "recover"));
  CHECK(store.open_fails().fault == OpenFault::corrupt);  // and again: nothing was thrown away
}

TEST_CASE("recovery keeps a copy, opens up to the damage and raises an alarm", "[storage]") {
  Store store;
  damage(store);
  const std::string damaged = content_of(store.newest_wal());
  const std::string name = store.newest_wal().filename();
  store.options.on_corruption = OnCorruption::recover;
  const auto restored = store.open();
  CHECK(restored.report.retained > 10);
  CHECK(restored.report.retained < 40);
  CHECK(restored.report.summary.last_seq == restored.report.retained);  // no hole before it
  const auto alarms = store.journal->status().alarms;
  REQUIRE(alarms.size() == 1);
  CHECK(alarms[0].find("sequence number " + std::to_string(restored.report.retained)) !=
        std::string::npos);
  const std::string copy =
      store.options.path + "/quarantine-" + std::to_string(store.clock.wall_ms) + "/" + name;
  CHECK(content_of(copy) == damaged);
  store.stop();
  store.options.on_corruption = OnCorruption::refuse;
  store.open();
  CHECK(store.journal->status().alarms.size() == 1);  // until somebody deletes it
}

}  // namespace
}  // namespace lineshaft::storage::test
