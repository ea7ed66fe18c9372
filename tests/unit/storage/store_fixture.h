#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "broker/core/store.h"
#include "storage/journal_writer.h"
#include "storage/restore.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

/// What the tests of the store share: a clock that is set by hand, a sink that can be waited for,
/// and a store in a temporary folder that can be stopped, crashed and opened again.
namespace lineshaft::storage::test {

inline WallTime wall(std::int64_t ms) { return WallTime{Milliseconds{ms}}; }

class HandClock : public Clock {
 public:
  Now now() override { return {Instant{Milliseconds{steady_ms}}, wall(wall_ms)}; }
  std::atomic<std::int64_t> steady_ms{1000};
  std::atomic<std::int64_t> wall_ms{1'800'000'000'000};
};

/// Keeps what the store says. `wait_for_*` block until it has been said; ctest's time limit ends a
/// wait for something that never comes.
class Recorder : public core::InputSink {
 public:
  void submit(core::Input input) override {
    std::unique_lock lock(mutex_);
    if (const auto* committed = std::get_if<core::StoreCommitted>(&input)) {
      commits_.push_back(committed->seq);
      changed_.notify_all();
      changed_.wait(lock, [&] { return !held_; });
    } else if (const auto* state = std::get_if<core::StoreStateChanged>(&input)) {
      states_.push_back(*state);
    } else if (auto* page = std::get_if<core::QueueLoaded>(&input)) {
      pages_.push_back(std::move(*page));
    }
    changed_.notify_all();
  }

  /// While held, the journal thread stands still after its next commit, as behind a slow disk.
  void hold(bool held) {
    std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void wait_for_commit(std::uint64_t seq) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !commits_.empty() && commits_.back() >= seq; });
  }
  /// The first state from number `from` on for which `wanted(state)` holds.
  template <class Wanted>
  core::StoreStateChanged wait_for_state(std::size_t from, Wanted&& wanted) {
    std::unique_lock lock(mutex_);
    for (std::size_t i = from;; ++i) {
      changed_.wait(lock, [&] { return states_.size() > i; });
      if (wanted(states_[i])) return states_[i];
    }
  }
  core::QueueLoaded wait_for_page() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !pages_.empty(); });
    core::QueueLoaded page = std::move(pages_.front());
    pages_.erase(pages_.begin());
    return page;
  }
  std::vector<std::uint64_t> commits() const {
    std::lock_guard lock(mutex_);
    return commits_;
  }
  std::vector<core::StoreStateChanged> states() const {
    std::lock_guard lock(mutex_);
    return states_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::vector<std::uint64_t> commits_;
  std::vector<core::StoreStateChanged> states_;
  std::vector<core::QueueLoaded> pages_;
};

/// A message with everything set, so that a lost field shows.
inline KeptMessagePtr make_message(std::string topic, std::string payload, std::uint64_t seq = 1) {
  // Content Type "t" and User Property "a"="b".
  static const std::string properties(
      "\x03\x00\x01t\x26\x00\x01"
      "a\x00\x01"
      "b",
      11);
  MessageFields fields;
  fields.topic = topic;
  fields.properties = properties;
  fields.payload = payload;
  fields.qos = QoS::exactly_once;
  fields.retain = true;
  fields.request_response = true;
  fields.expiry_interval_s = 3600;
  return KeptMessage::make(fields, {wall(1'700'000'000'123), seq, 7});
}

inline bool same(const KeptMessage& a, const KeptMessage& b) {
  return a.topic() == b.topic() && a.properties() == b.properties() && a.payload() == b.payload() &&
         a.qos() == b.qos() && a.retain() == b.retain() &&
         a.request_response() == b.request_response() &&
         a.expiry_interval_s() == b.expiry_interval_s() && a.received() == b.received() &&
         a.seq() == b.seq() && a.publisher() == b.publisher() && a.store_id == b.store_id;
}

inline core::SessionRecord make_session(std::string client_id, core::SessionId sid) {
  core::SessionRecord record;
  record.client_id = std::move(client_id);
  record.sid = sid;
  record.expiry_interval_s = 600;
  return record;
}

inline core::QueueRecord make_queue(core::SessionId sid, std::uint64_t seq,
                                    KeptMessagePtr message) {
  core::QueueRecord record;
  record.sid = sid;
  record.seq = seq;
  record.message = std::move(message);
  return record;
}

template <class... Changes>
core::Persist make_persist(std::uint64_t seq, Changes&&... changes) {
  core::Persist persist;
  persist.seq = seq;
  persist.last_seq = seq;
  persist.needs_sync = true;
  (persist.changes.push_back(std::forward<Changes>(changes)), ...);
  return persist;
}

/// All records of one kind among what was restored.
template <class Record>
std::vector<Record> all(const std::vector<core::Change>& changes) {
  std::vector<Record> found;
  for (const auto& change : changes) {
    if (const auto* record = std::get_if<Record>(&change)) found.push_back(*record);
  }
  return found;
}

struct Restored {
  std::vector<core::Change> changes;
  RestoreReport report;
};

/// A store in a folder of its own.
class Store {
 public:
  Store() {
    options.path = folder / "data";
    options.cache_mb = 16;
    options.reserve_mb = 1;
    options.probe_disk = false;
    options.retry = Milliseconds{0};
  }

  /// Opens, restores and starts the journal.
  Restored open(const RestoreSink& accepts = {}) {
    OpenResult opened = Database::open(options, clock.now().wall);
    INFO(opened.failure.sentence);
    REQUIRE(opened.database);
    Restored restored;
    Leftovers leftovers(*opened.database, clock.now().wall);
    restored.report =
        restore(*opened.database, leftovers, clock.now().wall, [&](core::Change change) {
          if (accepts && !accepts(change)) return false;
          restored.changes.push_back(std::move(change));
          return true;
        });
    const OpenFailure begun = opened.database->begin_run(clock.now().wall);
    INFO(begun.sentence);
    REQUIRE(begun.fault == OpenFault::none);
    leftovers.clear_out();
    sink = std::make_unique<Recorder>();
    journal = std::make_unique<JournalWriter>(std::move(opened.database), options, clock, *sink,
                                              [this](int code) { exit_code = code; });
    journal->start();
    return restored;
  }

  OpenFailure open_fails() {
    OpenResult opened = Database::open(options, clock.now().wall);
    CHECK_FALSE(opened.database);
    return opened.failure;
  }

  void write(core::Persist persist) {
    const std::uint64_t seq = persist.seq;
    journal->persist(std::move(persist));
    sink->wait_for_commit(seq);
  }

  bool stop() {
    const bool clean = journal->stop();
    journal.reset();
    return clean;
  }

  /// The folder as a kill -9 leaves it: a copy taken while the store is open takes its place.
  void crash() {
    namespace fs = std::filesystem;
    const fs::path image = folder.path() / "image";
    fs::copy(options.path, image, fs::copy_options::recursive);
    journal.reset();
    fs::remove_all(options.path);
    fs::copy(image, options.path, fs::copy_options::recursive);
    fs::remove_all(image);
  }

  /// The newest journal file.
  std::filesystem::path newest_wal() const {
    std::filesystem::path newest;
    for (const auto& entry : std::filesystem::directory_iterator(options.path + "/db")) {
      if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
    }
    return newest;
  }

  lineshaft::test::TempDir folder;
  StorageOptions options;
  HandClock clock;
  std::unique_ptr<Recorder> sink;
  std::atomic<int> exit_code{0};
  std::unique_ptr<JournalWriter> journal;
};

}  // namespace lineshaft::storage::test
