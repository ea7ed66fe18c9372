#include "broker/net/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "broker/base/assert.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/net/login.h"
#include "broker/net/shard.h"

namespace lineshaft::net {
namespace {

using boost::system::error_code;
using Wait = boost::asio::posix::descriptor_base;

/// Smallest common packets are larger: a vector of packets seldom grows.
constexpr std::size_t bytes_per_packet_guess = 64;
constexpr std::size_t packets_reserved_max = 1024;
/// Who has sent so much in its last reads, older ones counting half each time, is read behind those
/// who say little.
constexpr std::size_t heavy_read_bytes = 8 * 1024;
/// Reads of a lingering connection before others have their turn.
constexpr int wasted_reads_max = 4;

mqtt::DecoderLimits decoder_limits(const core::ClientLimits& limits) {
  mqtt::DecoderLimits decoder;
  decoder.packet_size_bytes_max = limits.packet_size_bytes_max;
  decoder.connect_size_bytes_max = limits.connect_size_bytes_max;
  decoder.topic_alias_max = limits.topic_alias_in_max;
  decoder.user_properties_max = limits.user_properties_max;
  decoder.client_id_size_bytes_max = limits.client_id_size_bytes_max;
  decoder.topic = {limits.topic_size_bytes_max, limits.topic_levels_max};
  return decoder;
}

/// The handler allocator Asio wants, on top of a connection's `WaitMemory`.
template <class T>
class WaitAllocator {
 public:
  using value_type = T;

  explicit WaitAllocator(WaitMemory& memory) : memory_(&memory) {}
  template <class U>
  WaitAllocator(const WaitAllocator<U>& other) : memory_(other.memory_) {}

  T* allocate(std::size_t n) { return static_cast<T*>(memory_->allocate(n * sizeof(T))); }
  void deallocate(T* memory, std::size_t) { memory_->release(memory); }
  bool operator==(const WaitAllocator& other) const { return memory_ == other.memory_; }

 private:
  template <class>
  friend class WaitAllocator;
  WaitMemory* memory_;
};

}  // namespace

void* WaitMemory::allocate(std::size_t size) {
  if (used_ || size > size_bytes) return ::operator new(size);
  used_ = true;
  return bytes_.data();
}

void WaitMemory::release(void* memory) {
  if (memory == bytes_.data()) {
    used_ = false;
  } else {
    ::operator delete(memory);
  }
}

struct Connection::ReadWait {
  using allocator_type = WaitAllocator<void>;

  Connection* connection;

  allocator_type get_allocator() const noexcept { return allocator_type(connection->wait_memory_); }
  void operator()(error_code error) const { connection->on_readable(error); }
};

OwnedSocket::~OwnedSocket() {
  if (socket_ >= 0) ::close(socket_);
}

Connection::Connection(Shard& shard, core::ConnectionId id, Accepted accepted)
    : shard_(shard),
      socket_(shard.io()),
      id_(id),
      listener_(static_cast<std::uint32_t>(accepted.listener)),
      peer_(std::move(accepted.peer)),
      use_(std::move(accepted.use)),
      decoder_(mqtt::Role::server_reads_client, decoder_limits(limits()), shard.arena()) {
  error_code error;
  socket_.assign(accepted.socket.get(), error);
  if (!error) {
    AddressCheck check;
    if (use_.awaits_address()) {
      check = [this](std::string_view address) {
        return use_.count_address(peer_->listener, address.empty() ? peer_->address : address,
                                  shard_.now());
      };
    }
    stream_ = make_stream(accepted.layers, accepted.socket.get(), *peer_, check);
    accepted.socket.release();
  } else {
    LINESHAFT_LOG(net, warn, "connection_not_watched", {"peer", peer_->address},
                  {"why", error.message()});
  }
}

const core::ClientLimits& Connection::limits() const {
  static const core::ClientLimits defaults;
  return peer_->limits ? *peer_->limits : defaults;
}

Connection::~Connection() { LINESHAFT_ASSERT(!waits()); }

void Connection::start() {
  count(Counter::connections_opened);
  if (!socket_.is_open()) return die();
  wait_readable();
}

void Connection::wait_readable() {
  read_waits_ = true;
  socket_.async_wait(Wait::wait_read, ReadWait{this});
}

void Connection::wait_writable() {
  write_waits_ = true;
  socket_.async_wait(Wait::wait_write, [this](error_code error) { on_writable(error); });
}

void Connection::on_readable(error_code error) {
  read_waits_ = false;
  if (dead()) {
    if (!waits()) shard_.retire(*this);
    return;
  }
  if (error) return lost(core::LostBecause::network_error);
  shard_.read_on(*this);
}

void Connection::read_on() {
  // Who waits for readability is called when it comes, and there is no second wait beside it.
  if (!dead() && !read_waits_) try_read();
}

void Connection::try_read() {
  if (state_ == State::lingering) return read_to_the_end();
  // Whoever lets it read again arms the wait again.
  if (state_ == State::closing || core_paused_ || shard_.reading_stopped()) return;
  read();
}

IoResult Connection::receive(std::span<char> buffer) {
  if (stream_ != nullptr) return stream_->read(buffer);
  ssize_t size = 0;
  do {
    size = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size > 0) return {IoState::ok, static_cast<std::size_t>(size)};
  if (size == 0) return {IoState::ended, 0};
  const bool nothing = errno == EAGAIN || errno == EWOULDBLOCK;
  return {nothing ? IoState::blocked : IoState::failed, 0};
}

void Connection::read() {
  const std::span<char> buffer = shard_.read_buffer();
  const IoResult received = receive(buffer);
  shard_.note_read(stream_ == nullptr ? received.size : stream_->take_received_bytes());
  note_weight(received.size, buffer.size());
  // A handshake's answer, a pong: it leaves with what the turn adds.
  if (stream_ != nullptr && stream_->unsent_bytes() > 0) shard_.mark_dirty(*this);
  switch (received.state) {
    case IoState::ok:
      break;
    case IoState::blocked:
      return shard_.read_after_turn(*this);
    case IoState::ended:
      return lost(core::LostBecause::peer_closed);
    case IoState::failed:
      return lost(core::LostBecause::network_error);
    case IoState::refused:
      return refused();
  }
  const std::size_t bytes = received.size;
  count(Counter::bytes_received, bytes);
  std::vector<mqtt::Packet> packets;
  packets.reserve(std::min(bytes / bytes_per_packet_guess + 1, packets_reserved_max));
  decoder_.feed({buffer.data(), bytes}, packets);
  if (decoder_.failed()) look_for_tls(buffer.first(bytes));
  if (!packets.empty()) hand_over(std::move(packets));
  // After a violation nothing more is read: the core is about to close.
  violated_ = decoder_.failed();
  if (!violated_) shard_.read_after_turn(*this);
}

void Connection::note_weight(std::size_t read, std::size_t offered) {
  // What filled the buffer has perhaps much behind it.
  const std::size_t size = read == offered ? std::max(read, heavy_read_bytes) : read;
  recently_read_ = recently_read_ / 2 + static_cast<std::uint32_t>(size);
}

bool Connection::is_heavy() const { return recently_read_ >= heavy_read_bytes; }

void Connection::look_for_tls(std::span<const char> bytes) {
  // A handshake record of any version of TLS begins so; no MQTT packet does.
  const bool is_hello = bytes.size() > 1 && bytes[0] == '\x16' && bytes[1] == '\x03';
  if (!is_hello || state_ != State::fresh || stream_ != nullptr) return;
  LINESHAFT_LOG(net, info, "tls_client_on_plain_listener", {"peer", peer_->address},
                {"listener", peer_->listener},
                {"remedy", "connect it to a listener with TLS, or without TLS to this one"});
}

void Connection::describe_peer() {
  if (stream_ == nullptr) return;
  auto peer = std::make_shared<core::Peer>(*peer_);
  stream_->describe(*peer);
  peer_ = std::move(peer);
}

void Connection::refused() {
  describe_peer();
  const Refusal refusal = stream_->refusal();
  LINESHAFT_LOG(net, info, "transport_refused", {"peer", peer_->address},
                {"listener", peer_->listener}, {"layer", refusal.layer}, {"why", refusal.why});
  if (state_ == State::open) {
    shard_.submit(core::ConnectionLost{id_, core::LostBecause::network_error});
  }
  // What was meant for the client goes nowhere; the stream's goodbye does.
  outbox_ = Outbox{};
  begin_closing();
}

void Connection::hand_over(std::vector<mqtt::Packet> packets) {
  if (state_ == State::fresh) {
    if (must_log_in(packets)) return log_in(std::move(packets));
    describe_peer();
    introduce(nullptr);
  }
  submit_packets(std::move(packets));
}

void Connection::introduce(std::unique_ptr<core::Admission> admission) {
  state_ = State::open;
  shard_.submit(core::ConnectionOpened{id_, peer_, std::move(admission)});
}

void Connection::submit_packets(std::vector<mqtt::Packet> packets) {
  recent_batches_[batches_++ % recent_batches_.size()] = shard_.next_batch();
  shard_.submit(core::PacketsArrived{id_, std::move(packets)});
}

bool Connection::too_many_batches() const {
  if (batches_ < recent_batches_.size()) return false;
  const std::uint32_t oldest = recent_batches_[batches_ % recent_batches_.size()];
  return static_cast<std::int32_t>(oldest - shard_.applied()) > 0;
}

void Connection::resume_reading() {
  if (!open() || read_waits_ || reads_on || core_paused_ || violated_ || shard_.reading_stopped())
    return;
  // What comes behind a CONNECT waits in the socket until it is known whose it is.
  if (state_ == State::fresh && login_ && login_->asks()) return;
  // Who asks without reading the answers is not read either: TCP then stops it.
  const bool deaf = outbox_.answer_bytes() > limits().outbox_bytes_max;
  const bool pause = deaf || too_many_batches() || shard_.congested();
  if (pause != self_paused_ && state_ == State::open) {
    shard_.submit(core::ReadingPaused{id_, pause});
  }
  self_paused_ = pause;
  if (pause) {
    shard_.read_when_applied(*this);
  } else if (stream_ != nullptr && stream_->has_input()) {
    shard_.read_on(*this);
  } else {
    wait_readable();
  }
}

void Connection::apply(const core::SetReading& set_reading) {
  core_paused_ = set_reading.paused;
  if (!core_paused_) resume_reading();
}

void Connection::apply(const core::Acknowledge& acknowledge) {
  shard_.mark_dirty(*this);
  if (outbox_.packet(acknowledge.packet, shard_.totals())) return;
  // A 3.x client cannot be told why it is disconnected.
  const bool has_form = outbox_.version() == mqtt::Version::v5;
  if (!has_form) return;
  count(Counter::dropped_too_large);
  LINESHAFT_LOG(net, warn, "answer_too_large", {"peer", peer_->address},
                {"packet", acknowledge.packet.index()});
}

void Connection::deliver(const core::Deliver& deliver, const core::Recipient& recipient,
                         std::span<const std::uint32_t> identifiers, FrameCache* cache) {
  const std::size_t unsent_max = limits().outbox_bytes_max;
  // Much may pile up within one loop turn: only what the socket refuses makes a slow consumer.
  if (outbox_.unsent_bytes() >= unsent_max && !write_waits_) flush();
  if (!open()) return;
  shard_.mark_dirty(*this);
  switch (outbox_.publish(deliver, recipient, identifiers, cache, unsent_max, shard_.totals())) {
    case Outbox::Added::yes:
      return;
    case Outbox::Added::too_large:
      return count(Counter::dropped_too_large);
    case Outbox::Added::slow_consumer:
      return note_dropped_qos0(1);
  }
}

void Connection::note_dropped_qos0(std::size_t size) {
  count(Counter::dropped_qos0_slow_consumer, size);
  if (std::exchange(slow_logged_, true)) return;
  LINESHAFT_LOG(net, warn, "slow_consumer", {"peer", peer_->address}, {"listener", peer_->listener},
                {"unsent_bytes", outbox_.unsent_bytes()},
                {"effect", "messages of QoS 0 are dropped for it while its socket is full"});
}

void Connection::apply(const core::Discard&) {
  // Half a packet cannot be taken back, and nothing may follow it: what comes next would be read as
  // its rest. Then there is no goodbye.
  if (!outbox_.discard()) lost(core::LostBecause::network_error);
}

void Connection::apply(const core::AwaitDrain&) {
  awaits_drain_ = true;
  shard_.mark_dirty(*this);
}

void Connection::tell_if_drained() {
  if (!awaits_drain_ || outbox_.unsent_bytes() >= limits::outbox_drained_bytes) return;
  awaits_drain_ = false;
  if (open()) shard_.submit(core::OutboxDrained{id_});
}

void Connection::apply(const core::Close& close) {
  if (stream_ != nullptr) stream_->close_because(close.reason);
  begin_closing();
}

void Connection::begin_closing() {
  state_ = State::closing;
  shard_.add_deadline(*this, Shard::Deadline::linger, shard_.now() + shard_.options().linger);
  shard_.mark_dirty(*this);
}

std::size_t Connection::unsent_bytes() const {
  return outbox_.unsent_bytes() + (stream_ != nullptr ? stream_->unsent_bytes() : 0);
}

Outbox::Flushed Connection::send() {
  if (stream_ == nullptr) return outbox_.flush(socket_.native_handle(), shard_.totals());
  const Outbox::Flushed flushed = outbox_.flush(*stream_, shard_.totals());
  if (flushed != Outbox::Flushed::all || state_ != State::closing) return flushed;
  switch (stream_->finish().state) {
    case IoState::ok:
      return Outbox::Flushed::all;
    case IoState::blocked:
      return Outbox::Flushed::blocked;
    default:
      return Outbox::Flushed::failed;
  }
}

void Connection::flush() {
  if (state_ > State::closing || write_waits_) return;
  const std::size_t before = unsent_bytes();
  const Outbox::Flushed flushed = send();
  const bool moved = unsent_bytes() < before;
  switch (flushed) {
    case Outbox::Flushed::failed:
      return lost(core::LostBecause::network_error);
    case Outbox::Flushed::blocked:
      if (moved || !std::exchange(blocked_, true)) progress_ = shard_.now();
      wait_writable();
      if (!std::exchange(watched_for_stall_, true)) {
        shard_.add_deadline(*this, Shard::Deadline::stall, progress_ + limits().stalled_socket);
      }
      break;
    case Outbox::Flushed::all:
      blocked_ = false;
      if (state_ == State::closing) return shut_down_sending();
      break;
  }
  tell_if_drained();
}

void Connection::on_writable(error_code error) {
  write_waits_ = false;
  if (dead()) {
    if (!waits()) shard_.retire(*this);
    return;
  }
  if (error) return lost(core::LostBecause::network_error);
  flush();
}

void Connection::shut_down_sending() {
  state_ = State::lingering;
  // It fails when the peer is gone already; the read below then sees that.
  ::shutdown(socket_.native_handle(), SHUT_WR);
  if (!read_waits_) wait_readable();
}

void Connection::read_to_the_end() {
  const std::span<char> buffer = shard_.waste_buffer();
  for (int i = 0; i < wasted_reads_max; ++i) {
    const ssize_t size =
        ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size > 0) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) break;
    return die();
  }
  wait_readable();
}

void Connection::connect_deadline_passed() {
  if (state_ != State::fresh) return;
  // It is our turn: what the client has to wait for is not its fault.
  overdue_ = login_ && login_->asks();
  if (overdue_) return;
  count(Counter::connect_timeouts);
  describe_peer();
  LINESHAFT_LOG(net, info, "connect_timeout", {"peer", peer_->address},
                {"listener", peer_->listener}, {"received_bytes", decoder_.pending_bytes()});
  die();
}

void Connection::stall_deadline_passed(Instant now) {
  watched_for_stall_ = false;
  if (!open() || !write_waits_) return;
  const Instant deadline = progress_ + limits().stalled_socket;
  if (now < deadline) {
    watched_for_stall_ = true;
    shard_.add_deadline(*this, Shard::Deadline::stall, deadline);
    return;
  }
  count(Counter::slow_consumers_closed);
  LINESHAFT_LOG(net, warn, "stalled_socket_closed", {"peer", peer_->address},
                {"listener", peer_->listener}, {"unsent_bytes", unsent_bytes()});
  lost(core::LostBecause::stalled_socket);
}

void Connection::linger_deadline_passed() {
  if (!dead()) die();
}

void Connection::lost(core::LostBecause because) {
  if (dead()) return;
  // A client that has closed its side may still read what it was promised before that.
  if (because == core::LostBecause::peer_closed && dirty && !write_waits_) send();
  if (state_ == State::open) shard_.submit(core::ConnectionLost{id_, because});
  die();
}

void Connection::die() {
  state_ = State::dead;
  count(Counter::connections_closed);
  error_code ignored;  // nobody is left to be told
  socket_.close(ignored);
  if (!waits()) shard_.retire(*this);
}

}  // namespace lineshaft::net
