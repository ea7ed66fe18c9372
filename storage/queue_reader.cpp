#include "storage/queue_reader.h"

#include <memory>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "storage/keys.h"
#include "storage/records.h"
#include "storage/rocks.h"

namespace lineshaft::storage {
namespace {

/// Shared messages each reader thread remembers.
constexpr std::size_t reader_bytes_max = 8 * 1024 * 1024;

/// Adds one entry to the page; false when the page cannot be read at the moment.
bool add_entry(PayloadReader& payloads, std::string_view key, std::string_view value,
               core::QueueLoaded& page) {
  auto entry = decode_queue(key, value);
  if (entry.has_error()) {
    count(Counter::queue_records_unreadable);
    LINESHAFT_LOG(storage, error, "queue_record_not_readable", {"sid", page.sid},
                  {"fault", to_string(entry.error())});
    return true;
  }
  if (entry->store_id != 0) {
    switch (payloads.read(entry->store_id, entry->record.message)) {
      case PayloadReader::Outcome::found:
        break;
      case PayloadReader::Outcome::missing:
        count(Counter::queue_records_unreadable);
        LINESHAFT_LOG(storage, error, "queue_payload_missing", {"sid", page.sid},
                      {"seq", entry->record.seq}, {"store_id", entry->store_id});
        return true;
      case PayloadReader::Outcome::unreadable:
        return false;
    }
  }
  page.entries.push_back(std::move(entry->record));
  return true;
}

}  // namespace

core::QueueLoaded read_queue_page(Database& database, PayloadReader& payloads,
                                  const core::LoadQueue& request) {
  core::QueueLoaded page;
  page.sid = request.sid;
  page.first_seq = request.first_seq;
  page.last_seq = request.last_seq;
  if (request.first_seq > request.last_seq) return page;
  std::string first;
  append_queue_key(first, request.sid, request.first_seq);
  std::string end;
  append_queue_key(end, request.sid, request.last_seq);
  end.push_back('\0');  // the smallest key behind the last one
  const rocksdb::Slice bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> iterator(
      database.db().NewIterator(options, database.family(Family::queue)));
  for (iterator->Seek(first); iterator->Valid() && page.entries.size() < request.entries_max;
       iterator->Next()) {
    if (!add_entry(payloads, to_view(iterator->key()), to_view(iterator->value()), page)) {
      page.failed = true;
      break;
    }
  }
  if (!iterator->status().ok()) {
    LINESHAFT_LOG(storage, error, "queue_read_failed", {"sid", request.sid},
                  {"error", iterator->status().ToString()});
    page.failed = true;
  }
  if (page.failed) page.entries.clear();
  count(page.failed ? Counter::queue_pages_failed : Counter::queue_pages_read);
  return page;
}

QueueReaders::QueueReaders(Database& database, std::shared_mutex& store_mutex,
                           core::InputSink& sink)
    : database_(database), store_mutex_(store_mutex), sink_(sink) {}

QueueReaders::~QueueReaders() { stop(); }

void QueueReaders::start() {
  for (std::size_t i = 0; i < threads_size; ++i) threads_.emplace_back([this] { run(); });
}

void QueueReaders::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void QueueReaders::load(const core::LoadQueue& request) {
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  wake_.notify_one();
}

void QueueReaders::post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    works_.push_back(std::move(work));
  }
  wake_.notify_one();
}

core::QueueLoaded QueueReaders::answer(PayloadReader& payloads, const core::LoadQueue& request) {
  std::shared_lock open(store_mutex_);
  if (whole_ && database_.is_open()) return read_queue_page(database_, payloads, request);
  core::QueueLoaded page;
  page.sid = request.sid;
  page.first_seq = request.first_seq;
  page.last_seq = request.last_seq;
  page.failed = true;
  return page;
}

void QueueReaders::run() {
  PayloadReader payloads(database_, reader_bytes_max);
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !works_.empty() || !requests_.empty(); });
    if (stopping_) return;
    if (!works_.empty()) {
      const auto work = std::move(works_.front());
      works_.pop_front();
      lock.unlock();
      work();
      lock.lock();
      continue;
    }
    const core::LoadQueue request = requests_.front();
    requests_.pop_front();
    lock.unlock();
    sink_.submit(answer(payloads, request));
    lock.lock();
  }
}

}  // namespace lineshaft::storage
