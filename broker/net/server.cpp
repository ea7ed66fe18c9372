#include "broker/net/server.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>

#include "broker/base/assert.h"
#include "broker/net/listener.h"
#include "broker/net/shard.h"

namespace lineshaft::net {
namespace {

/// Waits until something happened n times, or for so long; used at shutdown only.
class Latch {
 public:
  explicit Latch(std::size_t count) : left_(count) {}

  void arrive() {
    const std::lock_guard lock(mutex_);
    if (left_ > 0) --left_;
    condition_.notify_all();
  }
  /// False: time was up.
  bool wait_for(Milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return condition_.wait_for(lock, timeout, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  std::size_t left_;
};

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, std::unique_ptr<Machine> machine, core::Store* store, Clock& clock)
      : options_(std::move(options)),
        machine_(std::move(machine)),
        clock_(clock),
        turn_(*machine_, clock, store, options_.shards) {
    LINESHAFT_ASSERT(options_.shards > 0);
    for (std::size_t i = 0; i < options_.shards; ++i) {
      shards_.push_back(std::make_unique<Shard>(i, options_.shard, turn_, clock));
      turn_.add_shard(*shards_.back());
    }
    turn_.set_reply_handler([this](core::Reply reply) { pass_on(std::move(reply)); });
  }
  ~Impl() { stop(); }

  Turn& turn() { return turn_; }
  void set_authenticator(core::Authenticator* authenticator) {
    for (const auto& shard : shards_) shard->set_authenticator(authenticator);
  }

  std::optional<ListenError> start() {
    std::vector<Endpoint> endpoints;
    for (const ListenerOptions& one : options_.listeners) {
      auto opened = open_endpoint(one);
      if (auto* const error = std::get_if<ListenError>(&opened)) {
        for (const Endpoint& endpoint : endpoints) discard(endpoint);
        return std::move(*error);
      }
      endpoints.push_back(std::get<Endpoint>(std::move(opened)));
    }
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      open_.push_back(std::make_unique<std::atomic<std::size_t>>(0));
      listeners_.push_back(std::make_unique<Listener>(
          shards_[0]->io(), options_.listeners[i], std::move(endpoints[i]), *open_.back(),
          [this, i](Accepted accepted) {
            accepted.listener = i;
            least_loaded().adopt(std::move(accepted));
          },
          &clock_));
      listeners_.back()->start();
    }
    for (const auto& shard : shards_) threads_.emplace_back([&shard] { shard->run(); });
    return std::nullopt;
  }

  std::vector<Bound> bound() const {
    std::vector<Bound> all;
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      all.push_back({options_.listeners[i].name, listeners_[i]->address(), listeners_[i]->port()});
    }
    return all;
  }

  void request(core::Request request, std::function<void(core::Reply)> on_reply) {
    request.id = expect_reply(std::move(on_reply));
    turn_.submit(std::move(request));
  }

  void change_policy(std::shared_ptr<core::Interceptor> interceptor,
                     std::function<void(core::Reply)> on_reply) {
    const std::uint64_t id = expect_reply(std::move(on_reply));
    turn_.submit(core::PolicyChanged{std::move(interceptor), id});
  }

  void post_to_shard0(std::function<void()> work) { shards_[0]->post(std::move(work)); }

  void add_periodic(Milliseconds interval, std::function<void(Now)> work) {
    // Also right after the start: statistics should not be missing for the first interval.
    shards_[0]->on_tick = [before = std::move(shards_[0]->on_tick), interval,
                           work = std::move(work), next = Instant{}](Now now) mutable {
      if (before) before(now);
      if (now.steady < next) return;
      next = now.steady + interval;
      work(now);
    };
  }

  void set_refusing_clients(bool refusing) {
    for (const auto& listener : listeners_) listener->set_refusing(refusing);
  }

  bool drain() {
    if (threads_.empty() || std::exchange(drained_, true)) return true;
    const Instant end = clock_.now().steady + options_.drain;
    const auto left = [this, end] { return std::max(end - clock_.now().steady, Milliseconds{0}); };
    close_listeners();
    for (const auto& shard : shards_) shard->stop_reading();
    const auto goodbye = std::make_shared<Latch>(1);
    request({0, core::DrainRequest{}}, [goodbye](core::Reply) { goodbye->arrive(); });
    const bool decided = goodbye->wait_for(left());
    const auto flushed = std::make_shared<Latch>(shards_.size());
    for (const auto& shard : shards_) {
      shard->when_flushed([flushed] { flushed->arrive(); });
    }
    return flushed->wait_for(left()) && decided;
  }

  void stop() {
    if (threads_.empty()) return;
    close_listeners();
    for (const auto& shard : shards_) shard->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    listeners_.clear();
  }

  std::size_t connections() const {
    std::size_t sum = 0;
    for (const auto& shard : shards_) sum += shard->connections();
    return sum;
  }

  std::vector<std::size_t> listener_connections() const {
    std::vector<std::size_t> all;
    for (const auto& one : open_) all.push_back(one->load(std::memory_order_relaxed));
    return all;
  }

 private:
  static void discard(const Endpoint& endpoint) {
    if (endpoint.is_unix) std::remove(endpoint.address.c_str());
  }

  Shard& least_loaded() {
    return **std::min_element(shards_.begin(), shards_.end(), [](const auto& a, const auto& b) {
      return a->connections() < b->connections();
    });
  }

  std::uint64_t expect_reply(std::function<void(core::Reply)> on_reply) {
    const std::uint64_t id = next_request_.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(requests_mutex_);
    requests_.emplace(id, std::move(on_reply));
    return id;
  }

  /// Inside the turn: the callback has to wait until the turn is over, and for its thread.
  void pass_on(core::Reply reply) {
    shards_[0]->post([this, reply] {
      std::function<void(core::Reply)> on_reply;
      {
        const std::lock_guard lock(requests_mutex_);
        const auto found = requests_.find(reply.id);
        if (found == requests_.end()) return;
        on_reply = std::move(found->second);
        requests_.erase(found);
      }
      on_reply(reply);
    });
  }

  /// On shard 0, where they live; waits for it.
  void close_listeners() {
    if (std::exchange(listeners_closed_, true)) return;
    const auto closed = std::make_shared<Latch>(1);
    post_to_shard0([this, closed] {
      for (const auto& listener : listeners_) listener->stop();
      closed->arrive();
    });
    closed->wait_for(options_.drain);
  }

  ServerOptions options_;
  std::unique_ptr<Machine> machine_;
  Clock& clock_;
  Turn turn_;
  /// Connections of each listener; they outlive the shards.
  std::vector<std::unique_ptr<std::atomic<std::size_t>>> open_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::thread> threads_;
  bool listeners_closed_ = false;
  bool drained_ = false;

  std::atomic<std::uint64_t> next_request_{1};
  /// Requests are rare; this lock is not on the way of any message.
  std::mutex requests_mutex_;
  std::unordered_map<std::uint64_t, std::function<void(core::Reply)>> requests_;
};

Server::Server(ServerOptions options, std::unique_ptr<Machine> machine, core::Store* store,
               Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(machine), store, clock)) {}

Server::~Server() = default;

core::InputSink& Server::sink() { return impl_->turn(); }
void Server::set_store(core::Store* store) { impl_->turn().set_store(store); }
void Server::set_authenticator(core::Authenticator* authenticator) {
  impl_->set_authenticator(authenticator);
}
void Server::distribute(core::Effects& effects) { impl_->turn().distribute(effects); }
std::optional<ListenError> Server::start() { return impl_->start(); }
std::vector<Server::Bound> Server::bound() const { return impl_->bound(); }

void Server::request(core::Request request, std::function<void(core::Reply)> on_reply) {
  impl_->request(std::move(request), std::move(on_reply));
}

void Server::change_policy(std::shared_ptr<core::Interceptor> interceptor,
                           std::function<void(core::Reply)> on_reply) {
  impl_->change_policy(std::move(interceptor), std::move(on_reply));
}

void Server::post_to_shard0(std::function<void()> work) { impl_->post_to_shard0(std::move(work)); }

void Server::add_periodic(Milliseconds interval, std::function<void(Now)> work) {
  impl_->add_periodic(interval, std::move(work));
}

void Server::set_refusing_clients(bool refusing) { impl_->set_refusing_clients(refusing); }

bool Server::drain() { return impl_->drain(); }
void Server::stop() { impl_->stop(); }
std::size_t Server::connections() const { return impl_->connections(); }
std::vector<std::size_t> Server::listener_connections() const {
  return impl_->listener_connections();
}

}  // namespace lineshaft::net
