#include "storage/database.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "broker/base/assert.h"
#include "broker/base/log.h"
#include "storage/bytes.h"
#include "storage/data_folder.h"
#include "storage/rocks.h"
#include "storage/torn_tail.h"

namespace lineshaft::storage {

struct Database::Inside {
  StorageOptions options;
  FolderLock lock;
  RocksParts parts;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  core::RestoreSummary last_run;
  std::uint64_t boot_epoch = 0;
  bool begun = false;

  ~Inside() { close(); }

  /// `again`: it was open in this run. Then a store that is gone (an unmounted volume) must not be
  /// replaced by an empty one, and nothing is left to restore that compactions would slow down.
  rocksdb::Status open_store(rocksdb::WALRecoveryMode mode, bool again) {
    parts.listener->reset();
    rocksdb::DBOptions db_options = make_db_options(parts, mode);
    db_options.create_if_missing = !again;
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(
        db_options, store_path(options.path), make_families(parts, again), &families, &opened);
    db.reset(opened);
    if (!status.ok()) families.clear();
    return status;
  }

  void close() {
    if (!db) return;
    for (auto* family : families) db->DestroyColumnFamilyHandle(family);
    families.clear();
    // What it has to say about unsynced data is known; the destructor frees the rest.
    db->Close().PermitUncheckedError();
    db.reset();
  }

  OpenFailure check_families() const;
  OpenFailure open_or_recover(WallTime wall, bool& recovered, std::string& copy);
  bool drop_torn_tail() const;
  OpenFailure failure_of(const rocksdb::Status& status) const;
  OpenFailure read_last_run(WallTime wall);
  OpenFailure begin_run(WallTime wall);
  void raise_alarm(WallTime wall, const std::string& copy) const;
};

namespace {

std::string number_32(std::uint32_t value) {
  std::string bytes;
  ByteWriter(bytes).u32(value);
  return bytes;
}

std::string number_64(std::uint64_t value) {
  std::string bytes;
  ByteWriter(bytes).u64(value);
  return bytes;
}

std::string clean_value(bool clean, WallTime wall) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u8(clean ? 1 : 0);
  writer.u64(static_cast<std::uint64_t>(wall.time_since_epoch().count()));
  return bytes;
}

WallTime wall_of(std::uint64_t ms) { return WallTime{Milliseconds{static_cast<std::int64_t>(ms)}}; }

}  // namespace

std::string_view to_string(StoreFault fault) {
  switch (fault) {
    case StoreFault::none:
      return "none";
    case StoreFault::no_space:
      return "no_space";
    case StoreFault::io:
      return "io";
    case StoreFault::corrupt:
      return "corrupt";
  }
  return "unknown";
}

OpenFailure Database::Inside::check_families() const {
  std::vector<std::string> present;
  rocksdb::DBOptions db_options;
  db_options.info_log = parts.logger;
  const auto status =
      rocksdb::DB::ListColumnFamilies(db_options, store_path(options.path), &present);
  if (!status.ok()) return failure_of(status);
  for (const std::string& name : present) {
    bool known = false;
    for (std::size_t i = 0; i < families_size; ++i) {
      known = known || family_name(static_cast<Family>(i)) == name;
    }
    if (known) continue;
    return {OpenFault::newer_schema,
            fmt::format("the store in {} has a part \"{}\" that this version does not know. Start "
                        "the newer version, or choose another folder with --data.",
                        options.path, name)};
  }
  return {};
}

OpenFailure Database::Inside::failure_of(const rocksdb::Status& status) const {
  const std::string text = status.ToString();
  const auto says = [&text](std::string_view part) { return text.find(part) != text.npos; };
  const std::string place = store_path(options.path);
  if (says("lock file") || says("lock hold")) {
    return {OpenFault::locked,
            fmt::format("the data folder {} is in use by another broker. Stop that one, or choose "
                        "another folder with --data.",
                        options.path)};
  }
  if (classify(status) == StoreFault::no_space) return failure_from_errno(ENOSPC, place, "write");
  if (says("Permission denied")) return failure_from_errno(EACCES, place, "open");
  if (says("Read-only file system")) return failure_from_errno(EROFS, place, "open");
  if (classify(status) == StoreFault::corrupt || says("No such file")) {
    return {OpenFault::corrupt,
            fmt::format("the store in {} is damaged ({}). Start once with [storage] on_corruption "
                        "= \"recover\" (LINESHAFT_STORAGE__ON_CORRUPTION=recover): it keeps a copy "
                        "and opens what stands before the damage; or restore a backup.",
                        place, text)};
  }
  return {OpenFault::io,
          fmt::format("cannot open the store in {}: {}. Check the disk and its mount, then start "
                      "again.",
                      place, text)};
}

/// RocksDB forgives a tail that is cut or zeroed between two records; a power loss also tears them.
bool Database::Inside::drop_torn_tail() const {
  const auto tail = find_torn_tail(store_path(options.path));
  if (!tail) return false;
  const int error = cut_torn_tail(*tail);
  LINESHAFT_LOG(storage, warn, "journal_tail_torn", {"journal", tail->journal},
                {"kept_bytes", tail->kept_bytes}, {"dropped_bytes", tail->torn_bytes},
                {"error", error == 0 ? "" : std::strerror(error)},
                {"why", "written when the power failed, never synced and never acknowledged"});
  return error == 0;
}

OpenFailure Database::Inside::open_or_recover(WallTime wall, bool& recovered, std::string& copy) {
  recovered = false;
  // Cut, zeroed and junk tails of the journal are what a power loss leaves: nobody was told that
  // those records are safe. Anything else must not be skipped silently.
  auto status = open_store(rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords, false);
  if (status.ok()) return {};
  OpenFailure failure = failure_of(status);
  if (failure.fault == OpenFault::corrupt && drop_torn_tail()) {
    status = open_store(rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords, false);
    if (status.ok()) return {};
    failure = failure_of(status);
  }
  if (failure.fault != OpenFault::corrupt || options.on_corruption == OnCorruption::refuse) {
    return failure;
  }
  LINESHAFT_LOG(storage, error, "store_damaged", {"error", status.ToString()});
  if (auto fault = quarantine_store(options.path, wall, copy); fault.fault != OpenFault::none) {
    return fault;
  }
  status = open_store(rocksdb::WALRecoveryMode::kPointInTimeRecovery, false);
  if (!status.ok()) {
    return {OpenFault::corrupt,
            fmt::format("the store in {} is damaged beyond its journal ({}) and does not open up "
                        "to any point. Restore the folder from a backup; a copy is in {}.",
                        store_path(options.path), status.ToString(), copy)};
  }
  recovered = true;
  return {};
}

OpenFailure Database::Inside::read_last_run(WallTime wall) {
  last_run.stopped_at = wall;
  const auto read = [this](std::string_view key, std::string& value) {
    return db->Get(rocksdb::ReadOptions(), families[0], to_slice(key), &value);
  };
  const auto number = [&read](std::string_view key, std::uint64_t& into) {
    std::string value;
    const auto status = read(key, value);
    if (status.IsNotFound()) return rocksdb::Status::OK();
    if (status.ok()) into = ByteReader(value).u64();
    return status;
  };
  std::string value;
  auto status = read(meta_key::schema, value);
  if (status.IsNotFound()) {
    last_run.clean = true;  // a new store: nothing was lost
    return {};
  }
  if (!status.ok()) return failure_of(status);
  const std::uint32_t schema = ByteReader(value).u32();
  if (schema > schema_version) {
    return {OpenFault::newer_schema,
            fmt::format("the store in {} was written by a newer version (schema {}, this one knows "
                        "{}). Start the newer version, or choose another folder with --data.",
                        options.path, schema, schema_version)};
  }
  std::uint64_t last_wall_ms = 0;
  status = number(meta_key::boot_epoch, boot_epoch);
  if (status.ok()) status = number(meta_key::seq, last_run.last_seq);
  if (status.ok()) status = number(meta_key::wall, last_wall_ms);
  if (status.ok()) status = read(meta_key::clean, value);
  if (!status.ok()) return failure_of(status);
  last_run.last_wall = wall_of(last_wall_ms);
  ByteReader reader(value);
  last_run.clean = reader.u8() == 1;
  const std::uint64_t stopped_ms = reader.u64();
  if (last_run.clean) last_run.stopped_at = wall_of(stopped_ms);
  return {};
}

OpenFailure Database::Inside::begin_run(WallTime wall) {
  rocksdb::WriteBatch batch;
  batch.Put(families[0], to_slice(meta_key::schema), number_32(schema_version));
  batch.Put(families[0], to_slice(meta_key::boot_epoch), number_64(boot_epoch + 1));
  batch.Put(families[0], to_slice(meta_key::clean), clean_value(false, wall));
  rocksdb::WriteOptions write;
  write.sync = true;
  const auto status = db->Write(write, &batch);
  if (!status.ok()) return failure_of(status);
  ++boot_epoch;
  begun = true;
  return {};
}

void Database::Inside::raise_alarm(WallTime wall, const std::string& copy) const {
  const std::string text = fmt::format(
      "the journal was damaged and opened up to sequence number {}; acknowledged records behind it "
      "may be lost. The damaged store is in {}.\nDelete this file when that has been dealt with.\n",
      last_run.last_seq, copy);
  if (!write_alarm(options.path, wall, text)) {
    LINESHAFT_LOG(storage, error, "store_alarm_not_written", {"path", options.path});
  }
}

OpenResult Database::open(const StorageOptions& options, WallTime wall) {
  OpenResult result;
  auto& failure = result.failure;
  const auto failed = [&failure](OpenFailure outcome) {
    failure = std::move(outcome);
    return failure.fault != OpenFault::none;
  };
  auto inside = std::make_unique<Inside>();
  inside->options = options;
  FolderState state;
  if (failed(prepare_folder(options.path))) return result;
  if (failed(inside->lock.acquire(options.path))) return result;
  if (failed(inspect_folder(options.path, state))) return result;
  inside->parts = make_parts(options);
  if (!state.known && failed(write_schema(options.path, false))) return result;
  if (state.has_store && failed(inside->check_families())) return result;
  bool recovered = false;
  std::string copy;
  if (failed(inside->open_or_recover(wall, recovered, copy))) return result;
  if (failed(inside->read_last_run(wall))) return result;
  if (recovered) inside->raise_alarm(wall, copy);
  if (!state.complete && failed(write_schema(options.path, true))) return result;
  result.database.reset(new Database(std::move(inside)));
  for (const std::string& text : result.database->alarms()) {
    LINESHAFT_LOG(storage, error, "store_alarm", {"alarm", text});
  }
  return result;
}

Database::Database(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Database::~Database() = default;

const core::RestoreSummary& Database::last_run() const { return inside_->last_run; }
bool Database::has_begun() const { return inside_->begun; }
std::uint64_t Database::boot_epoch() const { return inside_->boot_epoch; }
std::vector<std::string> Database::alarms() const { return read_alarms(inside_->options.path); }
const std::string& Database::path() const { return inside_->options.path; }
bool Database::is_open() const { return inside_->db != nullptr; }
StoreFault Database::background_fault() const { return inside_->parts.listener->fault(); }

OpenFailure Database::begin_run(WallTime wall) { return inside_->begin_run(wall); }

void Database::start_compactions() {
  const auto status = inside_->db->EnableAutoCompaction(inside_->families);
  if (!status.ok()) {
    LINESHAFT_LOG(storage, error, "compactions_not_started", {"error", status.ToString()});
  }
}

StoreFault Database::reopen() {
  inside_->close();
  const auto status =
      inside_->open_store(rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords, true);
  if (!status.ok()) {
    LINESHAFT_LOG(storage, error, "store_reopen_failed", {"error", status.ToString()});
  }
  return classify(status);
}

bool Database::close_cleanly(WallTime wall) {
  if (!inside_->db) return false;
  // Written out now, so that the next start has no journal to replay.
  auto status = inside_->db->Flush(rocksdb::FlushOptions(), inside_->families);
  rocksdb::WriteOptions write;
  write.sync = true;
  if (status.ok()) {
    status = inside_->db->Put(write, inside_->families[0], to_slice(meta_key::clean),
                              clean_value(true, wall));
  }
  if (!status.ok()) {
    LINESHAFT_LOG(storage, error, "store_not_closed_cleanly", {"error", status.ToString()});
  }
  inside_->close();
  return status.ok();
}

rocksdb::DB& Database::db() {
  LINESHAFT_ASSERT(inside_->db);
  return *inside_->db;
}

rocksdb::ColumnFamilyHandle* Database::family(Family family) {
  return inside_->families[static_cast<std::size_t>(family)];
}

std::uint64_t Database::free_bytes() const {
  struct statvfs space {};
  if (::statvfs(inside_->options.path.c_str(), &space) != 0) return UINT64_MAX;
  return std::uint64_t{space.f_bavail} * space.f_frsize;
}

std::uint64_t Database::reserve_bytes() const {
  constexpr std::uint64_t mib = 1024 * 1024;
  if (inside_->options.reserve_mb != 0) return inside_->options.reserve_mb * mib;
  struct statvfs space {};
  if (::statvfs(inside_->options.path.c_str(), &space) != 0) return 1024 * mib;
  return std::min(1024 * mib, std::uint64_t{space.f_blocks} * space.f_frsize / 4);
}

}  // namespace lineshaft::storage
