#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "broker/net/accepted.h"
#include "broker/net/endpoint.h"
#include "broker/net/server_options.h"

namespace lineshaft::net {

/// Accepts the clients of one endpoint and hands them on. Lives on shard 0; only its thread calls
/// it between `start` and `stop`.
class Listener {
 public:
  /// `options` and `open`, which counts this listener's connections, outlive them. `adopt` takes
  /// each new client.
  Listener(boost::asio::io_context& io, const ListenerOptions& options, Endpoint endpoint,
           std::atomic<std::size_t>& open, std::function<void(Accepted)> adopt);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  /// Closes the endpoint; a Unix socket's file is removed.
  void stop();

  const std::string& address() const { return address_; }
  std::uint16_t port() const { return port_; }

 private:
  void wait();
  void accept_ready();
  /// False: the system has no more sockets, or no client waits.
  bool accept_one();
  void take(OwnedSocket socket);
  void pause(int error);

  const ListenerOptions& options_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer pause_timer_;
  std::string address_;
  std::uint16_t port_;
  bool is_unix_;
  bool paused_ = false;
  bool pause_logged_ = false;
  bool full_logged_ = false;
  std::atomic<std::size_t>& open_;
  std::function<void(Accepted)> adopt_;
};

}  // namespace lineshaft::net
