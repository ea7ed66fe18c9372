#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "broker/core/store.h"
#include "storage/database.h"
#include "storage/payload_reader.h"

namespace lineshaft::storage {

/// Reads one page of a session's queue: a seek, then forward. Records that cannot be read are left
/// out and logged; `failed` is set when the disk does not answer.
core::QueueLoaded read_queue_page(Database& database, PayloadReader& payloads,
                                  const core::LoadQueue& request);

/// The threads that read pages while routing goes on.
///
/// Owned by the `JournalWriter`. `store_mutex`: held shared while a page is read, exclusively by
/// whoever closes or reopens the database.
class QueueReaders {
 public:
  QueueReaders(Database& database, std::shared_mutex& store_mutex, core::InputSink& sink);
  ~QueueReaders();

  void start();
  /// Finishes what is being read and drops the rest.
  void stop();

  /// Never waits. Answered by one `QueueLoaded`.
  void load(const core::LoadQueue& request);
  /// False: the store lacks what was committed; pages are answered `failed`, the core asks again.
  /// With `store_mutex` held exclusively.
  void set_whole(bool whole) { whole_ = whole; }
  /// Runs `work` on a reader thread.
  void post(std::function<void()> work);

 private:
  void run();
  core::QueueLoaded answer(PayloadReader& payloads, const core::LoadQueue& request);

  static constexpr std::size_t threads_size = 2;

  Database& database_;
  std::shared_mutex& store_mutex_;
  core::InputSink& sink_;
  bool whole_ = true;  // guarded by `store_mutex_`
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<core::LoadQueue> requests_;
  std::deque<std::function<void()>> works_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace lineshaft::storage
