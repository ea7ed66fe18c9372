#include "broker/net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::net {
namespace {

/// Clients accepted before others have their turn.
constexpr int accepts_per_wake_max = 32;
/// After the system refused a new socket.
constexpr Milliseconds accept_pause{100};

bool out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Listener::Listener(boost::asio::io_context& io, const ListenerOptions& options, Endpoint endpoint,
                   std::atomic<std::size_t>& open, std::function<void(Accepted)> adopt)
    : options_(options),
      descriptor_(io, endpoint.socket.release()),
      pause_timer_(io),
      address_(std::move(endpoint.address)),
      port_(endpoint.port),
      is_unix_(endpoint.is_unix),
      open_(open),
      adopt_(std::move(adopt)) {}

Listener::~Listener() { stop(); }

void Listener::start() {
  LINESHAFT_LOG(net, info, "listening", {"listener", options_.name}, {"address", address_});
  wait();
}

void Listener::stop() {
  if (!descriptor_.is_open()) return;
  boost::system::error_code ignored;  // it is closed whatever the system says
  descriptor_.close(ignored);
  pause_timer_.cancel();
  if (is_unix_) ::unlink(address_.c_str());
}

void Listener::wait() {
  descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                         [this](boost::system::error_code error) {
                           if (!error) accept_ready();
                         });
}

void Listener::accept_ready() {
  paused_ = false;
  for (int i = 0; i < accepts_per_wake_max; ++i) {
    if (!accept_one()) break;
  }
  if (!paused_) wait();
}

bool Listener::accept_one() {
  OwnedSocket socket(
      ::accept4(descriptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.get() >= 0) {
    pause_logged_ = false;
    take(std::move(socket));
    return true;
  }
  if (out_of_resources(errno)) {
    pause(errno);
    return false;
  }
  // A client that went away while it waited is no reason to stop.
  return errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
}

void Listener::take(OwnedSocket socket) {
  if (open_.load(std::memory_order_relaxed) >= options_.connections_max) {
    count(Counter::connections_refused_limit);
    if (!std::exchange(full_logged_, true)) {
      LINESHAFT_LOG(net, warn, "listener_full", {"listener", options_.name},
                    {"connections_max", options_.connections_max},
                    {"effect", "further clients are closed at once"});
    }
    return;
  }
  full_logged_ = false;
  if (!is_unix_) {
    const int on = 1;
    // A client without keep alive that lost its power is noticed some day.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    // Packets are written whole: waiting for more would only delay them.
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  auto peer =
      std::make_shared<const core::Peer>(core::Peer{options_.name, peer_address(socket.get())});
  adopt_({std::move(socket), std::move(peer), ListenerUse(open_), options_.layers});
}

void Listener::pause(int error) {
  paused_ = true;
  count(Counter::accepts_paused);
  if (!std::exchange(pause_logged_, true)) {
    LINESHAFT_LOG(net, error, "accept_paused", {"listener", options_.name},
                  {"why", std::generic_category().message(error)},
                  {"remedy", "raise the limit of open files (LimitNOFILE= or ulimit -n)"});
  }
  // Clients keep waiting in the backlog, so the descriptor stays readable: look later.
  pause_timer_.expires_after(accept_pause);
  pause_timer_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) accept_ready();
  });
}

}  // namespace lineshaft::net
