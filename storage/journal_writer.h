#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "broker/base/time.h"
#include "broker/core/store.h"
#include "storage/database.h"
#include "storage/disk_probe.h"
#include "storage/options.h"
#include "storage/queue_reader.h"
#include "storage/stopwatch.h"

namespace rocksdb {
class Status;
}

namespace lineshaft::storage {

class BatchBuilder;

/// What probes and metrics show. Times in us, sizes in bytes.
struct StoreStatus {
  core::Durability durability = core::Durability::sync;
  bool accepts_writes = true;
  bool overloaded = false;
  /// Below the reserve of free space.
  bool low_space = false;
  StoreFault fault = StoreFault::none;
  std::size_t queue_bytes = 0;
  std::size_t queue_entries = 0;
  std::uint64_t committed_seq = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t reserve_bytes = 0;
  /// Synced writes and WAL syncs since start.
  std::uint64_t syncs = 0;
  std::uint64_t sync_p50_us = 0;
  std::uint64_t sync_p99_us = 0;
  DiskProbe probe;
  std::vector<std::string> alarms;
};

/// Makes decisions survive: one thread writes everything that waits as one RocksDB batch, syncs it
/// if somebody waits for that, and reports `StoreCommitted`.
///
/// Group commit without a timer: while one sync runs, the next batch forms. After an error nothing
/// is reported; the failed batch and all behind it are kept in order and written again once the
/// store could be opened anew (puts and deletes may be repeated).
///
/// Owned by app. `persist` and `load` may be called from any thread and never wait for the disk;
/// answers go to `sink` from threads of this class, which also ask `clock`.
class JournalWriter final : public core::Store {
 public:
  /// `on_fatal`: called once, from the journal thread, with the process's exit code when the disk
  /// has failed `limits::store_failures_max` times in a row: the broker cannot keep its promise
  /// here and should be restarted, elsewhere if the volume can move.
  JournalWriter(std::unique_ptr<Database> database, const StorageOptions& options, Clock& clock,
                core::InputSink& sink, std::function<void(int exit_code)> on_fatal);
  /// Stops, if nobody did.
  ~JournalWriter() override;

  /// After `Database::begin_run`.
  void start();
  /// Writes what was handed over, marks the store clean and closes it. False: something could not
  /// be written (it was never acknowledged) or the mark is missing.
  bool stop();

  void persist(core::Persist persist) override;
  void load(const core::LoadQueue& request) override;

  StoreStatus status() const;

 private:
  struct Entry {
    core::Persist persist;
    std::size_t bytes = 0;
  };

  void run();
  void take_queue();
  bool write_batch();
  void committed(std::size_t entries, bool synced);
  void write_probe();
  void sync_wal();
  void fail(StoreFault fault, const std::string& error);
  bool try_recover(bool last_attempt);
  bool may_try(bool last_attempt);
  void all_written_again();
  void recovered();
  void watch();
  void watch_space();
  void publish_state();
  Milliseconds wait_time() const;

  const StorageOptions options_;
  Clock& clock_;
  core::InputSink& sink_;
  const std::function<void(int)> on_fatal_;
  std::unique_ptr<Database> database_;
  std::shared_mutex store_mutex_;
  std::unique_ptr<BatchBuilder> builder_;
  QueueReaders readers_;
  std::thread thread_;

  // Between the core and the journal thread.
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Entry> queue_;
  bool waiting_ = false;
  bool stopping_ = false;
  /// Of everything that is not committed.
  std::size_t queue_bytes_ = 0;
  std::size_t queue_entries_ = 0;
  bool overloaded_ = false;

  // The journal thread's own.
  std::deque<Entry> backlog_;
  /// Committed but not synced: written again, too, when the store fails before the next sync.
  std::deque<Entry> unsynced_;
  std::size_t unsynced_bytes_ = 0;
  Instant unsynced_since_{};
  std::uint64_t last_seq_ = 0;
  WallTime last_wall_{};
  std::uint64_t reported_seq_ = 0;
  bool healthy_ = true;
  /// False from a reopen until what had been committed before it is written again.
  bool whole_ = true;
  int failures_ = 0;
  bool fatal_ = false;
  Instant retry_at_{};
  Instant watched_at_{};

  // Shared with readers of the status and with whoever publishes it.
  std::atomic<bool> writable_{true};
  std::atomic<bool> low_space_{false};
  std::atomic<StoreFault> fault_{StoreFault::none};
  std::atomic<std::uint64_t> committed_seq_{0};
  std::atomic<std::uint64_t> free_bytes_{0};
  std::uint64_t reserve_bytes_ = 0;
  std::vector<std::string> alarms_;
  std::atomic<bool> stop_probe_{false};
  LatencyHistogram sync_times_;
  mutable std::mutex state_mutex_;
  core::StoreStateChanged published_;
  DiskProbe probe_;
};

}  // namespace lineshaft::storage
