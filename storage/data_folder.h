#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/time.h"
#include "storage/database.h"

/// The files of the data folder around RocksDB. Failures come back as `OpenFailure`.
namespace lineshaft::storage {

inline constexpr std::uint32_t schema_version = 1;

/// An exclusive lock on a file, for as long as the object lives. Also a second opening in the same
/// process fails, unlike with RocksDB's own lock of POSIX records.
class FolderLock {
 public:
  FolderLock() = default;
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  OpenFailure acquire(const std::string& folder);

 private:
  int descriptor_ = -1;
};

/// Makes the folder if it is missing.
OpenFailure prepare_folder(const std::string& folder);

std::string store_path(const std::string& folder);

/// What SCHEMA and the files of db/ say before RocksDB is asked.
struct FolderState {
  /// SCHEMA exists.
  bool known = false;
  /// SCHEMA says that the store was made completely.
  bool complete = false;
  /// db/CURRENT exists: there is a RocksDB.
  bool has_store = false;
};
OpenFailure inspect_folder(const std::string& folder, FolderState& state);
OpenFailure write_schema(const std::string& folder, bool complete);

/// Hard links of tables and journals, copies of the small files that RocksDB may write to.
/// Returns the copy's folder.
OpenFailure quarantine_store(const std::string& folder, WallTime wall, std::string& copy);

bool write_alarm(const std::string& folder, WallTime wall, std::string_view text);
std::vector<std::string> read_alarms(const std::string& folder);

/// Makes the names in a folder durable. Returns errno or 0.
int sync_folder(const std::string& folder);

/// Writes a file that is either complete after a crash or not there. Returns errno or 0.
int write_file_durably(const std::string& path, std::string_view content);

/// The sentence for a failed system call or RocksDB status text that belongs to one.
OpenFailure failure_from_errno(int error, const std::string& path, std::string_view doing);

}  // namespace lineshaft::storage
