#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "storage/database.h"
#include "storage/keys.h"
#include "storage/options.h"

/// The inside of the room: everything that needs RocksDB's headers (slow to compile, so only .cpp
/// files of `storage` include this one).
namespace lineshaft::storage {

inline rocksdb::Slice to_slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view to_view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

StoreFault classify(const rocksdb::Status& status);

/// Forwards RocksDB's warnings and errors to our log.
///
/// RocksDB's own logger writes files; Debian's build has assertions on and aborts when that fails,
/// which is what happens on a full disk. This one cannot fail.
std::shared_ptr<rocksdb::Logger> make_rocks_logger();

/// Remembers that a flush or compaction failed: the store takes no more writes then, and only an
/// idle journal would not notice by itself. Keeps RocksDB from resuming on its own.
class BackgroundListener : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status error,
                            bool* auto_recovery) override;

  StoreFault fault() const { return fault_.load(std::memory_order_acquire); }
  void reset() { fault_.store(StoreFault::none, std::memory_order_release); }

 private:
  std::atomic<StoreFault> fault_{StoreFault::none};
};

/// What every opening of the same store shares.
struct RocksParts {
  std::shared_ptr<rocksdb::Logger> logger;
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
  std::shared_ptr<BackgroundListener> listener;
};
RocksParts make_parts(const StorageOptions& options);

rocksdb::DBOptions make_db_options(const RocksParts& parts, rocksdb::WALRecoveryMode mode);
/// In the order of `Family`. `compact`: compactions run from the opening on.
std::vector<rocksdb::ColumnFamilyDescriptor> make_families(const RocksParts& parts, bool compact);

/// Options of an iterator that reads a column family once from end to end.
rocksdb::ReadOptions scan_options();

}  // namespace lineshaft::storage
