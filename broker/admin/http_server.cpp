#include "broker/admin/http_server.h"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>

#include "broker/admin/peer_check.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/net/listener.h"

namespace lineshaft::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;

/// The way from other threads into the admin thread; closed before that one ends.
class Gate {
 public:
  explicit Gate(asio::io_context& io) : io_(&io) {}

  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (io_ != nullptr) asio::post(*io_, std::move(work));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  asio::io_context* io_;
};

class HttpConnection;

/// What connections share; the admin thread's.
struct Shared {
  Shared(asio::io_context& io, std::vector<Route> routes, RequestTotals& request_totals)
      : gate(std::make_shared<Gate>(io)), router(std::move(routes)), totals(request_totals) {}

  const std::shared_ptr<Gate> gate;
  const Router router;
  RequestTotals& totals;
  std::unordered_set<HttpConnection*> open;
};

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::head:
      return Method::head;
    case http::verb::post:
      return Method::post;
    default:
      return Method::other;
  }
}

/// One client: reads a request, answers it, reads the next. Lives as long as an operation of it
/// waits.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(Socket socket, net::Accepted accepted, Caller caller, std::string asker,
                 Shared& shared)
      : stream_(std::move(socket)),
        patience_(stream_.get_executor()),
        buffer_(limits::http_header_bytes_max + limits::http_body_bytes_max),
        peer_(std::move(accepted.peer)),
        use_(std::move(accepted.use)),
        caller_(caller),
        asker_(std::move(asker)),
        shared_(shared) {
    shared_.open.insert(this);
  }
  ~HttpConnection() { shared_.open.erase(this); }

  void read() {
    request_ = {};
    parser_.emplace();
    parser_->header_limit(limits::http_header_bytes_max);
    parser_->body_limit(limits::http_body_bytes_max);
    stream_.expires_after(limits::http_request_deadline);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->on_read(error); });
  }

  void close() {
    patience_.cancel();
    stream_.close();
  }

 private:
  void on_read(error_code error) {
    if (error) {
      refuse(error);
      return;
    }
    const auto& message = parser_->get();
    request_.method = method_of(message.method());
    const std::string_view target(message.target().data(), message.target().size());
    request_.path = target.substr(0, target.find('?'));
    const auto host = message[http::field::host];
    request_.host.assign(host.data(), host.size());
    request_.body = message.body();
    request_.caller = caller_;
    request_.asker = asker_;
    keep_alive_ = message.keep_alive();
    if (caller_ == Caller::stranger) note_stranger();
    dispatch();
  }

  void dispatch() {
    auto found = shared_.router.find(request_);
    if (auto* const refused = std::get_if<HttpResponse>(&found)) {
      write(std::move(*refused));
      return;
    }
    route_ = std::get<const Route*>(found);
    ++exchange_;
    patience_.expires_after(route_->patience);
    patience_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (cancelled || self->route_ == nullptr) return;
      count(Counter::http_late_answers);
      LINESHAFT_LOG(admin, warn, "http_answer_late", {"path", self->route_->path});
      self->answer(self->exchange_, self->route_->late);
    });
    route_->handle(request_, [gate = shared_.gate, weak = weak_from_this(),
                              exchange = exchange_](Render render) {
      gate->post([weak, exchange, render = std::move(render)] {
        if (const auto self = weak.lock()) self->answer(exchange, render);
      });
    });
  }

  /// The first answer of an exchange; others are too late.
  void answer(std::uint64_t exchange, const Render& render) {
    if (exchange != exchange_ || route_ == nullptr) return;
    HttpResponse response = render();
    patience_.cancel();
    if (request_.method == Method::post) {
      LINESHAFT_LOG(admin, info, "http_post", {"path", request_.path}, {"peer", peer_->address},
                    {"asker", asker_}, {"status", response.status});
    }
    write(std::move(response));
  }

  /// What could not be read.
  void refuse(error_code error) {
    keep_alive_ = false;
    if (error == beast::error::timeout) {
      note_timeout();
      return;
    }
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      count(Counter::http_headers_refused_limit);
      LINESHAFT_LOG(admin, warn, "http_header_too_large", {"peer", peer_->address},
                    {"bytes_max", limits::http_header_bytes_max});
      write(problem(431, "The header fields are too large."));
    } else if (error == http::error::body_limit) {
      count(Counter::http_bodies_refused_limit);
      LINESHAFT_LOG(admin, warn, "http_body_too_large", {"peer", peer_->address},
                    {"bytes_max", limits::http_body_bytes_max});
      write(problem(413, "The body is too large."));
    } else if (is_malformed(error)) {
      write(problem(400, "This is not HTTP/1.1."));
    }
  }

  void note_timeout() {
    if (!parser_->got_some()) {
      count(Counter::http_idle_closed);
      LINESHAFT_LOG(admin, debug, "http_idle_closed", {"peer", peer_->address});
      return;
    }
    count(Counter::http_request_timeouts);
    LINESHAFT_LOG(admin, warn, "http_request_timeout", {"peer", peer_->address},
                  {"after_ms", Milliseconds{limits::http_request_deadline}.count()});
  }

  static bool is_malformed(error_code error) {
    return error.category() == http::make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
  }

  void note_stranger() {
    count(Counter::http_peers_refused);
    LINESHAFT_LOG(admin, warn, "http_peer_refused", {"peer", peer_->address},
                  {"path", request_.path});
  }

  void write(HttpResponse from) {
    shared_.totals.add(route_ != nullptr ? route_->path : "other", from.status);
    route_ = nullptr;
    response_ = {};
    response_.result(from.status);
    response_.set(http::field::content_type, from.content_type);
    response_.set(http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    if (!from.allow.empty()) response_.set(http::field::allow, from.allow);
    response_.content_length(from.body.size());
    if (request_.method != Method::head) response_.body() = std::move(from.body);
    response_.keep_alive(keep_alive_);
    stream_.expires_after(limits::http_request_deadline);
    http::async_write(
        stream_, response_,
        [self = shared_from_this()](error_code error, std::size_t) { self->on_written(error); });
  }

  void on_written(error_code error) {
    if (error == beast::error::timeout) note_timeout();
    if (error) return;
    if (keep_alive_) {
      read();
      return;
    }
    stream_.socket().shutdown(Socket::shutdown_send, error);
    buffer_.clear();
    swallow();
  }

  /// What the client still sends: closing at once could make the system drop the answer.
  void swallow() {
    stream_.async_read_some(buffer_.prepare(1024),
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (!error) self->swallow();  // the deadline of the write still runs
                            });
  }

  beast::basic_stream<asio::generic::stream_protocol> stream_;
  asio::steady_timer patience_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  HttpRequest request_;
  http::response<http::string_body> response_;
  bool keep_alive_ = false;
  /// The route that works on `request_`; null: none does.
  const Route* route_ = nullptr;
  std::uint64_t exchange_ = 0;

  const std::shared_ptr<const core::Peer> peer_;
  const net::ListenerUse use_;
  const Caller caller_;
  const std::string asker_;
  Shared& shared_;
};

}  // namespace

class HttpServer::Impl {
 public:
  Impl(std::vector<net::ListenerOptions> listeners, std::vector<Route> routes,
       RequestTotals& totals)
      : options_(std::move(listeners)), shared_(io_, std::move(routes), totals) {}
  ~Impl() { stop(); }

  std::optional<net::ListenError> start() {
    for (const net::ListenerOptions& one : options_) {
      auto opened = net::open_endpoint(one);
      if (auto* const error = std::get_if<net::ListenError>(&opened)) {
        listeners_.clear();
        return std::move(*error);
      }
      open_.push_back(std::make_unique<std::atomic<std::size_t>>(0));
      listeners_.push_back(std::make_unique<net::Listener>(
          io_, one, std::get<net::Endpoint>(std::move(opened)), *open_.back(),
          [this, path = one.unix_path](net::Accepted accepted) {
            adopt(path, std::move(accepted));
          }));
    }
    for (const auto& listener : listeners_) {
      addresses_.push_back(listener->address());
      listener->start();
    }
    thread_ = std::thread([this] { io_.run(); });
    return std::nullopt;
  }

  void stop() {
    if (!thread_.joinable()) return;
    shared_.gate->post([this] {
      for (const auto& listener : listeners_) listener->stop();
      const auto open = shared_.open;  // closing may end some
      for (HttpConnection* const each : open) each->close();
      work_.reset();
    });
    shared_.gate->close();
    thread_.join();
  }

  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  void adopt(const std::string& unix_path, net::Accepted accepted) {
    const bool is_unix = !unix_path.empty();
    const int socket = accepted.socket.get();
    const Caller caller = is_unix ? caller_at(socket, unix_path) : Caller::loopback;
    std::string asker = is_unix ? asker_at(socket) : std::string();
    const asio::generic::stream_protocol protocol(domain_of(socket), 0);
    error_code error;
    Socket taken(io_);
    taken.assign(protocol, socket, error);
    if (error) return;
    accepted.socket.release();
    std::make_shared<HttpConnection>(std::move(taken), std::move(accepted), caller,
                                     std::move(asker), shared_)
        ->read();
  }

  static int domain_of(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return address.ss_family;
  }

  const std::vector<net::ListenerOptions> options_;
  /// Connections of each listener; they outlive the connections.
  std::vector<std::unique_ptr<std::atomic<std::size_t>>> open_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  Shared shared_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::vector<std::string> addresses_;
  std::thread thread_;
};

HttpServer::HttpServer(std::vector<net::ListenerOptions> listeners, std::vector<Route> routes,
                       RequestTotals& totals)
    : impl_(std::make_unique<Impl>(std::move(listeners), std::move(routes), totals)) {}

HttpServer::~HttpServer() = default;

std::optional<net::ListenError> HttpServer::start() { return impl_->start(); }
void HttpServer::stop() { impl_->stop(); }
std::vector<std::string> HttpServer::addresses() const { return impl_->addresses(); }

}  // namespace lineshaft::admin
