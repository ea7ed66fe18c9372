#include "broker/app/signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace lineshaft::app {
namespace {

int checked(int descriptor, const char* what) {
  if (descriptor >= 0) return descriptor;
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Signals::Signals() {
  ::signal(SIGPIPE, SIG_IGN);  // a closed peer is an error code, not the end
  sigset_t set;
  sigemptyset(&set);
  for (const int each : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, each);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = checked(::signalfd(-1, &set, SFD_CLOEXEC), "signalfd");
  disk_failed_ = checked(::eventfd(0, EFD_CLOEXEC), "eventfd");
}

Signals::~Signals() {
  ::close(signals_);
  ::close(disk_failed_);
}

Event Signals::wait(Milliseconds longest) {
  for (;;) {
    std::array<pollfd, 2> waiting = {{{disk_failed_, POLLIN, 0}, {signals_, POLLIN, 0}}};
    const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(longest.count()));
    if (ready < 0) continue;  // EINTR
    if (ready == 0) return Event::time_passed;
    if (waiting[0].revents != 0) return Event::disk_failed;
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != sizeof info) continue;
    return info.ssi_signo == SIGHUP ? Event::reload : Event::stop;
  }
}

bool Signals::is_stop_pending() const {
  sigset_t pending;
  if (::sigpending(&pending) != 0) return false;
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

void Signals::report_disk_failed() {
  const std::uint64_t one = 1;
  // The counter cannot be full: it is written once.
  [[maybe_unused]] const ssize_t written = ::write(disk_failed_, &one, sizeof one);
}

std::uint64_t raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = raised.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

}  // namespace lineshaft::app
