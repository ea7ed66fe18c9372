#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "broker/base/limits.h"
#include "broker/base/time.h"
#include "broker/core/authenticator.h"
#include "broker/core/input.h"
#include "broker/mqtt/decoder.h"
#include "broker/net/accepted.h"
#include "broker/net/byte_stream.h"
#include "broker/net/outbox.h"

namespace lineshaft::net {

class Login;
class Shard;

/// Memory for the one read wait of a connection, inside the connection: an idle one has no other.
class WaitMemory {
 public:
  void* allocate(std::size_t size);
  void release(void* memory);

 private:
  static constexpr std::size_t size_bytes = 128;
  alignas(std::max_align_t) std::array<std::byte, size_bytes> bytes_;
  bool used_ = false;
};

/// One client's socket: reads packets for the core, sends what the core decides.
///
/// It waits for readability and reads into its shard's buffer, so an idle connection holds no
/// buffer and no coroutine. Owned by its `Shard`, only that shard's thread calls it; it is freed
/// by the shard when it is `dead` and no wait is pending.
class Connection {
 public:
  Connection(Shard& shard, core::ConnectionId id, Accepted accepted);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Begins to read.
  void start();

  // Effects of the core, in decision order.
  void apply(const core::Configure& configure) { outbox_.configure(configure); }
  void apply(const core::Acknowledge& acknowledge);
  void apply(const core::AwaitDrain& await_drain);
  void apply(const core::Discard& discard);
  void apply(const core::SetReading& set_reading);
  void apply(const core::Close& close);
  void apply(const core::Authenticate& authenticate);
  /// The authenticator has answered this connection's question.
  void authenticated(core::AuthenticationAnswer answer);
  void deliver(const core::Deliver& deliver, const core::Recipient& recipient,
               std::span<const std::uint32_t> identifiers, FrameCache* cache);
  /// `size` QoS 0 messages were dropped before they reached the outbox.
  void note_dropped_qos0(std::size_t size);

  /// Sends what is unsent; once per loop turn, when dirty.
  void flush();
  /// Waits for the next bytes, unless somebody asked not to read. Called after the turn.
  void resume_reading();
  /// Reads: it is its turn.
  void read_on();
  /// A deadline of the wheel has come; `now` is the tick's.
  void connect_deadline_passed();
  void stall_deadline_passed(Instant now);
  void linger_deadline_passed();
  /// Closes at once; the core is told if it knows the connection. The broker stops.
  void abort() { lost(core::LostBecause::network_error); }

  core::ConnectionId id() const { return id_; }
  /// Of its listener.
  const core::ClientLimits& limits() const;
  /// The core may still address it.
  bool open() const { return state_ <= State::open; }
  bool dead() const { return state_ == State::dead; }
  bool waits() const { return read_waits_ || write_waits_; }
  /// Reading it is likely to be much work.
  bool is_heavy() const;
  /// The next read may do public-key work.
  bool is_handshaking() const { return stream_ != nullptr && stream_->is_handshaking(); }
  /// Its listener's place among all.
  std::size_t listener() const { return listener_; }
  bool has_unsent() const { return state_ <= State::closing && unsent_bytes() > 0; }
  Outbox& outbox() { return outbox_; }

  /// Places in the shard's lists, so that a connection is in each at most once.
  bool dirty = false;
  bool reads_next = false;
  bool reads_on = false;
  bool has_memory = false;
  /// Since the last idle sweep.
  bool used_memory = false;

 private:
  enum class State : std::uint8_t {
    /// The core does not know it yet.
    fresh,
    open,
    /// The core closed it: what is unsent goes out first.
    closing,
    /// Our side is shut down; the peer is given time to read.
    lingering,
    dead,
  };
  struct ReadWait;

  void wait_readable();
  void on_readable(boost::system::error_code error);
  void wait_writable();
  void on_writable(boost::system::error_code error);
  /// Reads if nothing speaks against it.
  void try_read();
  void read();
  IoResult receive(std::span<char> buffer);
  void note_weight(std::size_t read, std::size_t offered);
  void look_for_tls(std::span<const char> bytes);
  void hand_over(std::vector<mqtt::Packet> packets);
  void introduce(std::unique_ptr<core::Admission> admission);
  void submit_packets(std::vector<mqtt::Packet> packets);

  // connection_login.cpp
  bool must_log_in(const std::vector<mqtt::Packet>& packets) const;
  void log_in(std::vector<mqtt::Packet> packets);
  void finish_login(core::Admission admission);

  bool too_many_batches() const;
  std::size_t unsent_bytes() const;
  /// Of the outbox and, at the end, the stream's goodbye: what the socket takes.
  Outbox::Flushed send();
  /// Asks the stream who the peer really is.
  void describe_peer();
  /// The stream does not want this peer.
  void refused();
  /// Reads until the peer closes, and throws it away.
  void read_to_the_end();
  void begin_closing();
  void shut_down_sending();
  void tell_if_drained();
  void lost(core::LostBecause because);
  void die();

  Shard& shard_;
  using Socket =
      boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;
  Socket socket_;
  core::ConnectionId id_;
  const std::uint32_t listener_;
  /// Bytes of its last reads, see `is_heavy`.
  std::uint32_t recently_read_ = 0;
  /// Null for plain TCP.
  std::unique_ptr<ByteStream> stream_;
  /// While an authentication is under way.
  std::unique_ptr<Login> login_;
  State state_ = State::fresh;
  bool read_waits_ = false;
  bool write_waits_ = false;
  /// The core asked not to read.
  bool core_paused_ = false;
  /// We stopped by ourselves and told the core.
  bool self_paused_ = false;
  bool violated_ = false;
  bool awaits_drain_ = false;
  /// The socket took nothing when it was last asked.
  bool blocked_ = false;
  bool watched_for_stall_ = false;
  bool slow_logged_ = false;
  /// The deadline before CONNECT has passed while the authenticator was asked.
  bool overdue_ = false;
  /// Numbers of its last batches, oldest at `batches_ % 4`.
  std::array<std::uint32_t, limits::connection_batches_pending_max> recent_batches_{};
  std::uint32_t batches_ = 0;
  /// Last time the socket took a byte, while data waits.
  Instant progress_{};
  std::shared_ptr<const core::Peer> peer_;
  ListenerUse use_;
  mqtt::Decoder decoder_;
  Outbox outbox_;
  WaitMemory wait_memory_;
};

}  // namespace lineshaft::net
