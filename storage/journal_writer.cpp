#include "storage/journal_writer.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "broker/base/assert.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "storage/batch_builder.h"
#include "storage/rocks.h"

namespace lineshaft::storage {
namespace {

/// How often free space and the background are looked at.
constexpr Milliseconds watch_interval{1000};
/// EX_TEMPFAIL: a restart, best on another machine, may help.
constexpr int exit_code_disk_failed = 75;

/// Memory a message keeps alive while it waits.
std::size_t message_bytes(const KeptMessagePtr& message) {
  return message ? message->footprint() : 0;
}

struct ChangeBytes {
  std::size_t operator()(const core::QueueRecord& record) const {
    // A shared message is counted with its `PayloadRecord`.
    return record.message && record.message->store_id == 0 ? message_bytes(record.message) : 0;
  }
  std::size_t operator()(const core::PayloadRecord& record) const {
    return message_bytes(record.message);
  }
  std::size_t operator()(const core::RetainedRecord& record) const {
    return message_bytes(record.message);
  }
  std::size_t operator()(const core::LastValueRecord& record) const {
    return message_bytes(record.message);
  }
  std::size_t operator()(const core::WillRecord& record) const {
    return message_bytes(record.message);
  }
  template <class Other>
  std::size_t operator()(const Other&) const {
    return 0;
  }
};

std::size_t bytes_of(const core::Persist& persist) {
  std::size_t bytes = persist.changes.size() * sizeof(core::Change);
  for (const core::Change& change : persist.changes) bytes += std::visit(ChangeBytes{}, change);
  return bytes;
}

}  // namespace

JournalWriter::JournalWriter(std::unique_ptr<Database> database, const StorageOptions& options,
                             Clock& clock, core::InputSink& sink, std::function<void(int)> on_fatal)
    : options_(options),
      clock_(clock),
      sink_(sink),
      on_fatal_(std::move(on_fatal)),
      database_(std::move(database)),
      builder_(std::make_unique<BatchBuilder>(*database_)),
      readers_(*database_, store_mutex_, sink) {
  last_seq_ = database_->last_run().last_seq;
  last_wall_ = database_->last_run().last_wall;
  reserve_bytes_ = database_->reserve_bytes();
  alarms_ = database_->alarms();
}

JournalWriter::~JournalWriter() { stop(); }

void JournalWriter::start() {
  // Else a crash would look like a clean stop.
  LINESHAFT_ASSERT(database_->has_begun());
  watch_space();
  publish_state();
  readers_.start();
  database_->start_compactions();
  thread_ = std::thread([this] { run(); });
  if (!options_.probe_disk) return;
  readers_.post([this] {
    const DiskProbe probe = probe_disk(options_.path, stop_probe_);
    log_probe(probe);
    std::lock_guard lock(state_mutex_);
    probe_ = probe;
  });
}

bool JournalWriter::stop() {
  if (!thread_.joinable()) return false;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  stop_probe_ = true;
  thread_.join();
  readers_.stop();
  if (!backlog_.empty()) {
    LINESHAFT_LOG(storage, critical, "journal_not_written", {"entries", backlog_.size()},
                  {"why", "the store failed; none of it was acknowledged"});
    return false;
  }
  std::unique_lock exclusive(store_mutex_);
  return healthy_ && database_->close_cleanly(std::max(clock_.now().wall, last_wall_));
}

void JournalWriter::persist(core::Persist persist) {
  const std::size_t bytes = bytes_of(persist);
  bool wake = false;
  bool above_mark = false;
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({std::move(persist), bytes});
    queue_bytes_ += bytes;
    ++queue_entries_;
    if (!overloaded_ && queue_bytes_ > options_.journal_queue_bytes_max) {
      overloaded_ = true;
      above_mark = true;
    }
    wake = std::exchange(waiting_, false);
  }
  if (wake) wake_.notify_one();
  // Told by another thread: this one may be inside the turn that the news is for.
  if (above_mark) readers_.post([this] { publish_state(); });
}

void JournalWriter::load(const core::LoadQueue& request) { readers_.load(request); }

StoreStatus JournalWriter::status() const {
  StoreStatus status;
  status.durability = options_.durability;
  status.low_space = low_space_;
  status.accepts_writes = writable_ && !status.low_space;
  status.fault = fault_;
  status.committed_seq = committed_seq_;
  status.free_bytes = free_bytes_;
  status.reserve_bytes = reserve_bytes_;
  status.syncs = sync_times_.count();
  status.sync_p50_us = sync_times_.percentile_us(50);
  status.sync_p99_us = sync_times_.percentile_us(99);
  status.alarms = alarms_;
  {
    std::lock_guard lock(state_mutex_);
    status.probe = probe_;
  }
  std::lock_guard lock(mutex_);
  status.overloaded = overloaded_;
  status.queue_bytes = queue_bytes_;
  status.queue_entries = queue_entries_;
  return status;
}

// --- the journal thread
// ---------------------------------------------------------------------------

void JournalWriter::run() {
  for (;;) {
    bool stopping = false;
    {
      std::unique_lock lock(mutex_);
      const bool idle = backlog_.empty() || !healthy_;
      if (queue_.empty() && idle && !stopping_) {
        waiting_ = true;
        wake_.wait_for(lock, wait_time(), [this] { return !waiting_ || stopping_; });
        waiting_ = false;
      }
      stopping = stopping_;
    }
    take_queue();
    if (!healthy_) try_recover(stopping);
    if (healthy_ && !backlog_.empty()) write_batch();
    watch();
    if (!stopping) continue;
    std::lock_guard lock(mutex_);
    if (queue_.empty() && (backlog_.empty() || !healthy_)) return;
  }
}

Milliseconds JournalWriter::wait_time() const {
  if (!unsynced_.empty()) return std::min(options_.wal_sync, watch_interval);
  if (!healthy_) return std::min(options_.retry, watch_interval);
  return watch_interval;
}

void JournalWriter::take_queue() {
  std::vector<Entry> taken;
  {
    std::lock_guard lock(mutex_);
    taken.swap(queue_);
  }
  backlog_.insert(backlog_.end(), std::make_move_iterator(taken.begin()),
                  std::make_move_iterator(taken.end()));
}

/// Writes as many entries as one batch takes. False: the store failed, nothing was reported.
bool JournalWriter::write_batch() {
  builder_->clear();
  bool needs_sync = unsynced_bytes_ > limits::journal_unsynced_bytes_max;
  std::uint64_t last_seq = last_seq_;
  std::size_t entries = 0;
  do {
    const core::Persist& persist = backlog_[entries].persist;
    builder_->add(persist);
    last_seq = std::max({last_seq, persist.seq, persist.last_seq});
    needs_sync |= persist.needs_sync && options_.durability == core::Durability::sync;
    ++entries;
  } while (entries < backlog_.size() && builder_->changes() < limits::journal_batch_entries_max &&
           builder_->size_bytes() < limits::journal_batch_bytes_max);
  last_wall_ = std::max(last_wall_, clock_.now().wall);
  builder_->stamp(last_seq, last_wall_);

  rocksdb::WriteOptions write;
  write.sync = needs_sync;
  const Stopwatch stopwatch;
  const auto status = database_->db().Write(write, &builder_->batch());
  if (!status.ok()) {
    fail(classify(status), status.ToString());
    return false;
  }
  if (needs_sync) sync_times_.add(stopwatch.elapsed_us());
  last_seq_ = last_seq;
  count(Counter::journal_commits);
  count(Counter::journal_records, builder_->changes());
  count(Counter::journal_bytes, builder_->size_bytes());
  committed(entries, needs_sync);
  return true;
}

void JournalWriter::committed(std::size_t entries, bool synced) {
  const std::uint64_t seq = backlog_[entries - 1].persist.seq;
  if (!writable_) recovered();
  std::size_t bytes = 0;
  if (!synced && unsynced_.empty()) unsynced_since_ = clock_.now().steady;
  for (std::size_t i = 0; i < entries; ++i) {
    bytes += backlog_.front().bytes;
    if (!synced) unsynced_.push_back(std::move(backlog_.front()));
    backlog_.pop_front();
  }
  if (synced) {
    count(Counter::journal_syncs);
    unsynced_.clear();
    unsynced_bytes_ = 0;
  } else {
    unsynced_bytes_ += bytes;
  }
  {
    std::lock_guard lock(mutex_);
    queue_entries_ -= entries;
    queue_bytes_ -= bytes;
  }
  if (!whole_ && seq >= reported_seq_) all_written_again();
  // Entries that are written a second time were reported before.
  if (seq <= reported_seq_) return;
  reported_seq_ = seq;
  committed_seq_ = seq;
  sink_.submit(core::StoreCommitted{core::StoreSource::journal, seq});
}

/// After a reopen without anything to write: shows that the store takes writes again.
void JournalWriter::write_probe() {
  builder_->clear();
  builder_->stamp(last_seq_, last_wall_);
  rocksdb::WriteOptions write;
  write.sync = true;
  const auto status = database_->db().Write(write, &builder_->batch());
  if (status.ok()) {
    recovered();
    all_written_again();
  } else {
    fail(classify(status), status.ToString());
  }
}

void JournalWriter::sync_wal() {
  const Stopwatch stopwatch;
  const auto status = database_->db().SyncWAL();
  if (!status.ok()) {
    fail(classify(status), status.ToString());
    return;
  }
  sync_times_.add(stopwatch.elapsed_us());
  count(Counter::journal_syncs);
  unsynced_.clear();
  unsynced_bytes_ = 0;
}

void JournalWriter::watch() {
  const Instant now = clock_.now().steady;
  if (healthy_ && !unsynced_.empty() && now - unsynced_since_ >= options_.wal_sync) sync_wal();
  bool relieved = false;
  {
    std::lock_guard lock(mutex_);
    if (overloaded_ && queue_bytes_ <= options_.journal_queue_bytes_max / 2) {
      overloaded_ = false;
      relieved = true;
    }
  }
  if (now - watched_at_ >= watch_interval) {
    watched_at_ = now;
    watch_space();
    const StoreFault fault = database_->background_fault();
    if (healthy_ && fault != StoreFault::none) fail(fault, "a flush or compaction failed");
    relieved = true;
  }
  if (relieved) publish_state();
}

// --- failure
// --------------------------------------------------------------------------------------

void JournalWriter::watch_space() {
  const std::uint64_t free = database_->free_bytes();
  free_bytes_ = free;
  // Twice the reserve to leave: else a store at the edge flaps.
  const bool low = free < (low_space_ ? 2 * reserve_bytes_ : reserve_bytes_);
  if (low == low_space_) return;
  low_space_ = low;
  if (low) {
    LINESHAFT_LOG(
        storage, error, "store_space_low", {"free_bytes", free}, {"reserve_bytes", reserve_bytes_},
        {"why", "publishes that need the disk are refused until twice the reserve is free"});
  } else {
    LINESHAFT_LOG(storage, info, "store_space_back", {"free_bytes", free});
  }
}

void JournalWriter::fail(StoreFault fault, const std::string& error) {
  healthy_ = false;
  fault_ = fault;
  writable_ = false;
  retry_at_ = clock_.now().steady + options_.retry;
  count(Counter::journal_failures);
  if (fault != StoreFault::no_space) ++failures_;
  LINESHAFT_LOG(storage, error, "store_failed", {"fault", to_string(fault)}, {"error", error},
                {"failures", failures_}, {"waiting_entries", backlog_.size()},
                {"why", "nothing is acknowledged until it could be written again"});
  publish_state();
  if (failures_ < limits::store_failures_max || fatal_) return;
  fatal_ = true;
  LINESHAFT_LOG(storage, critical, "store_failed_for_good", {"failures", failures_},
                {"exit_code", exit_code_disk_failed});
  if (on_fatal_) on_fatal_(exit_code_disk_failed);
}

bool JournalWriter::may_try(bool last_attempt) {
  if (last_attempt) return true;
  // Not worth closing the store before there is room; asked at each round, so it goes on soon.
  if (fault_ == StoreFault::no_space && database_->free_bytes() < 2 * reserve_bytes_) return false;
  return clock_.now().steady >= retry_at_;
}

bool JournalWriter::try_recover(bool last_attempt) {
  if (!may_try(last_attempt)) return false;
  StoreFault fault = StoreFault::none;
  {
    std::unique_lock exclusive(store_mutex_);
    // What was committed without a sync may be missing until it was written again: a page read in
    // between would count those messages as lost.
    whole_ = false;
    readers_.set_whole(false);
    fault = database_->reopen();
  }
  if (fault != StoreFault::none) {
    fail(fault, "the store does not open again");
    return false;
  }
  count(Counter::store_reopened);
  healthy_ = true;
  // What was written but not synced may not have reached the disk: first these, then the rest.
  {
    std::lock_guard lock(mutex_);
    queue_entries_ += unsynced_.size();
    queue_bytes_ += unsynced_bytes_;
  }
  backlog_.insert(backlog_.begin(), std::make_move_iterator(unsynced_.begin()),
                  std::make_move_iterator(unsynced_.end()));
  unsynced_.clear();
  unsynced_bytes_ = 0;
  if (backlog_.empty()) write_probe();
  return healthy_;
}

/// After a reopen: everything that was ever reported as committed is in the store again.
void JournalWriter::all_written_again() {
  std::unique_lock exclusive(store_mutex_);
  whole_ = true;
  readers_.set_whole(true);
}

/// The first write after a failure went through.
void JournalWriter::recovered() {
  fault_ = StoreFault::none;
  failures_ = 0;
  writable_ = true;
  watch_space();
  LINESHAFT_LOG(storage, info, "store_recovered", {"waiting_entries", backlog_.size()});
  publish_state();
}

void JournalWriter::publish_state() {
  // One at a time, so that the core hears the states in the order in which they were read.
  std::lock_guard lock(state_mutex_);
  core::StoreStateChanged state;
  state.accepts_writes = writable_ && !low_space_;
  if (!state.accepts_writes && (low_space_ || fault_ == StoreFault::no_space)) {
    state.refusal = ReasonCode::quota_exceeded;
  }
  {
    std::lock_guard queue_lock(mutex_);
    state.overloaded = overloaded_;
  }
  if (state.accepts_writes == published_.accepts_writes && state.refusal == published_.refusal &&
      state.overloaded == published_.overloaded) {
    return;
  }
  published_ = state;
  sink_.submit(state);
}

}  // namespace lineshaft::storage
