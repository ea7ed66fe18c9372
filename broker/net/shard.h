#pragma once

#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "broker/base/message.h"
#include "broker/base/time.h"
#include "broker/net/accepted.h"
#include "broker/net/connection.h"
#include "broker/net/fair_queue.h"
#include "broker/net/frame_cache.h"
#include "broker/net/server_options.h"
#include "broker/net/turn.h"
#include "broker/net/wheel.h"

namespace lineshaft::net {

/// One thread with its sockets, driven by the capped loop: sleep, handle everything that is ready
/// up to 64 KiB read, run one turn, apply effects, send once per dirty socket.
///
/// Everything here is touched by the shard's thread only, except what says "any thread".
class Shard final : public TurnShard {
 public:
  Shard(std::size_t index, const ShardOptions& options, Turn& turn, Clock& clock);
  ~Shard() override;

  /// The loop; returns after `stop`. The calling thread becomes the shard's thread.
  void run();

  // Any thread.
  void stop();
  void wake() override;
  Mailbox& mailbox() override { return mailbox_; }
  void post(std::function<void()> work);
  void adopt(Accepted accepted);
  /// No new packets are read from now on; what is unsent still goes out.
  void stop_reading();
  /// Calls `done` on the shard's thread when every outbox is empty and clients had a moment to
  /// read it.
  void when_flushed(std::function<void()> done);
  /// Connections, those on their way included.
  std::size_t connections() const { return connections_.load(std::memory_order_relaxed); }

  /// Called on shard 0 with every tick, inside the loop.
  std::function<void(Now)> on_tick;

  // For its connections and listeners.
  boost::asio::io_context& io() { return io_; }
  const ShardOptions& options() const { return options_; }
  /// Null: nobody is asked who he is.
  core::Authenticator* authenticator() const { return authenticator_; }
  /// Before `run` only.
  void set_authenticator(core::Authenticator* authenticator) { authenticator_ = authenticator; }
  /// What an authenticator calls, on any thread, to answer this connection.
  std::function<void(core::AuthenticationAnswer)> login_answer(core::ConnectionId connection);
  MessageArena& arena() { return arena_; }
  SentTotals& totals() { return totals_; }
  std::size_t index() const { return index_; }
  /// Asks the clock: for deadlines that seldom begin.
  Instant now() { return clock_.now().steady; }
  /// Where a reading handler puts bytes, cut to what this loop turn may still read.
  std::span<char> read_buffer();
  /// All of it, for bytes nobody wants.
  std::span<char> waste_buffer() { return {read_buffer_.get(), read_buffer_bytes}; }
  void note_read(std::size_t size) { loop_bytes_ += size; }
  void submit(core::Input input) { batch_.push_back(std::move(input)); }
  bool reading_stopped() const { return reading_stopped_; }
  std::uint32_t next_batch() const { return turn_.next_batch(index_); }
  std::uint32_t applied() const { return turn_.applied(index_); }
  bool congested() const { return turn_.congested(); }

  void mark_dirty(Connection& connection);
  void read_after_turn(Connection& connection);
  /// Looks again after a turn whether the connection may read.
  void read_when_applied(Connection& connection) { held_back_.push_back(ref(connection)); }
  /// It has input: it is read when it is its turn.
  void read_on(Connection& connection);
  void retire(Connection& connection) { dead_.push_back(&connection); }

  enum class Deadline : std::uint8_t { connect, stall, linger };
  void add_deadline(Connection& connection, Deadline kind, Instant at);

 private:
  struct Slot {
    std::unique_ptr<Connection> connection;
    std::uint32_t generation = 0;
  };
  struct Due {
    core::ConnectionRef connection;
    Deadline kind;
  };

  static core::ConnectionRef ref(const Connection& connection) {
    return {connection.id().slot, connection.id().generation};
  }
  /// Null when the connection is gone; any state.
  Connection* find(core::ConnectionRef connection) const;
  /// Null when the core may not address it any more.
  Connection* find_open(core::ConnectionRef connection) const;

  void open_connection(Accepted accepted);
  void handle_ready();
  void read_ready();
  void close_all();
  void apply_mailbox();
  void apply(const core::ShardEffects& effects);
  void apply(const core::ShardEffects& effects, const core::Deliver& deliver);
  void note_dropped_qos0(std::size_t size);
  void fit_reading();
  void flush_dirty();
  void resume_held_back();
  void resume_readers();
  void bury_dead();
  void arm_tick();
  void tick();
  void fire(const Due& due);
  void release_idle_memory();
  void close_unknown();
  void check_flushed(bool at_tick);

  const std::size_t index_;
  const ShardOptions options_;
  Turn& turn_;
  Clock& clock_;
  core::Authenticator* authenticator_ = nullptr;
  Now now_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer tick_timer_;
  Mailbox mailbox_;
  std::atomic<bool> wake_pending_{false};
  std::atomic<std::size_t> connections_{0};
  bool stopping_ = false;
  bool reading_stopped_ = false;
  bool behind_logged_ = false;

  static constexpr std::size_t read_buffer_bytes = 64 * 1024;
  std::unique_ptr<char[]> read_buffer_;
  /// Read in this loop turn, and how much that may be.
  std::size_t loop_bytes_ = 0;
  std::size_t loop_bytes_max_ = limits::loop_read_bytes_max;
  MessageArena arena_;
  FrameCache frames_;
  SentTotals totals_;
  std::vector<core::Input> batch_;

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  FairQueue dirty_;
  std::vector<Connection*> readers_;
  std::vector<Connection*> dead_;
  std::vector<core::ConnectionRef> held_back_;
  /// Connections with input: those who say little, the others, and who is in a TLS handshake.
  enum Waiting : std::size_t { light, heavy, handshake };
  std::array<FairQueue, 3> waiting_;
  std::size_t read_now_ = light;
  /// Connections whose outbox holds memory, looked at by the idle sweep.
  std::vector<core::ConnectionRef> with_memory_;
  Wheel<Due> wheel_;
  Instant next_sweep_;
  std::function<void()> flushed_;
  std::size_t flushed_ticks_ = 0;
};

}  // namespace lineshaft::net
