#pragma once

#include <string>
#include <string_view>

#include "broker/app/exit_code.h"

/// What the verbs that keep files (`passwd`, `cert`) have in common: a file is there whole or not
/// at all, on the disk, and two runs at once wait for each other.
namespace lineshaft::app {

/// Ends a verb with a sentence for the operator, without full stop.
struct VerbFailure {
  ExitCode exit_code;
  std::string what;
};

/// What the system says (errno) about doing something with a file.
VerbFailure system_failure(const std::string& what, const std::string& file);

/// The content; fails with `cannot_create`.
std::string read_whole_file(const std::string& file);

/// A new file beside the old one takes its place when it is on the disk. Mode 0600; an old one
/// keeps its owner, and its group's right to read. Through a symbolic link the file is replaced.
/// Throws `VerbFailure`, as all below.
void replace_file(const std::string& file, std::string_view content);

/// The same with this mode and whatever the old one had.
void replace_file(const std::string& file, std::string_view content, unsigned mode);

/// A file that is not there yet; one that is stays as it is, and that is a failure.
void create_file(const std::string& file, std::string_view content, unsigned mode);

/// While it lives no other one of this folder does.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int folder_ = -1;
};

}  // namespace lineshaft::app
