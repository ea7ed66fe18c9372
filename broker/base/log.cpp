#include "broker/base/log.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <optional>

#include "broker/base/limits.h"
#include "broker/base/log_format.h"
#include "broker/base/log_writer.h"

namespace lineshaft::log {
namespace {

struct Sink {
  std::array<std::atomic<Level>, rooms_size> levels;
  std::atomic<Format> format{Format::text};
  /// Guards `writer` against `start` and `stop`; writers of records share nothing else.
  std::mutex mutex;
  std::unique_ptr<LogWriter> writer;

  Sink() {
    for (auto& level : levels) level = Level::info;
  }
};

Sink& sink() {
  static auto* instance = new Sink;  // outlives every thread that may still log
  return *instance;
}

/// The stamp of a record decides nothing, so it does not come from the injected clock: a record
/// written outside a turn has its own time, and a simulation's log shows the real one.
WallTime stamp() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return WallTime{Milliseconds{std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000}};
}

/// Writes all of `text` to standard error; gives up on an error, for there is nowhere to report it.
void write_to_standard_error(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return;
    // Somebody made the terminal non-blocking.
    pollfd descriptor{STDERR_FILENO, POLLOUT, 0};
    ::poll(&descriptor, 1, 1000);
  }
}

std::string format_record(const Record& record) {
  return sink().format == Format::json ? format_json(record) : format_text(record);
}

std::string gap_line(std::uint64_t dropped) {
  const std::array<Field, 1> fields = {Field{"records", dropped}};
  return format_record({stamp(), Level::warn, Room::app, "log_records_dropped", fields});
}

}  // namespace

void start(Format format) {
  Sink& s = sink();
  std::lock_guard lock(s.mutex);
  s.format = format;
  if (s.writer != nullptr) return;
  s.writer = std::make_unique<LogWriter>(
      LogWriter::Setup{limits::log_queue, write_to_standard_error, gap_line});
}

void stop() {
  std::unique_ptr<LogWriter> writer;
  {
    std::lock_guard lock(sink().mutex);
    writer = std::move(sink().writer);
  }
  // Destroyed outside the lock: what is logged meanwhile goes straight to standard error.
}

void set_level(Room room, Level level) {
  sink().levels[static_cast<std::size_t>(room)].store(level, std::memory_order_relaxed);
}

void set_level(Level level) {
  for (auto& each : sink().levels) each.store(level, std::memory_order_relaxed);
}

bool enabled(Room room, Level level) {
  return level >= sink().levels[static_cast<std::size_t>(room)].load(std::memory_order_relaxed);
}

void write(Room room, Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!enabled(room, level)) return;
  std::string line = format_record({stamp(), level, room, event, {fields.begin(), fields.size()}});
  Sink& s = sink();
  std::lock_guard lock(s.mutex);
  if (s.writer != nullptr) {
    s.writer->push(std::move(line));
  } else {
    write_to_standard_error(line);
  }
}

}  // namespace lineshaft::log
