#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/base/metrics.h"
#include "broker/base/time.h"
#include "broker/net/accepted.h"
#include "broker/net/endpoint.h"
#include "broker/net/server_options.h"
#include "broker/net/token_bucket.h"

namespace lineshaft::net {

/// Accepts the clients of one endpoint and hands them on. Lives on shard 0; only its thread calls
/// it between `start` and `stop`.
class Listener {
 public:
  /// `options` and `open`, which counts this listener's connections, outlive them. `adopt` takes
  /// each new client. Without `clock` there are no rates and no limits per address.
  Listener(boost::asio::io_context& io, const ListenerOptions& options, Endpoint endpoint,
           std::atomic<std::size_t>& open, std::function<void(Accepted)> adopt,
           Clock* clock = nullptr);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  /// Closes the endpoint; a Unix socket's file is removed.
  void stop();

  /// Whether clients are closed at accept.
  void set_refusing(bool refusing) { refusing_ = refusing; }

  const std::string& address() const { return address_; }
  std::uint16_t port() const { return port_; }

 private:
  void wait();
  void accept_ready();
  /// False: the system has no more sockets, or no client waits.
  bool accept_one();
  void take(OwnedSocket socket);
  /// Null when it is refused, which is counted and logged.
  std::optional<ListenerUse> place_for(const core::Peer& peer);
  void refuse(Counter counter, std::string_view address, std::string_view why);
  void pause(int error);
  /// The connect rate is used up: the clients wait in the system's queue.
  void slow_down(Milliseconds wait);
  void look_again_after(Milliseconds wait);

  const ListenerOptions& options_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer pause_timer_;
  std::string address_;
  std::uint16_t port_;
  bool is_unix_;
  bool paused_ = false;
  bool pause_logged_ = false;
  bool refusing_ = false;
  bool refusal_logged_ = false;
  bool rate_logged_ = false;
  std::atomic<std::size_t>& open_;
  Clock* const clock_;
  std::optional<TokenBucket> rate_;
  /// Null where single addresses are not limited.
  std::shared_ptr<AddressTable> addresses_;
  std::shared_ptr<const core::ClientLimits> limits_;
  std::function<void(Accepted)> adopt_;
};

}  // namespace lineshaft::net
