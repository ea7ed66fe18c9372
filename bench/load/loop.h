#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/load/options.h"
#include "bench/load/socket.h"
#include "bench/load/wire.h"

namespace lineshaft::load {

class Loop;
class Connection;

/// What a shape wants to know about its connections. Called from `Loop::poll`, on its thread.
class Listener {
 public:
  virtual ~Listener() = default;
  /// CONNACK came and said yes.
  virtual void on_connected(Connection& connection) = 0;
  /// SUBACK came; the broker granted what we asked for.
  virtual void on_subscribed(Connection&) {}
  /// The PUBLISH as it came; its QoS 1 or 2 acknowledgement is already queued.
  virtual void on_publish(Connection&, const PublishView&, std::uint64_t /*read_ns*/) {}
  /// PUBACK (QoS 1) or PUBCOMP (QoS 2): the broker is done with our message.
  virtual void on_settled(Connection&, const AcknowledgeView&) {}
  virtual void on_pingresp(Connection&) {}
  /// The connection is gone and `close` was not called. `why` is for people.
  virtual void on_closed(Connection& connection, const std::string& why) = 0;
};

enum class ConnectionState { closed, connecting, waiting_connack, connected };

/// One MQTT client connection. Owned by its `Loop`; `index` is for its listener.
class Connection {
 public:
  std::size_t index = 0;
  std::uint64_t started_ns = 0;            ///< when the connection attempt began
  std::uint16_t receive_maximum = 65'535;  ///< what the CONNACK allows us

  ConnectionState state() const { return state_; }
  bool is_connected() const { return state_ == ConnectionState::connected; }

  /// Bytes to send; call `Loop::mark_dirty` after adding some.
  ByteQueue& out() { return out_; }

 private:
  friend class Loop;

  Socket socket_;
  ConnectionState state_ = ConnectionState::closed;
  bool dirty_ = false;
  bool wants_write_ = false;
  ConnectRequest request_;
  ByteQueue in_;
  ByteQueue out_;
};

/// All sockets on one epoll. Reads everything that is ready, tells the listener, and sends once
/// per connection in `flush`, so that the generator costs as few system calls as it can.
class Loop {
 public:
  Loop(const Options& options, Listener& listener);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// A new connection object, not connected yet. Stays valid as long as the loop.
  Connection& add(std::size_t index);

  /// Starts TCP (or Unix socket) connect and sends CONNECT when that is done.
  void start(Connection& connection, ConnectRequest request);

  /// Sends SUBSCRIBE. A refusal or a lower QoS than asked for ends the process: what we would
  /// measure then is not what was asked for.
  void subscribe(Connection& connection, std::string_view filter, std::uint8_t qos);

  void mark_dirty(Connection& connection);

  /// Sends DISCONNECT as far as the socket takes it and closes.
  void close(Connection& connection);

  /// Waits at most `timeout_ns` for something to read or write and handles it.
  void poll(std::uint64_t timeout_ns);

  /// One send for every connection that has something to send.
  void flush();

  /// Bytes read so far; grows as long as the broker sends anything.
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  void resolve();
  int open_socket();
  void bind_source(int fd);
  void watch(Connection& connection, bool write, int operation);
  void finish_connect(Connection& connection);
  void read(Connection& connection);
  std::size_t parse(Connection& connection, std::span<const std::uint8_t> bytes,
                    std::uint64_t read_ns);
  bool handle(Connection& connection, const Frame& frame, std::uint64_t read_ns);
  bool handle_publish(Connection& connection, const Frame& frame, std::uint64_t read_ns);
  bool handle_acknowledge(Connection& connection, const Frame& frame);
  void send(Connection& connection);
  void lose(Connection& connection, const std::string& why);
  void close_socket(Connection& connection);

  const Options& options_;
  Listener& listener_;
  std::unique_ptr<const TlsSettings> tls_;
  int epoll_ = -1;
  sockaddr_storage address_{};
  socklen_t address_bytes_ = 0;
  std::uint32_t next_source_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> dirty_;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace lineshaft::load
