#include "storage/leftovers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "storage/bytes.h"
#include "storage/data_folder.h"
#include "storage/rocks.h"

namespace lineshaft::storage {
namespace {

/// Bytes of one write to the file.
constexpr std::size_t file_block_bytes = 4 * 1024 * 1024;
/// Deletions per batch.
constexpr std::size_t deletions_max = 10'000;
/// Further records are counted, not logged one by one.
constexpr std::size_t logged_max = 100;

}  // namespace

std::string printable(std::string_view key) {
  std::string text;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F && byte != '%') {
      text.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(text), "%{:02X}", byte);
    }
  }
  return text;
}

Leftovers::Leftovers(Database& database, WallTime wall)
    : database_(database),
      path_(fmt::format("{}/set-aside-{}.bin", database.path(), wall.time_since_epoch().count())) {}

void Leftovers::erase(Family family, std::string_view key) {
  erased_.push_back({family, std::string(key)});
}

void Leftovers::erase_session(std::string_view client_id, core::SessionId sid) {
  ended_.push_back({std::string(client_id), sid});
}

void Leftovers::set_aside(Family family, std::string_view key, std::string_view why) {
  aside_.push_back({family, std::string(key)});
  count(Counter::restore_set_aside);
  if (aside_.size() > logged_max) return;
  LINESHAFT_LOG(storage, error, "record_set_aside", {"family", family_name(family)},
                {"key", printable(key)}, {"why", why}, {"file", path_});
}

void Leftovers::clear_out() {
  move_aside();
  clear_ended();
  clear_erased();
}

void Leftovers::clear_erased() {
  rocksdb::WriteBatch batch;
  for (const Key& each : erased_) {
    batch.Delete(database_.family(each.family), each.key);
    if (static_cast<std::size_t>(batch.Count()) >= deletions_max) write(batch, false);
  }
  write(batch, false);
  erased_.clear();
}

void Leftovers::clear_ended() {
  for (const EndedSession& each : ended_) {
    std::string first;
    std::string end;
    append_session_prefix(first, each.sid);
    append_session_prefix(end, each.sid + 1);
    // One batch: else a crash in between leaves subscriptions of nobody.
    rocksdb::WriteBatch batch;
    batch.Delete(database_.family(Family::session), each.client_id);
    for (const Family family : {Family::sub, Family::queue, Family::inflight}) {
      batch.DeleteRange(database_.family(family), first, end);
    }
    write(batch, false);
  }
  ended_.clear();
}

void Leftovers::move_aside() {
  if (aside_.size() > logged_max) {
    LINESHAFT_LOG(storage, error, "records_set_aside", {"records", aside_.size()}, {"file", path_});
  }
  std::string block;
  rocksdb::WriteBatch batch;
  for (std::size_t i = 0; i < aside_.size(); ++i) {
    const Key& each = aside_[i];
    std::string value;
    const auto status =
        database_.db().Get(rocksdb::ReadOptions(), database_.family(each.family), each.key, &value);
    if (status.ok()) {
      ByteWriter writer(block);
      writer.sized(family_name(each.family));
      writer.sized(each.key);
      writer.sized(value);
      batch.Delete(database_.family(each.family), each.key);
    } else {
      LINESHAFT_LOG(storage, error, "set_aside_not_read", {"record", family_name(each.family)},
                    {"error", status.ToString()},
                    {"effect", "it stays in the store and comes up again at the next start"});
    }
    if (block.size() < file_block_bytes && i + 1 < aside_.size()) continue;
    // What is not in the file stays in the store and comes up again at the next start.
    if (!append_to_file(block)) return;
    write(batch, true);
    block.clear();
  }
  aside_.clear();
}

bool Leftovers::append_to_file(std::string_view bytes) {
  const int descriptor = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  bool written = descriptor >= 0;
  while (written && !bytes.empty()) {
    const ssize_t size = ::write(descriptor, bytes.data(), bytes.size());
    written = size > 0;
    if (written) bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  written = written && ::fsync(descriptor) == 0;
  int error = errno;
  // The records are deleted next: the file's name must be as durable as what is in it.
  if (written) {
    error = sync_folder(std::filesystem::path(path_).parent_path());
    written = error == 0;
  }
  if (descriptor >= 0) ::close(descriptor);
  if (!written) {
    LINESHAFT_LOG(storage, error, "set_aside_not_written", {"file", path_},
                  {"error", std::strerror(error)});
  }
  return written;
}

void Leftovers::write(rocksdb::WriteBatch& batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  const auto status = database_.db().Write(options, &batch);
  if (!status.ok()) {
    LINESHAFT_LOG(storage, warn, "restore_cleanup_failed", {"error", status.ToString()});
  }
  batch.Clear();
}

}  // namespace lineshaft::storage
