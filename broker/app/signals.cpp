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

void raise(int event_descriptor) {
  const std::uint64_t one = 1;
  // The counter cannot be full: it is read before it has grown by much.
  [[maybe_unused]] const ssize_t written = ::write(event_descriptor, &one, sizeof one);
}

int checked(int descriptor, const char* what) {
  if (descriptor >= 0) return descriptor;
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Signals::Signals() {
  ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is a full disk, not the end
  ::signal(SIGPIPE, SIG_IGN);  // a closed peer is an error code, not the end
  sigset_t set;
  sigemptyset(&set);
  for (const int each : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, each);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = checked(::signalfd(-1, &set, SFD_CLOEXEC), "signalfd");
  disk_failed_ = checked(::eventfd(0, EFD_CLOEXEC), "eventfd");
  reload_asked_ = checked(::eventfd(0, EFD_CLOEXEC), "eventfd");
}

Signals::~Signals() {
  ::close(signals_);
  ::close(disk_failed_);
  ::close(reload_asked_);
}

Event Signals::wait(Milliseconds longest) {
  for (;;) {
    std::array<pollfd, 3> waiting = {
        {{disk_failed_, POLLIN, 0}, {signals_, POLLIN, 0}, {reload_asked_, POLLIN, 0}}};
    const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(longest.count()));
    if (ready < 0) continue;  // EINTR
    if (ready == 0) return Event::time_passed;
    if (waiting[0].revents != 0) return Event::disk_failed;
    if (waiting[1].revents == 0) {
      std::uint64_t asked = 0;  // several at once are answered by one reload
      if (::read(reload_asked_, &asked, sizeof asked) == sizeof asked) return Event::reload;
      continue;
    }
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

void Signals::report_disk_failed() { raise(disk_failed_); }
void Signals::ask_reload() { raise(reload_asked_); }

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
