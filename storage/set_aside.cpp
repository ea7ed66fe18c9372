#include "storage/set_aside.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "storage/bytes.h"
#include "storage/rocks.h"

namespace lineshaft::storage {
namespace {

constexpr std::size_t buffer_bytes_max = 4 * 1024 * 1024;
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

SetAside::SetAside(Database& database, WallTime wall)
    : database_(database),
      path_(fmt::format("{}/set-aside-{}.bin", database.path(), wall.time_since_epoch().count())) {}

void SetAside::add(Family family, std::string_view key, std::string_view value,
                   std::string_view why) {
  ++size_;
  count(Counter::restore_set_aside);
  if (size_ <= logged_max) {
    LINESHAFT_LOG(storage, error, "record_set_aside", {"family", family_name(family)},
                  {"key", printable(key)}, {"why", why}, {"file", path_});
  }
  ByteWriter writer(buffer_);
  writer.sized(family_name(family));
  writer.sized(key);
  writer.sized(value);
  keys_.push_back({family, std::string(key)});
  if (buffer_.size() >= buffer_bytes_max) flush();
}

void SetAside::finish() {
  flush();
  if (size_ > logged_max) {
    LINESHAFT_LOG(storage, error, "records_set_aside", {"records", size_}, {"file", path_});
  }
}

void SetAside::flush() {
  if (buffer_.empty() || broken_) return;
  const int descriptor = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  bool written = descriptor >= 0;
  for (std::string_view left = buffer_; written && !left.empty();) {
    const ssize_t size = ::write(descriptor, left.data(), left.size());
    written = size > 0;
    if (written) left.remove_prefix(static_cast<std::size_t>(size));
  }
  written = written && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (written) {
    file_ = path_;
    rocksdb::WriteBatch batch;
    for (const Key& key : keys_) batch.Delete(database_.family(key.family), key.key);
    rocksdb::WriteOptions write;
    write.sync = true;
    const auto status = database_.db().Write(write, &batch);
    if (!status.ok()) {
      LINESHAFT_LOG(storage, error, "set_aside_not_deleted", {"error", status.ToString()});
    }
  } else {
    // They stay in the store and come up again at the next start.
    broken_ = true;
    LINESHAFT_LOG(storage, error, "set_aside_not_written", {"file", path_},
                  {"error", std::strerror(error)});
  }
  buffer_.clear();
  keys_.clear();
}

}  // namespace lineshaft::storage
