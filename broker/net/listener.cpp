#include "broker/net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
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

void tell_refused(std::string_view listener, std::string_view peer, std::string_view limit) {
  LINESHAFT_LOG(net, warn, "connection_refused", {"listener", listener}, {"peer", peer},
                {"limit", limit}, {"effect", "such clients are closed at once"});
}

}  // namespace

bool ListenerUse::count_address(std::string_view listener, std::string_view address, Instant now) {
  auto verdict = std::exchange(table_, nullptr)->admit(host_of(address), now);
  address_ = std::move(verdict.use);
  if (verdict.refusal == AddressTable::Refusal::none) return true;
  const bool too_many = verdict.refusal == AddressTable::Refusal::too_many;
  count(too_many ? Counter::connections_refused_address : Counter::connections_refused_rate);
  if (verdict.is_first) {
    tell_refused(listener, address,
                 too_many ? "connections_per_address_max" : "connects_per_s_per_address_max");
  }
  return false;
}

Listener::Listener(boost::asio::io_context& io, const ListenerOptions& options, Endpoint endpoint,
                   std::atomic<std::size_t>& open, std::function<void(Accepted)> adopt,
                   Clock* clock)
    : options_(options),
      descriptor_(io, endpoint.socket.release()),
      pause_timer_(io),
      address_(std::move(endpoint.address)),
      port_(endpoint.port),
      is_unix_(endpoint.is_unix),
      open_(open),
      clock_(clock),
      limits_(std::make_shared<const core::ClientLimits>(options.limits)),
      adopt_(std::move(adopt)) {
  if (clock == nullptr) return;
  if (options.connects_per_s_max > 0) {
    rate_.emplace(options.connects_per_s_max, clock->now().steady);
  }
  const bool counts_addresses =
      options.connections_per_address_max > 0 || options.connects_per_s_per_address_max > 0;
  if (counts_addresses) {
    addresses_ = std::make_shared<AddressTable>(options.connections_per_address_max,
                                                options.connects_per_s_per_address_max);
  }
}

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
  const Milliseconds wait = rate_ ? rate_->wait(clock_->now().steady) : Milliseconds{0};
  if (wait.count() > 0) {
    slow_down(wait);
    return false;
  }
  OwnedSocket socket(
      ::accept4(descriptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.get() >= 0) {
    pause_logged_ = false;
    if (rate_) rate_->take(clock_->now().steady);
    take(std::move(socket));
    return true;
  }
  if (out_of_resources(errno)) {
    pause(errno);
    return false;
  }
  // Nobody waits any more: a storm that comes now is another one.
  if (errno == EAGAIN || errno == EWOULDBLOCK) rate_logged_ = false;
  // A client that went away while it waited is no reason to stop.
  return errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
}

std::optional<ListenerUse> Listener::place_for(const core::Peer& peer) {
  if (refusing_) {
    refuse(Counter::connections_refused_memory, peer.address, "memory.budget_mb");
    return std::nullopt;
  }
  if (open_.load(std::memory_order_relaxed) >= options_.connections_max) {
    refuse(Counter::connections_refused_limit, peer.address, "connections_max");
    return std::nullopt;
  }
  ListenerUse use(open_);
  const bool is_told_later =
      std::any_of(options_.layers.begin(), options_.layers.end(),
                  [&peer](const auto& layer) { return layer->learns_address(peer); });
  // A Unix socket has no addresses but those of a PROXY header.
  if (addresses_ && (is_told_later || !is_unix_)) {
    use.await_address(addresses_);
    const bool counted =
        is_told_later || use.count_address(options_.name, peer.address, clock_->now().steady);
    if (!counted) return std::nullopt;
  }
  refusal_logged_ = false;
  return use;
}

/// One record until somebody is let in again.
void Listener::refuse(Counter counter, std::string_view address, std::string_view why) {
  count(counter);
  if (std::exchange(refusal_logged_, true)) return;
  tell_refused(options_.name, address, why);
}

void Listener::take(OwnedSocket socket) {
  core::Peer peer{options_.name, peer_address(socket.get()), nullptr, limits_};
  std::optional<ListenerUse> use = place_for(peer);
  if (!use) return;
  if (!is_unix_) {
    const int on = 1;
    // A client without keep alive that lost its power is noticed some day.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    // Packets are written whole: waiting for more would only delay them.
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  adopt_({std::move(socket), std::make_shared<const core::Peer>(std::move(peer)), *std::move(use),
          options_.layers});
}

void Listener::pause(int error) {
  count(Counter::accepts_paused);
  if (!std::exchange(pause_logged_, true)) {
    LINESHAFT_LOG(net, error, "accept_paused", {"listener", options_.name},
                  {"why", std::generic_category().message(error)},
                  {"remedy", "raise the limit of open files (LimitNOFILE= or ulimit -n)"});
  }
  look_again_after(accept_pause);
}

void Listener::slow_down(Milliseconds wait) {
  count(Counter::accepts_delayed);
  if (!std::exchange(rate_logged_, true)) {
    LINESHAFT_LOG(net, warn, "connect_rate_reached", {"listener", options_.name},
                  {"connects_per_s_max", options_.connects_per_s_max},
                  {"effect", "further clients wait until it is their turn"});
  }
  look_again_after(wait);
}

void Listener::look_again_after(Milliseconds wait) {
  paused_ = true;
  // Clients keep waiting in the backlog, so the descriptor stays readable: look later.
  pause_timer_.expires_after(wait);
  pause_timer_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) accept_ready();
  });
}

}  // namespace lineshaft::net
