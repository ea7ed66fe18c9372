#include "broker/net/shard.h"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <utility>
#include <variant>

#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::net {
namespace {

namespace asio = boost::asio;

/// Handlers run before the core has its turn.
constexpr int handlers_per_loop_max = 256;
/// A read may be cut short by the loop's cap, but not so that packets come in crumbs.
constexpr std::size_t read_bytes_min = 1024;
/// The same for a turn of clients that say little at a time: each of their reads is a system call.
constexpr std::size_t light_read_bytes_max = 16 * 1024;
/// What a read counts at least: a system call is work, too.
constexpr std::size_t read_counts_bytes_min = 512;
/// What a step of a TLS handshake counts: it is as much work as reading a turn's bytes.
constexpr std::size_t handshake_counts_bytes = limits::loop_read_bytes_max;
/// A read of less during a handshake is none: a whole message of TLS is longer.
constexpr std::size_t handshake_step_bytes_min = 64;
/// Messages to clients in one loop turn; when there were more, less is read in the next.
constexpr std::size_t deliveries_per_loop_max = 1'024;
/// Bytes sent in one loop turn; the other connections are sent to in the next.
constexpr std::size_t loop_send_bytes_max = 64 * 1024;
/// What a `send` counts at least.
constexpr std::size_t send_counts_bytes_min = 8 * 1024;
/// What a listener may read or send while others wait, before it is their turn.
constexpr std::int64_t listener_share_bytes = 16 * 1024;
/// An outbox that was not used for so long gives its memory back.
constexpr Milliseconds idle_sweep{1000};
/// Ticks a client has to read its last packet and close when the broker stops.
constexpr std::size_t goodbye_ticks = 3;

}  // namespace

Shard::Shard(std::size_t index, const ShardOptions& options, Turn& turn, Clock& clock)
    : index_(index),
      options_(options),
      turn_(turn),
      clock_(clock),
      now_(clock.now()),
      work_(asio::make_work_guard(io_)),
      tick_timer_(io_),
      read_buffer_(new char[read_buffer_bytes]),
      dirty_(listener_share_bytes),
      waiting_{FairQueue(listener_share_bytes), FairQueue(listener_share_bytes),
               FairQueue(listener_share_bytes)},
      wheel_(now_.steady),
      next_sweep_(now_.steady + idle_sweep) {}

Shard::~Shard() { close_all(); }

void Shard::run() {
  arm_tick();
  while (!stopping_) {
    handle_ready();
    turn_.run(index_, batch_);
    apply_mailbox();
    fit_reading();
    flush_dirty();
    resume_held_back();
    resume_readers();
    bury_dead();
    totals_.count();
    if (flushed_) {
      // The goodbyes in the mailbox are applied: who is still open has not sent a CONNECT, the core
      // does not know it and nobody else closes it.
      close_unknown();
      check_flushed(false);
    }
  }
  close_all();
}

void Shard::handle_ready() {
  // What is left of the last turn is no reason to sleep.
  const bool idle = batch_.empty() && dirty_.empty() &&
                    std::ranges::all_of(waiting_, [](const auto& line) { return line.empty(); });
  if (idle && io_.run_one() == 0 && !stopping_) io_.restart();
  for (int i = 0; i < handlers_per_loop_max; ++i) {
    if (io_.poll_one() == 0) break;
  }
  read_ready();
}

/// Those who say little have a turn of their own, so that their messages leave without the work a
/// flood makes in between; then it is the others' turn, and that of a handshake.
void Shard::read_ready() {
  loop_bytes_ = 0;
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    read_now_ = read_now_ + 1 == waiting_.size() ? 0 : read_now_ + 1;
    if (!waiting_[read_now_].empty()) break;
  }
  FairQueue& queue = waiting_[read_now_];
  const std::size_t most =
      read_now_ == light ? std::min(loop_bytes_max_, light_read_bytes_max) : loop_bytes_max_;
  while (!queue.empty() && loop_bytes_ < most) {
    Connection* const connection = find(queue.pop());
    if (connection == nullptr) continue;
    connection->reads_on = false;
    const std::size_t before = loop_bytes_;
    const bool shakes = connection->is_handshaking();
    connection->read_on();
    // Who sends a handshake in crumbs has made no work yet.
    const bool steps = shakes && (!connection->is_handshaking() ||
                                  loop_bytes_ >= before + handshake_step_bytes_min);
    const std::size_t least = steps ? handshake_counts_bytes : read_counts_bytes_min;
    loop_bytes_ = std::max(loop_bytes_, before + least);
    queue.charge(loop_bytes_ - before);
  }
}

void Shard::read_on(Connection& connection) {
  if (std::exchange(connection.reads_on, true)) return;
  const Waiting line = connection.is_handshaking() ? handshake
                       : connection.is_heavy()     ? heavy
                                                   : light;
  waiting_[line].push(connection.listener(), ref(connection));
}

/// A message for a thousand clients is more work than a thousand bytes: less is read then.
void Shard::fit_reading() {
  constexpr std::size_t most = limits::loop_read_bytes_max;
  // Reading less makes no replay shorter.
  const std::size_t caused = totals_.publishes - totals_.replayed;
  if (caused > deliveries_per_loop_max) {
    loop_bytes_max_ = std::max(loop_bytes_ * deliveries_per_loop_max / caused, read_bytes_min);
  } else if (loop_bytes_ >= loop_bytes_max_ && caused <= deliveries_per_loop_max / 2) {
    loop_bytes_max_ = std::min(2 * loop_bytes_max_, most);
  }
}

void Shard::close_all() {
  for (Slot& slot : slots_) {
    if (slot.connection && !slot.connection->dead()) slot.connection->abort();
  }
  tick_timer_.cancel();
  work_.reset();
  // The waits that closing has cut short still point into the connections.
  io_.restart();
  io_.poll();
  bury_dead();
  batch_.clear();
  totals_.count();
}

void Shard::stop() {
  asio::post(io_, [this] { stopping_ = true; });
}

void Shard::wake() {
  // The handler is on its way already when this was true.
  if (wake_pending_.exchange(true, std::memory_order_seq_cst)) return;
  asio::post(io_, [this] { wake_pending_.store(false, std::memory_order_seq_cst); });
}

void Shard::post(std::function<void()> work) { asio::post(io_, std::move(work)); }

std::function<void(core::AuthenticationAnswer)> Shard::login_answer(core::ConnectionId id) {
  const core::ConnectionRef who{id.slot, id.generation};
  return [this, who](core::AuthenticationAnswer answer) {
    post([this, who, given = std::move(answer)]() mutable {
      if (Connection* const connection = find(who)) connection->authenticated(std::move(given));
    });
  };
}

void Shard::adopt(Accepted accepted) {
  connections_.fetch_add(1, std::memory_order_relaxed);
  asio::dispatch(io_,
                 [this, one = std::move(accepted)]() mutable { open_connection(std::move(one)); });
}

void Shard::open_connection(Accepted accepted) {
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  const core::ConnectionId id{static_cast<std::uint32_t>(index_), slot, slots_[slot].generation};
  slots_[slot].connection = std::make_unique<Connection>(*this, id, std::move(accepted));
  Connection& connection = *slots_[slot].connection;
  add_deadline(connection, Deadline::connect, now() + connection.limits().connect_deadline);
  connection.start();
}

Connection* Shard::find(core::ConnectionRef connection) const {
  if (connection.slot >= slots_.size()) return nullptr;
  const Slot& slot = slots_[connection.slot];
  return slot.generation == connection.generation ? slot.connection.get() : nullptr;
}

Connection* Shard::find_open(core::ConnectionRef connection) const {
  Connection* const found = find(connection);
  return found != nullptr && found->open() ? found : nullptr;
}

std::span<char> Shard::read_buffer() {
  const std::size_t left = loop_bytes_max_ - std::min(loop_bytes_, loop_bytes_max_);
  return {read_buffer_.get(), std::clamp(left, read_bytes_min, read_buffer_bytes)};
}

void Shard::mark_dirty(Connection& connection) {
  connection.used_memory = true;
  if (!std::exchange(connection.has_memory, true)) with_memory_.push_back(ref(connection));
  if (!std::exchange(connection.dirty, true)) dirty_.push(connection.listener(), ref(connection));
}

void Shard::read_after_turn(Connection& connection) {
  if (!std::exchange(connection.reads_next, true)) readers_.push_back(&connection);
}

void Shard::apply_mailbox() {
  Mailbox::Letter* letter = mailbox_.take_all();
  while (letter != nullptr) {
    Mailbox::Letter* const next = letter->next;
    if (letter->dropped_size > 0) note_dropped_qos0(letter->dropped_size);
    apply(letter->effects);
    mailbox_.give_back(letter);
    letter = next;
  }
}

void Shard::note_dropped_qos0(std::size_t size) {
  count(Counter::dropped_qos0_slow_consumer, size);
  if (std::exchange(behind_logged_, true)) return;
  LINESHAFT_LOG(net, warn, "shard_behind", {"shard", index_},
                {"effect", "messages of QoS 0 for its clients are dropped until it keeps up"});
}

void Shard::apply(const core::ShardEffects& effects) {
  for (const core::Effect& effect : effects.list) {
    std::visit(
        [&](const auto& one) {
          if constexpr (requires { one.message; }) {
            apply(effects, one);
          } else if constexpr (requires { one.number; }) {
            // Everything decided before it stands in an outbox now, or is gone.
            submit(core::FencePassed{one.number});
          } else if (Connection* const connection = find_open(one.connection)) {
            connection->apply(one);
          }
        },
        effect);
  }
}

void Shard::apply(const core::ShardEffects& effects, const core::Deliver& deliver) {
  const auto recipients = effects.recipients_of(deliver);
  FrameCache* const cache = recipients.size() > 1 ? &frames_ : nullptr;
  frames_.begin();
  for (const core::Recipient& recipient : recipients) {
    Connection* const connection = find_open(recipient.connection);
    if (connection == nullptr) continue;
    connection->deliver(deliver, recipient, effects.identifiers_of(recipient), cache);
  }
}

void Shard::flush_dirty() {
  for (std::size_t sent = 0; !dirty_.empty() && sent < loop_send_bytes_max;) {
    Connection* const connection = find(dirty_.pop());
    if (connection == nullptr) continue;
    connection->dirty = false;
    const std::uint64_t before = totals_.bytes;
    connection->flush();
    const std::size_t cost = send_counts_bytes_min + (totals_.bytes - before);
    dirty_.charge(cost);
    sent += cost;
  }
}

void Shard::resume_readers() {
  for (Connection* const connection : readers_) {
    connection->reads_next = false;
    connection->resume_reading();
  }
  readers_.clear();
}

void Shard::resume_held_back() {
  if (held_back_.empty()) return;
  // Asked before looking, or a turn that ends in between would not wake us.
  turn_.await_applied(index_);
  const auto waiting = std::exchange(held_back_, {});
  for (const core::ConnectionRef one : waiting) {
    if (Connection* const connection = find_open(one)) connection->resume_reading();
  }
}

void Shard::bury_dead() {
  for (Connection* const connection : dead_) {
    const std::uint32_t slot = connection->id().slot;
    ++slots_[slot].generation;
    slots_[slot].connection.reset();
    free_slots_.push_back(slot);
    connections_.fetch_sub(1, std::memory_order_relaxed);
  }
  dead_.clear();
}

void Shard::add_deadline(Connection& connection, Deadline kind, Instant at) {
  wheel_.add(at, {ref(connection), kind});
}

void Shard::arm_tick() {
  tick_timer_.expires_after(options_.tick);
  tick_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    tick();
    arm_tick();
  });
}

void Shard::tick() {
  now_ = clock_.now();
  if (index_ == 0) batch_.push_back(core::TimeAdvanced{});
  wheel_.advance(now_.steady, [this](const Due& due) { fire(due); });
  if (now_.steady >= next_sweep_) {
    next_sweep_ = now_.steady + idle_sweep;
    release_idle_memory();
  }
  if (!mailbox_.congested()) behind_logged_ = false;
  if (on_tick) on_tick(now_);
  if (flushed_) check_flushed(true);
}

void Shard::fire(const Due& due) {
  Connection* const connection = find(due.connection);
  if (connection == nullptr || connection->dead()) return;
  switch (due.kind) {
    case Deadline::connect:
      return connection->connect_deadline_passed();
    case Deadline::stall:
      return connection->stall_deadline_passed(now_.steady);
    case Deadline::linger:
      return connection->linger_deadline_passed();
  }
}

void Shard::release_idle_memory() {
  std::erase_if(with_memory_, [this](core::ConnectionRef one) {
    Connection* const connection = find(one);
    if (connection == nullptr) return true;
    if (std::exchange(connection->used_memory, false)) return false;
    if (!connection->outbox().release_idle()) return false;
    connection->has_memory = false;
    return true;
  });
}

void Shard::stop_reading() {
  post([this] { reading_stopped_ = true; });
}

void Shard::when_flushed(std::function<void()> done) {
  post([this, then = std::move(done)]() mutable { flushed_ = std::move(then); });
}

void Shard::close_unknown() {
  for (const Slot& slot : slots_) {
    if (slot.connection && slot.connection->open()) slot.connection->abort();
  }
}

void Shard::check_flushed(bool at_tick) {
  if (connections() > 0) {
    if (!at_tick) return;
    const bool unsent = std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
      return slot.connection && slot.connection->has_unsent();
    });
    flushed_ticks_ = unsent ? 0 : flushed_ticks_ + 1;
    if (flushed_ticks_ < goodbye_ticks) return;
  }
  std::exchange(flushed_, nullptr)();
}

}  // namespace lineshaft::net
