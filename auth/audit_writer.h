#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/audit_folder.h"
#include "auth/audit_key.h"
#include "auth/audit_last.h"
#include "auth/audit_record.h"
#include "broker/base/limits.h"
#include "broker/base/time.h"

namespace lineshaft::auth {

/// When records are synced to the disk: after every write, with each checkpoint, or when the
/// system likes.
enum class AuditSync : std::uint8_t { always, checkpoint, never };

struct AuditOptions {
  std::string folder;
  /// Of the private Ed25519 key; made if it is not there.
  std::string key_file;
  /// Where the end of the log is remembered outside its folder (`AuditLast`); empty: nowhere.
  std::string last_file;
  /// A file that has so many bytes, or is so old, is followed by a new one.
  std::uint64_t file_size_bytes_max = limits::audit_file_size_bytes_max;
  Milliseconds file_age_max = limits::audit_file_age_max;
  /// Files that are kept, the one that is written included.
  std::size_t files_max = limits::audit_files_max;
  AuditSync sync = AuditSync::checkpoint;
};

/// Makes a chain of records and keeps it in files. Used by one thread.
class AuditWriter {
 public:
  /// `boot` names this start of the broker in every record.
  AuditWriter(AuditOptions options, std::string boot);

  /// Why a log cannot be kept at all, for the operator; or nothing, also where the disk does not
  /// take anything at the moment: `write` tries again then.
  std::string open(Now now);

  struct Written {
    /// From the front.
    std::size_t entries = 0;
    /// All of them and the gap; false: `error` says why, and the rest is to be brought again.
    bool complete = false;
  };
  /// Writes records in their order and, if `lost` is not 0 or the disk did not take some at once,
  /// an `audit.gap` behind them.
  Written write(std::span<const AuditEntry> entries, std::uint64_t lost, Now now);
  /// A checkpoint, if records have waited for one for `limits::audit_checkpoint_interval`.
  void tick(Now now);
  /// A checkpoint behind the last record, synced.
  void close(Now now);

  /// errno of what does not work at the moment; 0: everything is written.
  int error() const { return error_ != 0 ? error_ : head_error_; }
  /// Does a record wait for a checkpoint?
  bool is_unsigned() const { return unsigned_records_ > 0; }
  const AuditChain& chain() const { return chain_; }
  /// `audit_head` of the chain; empty before anything is written.
  const std::string& head() const { return head_; }

 private:
  /// Lines that are made and not written yet.
  struct Batch {
    std::string text;
    AuditChain chain;
    std::size_t unsigned_records = 0;
    bool has_checkpoint = false;
  };

  std::string try_open(Now now);
  void look_for_key();
  void find_end(const AuditFolder::Content& content);
  void finding(std::string_view sentence);
  void look_at_lines(std::string_view lines);
  void look_at_head(const std::optional<AuditLast>& last);
  std::optional<AuditLast> look_at_last();
  void go_on_from(const AuditChain& known, std::string_view who);
  bool make_room(Now now);
  void remove_old(Now now);
  Batch begin_batch(WallTime at);
  void add(Batch& batch, const AuditEntry& entry);
  void add_checkpoint(Batch& batch, WallTime at);
  AuditEntry gap(std::uint64_t lost, WallTime at) const;
  bool commit(Batch batch, Now now);
  void write_head(int sync_error, bool on_disk);
  bool failed(int error, Now now);

  const AuditOptions options_;
  const std::string boot_;
  AuditFolder folder_;
  std::optional<AuditKey> key_;
  bool is_open_ = false;
  AuditChain chain_;
  std::string head_;
  int error_ = 0;
  int head_error_ = 0;
  /// The first failure since everything was written.
  std::optional<WallTime> failing_since_;
  int failing_error_ = 0;
  /// What the opening found, to be told by the next record.
  std::string found_;
  std::string found_bytes_;
  bool has_finding_ = false;
  /// There were records, and no key for them.
  bool key_was_missing_ = false;
  /// The one beside the log, before this process put its own there.
  std::optional<AuditKey> key_before_;
  std::string file_before_;
  WallTime file_began_{};
  bool has_old_files_ = false;
  std::size_t unsigned_records_ = 0;
  Instant last_checkpoint_{};
};

}  // namespace lineshaft::auth
