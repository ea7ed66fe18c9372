#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/time.h"

namespace lineshaft::auth {

/// "audit-00000000000000000001.jsonl": names sort as the numbers of their first records.
std::string audit_file_name(std::uint64_t first_seq);
/// The number in such a name; nullopt: another file.
std::optional<std::uint64_t> audit_file_seq(std::string_view name);
/// The names of the log's files in a folder, the oldest first; `error` is the errno, or 0.
std::vector<std::string> audit_files(const std::string& folder, int& error);
/// The content of a file of the log; nullopt, with the errno in `error`.
std::optional<std::string> read_audit_file(const std::string& path, int& error);

/// Puts a small file of this content in place of what is at `path`; 0, or the errno. `on_disk`: it
/// is there before the old one is gone, so that after a power cut there is one of them, whole.
int replace_audit_file(const std::string& path, std::string_view content, bool on_disk);

inline constexpr std::string_view audit_head_name = "head";
inline constexpr std::string_view audit_public_key_name = "key.pub";

/// The files of the audit log. Errors are errno values, 0 is success. Used by one thread.
class AuditFolder {
 public:
  explicit AuditFolder(std::string path) : path_(std::move(path)) {}
  ~AuditFolder();
  AuditFolder(const AuditFolder&) = delete;
  AuditFolder& operator=(const AuditFolder&) = delete;

  /// Makes the folder (mode 0700) if it is missing and locks it for this process; EBUSY: another
  /// one has it.
  int lock();

  /// What was found.
  struct Content {
    /// Whole lines of the newest file that has any, each with its line feed.
    std::string lines;
    /// Bytes behind the last line feed, which have been taken away.
    std::string torn;
  };
  /// Opens the newest file to append to it; no lines: there is none.
  int open_last(Content& content);
  /// Begins a file; it exists only once something is in it.
  int begin(std::uint64_t first_seq);

  /// All of it, or nothing of it stays in the file.
  int append(std::string_view lines);
  int sync();
  bool has_file() const { return file_ >= 0; }
  /// False: somebody has deleted the open file.
  bool is_there() const;
  /// Closes everything, the lock included, to begin anew with `lock`.
  void give_up();
  /// Of the open file; 0 without one.
  std::uint64_t size_bytes() const { return size_; }
  const std::string& name() const { return name_; }

  /// Puts a small file in place of the one of this name.
  int replace(std::string_view name, std::string_view content, bool on_disk);
  int remove(const std::string& name);

  const std::string& path() const { return path_; }

 private:
  int open_whole(const std::string& name, Content& content);
  void close();
  std::string in_folder(std::string_view name) const;

  const std::string path_;
  std::string name_;
  int lock_ = -1;
  int file_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace lineshaft::auth
