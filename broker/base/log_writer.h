#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace lineshaft::log {

/// A thread that writes lines, so that nobody else ever waits for a terminal, a pipe or a disk.
///
/// Any thread may call `push`. Lines of one thread keep their order. The lock is held only to move
/// a line or to swap the queue, never while something is written.
class LogWriter {
 public:
  struct Setup {
    /// Lines waiting; a further one is dropped and counted (`log_records_dropped`).
    std::size_t queue_max;
    /// Writes whole lines; may wait. Called by the writer thread only.
    std::function<void(std::string_view)> output;
    /// The line that reports `dropped` lost ones at the place where they are missing.
    std::function<std::string(std::uint64_t dropped)> gap_line;
  };

  explicit LogWriter(Setup setup);
  /// Writes what is queued.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// False: the queue is full and the line is gone, counted.
  bool push(std::string line);

 private:
  void run();

  const Setup setup_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> queue_;
  std::uint64_t dropped_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace lineshaft::log
