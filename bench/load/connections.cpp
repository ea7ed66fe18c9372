// Shapes idle and connect: what a connection costs to hold and to make.

#include "bench/load/clock.h"
#include "bench/load/histogram.h"
#include "bench/load/runner.h"

namespace lineshaft::load {
namespace {

std::uint64_t nanoseconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

class Idle final : public Runner {
 public:
  explicit Idle(const Options& options) : Runner(options) {}

  int run() {
    // A few connections first: what the broker allocates once must not count per connection.
    auto early = open("warm", 10, true);
    const Moment from = take_moment();
    auto connections = open("idle", options_.connections, true);
    if (options_.idle_subscribe) {
      subscribe(connections, [](std::size_t index) { return plant_topic(index); });
    }
    const Moment opened = take_moment();
    setting_up_ = false;
    hold();
    const Moment to = take_moment();
    report(from, opened, to);
    close(connections);
    close(early);
    return disconnects_ > 0 ? exit_closed : exit_ok;
  }

 private:
  void hold() {
    const std::uint64_t end_ns = monotonic_ns() + nanoseconds(options_.seconds);
    run_until([&] { return monotonic_ns() >= end_ns; }, options_.seconds * 2 + 1);
  }

  void report(const Moment& from, const Moment& opened, const Moment& to) {
    JsonObject json;
    report_setting(json);
    json.add("connections", options_.connections);
    json.add("disconnects", disconnects_);
    if (from.broker && opened.broker && to.broker) {
      const double count = options_.connections;
      const double grown =
          static_cast<double>(to.broker->rss_bytes) - static_cast<double>(from.broker->rss_bytes);
      const auto connect_ns = static_cast<double>(opened.broker->cpu_ns - from.broker->cpu_ns);
      const auto idle_ns = static_cast<double>(to.broker->cpu_ns - opened.broker->cpu_ns);
      json.add("rss_per_connection", grown / count);
      json.add("rss_bytes", to.broker->rss_bytes);
      json.add("cpu_us_per_connect", connect_ns / 1e3 / count);
      json.add("idle_cpu_share", idle_ns / static_cast<double>(to.at_ns - opened.at_ns));
    }
    json.print();
  }
};

class ConnectStorm final : public Runner {
 public:
  explicit ConnectStorm(const Options& options) : Runner(options) {}

  void on_connected(Connection& connection) override {
    Runner::on_connected(connection);
    if (measuring_) latency_.record(monotonic_ns() - connection.started_ns);
    loop_.close(connection);
    ended_.push_back(&connection);
  }

  void on_closed(Connection& connection, const std::string& why) override {
    Runner::on_closed(connection, why);
    ended_.push_back(&connection);
  }

  int run() {
    setting_up_ = false;
    for (std::uint32_t at = 0; at < options_.concurrency; ++at) start(loop_.add(at));
    go_on_for(options_.warmup_s);
    measuring_ = true;
    const std::uint64_t before = connected_;
    const Moment from = take_moment();
    go_on_for(options_.seconds);
    const Moment to = take_moment();
    const std::uint64_t made = connected_ - before;

    const double seconds = static_cast<double>(to.at_ns - from.at_ns) / 1e9;
    JsonObject json;
    report_setting(json);
    json.add("concurrency", options_.concurrency);
    json.add("connects", made);
    json.add("connects_per_s", static_cast<double>(made) / seconds);
    report_cost(json, from, to, made);
    json.add("p50_us", static_cast<double>(latency_.percentile_ns(0.5)) / 1e3);
    json.add("p99_us", static_cast<double>(latency_.percentile_ns(0.99)) / 1e3);
    json.add("disconnects", disconnects_);
    json.print();
    if (made == 0) fail(exit_set_up, "no connection was accepted");
    return disconnects_ > 0 ? exit_closed : exit_ok;
  }

 private:
  void start(Connection& connection) {
    loop_.start(connection, make_request("storm", connection.index, true));
  }

  void go_on_for(double seconds) {
    const std::uint64_t end_ns = monotonic_ns() + nanoseconds(seconds);
    const auto restart_and_look = [&] {
      std::vector<Connection*> ended;
      ended.swap(ended_);
      for (Connection* connection : ended) start(*connection);
      return monotonic_ns() >= end_ns;
    };
    run_until(restart_and_look, seconds + options_.timeout_s);
  }

  Histogram latency_;
  std::vector<Connection*> ended_;  ///< started anew outside of their own event
  bool measuring_ = false;
};

}  // namespace

int run_idle(const Options& options) { return Idle(options).run(); }

int run_connect(const Options& options) { return ConnectStorm(options).run(); }

}  // namespace lineshaft::load
