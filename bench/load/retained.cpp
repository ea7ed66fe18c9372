// Shape retained: stores retained messages below plant topics and replays them all.

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "bench/load/clock.h"
#include "bench/load/publisher.h"
#include "bench/load/runner.h"

namespace lineshaft::load {
namespace {

/// Stored messages are looked at by a later process too, so their mark is a constant.
constexpr std::uint32_t stored_mark = 0x554e5331;
constexpr double settle_s = 1;

class Retained final : public Runner {
 public:
  explicit Retained(const Options& options) : Runner(options), seen_(options.topics) {}

  int run();

  void on_publish(Connection& connection, const PublishView& view, std::uint64_t at_ns) override;
  void on_settled(Connection& connection, const AcknowledgeView& view) override;
  void on_pingresp(Connection& connection) override;

 private:
  /// One publishing connection: every publishers-th topic from its index on.
  struct Writer {
    Connection* connection = nullptr;
    std::uint64_t next = 0;
    std::uint64_t on_the_way = 0;
    std::uint32_t window = 0;
    bool waits_for_ping = false;
  };

  void store();
  void fill_window(Writer& writer);
  void replay();
  void settle();
  void report_store(const Moment& from, const Moment& to, const Moment& settled);

  std::vector<Writer> writers_;
  std::uint64_t stored_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t topic_bytes_ = 0;

  std::vector<bool> seen_;
  std::uint64_t received_ = 0;
  std::uint64_t repeated_ = 0;
  std::uint64_t stray_ = 0;
  std::uint64_t without_flag_ = 0;
  JsonObject json_;
};

void Retained::fill_window(Writer& writer) {
  const bool acknowledged = options_.qos > 0;
  while (writer.next < options_.topics && writer.on_the_way < writer.window &&
         !writer.waits_for_ping) {
    const std::string topic = plant_topic(writer.next);
    const auto message =
        make_publish(options_.mqtt, topic, options_.qos, true, options_.payload_bytes);
    topic_bytes_ += topic.size();
    // Acknowledgements come in the order of the messages [MQTT-4.6.0-2], so a number modulo the
    // window is free again when the window lets us use it.
    const std::uint64_t count = writer.next / writers_.size();
    const auto packet_id = static_cast<std::uint16_t>(count % writer.window + 1);
    put_publish(writer.connection->out(), message, packet_id,
                {monotonic_ns(), writer.next, 0, stored_mark});
    writer.next += writers_.size();
    ++writer.on_the_way;
  }
  // QoS 0 has no acknowledgement; the answer to a PINGREQ says that all before it was read.
  if (!acknowledged && writer.on_the_way > 0 && !writer.waits_for_ping) {
    put_empty(writer.connection->out(), PacketType::pingreq);
    writer.waits_for_ping = true;
  }
  loop_.mark_dirty(*writer.connection);
}

void Retained::on_settled(Connection& connection, const AcknowledgeView& view) {
  Writer& writer = writers_[connection.index];
  if (view.reason >= 0x80) ++refused_;
  --writer.on_the_way;
  ++stored_;
  fill_window(writer);
}

void Retained::on_pingresp(Connection& connection) {
  Writer& writer = writers_[connection.index];
  stored_ += writer.on_the_way;
  writer.on_the_way = 0;
  writer.waits_for_ping = false;
  fill_window(writer);
}

void Retained::store() {
  const auto connections = open("pub", options_.publishers, true);
  settle();
  const Moment from = take_moment();
  writers_.resize(connections.size());
  for (std::size_t index = 0; index < connections.size(); ++index) {
    Writer& writer = writers_[index];
    writer.connection = connections[index];
    writer.next = index;
    writer.window = options_.window;
    if (options_.qos > 0) {
      writer.window = std::min<std::uint32_t>(writer.window, connections[index]->receive_maximum);
    }
    fill_window(writer);
  }
  if (!run_until([&] { return stored_ >= options_.topics; }, options_.timeout_s)) {
    std::fprintf(stderr, "lineshaft_load: storing stopped half-way\n");
  }
  const Moment to = take_moment();
  settle();
  report_store(from, to, take_moment());
  close(connections);
}

/// Lets the broker come to rest (journal, allocator), so that its memory is that of the values.
void Retained::settle() {
  const std::uint64_t end_ns = monotonic_ns() + static_cast<std::uint64_t>(settle_s * 1e9);
  run_until([&] { return monotonic_ns() >= end_ns; }, settle_s * 2);
}

void Retained::report_store(const Moment& from, const Moment& to, const Moment& settled) {
  const double seconds = static_cast<double>(to.at_ns - from.at_ns) / 1e9;
  json_.add("stored", stored_);
  json_.add("refused", refused_);
  json_.add("store_seconds", seconds);
  json_.add("topic_bytes", static_cast<double>(topic_bytes_) / static_cast<double>(stored_));
  if (!from.broker || !to.broker || !settled.broker) return;
  const auto cpu_ns = static_cast<double>(to.broker->cpu_ns - from.broker->cpu_ns);
  const double stored = static_cast<double>(stored_);
  json_.add("store_cpu_us_per_msg", cpu_ns / 1e3 / stored);
  const double grown =
      static_cast<double>(settled.broker->rss_bytes) - static_cast<double>(from.broker->rss_bytes);
  json_.add("rss_before_bytes", from.broker->rss_bytes);
  json_.add("rss_stored_bytes", settled.broker->rss_bytes);
  json_.add("rss_per_topic", grown / stored);
}

void Retained::on_publish(Connection&, const PublishView& view, std::uint64_t) {
  PayloadHead head{};
  if (view.payload.size() >= payload_head_bytes) {
    std::memcpy(&head, view.payload.data(), sizeof head);
  }
  const bool is_ours = head.run == stored_mark && head.sequence < options_.topics &&
                       view.topic == plant_topic(head.sequence);
  if (!is_ours) {
    ++stray_;
    return;
  }
  if (!view.retain) ++without_flag_;
  if (seen_[head.sequence]) {
    ++repeated_;
    return;
  }
  seen_[head.sequence] = true;
  ++received_;
}

void Retained::replay() {
  const auto connections = open("sub", 1, true);
  const Moment from = take_moment();
  subscribe(connections, [](std::size_t) { return std::string("acme/#"); });
  run_until([&] { return received_ >= options_.topics; }, std::min(options_.timeout_s, 10.0));
  const Moment to = take_moment();
  close(connections);
  const double seconds = static_cast<double>(to.at_ns - from.at_ns) / 1e9;
  json_.add("replayed", received_);
  json_.add("replay_missing", options_.topics - received_);
  json_.add("replay_repeated", repeated_);
  json_.add("replay_without_flag", without_flag_);
  json_.add("replay_stray", stray_);
  json_.add("replay_seconds", seconds);
  report_cost(json_, from, to, received_);
}

int Retained::run() {
  report_setting(json_);
  json_.add("topics", options_.topics);
  if (options_.phase != RetainedPhase::replay) store();
  setting_up_ = false;
  if (options_.phase != RetainedPhase::store) replay();
  json_.add("disconnects", disconnects_);
  json_.print();
  if (disconnects_ > 0) return exit_closed;
  const bool stored_all = options_.phase == RetainedPhase::replay || stored_ >= options_.topics;
  const bool replayed_all = options_.phase == RetainedPhase::store || received_ >= options_.topics;
  return stored_all && replayed_all && refused_ == 0 ? exit_ok : exit_lost;
}

}  // namespace

int run_retained(const Options& options) { return Retained(options).run(); }

}  // namespace lineshaft::load
