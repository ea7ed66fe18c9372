#include "storage/rocks.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <string>

#include "broker/base/log.h"
#include "broker/base/memory.h"

namespace lineshaft::storage {
namespace {

constexpr std::size_t mib = 1024 * 1024;

class RocksLogger : public rocksdb::Logger {
 public:
  RocksLogger() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using rocksdb::Logger::Logv;
  // Without a level: RocksDB's banner and its options.
  void Logv(const char*, va_list) override {}
  void LogHeader(const char*, va_list) override {}

  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level >= rocksdb::InfoLogLevel::HEADER_LEVEL) {
      return;
    }
    char text[1024];
    const int size = std::vsnprintf(text, sizeof text, format, arguments);
    if (size < 0) return;
    const std::string_view shown(text, std::min(static_cast<std::size_t>(size), sizeof text - 1));
    const auto our_level =
        level == rocksdb::InfoLogLevel::WARN_LEVEL ? log::Level::warn : log::Level::error;
    if (log::enabled(log::Room::storage, our_level)) {
      log::write(log::Room::storage, our_level, "rocksdb_says", {{"text", shown}});
    }
  }

 protected:
  rocksdb::Status CloseImpl() override { return rocksdb::Status::OK(); }
};

std::size_t cache_bytes(const StorageOptions& options) {
  if (options.cache_mb != 0) return options.cache_mb * mib;
  const std::uint64_t memory = memory_limit_bytes();
  if (memory == 0) return 128 * mib;
  return std::clamp<std::size_t>(memory / 4, 16 * mib, 512 * mib);
}

rocksdb::CompressionType first_supported(std::initializer_list<rocksdb::CompressionType> wanted) {
  const auto supported = rocksdb::GetSupportedCompressions();
  for (const auto type : wanted) {
    if (std::find(supported.begin(), supported.end(), type) != supported.end()) return type;
  }
  return rocksdb::kNoCompression;
}

bool is_queue_like(Family family) { return family == Family::queue || family == Family::inflight; }

rocksdb::ColumnFamilyOptions family_options(Family family, const RocksParts& parts, bool compact) {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.block_size = 8 * 1024;
  table.block_cache = parts.cache;
  // Partitioned index and filters: without them reads of a store larger than the cache are 20x
  // slower.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.metadata_block_size = 4096;
  table.cache_index_and_filter_blocks = true;
  table.pin_top_level_index_and_filter = true;
  if (family != Family::queue) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.partition_filters = true;
  }

  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = first_supported({rocksdb::kLZ4Compression, rocksdb::kSnappyCompression});
  options.bottommost_compression =
      first_supported({rocksdb::kZSTD, rocksdb::kLZ4Compression, rocksdb::kSnappyCompression});
  options.level_compaction_dynamic_level_bytes = true;
  options.disable_auto_compactions = !compact;
  options.write_buffer_size = (family == Family::lkv ? 64 : family == Family::queue ? 32 : 8) * mib;
  if (is_queue_like(family)) {
    options.table_properties_collector_factories.push_back(
        rocksdb::NewCompactOnDeletionCollectorFactory(10'000, 5'000));
  }
  return options;
}

}  // namespace

StoreFault classify(const rocksdb::Status& status) {
  if (status.ok()) return StoreFault::none;
  if (status.IsNoSpace() || status.ToString().find("No space left") != std::string::npos) {
    return StoreFault::no_space;
  }
  if (status.IsCorruption()) return StoreFault::corrupt;
  return StoreFault::io;
}

std::shared_ptr<rocksdb::Logger> make_rocks_logger() { return std::make_shared<RocksLogger>(); }

void BackgroundListener::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                           rocksdb::Status* error) {
  LINESHAFT_LOG(storage, error, "store_background_error", {"reason", static_cast<int>(reason)},
                {"error", error->ToString()});
  fault_.store(classify(*error), std::memory_order_release);
}

void BackgroundListener::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                                              bool* auto_recovery) {
  // It was seen to stay stuck (RocksDB issue 11643); the journal closes and opens the store.
  *auto_recovery = false;
}

RocksParts make_parts(const StorageOptions& options) {
  const std::size_t cache = cache_bytes(options);
  RocksParts parts;
  parts.logger = make_rocks_logger();
  parts.cache = rocksdb::NewLRUCache(cache, 4);
  parts.write_buffers = std::make_shared<rocksdb::WriteBufferManager>(
      std::min(128 * mib, std::max(cache / 2, 16 * mib)), parts.cache);
  parts.listener = std::make_shared<BackgroundListener>();
  return parts;
}

rocksdb::DBOptions make_db_options(const RocksParts& parts, rocksdb::WALRecoveryMode mode) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.info_log = parts.logger;
  options.write_buffer_manager = parts.write_buffers;
  options.listeners.push_back(parts.listener);
  options.sst_file_manager.reset(rocksdb::NewSstFileManager(rocksdb::Env::Default(), parts.logger));
  options.max_background_jobs = ::sysconf(_SC_NPROCESSORS_ONLN) > 4 ? 4 : 2;
  options.max_total_wal_size = 256 * mib;
  options.bytes_per_sync = 1 * mib;
  options.track_and_verify_wals_in_manifest =
      mode != rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.recycle_log_file_num = 0;
  options.enable_pipelined_write = false;
  options.atomic_flush = false;
  options.manual_wal_flush = false;
  options.max_open_files = 512;
  options.wal_recovery_mode = mode;
  options.max_bgerror_resume_count = 0;
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> make_families(const RocksParts& parts, bool compact) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (std::size_t i = 0; i < families_size; ++i) {
    const auto family = static_cast<Family>(i);
    families.emplace_back(std::string(family_name(family)), family_options(family, parts, compact));
  }
  return families;
}

rocksdb::ReadOptions scan_options() {
  rocksdb::ReadOptions options;
  options.readahead_size = 4 * mib;
  options.fill_cache = false;
  options.total_order_seek = true;
  return options;
}

}  // namespace lineshaft::storage
