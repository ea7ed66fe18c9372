#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/time.h"
#include "broker/core/persist.h"
#include "storage/keys.h"
#include "storage/options.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
}  // namespace rocksdb

namespace lineshaft::storage {

/// Why the store cannot be used at the moment.
enum class StoreFault : std::uint8_t { none, no_space, io, corrupt };
std::string_view to_string(StoreFault fault);

/// Why the store did not open.
enum class OpenFault : std::uint8_t {
  none,
  not_a_directory,
  permission,
  locked,
  newer_schema,
  /// The folder holds something else.
  foreign,
  corrupt,
  no_space,
  io,
};

struct OpenFailure {
  OpenFault fault = OpenFault::none;
  /// For the operator: what is wrong where, and the remedy. Nothing was changed on disk.
  std::string sentence;
};

class Database;
struct OpenResult {
  /// Null when `failure.fault` is set.
  std::unique_ptr<Database> database;
  OpenFailure failure;
};

/// The data folder and the RocksDB in it:
///
///     lock                 held while a broker uses the folder; contains its process id
///     SCHEMA               which version wrote it, readable without opening the store
///     db/                  RocksDB
///     set-aside-<ms>.bin   records that could not be restored
///     quarantine-<ms>/     copy of a damaged store, made before `on_corruption = "recover"`
///     ALARM-<ms>.txt       what was lost then; logged at every start until somebody deletes it
///
/// Opened by app, used by `restore`, then owned by the `JournalWriter`. Not thread-safe: whoever
/// closes or reopens it keeps others away (`JournalWriter` does).
///
/// From `open` to `start_compactions` nothing is compacted: a restore would share the disk and the
/// processor with it, and the broker is ready later.
class Database {
 public:
  /// Locks the folder, opens strictly and checks the schema. No record changes: a start that fails
  /// or is stopped before `begin_run` leaves the store as it was. `wall`: the time of this start.
  static OpenResult open(const StorageOptions& options, WallTime wall);
  /// Closes without the `clean` mark.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// How the last run ended, as read at open.
  const core::RestoreSummary& last_run() const;
  /// Counts the start (`boot_epoch`) and takes the `clean` mark away, synced: before the first
  /// other write of this run, and when nothing but that write can fail any more.
  OpenFailure begin_run(WallTime wall);
  bool has_begun() const;
  /// Number of this run, from 1; of the last one before `begin_run`.
  std::uint64_t boot_epoch() const;
  /// Texts of the ALARM files, newest last.
  std::vector<std::string> alarms() const;
  const std::string& path() const;

  void start_compactions();
  /// Closes and opens again, strictly, keeping the lock. On failure the store is closed.
  StoreFault reopen();
  bool is_open() const;
  /// A flush or compaction failed since the last opening.
  StoreFault background_fault() const;

  /// Flushes, sets the `clean` mark with the stop time, synced, and closes. False: not clean.
  bool close_cleanly(WallTime wall);

  /// Only while `is_open()`.
  rocksdb::DB& db();
  rocksdb::ColumnFamilyHandle* family(Family family);

  /// Free bytes of the file system for us; the largest number if it cannot be asked.
  std::uint64_t free_bytes() const;
  /// `reserve_mb` in bytes, or its default for this file system.
  std::uint64_t reserve_bytes() const;

 private:
  struct Inside;
  explicit Database(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace lineshaft::storage
