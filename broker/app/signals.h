#pragma once

#include <cstdint>

#include "broker/base/time.h"

namespace lineshaft::app {

/// What makes the main thread act.
enum class Event : std::uint8_t { stop, reload, disk_failed, time_passed };

/// Signals as values: they are blocked in every thread and read from a descriptor, so no code runs
/// inside a signal handler. Made before any thread is.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Waits for the next one, but not longer than this (`time_passed`); a failed disk comes before
  /// signals.
  Event wait(Milliseconds longest);
  /// A signal that `wait` would return as `stop` has arrived; it stays for `wait`.
  bool is_stop_pending() const;
  /// Makes `wait` return `disk_failed`. Any thread.
  void report_disk_failed();
  /// Makes `wait` return `reload`, as SIGHUP does. Any thread.
  void ask_reload();

 private:
  int signals_ = -1;
  int disk_failed_ = -1;
  int reload_asked_ = -1;
};

/// Lets this process open as many files and sockets as it is allowed to. Returns that number.
std::uint64_t raise_open_files_limit();

}  // namespace lineshaft::app
