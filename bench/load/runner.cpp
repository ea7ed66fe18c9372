#include "bench/load/runner.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "bench/load/clock.h"

namespace lineshaft::load {
namespace {

constexpr std::uint64_t poll_ns = 20'000'000;

std::string digits(std::uint64_t value, int width) {
  char text[24];
  std::snprintf(text, sizeof text, "%0*llu", width, static_cast<unsigned long long>(value));
  return text;
}

double per(std::uint64_t used_ns, std::uint64_t messages) {
  return messages == 0 ? 0.0 : static_cast<double>(used_ns) / 1e3 / static_cast<double>(messages);
}

}  // namespace

Runner::Runner(const Options& options) : options_(options), loop_(options, *this) {
  id_prefix_ = "load-" + std::to_string(getpid()) + "-";
}

void Runner::on_connected(Connection&) { ++connected_; }

void Runner::on_subscribed(Connection&) { ++subscribed_; }

void Runner::on_closed(Connection&, const std::string& why) {
  if (setting_up_) fail(exit_set_up, "a connection was lost during set-up: " + why);
  if (++disconnects_ == 1) std::fprintf(stderr, "lineshaft_load: lost: %s\n", why.c_str());
}

Runner::Moment Runner::take_moment() const {
  Moment moment;
  moment.at_ns = monotonic_ns();
  if (!options_.pids.empty()) moment.broker = sample_processes(options_.pids);
  moment.own_cpu_ns = own_cpu_ns();
  moment.soft_interrupt_cpu_ns = soft_interrupt_cpu_ns();
  moment.machine_cpu_ns = machine_cpu_ns();
  return moment;
}

ConnectRequest Runner::make_request(const std::string& role, std::size_t index, bool clean) const {
  ConnectRequest request;
  request.mqtt = options_.mqtt;
  request.client_id = id_prefix_ + role + std::to_string(index);
  request.clean = clean;
  request.receive_maximum = role == "sub" ? options_.receive_maximum : std::uint16_t{0};
  return request;
}

std::vector<Connection*> Runner::open(const std::string& role, std::uint32_t count, bool clean) {
  std::vector<Connection*> connections;
  connections.reserve(count);
  const std::uint64_t before = connected_;
  while (connected_ - before < count) {
    const auto started = [&] { return connections.size(); };
    const auto pending = [&] { return started() - (connected_ - before); };
    while (started() < count && pending() < options_.concurrency) {
      Connection& connection = loop_.add(started());
      connections.push_back(&connection);
      loop_.start(connection, make_request(role, connection.index, clean));
    }
    const std::uint64_t reached = connected_;
    if (!run_until([&] { return connected_ > reached; }, options_.timeout_s)) {
      fail(exit_set_up, "no CONNACK within the time-out");
    }
  }
  return connections;
}

void Runner::subscribe(const std::vector<Connection*>& connections,
                       const std::function<std::string(std::size_t)>& filter_of) {
  const std::uint64_t wanted = subscribed_ + connections.size();
  for (Connection* connection : connections) {
    loop_.subscribe(*connection, filter_of(connection->index), options_.qos);
  }
  if (!run_until([&] { return subscribed_ >= wanted; }, options_.timeout_s)) {
    fail(exit_set_up, "no SUBACK within the time-out");
  }
}

bool Runner::run_until(const std::function<bool()>& done, double patience_s) {
  const auto patience_ns = static_cast<std::uint64_t>(patience_s * 1e9);
  std::uint64_t bytes = loop_.bytes_read();
  std::uint64_t progress_ns = monotonic_ns();
  loop_.flush();
  while (!done()) {
    loop_.poll(poll_ns);
    loop_.flush();
    const std::uint64_t at_ns = monotonic_ns();
    if (loop_.bytes_read() != bytes) progress_ns = at_ns;
    bytes = loop_.bytes_read();
    if (at_ns - progress_ns > patience_ns) return false;
  }
  return true;
}

void Runner::close(const std::vector<Connection*>& connections) {
  for (Connection* connection : connections) loop_.close(*connection);
}

void Runner::report_setting(JsonObject& json) const {
  json.add("shape", shape_name(options_.shape));
  json.add("mqtt", options_.mqtt == 5 ? "5.0" : "3.1.1");
  json.add("qos", static_cast<int>(options_.qos));
  json.add("payload_bytes", options_.payload_bytes);
}

void Runner::report_cost(JsonObject& json, const Moment& from, const Moment& to,
                         std::uint64_t messages) const {
  const double seconds = static_cast<double>(to.at_ns - from.at_ns) / 1e9;
  const std::uint64_t own_ns = to.own_cpu_ns - from.own_cpu_ns;
  json.add("gen_cpu_us", per(own_ns, messages));
  json.add("gen_cpu_share", static_cast<double>(own_ns) / 1e9 / seconds);
  json.add("soft_interrupt_us",
           per(to.soft_interrupt_cpu_ns - from.soft_interrupt_cpu_ns, messages));
  if (!from.broker || !to.broker) return;
  const std::uint64_t cpu_ns = to.broker->cpu_ns - from.broker->cpu_ns;
  const std::uint64_t user_ns = to.broker->user_ns - from.broker->user_ns;
  const std::uint64_t system_ns = to.broker->system_ns - from.broker->system_ns;
  json.add("cpu_us_per_msg", per(cpu_ns, messages));
  const auto machine_ns = static_cast<double>(to.machine_cpu_ns - from.machine_cpu_ns);
  const double others_ns = machine_ns - static_cast<double>(own_ns + cpu_ns);
  json.add("others_cpu_share", std::max(0.0, others_ns) / 1e9 / seconds / machine_cores());
  json.add("cpu_share", static_cast<double>(cpu_ns) / 1e9 / seconds);
  if (user_ns + system_ns > 0) {
    json.add("user_share", static_cast<double>(user_ns) / static_cast<double>(user_ns + system_ns));
  }
  json.add("rss_bytes", to.broker->rss_bytes);
  json.add("rss_peak_bytes", to.broker->peak_rss_bytes);
}

std::string plant_topic(std::uint64_t index) {
  const auto take = [&](std::uint64_t base) {
    const std::uint64_t part = index % base;
    index /= base;
    return part;
  };
  const std::string value = digits(take(10), 1);
  const std::string motor = digits(take(10), 2);
  const std::string cell = digits(take(10), 2);
  const std::string line = digits(take(10), 2);
  const std::string area = digits(take(10), 2);
  const std::string site = digits(index, 3);
  return "acme/site-" + site + "/area-" + area + "/line-" + line + "/cell-" + cell + "/motor-" +
         motor + "/value-" + value;
}

}  // namespace lineshaft::load
