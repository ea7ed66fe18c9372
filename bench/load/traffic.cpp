// Shapes p2p, fanin and fanout: publishers and subscribers, measured message by message.

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bench/load/clock.h"
#include "bench/load/delivery_track.h"
#include "bench/load/histogram.h"
#include "bench/load/publisher.h"
#include "bench/load/runner.h"

namespace lineshaft::load {
namespace {

constexpr std::uint64_t longest_wait_ns = 20'000'000;
/// A QoS 0 publisher whose whole window was dropped by the broker starts anew after this.
constexpr std::uint64_t give_up_ns = 1'000'000'000;
constexpr double drain_patience_qos0_s = 1;
constexpr double drain_patience_s = 5;

std::string cell_topic(std::size_t index) {
  return "acme/site-001/area-01/line-01/cell-01/press-" + std::to_string(index) + "/temperature";
}
constexpr const char* cell_filter = "acme/site-001/area-01/line-01/cell-01/+/temperature";

class Traffic final : public Runner {
 public:
  explicit Traffic(const Options& options)
      : Runner(options),
        run_(static_cast<std::uint32_t>(monotonic_ns() ^ static_cast<std::uint64_t>(getpid()))) {}

  int run();

  void on_publish(Connection& connection, const PublishView& view, std::uint64_t at_ns) override;
  void on_settled(Connection& connection, const AcknowledgeView& view) override;
  void on_closed(Connection& connection, const std::string& why) override;

 private:
  struct Counts {
    std::uint64_t sent = 0;
    std::uint64_t delivered = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t reordered = 0;
    std::uint64_t stray = 0;
    std::uint64_t refused = 0;
    std::uint64_t window_resets = 0;
  };

  void set_up();
  void drive_until(std::uint64_t end_ns);
  void pump(std::uint64_t at_ns);
  void schedule(std::uint64_t at_ns);
  void send_due(Publisher& publisher, std::uint64_t at_ns);
  void make_ready(std::uint32_t index);
  void release_stuck(std::uint64_t at_ns);
  std::uint64_t scheduled_ns(std::uint64_t number) const;
  std::uint64_t wait_ns(std::uint64_t at_ns, std::uint64_t end_ns) const;
  DeliveryTrack& track(std::size_t subscriber, std::uint32_t publisher);
  bool all_done() const;
  std::uint64_t count_lost();
  int report(const Moment& from, const Moment& to, const Counts& before, const Counts& after);

  std::uint32_t run_;
  std::vector<Connection*> subscribers_;
  std::vector<Connection*> publishing_;
  std::vector<Publisher> publishers_;
  std::vector<DeliveryTrack> tracks_;
  std::vector<std::uint32_t> ready_;
  std::vector<std::uint32_t> looking_at_;
  Counts counts_;
  Histogram latency_;
  bool measuring_ = false;
  bool broken_ = false;
  std::uint64_t start_ns_ = 0;
  std::uint64_t next_number_ = 0;  ///< of all publishers, in paced mode
  std::uint64_t looked_for_stuck_ns_ = 0;
};

DeliveryTrack& Traffic::track(std::size_t subscriber, std::uint32_t publisher) {
  if (options_.shape == Shape::p2p) return tracks_[publisher];
  return tracks_[subscriber * options_.publishers + publisher];
}

void Traffic::set_up() {
  const bool p2p = options_.shape == Shape::p2p;
  subscribers_ = open("sub", options_.subscribers, !options_.durable);
  subscribe(subscribers_, [&](std::size_t index) -> std::string {
    if (p2p) return cell_topic(index);
    return options_.shape == Shape::fanout && options_.publishers == 1 ? cell_topic(0)
                                                                       : cell_filter;
  });
  publishing_ = open("pub", options_.publishers, true);
  const std::uint32_t receivers = p2p ? 1 : options_.subscribers;
  tracks_.resize(p2p ? options_.publishers
                     : std::size_t{options_.publishers} * options_.subscribers);
  publishers_.reserve(options_.publishers);
  for (std::uint32_t index = 0; index < options_.publishers; ++index) {
    Connection& connection = *publishing_[index];
    std::uint32_t window = options_.window;
    if (options_.qos > 0) window = std::min<std::uint32_t>(window, connection.receive_maximum);
    publishers_.emplace_back(connection,
                             make_publish(options_.mqtt, cell_topic(index), options_.qos,
                                          options_.retain, options_.payload_bytes),
                             index, window, receivers);
    if (options_.rate_per_s <= 0) make_ready(index);
  }
}

void Traffic::on_publish(Connection& connection, const PublishView& view, std::uint64_t at_ns) {
  PayloadHead head{};
  if (view.payload.size() < payload_head_bytes) {
    ++counts_.stray;
    return;
  }
  std::memcpy(&head, view.payload.data(), sizeof head);
  const bool is_ours = head.run == run_ && head.publisher < publishers_.size() &&
                       (options_.shape != Shape::p2p || head.publisher == connection.index);
  if (!is_ours) {
    ++counts_.stray;
    return;
  }
  const auto arrival = track(connection.index, head.publisher).arrive(head.sequence);
  if (arrival.is_duplicate) {
    ++counts_.duplicates;
    return;
  }
  if (arrival.is_reordered) ++counts_.reordered;
  ++counts_.delivered;
  if (measuring_) latency_.record(at_ns > head.sent_ns ? at_ns - head.sent_ns : 0);
  Publisher& publisher = publishers_[head.publisher];
  for (std::uint64_t passed = arrival.passed_from; passed < arrival.passed_end; ++passed) {
    publisher.delivered(passed, at_ns);
  }
  if (publisher.window_open()) make_ready(head.publisher);
}

void Traffic::on_settled(Connection& connection, const AcknowledgeView& view) {
  const auto index = static_cast<std::uint32_t>(connection.index);
  Publisher& publisher = publishers_[index];
  if (view.reason >= 0x80) ++counts_.refused;
  if (!publisher.settled(view.packet_id, monotonic_ns())) ++counts_.stray;
  if (publisher.window_open()) make_ready(index);
}

void Traffic::on_closed(Connection& connection, const std::string& why) {
  Runner::on_closed(connection, why);
  broken_ = true;
}

void Traffic::make_ready(std::uint32_t index) {
  if (publishers_[index].is_ready) return;
  publishers_[index].is_ready = true;
  ready_.push_back(index);
}

std::uint64_t Traffic::scheduled_ns(std::uint64_t number) const {
  const double after_s = static_cast<double>(number) / options_.rate_per_s;
  return start_ns_ + static_cast<std::uint64_t>(std::llround(after_s * 1e9));
}

void Traffic::schedule(std::uint64_t at_ns) {
  while (scheduled_ns(next_number_) <= at_ns) {
    const auto index = static_cast<std::uint32_t>(next_number_ % publishers_.size());
    ++publishers_[index].due;
    make_ready(index);
    ++next_number_;
  }
}

void Traffic::send_due(Publisher& publisher, std::uint64_t at_ns) {
  const auto index = static_cast<std::uint64_t>(&publisher - publishers_.data());
  while (publisher.due > 0 && publisher.window_open()) {
    const std::uint64_t number = publisher.scheduled * publishers_.size() + index;
    publisher.send(scheduled_ns(number), at_ns, run_);
    ++publisher.scheduled;
    --publisher.due;
    ++counts_.sent;
  }
}

void Traffic::pump(std::uint64_t at_ns) {
  if (options_.rate_per_s > 0) schedule(at_ns);
  looking_at_.swap(ready_);
  for (const std::uint32_t index : looking_at_) {
    Publisher& publisher = publishers_[index];
    publisher.is_ready = false;
    if (!publisher.connection().is_connected()) continue;
    if (options_.rate_per_s > 0) {
      send_due(publisher, at_ns);
    } else {
      for (; publisher.window_open(); ++counts_.sent) publisher.send(at_ns, at_ns, run_);
    }
    loop_.mark_dirty(publisher.connection());
  }
  looking_at_.clear();
}

void Traffic::release_stuck(std::uint64_t at_ns) {
  if (options_.qos > 0 || at_ns - looked_for_stuck_ns_ < give_up_ns / 10) return;
  looked_for_stuck_ns_ = at_ns;
  for (std::uint32_t index = 0; index < publishers_.size(); ++index) {
    Publisher& publisher = publishers_[index];
    if (publisher.window_open() || at_ns < publisher.last_progress_ns() + give_up_ns) continue;
    publisher.give_up(at_ns);
    ++counts_.window_resets;
    make_ready(index);
  }
}

std::uint64_t Traffic::wait_ns(std::uint64_t at_ns, std::uint64_t end_ns) const {
  std::uint64_t until_ns = std::min(end_ns, at_ns + longest_wait_ns);
  if (options_.rate_per_s > 0) until_ns = std::min(until_ns, scheduled_ns(next_number_));
  return until_ns > at_ns ? until_ns - at_ns : 0;
}

void Traffic::drive_until(std::uint64_t end_ns) {
  std::uint64_t at_ns = monotonic_ns();
  while (at_ns < end_ns && !broken_) {
    pump(at_ns);
    loop_.flush();
    loop_.poll(wait_ns(monotonic_ns(), end_ns));
    at_ns = monotonic_ns();
    release_stuck(at_ns);
  }
}

bool Traffic::all_done() const {
  return std::all_of(publishers_.begin(), publishers_.end(),
                     [](const Publisher& publisher) { return publisher.all_done(); });
}

std::uint64_t Traffic::count_lost() {
  std::uint64_t lost = 0;
  const bool p2p = options_.shape == Shape::p2p;
  for (std::uint32_t publisher = 0; publisher < publishers_.size(); ++publisher) {
    const std::size_t receivers = p2p ? 1 : subscribers_.size();
    for (std::size_t subscriber = 0; subscriber < receivers; ++subscriber) {
      lost += track(subscriber, publisher).lost(publishers_[publisher].sent());
    }
  }
  return lost;
}

int Traffic::run() {
  // Without this the kernel may wake a paced sender 50 us late.
  prctl(PR_SET_TIMERSLACK, 1ul);
  set_up();
  setting_up_ = false;
  start_ns_ = monotonic_ns();
  drive_until(start_ns_ + static_cast<std::uint64_t>(options_.warmup_s * 1e9));

  measuring_ = true;
  const Counts before = counts_;
  const Moment from = take_moment();
  drive_until(from.at_ns + static_cast<std::uint64_t>(options_.seconds * 1e9));
  const Moment to = take_moment();
  const Counts after = counts_;
  measuring_ = false;

  const double patience_s = options_.qos == 0 ? drain_patience_qos0_s : drain_patience_s;
  run_until([&] { return broken_ || all_done(); }, patience_s);
  close(publishing_);
  close(subscribers_);
  return report(from, to, before, after);
}

int Traffic::report(const Moment& from, const Moment& to, const Counts& before,
                    const Counts& after) {
  const std::uint64_t delivered = after.delivered - before.delivered;
  const double seconds = static_cast<double>(to.at_ns - from.at_ns) / 1e9;
  const std::uint64_t lost = count_lost();
  JsonObject json;
  report_setting(json);
  json.add("publishers", options_.publishers);
  json.add("subscribers", options_.subscribers);
  json.add("window", options_.window);
  json.add("rate", options_.rate_per_s);
  json.add("seconds", seconds);
  json.add("sent", after.sent - before.sent);
  json.add("delivered", delivered);
  json.add("delivered_per_s", static_cast<double>(delivered) / seconds);
  report_cost(json, from, to, delivered);
  json.add("p50_us", static_cast<double>(latency_.percentile_ns(0.5)) / 1e3);
  json.add("p90_us", static_cast<double>(latency_.percentile_ns(0.9)) / 1e3);
  json.add("p99_us", static_cast<double>(latency_.percentile_ns(0.99)) / 1e3);
  json.add("max_us", static_cast<double>(latency_.max_ns()) / 1e3);
  json.add("sent_total", counts_.sent);
  json.add("delivered_total", counts_.delivered);
  json.add("lost", lost);
  json.add("dup", counts_.duplicates);
  json.add("reordered", counts_.reordered);
  json.add("stray", counts_.stray);
  json.add("refused", counts_.refused);
  json.add("window_resets", counts_.window_resets);
  json.add("disconnects", disconnects_);
  json.print();
  if (disconnects_ > 0) return exit_closed;
  if (options_.qos > 0 && lost > 0) return exit_lost;
  return options_.qos == 2 && counts_.duplicates > 0 ? exit_lost : exit_ok;
}

}  // namespace

int run_traffic(const Options& options) { return Traffic(options).run(); }

}  // namespace lineshaft::load
