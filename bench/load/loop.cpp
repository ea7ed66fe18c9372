#include "bench/load/loop.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "bench/load/clock.h"

namespace lineshaft::load {
namespace {

constexpr std::size_t read_buffer_bytes = 256 * 1024;
constexpr int events_per_wait = 512;
/// Loopback source addresses used in turn, so that a connect storm does not run out of ports.
constexpr std::uint32_t source_addresses = 32;

void allow_many_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string error_text(const char* what, int error) {
  return std::string(what) + ": " + std::strerror(error);
}

}  // namespace

Loop::Loop(const Options& options, Listener& listener)
    : options_(options), listener_(listener), buffer_(read_buffer_bytes) {
  allow_many_files();
  if (!options.tls_ca.empty()) {
    tls_ = std::make_unique<TlsSettings>(options.tls_ca, options.tls_cert, options.tls_key);
  }
  resolve();
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) fail(exit_set_up, error_text("epoll_create1", errno));
}

Loop::~Loop() {
  for (const auto& connection : connections_) close_socket(*connection);
  ::close(epoll_);
}

void Loop::resolve() {
  if (!options_.unix_path.empty()) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    if (options_.unix_path.size() >= sizeof local.sun_path) {
      fail(exit_usage, "option --unix: the path is too long");
    }
    std::memcpy(local.sun_path, options_.unix_path.data(), options_.unix_path.size());
    std::memcpy(&address_, &local, sizeof local);
    address_bytes_ = sizeof local;
    return;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(options_.port);
  const int error = getaddrinfo(options_.host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) fail(exit_set_up, options_.host + ": " + gai_strerror(error));
  std::memcpy(&address_, found->ai_addr, found->ai_addrlen);
  address_bytes_ = found->ai_addrlen;
  freeaddrinfo(found);
}

Connection& Loop::add(std::size_t index) {
  connections_.push_back(std::make_unique<Connection>());
  connections_.back()->index = index;
  return *connections_.back();
}

int Loop::open_socket() {
  const int fd = socket(address_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail(exit_set_up, error_text("socket", errno));
  if (address_.ss_family == AF_UNIX) return fd;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  bind_source(fd);
  return fd;
}

void Loop::bind_source(int fd) {
  if (address_.ss_family != AF_INET) return;
  sockaddr_in target{};
  std::memcpy(&target, &address_, sizeof target);
  if ((ntohl(target.sin_addr.s_addr) >> 24) != 127) return;
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(0x7f000002u + next_source_++ % source_addresses);
  // A refusal is no harm: the kernel then takes its own source address.
  (void)bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source);
}

void Loop::start(Connection& connection, ConnectRequest request) {
  connection.request_ = std::move(request);
  connection.started_ns = monotonic_ns();
  connection.socket_.open(open_socket(), tls_.get());
  connection.state_ = ConnectionState::connecting;
  const auto* address = reinterpret_cast<const sockaddr*>(&address_);
  const int result = ::connect(connection.socket_.fd(), address, address_bytes_);
  if (result != 0 && errno != EINPROGRESS) {
    lose(connection, error_text("connect", errno));
    return;
  }
  watch(connection, true, EPOLL_CTL_ADD);
}

void Loop::watch(Connection& connection, bool write, int operation) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (write) event.events |= EPOLLOUT;
  event.data.ptr = &connection;
  connection.wants_write_ = write;
  if (epoll_ctl(epoll_, operation, connection.socket_.fd(), &event) != 0) {
    fail(exit_set_up, error_text("epoll_ctl", errno));
  }
}

void Loop::finish_connect(Connection& connection) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(connection.socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    lose(connection, error_text("connect", error));
    return;
  }
  watch(connection, false, EPOLL_CTL_MOD);
  connection.state_ = ConnectionState::waiting_connack;
  put_connect(connection.out_, connection.request_);
  mark_dirty(connection);
}

void Loop::subscribe(Connection& connection, std::string_view filter, std::uint8_t qos) {
  put_subscribe(connection.out_, options_.mqtt, 1, filter, qos);
  mark_dirty(connection);
}

void Loop::mark_dirty(Connection& connection) {
  if (connection.dirty_) return;
  connection.dirty_ = true;
  dirty_.push_back(&connection);
}

void Loop::poll(std::uint64_t timeout_ns) {
  std::array<epoll_event, events_per_wait> events;
  const timespec timeout{static_cast<time_t>(timeout_ns / 1'000'000'000u),
                         static_cast<long>(timeout_ns % 1'000'000'000u)};
  const int count = epoll_pwait2(epoll_, events.data(), events_per_wait, &timeout, nullptr);
  for (int at = 0; at < count; ++at) {
    const auto& event = events[static_cast<std::size_t>(at)];
    auto& connection = *static_cast<Connection*>(event.data.ptr);
    if (connection.state_ == ConnectionState::connecting) {
      finish_connect(connection);
      continue;
    }
    if (event.events & EPOLLOUT) mark_dirty(connection);
    if (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read(connection);
  }
}

void Loop::read(Connection& connection) {
  if (connection.state_ == ConnectionState::closed) return;
  const ssize_t size = connection.socket_.receive(buffer_);
  // A handshake may have made what waits fit to be sent.
  if (tls_ != nullptr && !connection.out_.empty()) mark_dirty(connection);
  if (size == 0) {
    lose(connection, "closed by the broker");
    return;
  }
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) lose(connection, error_text("recv", errno));
    return;
  }
  const std::uint64_t read_ns = monotonic_ns();
  bytes_read_ += static_cast<std::uint64_t>(size);
  const auto fresh = std::span<const std::uint8_t>(buffer_).first(static_cast<std::size_t>(size));
  if (connection.in_.empty()) {
    const std::size_t used = parse(connection, fresh, read_ns);
    if (connection.state_ != ConnectionState::closed) connection.in_.append(fresh.subspan(used));
    return;
  }
  connection.in_.append(fresh);
  const std::size_t used = parse(connection, connection.in_.data(), read_ns);
  if (connection.state_ != ConnectionState::closed) connection.in_.consume(used);
}

std::size_t Loop::parse(Connection& connection, std::span<const std::uint8_t> bytes,
                        std::uint64_t read_ns) {
  std::size_t used = 0;
  while (connection.state_ != ConnectionState::closed) {
    const Frame frame = next_frame(bytes.subspan(used));
    if (frame.state == FrameState::incomplete) break;
    if (frame.state == FrameState::malformed || !handle(connection, frame, read_ns)) {
      fail(exit_closed,
           "the broker sent a malformed packet, first byte " + std::to_string(bytes[used]));
    }
    used += frame.size_bytes;
  }
  return used;
}

bool Loop::handle(Connection& connection, const Frame& frame, std::uint64_t read_ns) {
  switch (frame.type()) {
    case PacketType::publish:
      return handle_publish(connection, frame, read_ns);
    case PacketType::connack: {
      ConnackView connack;
      if (!read_connack(frame, options_.mqtt, connack)) return false;
      if (connack.reason != 0) {
        fail(exit_set_up, "CONNECT refused with " + std::to_string(connack.reason));
      }
      connection.state_ = ConnectionState::connected;
      connection.receive_maximum = connack.receive_maximum;
      listener_.on_connected(connection);
      return true;
    }
    case PacketType::suback: {
      const std::uint8_t granted = frame.body.empty() ? std::uint8_t{0x80} : frame.body.back();
      if (granted < options_.qos) {
        fail(exit_set_up, "SUBSCRIBE granted QoS " + std::to_string(granted) + " only");
      }
      if (granted > 2) fail(exit_set_up, "SUBSCRIBE refused with " + std::to_string(granted));
      listener_.on_subscribed(connection);
      return true;
    }
    case PacketType::pingresp:
      listener_.on_pingresp(connection);
      return true;
    case PacketType::disconnect:
      lose(connection, "DISCONNECT " + std::to_string(frame.body.empty() ? 0 : frame.body[0]));
      return true;
    default:
      return handle_acknowledge(connection, frame);
  }
}

bool Loop::handle_publish(Connection& connection, const Frame& frame, std::uint64_t read_ns) {
  PublishView view;
  if (!read_publish(frame, options_.mqtt, view)) return false;
  if (view.qos > 0) {
    const auto answer = view.qos == 1 ? PacketType::puback : PacketType::pubrec;
    put_acknowledge(connection.out_, answer, view.packet_id);
    mark_dirty(connection);
  }
  listener_.on_publish(connection, view, read_ns);
  return true;
}

bool Loop::handle_acknowledge(Connection& connection, const Frame& frame) {
  AcknowledgeView view;
  if (!read_acknowledge(frame, view)) return false;
  switch (frame.type()) {
    case PacketType::pubrec:
      // A refused QoS 2 message ends here [MQTT-4.3.3-4].
      if (view.reason >= 0x80) {
        listener_.on_settled(connection, view);
        return true;
      }
      put_acknowledge(connection.out_, PacketType::pubrel, view.packet_id);
      mark_dirty(connection);
      return true;
    case PacketType::pubrel:
      put_acknowledge(connection.out_, PacketType::pubcomp, view.packet_id);
      mark_dirty(connection);
      return true;
    case PacketType::puback:
    case PacketType::pubcomp:
      listener_.on_settled(connection, view);
      return true;
    default:
      return false;
  }
}

void Loop::flush() {
  // `send` may lose a connection, and its listener may then start another one.
  for (std::size_t at = 0; at < dirty_.size(); ++at) {
    Connection& connection = *dirty_[at];
    connection.dirty_ = false;
    const bool is_open = connection.state_ == ConnectionState::waiting_connack ||
                         connection.state_ == ConnectionState::connected;
    if (is_open) send(connection);
  }
  dirty_.clear();
}

void Loop::send(Connection& connection) {
  while (!connection.out_.empty()) {
    const auto data = connection.out_.data();
    const ssize_t size = connection.socket_.send(data);
    if (size < 0) {
      if (errno == EAGAIN) break;
      if (errno == EINTR) continue;
      lose(connection, error_text("send", errno));
      return;
    }
    connection.out_.consume(static_cast<std::size_t>(size));
    if (static_cast<std::size_t>(size) < data.size()) break;
  }
  const bool wants_write = !connection.out_.empty() && !connection.socket_.waits_for_peer();
  if (wants_write != connection.wants_write_) watch(connection, wants_write, EPOLL_CTL_MOD);
}

void Loop::close(Connection& connection) {
  if (connection.state_ == ConnectionState::connected) {
    put_empty(connection.out_, PacketType::disconnect);
    const auto data = connection.out_.data();
    (void)connection.socket_.send(data);
  }
  close_socket(connection);
}

void Loop::lose(Connection& connection, const std::string& why) {
  close_socket(connection);
  listener_.on_closed(connection, why);
}

void Loop::close_socket(Connection& connection) {
  connection.socket_.close();
  connection.state_ = ConnectionState::closed;
  connection.in_.release();
  connection.out_.release();
}

}  // namespace lineshaft::load
