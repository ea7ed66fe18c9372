#include "broker/base/log_writer.h"

#include <utility>

#include "broker/base/metrics.h"

namespace lineshaft::log {

LogWriter::LogWriter(Setup setup) : setup_(std::move(setup)), thread_([this] { run(); }) {}

LogWriter::~LogWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool LogWriter::push(std::string line) {
  bool was_empty = false;
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() >= setup_.queue_max) {
      ++dropped_;
      count(Counter::log_records_dropped);
      return false;
    }
    was_empty = queue_.empty();
    queue_.push_back(std::move(line));
  }
  if (was_empty) changed_.notify_one();
  return true;
}

void LogWriter::run() {
  std::vector<std::string> lines;
  std::string text;
  for (;;) {
    std::uint64_t dropped = 0;
    bool last = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      lines.swap(queue_);
      dropped = std::exchange(dropped_, 0);
      last = stopping_;
    }
    text.clear();
    for (const std::string& line : lines) text += line;
    lines.clear();
    // Lines are dropped behind a full queue, so the gap stands after what was in it.
    if (dropped > 0) text += setup_.gap_line(dropped);
    if (!text.empty()) setup_.output(text);
    if (last) return;
  }
}

}  // namespace lineshaft::log
