// What the walks that still happen in one turn cost (docs/decisions/0010): one input each, on a
// session that is as large as it may be.
//
//   bench_core_long_turns --benchmark_repetitions=3
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/base/log.h"
#include "broker/core/core.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::core;

constexpr std::uint32_t forever_s = 0xFFFFFFFF;
constexpr std::uint16_t topics = 1000;

/// A core with a store, driven by hand: only `turn` is timed.
class Bench {
 public:
  explicit Bench(std::size_t inline_bytes_max = 512) : core_(make_config(inline_bytes_max), 1, 1) {
    log::set_level(log::Level::error);
    now_.wall += Milliseconds{1'700'000'000'000};
    core_.restored(now_, {}, effects_);
  }

  template <class Packet>
  void send(std::uint32_t slot, Packet packet) {
    std::vector<mqtt::Packet> packets;
    packets.emplace_back(std::move(packet));
    core_.apply(now_, PacketsArrived{{0, slot, 1}, std::move(packets)}, effects_);
  }

  void open(std::uint32_t slot) {
    core_.apply(now_, ConnectionOpened{{0, slot, 1}, std::make_shared<Peer>()}, effects_);
  }

  void connect(std::uint32_t slot, const std::string& client_id, std::uint32_t expiry_s,
               bool clean = false) {
    open(slot);
    auto packet = std::make_unique<mqtt::ConnectPacket>();
    packet->client_id = client_id;
    packet->clean_start = clean;
    packet->session_expiry_interval_s = expiry_s;
    packet->receive_maximum = 1;
    send(slot, std::move(packet));
  }

  void subscribe(std::uint32_t slot, const std::string& filter, QoS qos) {
    auto packet = std::make_unique<mqtt::SubscribePacket>();
    packet->packet_id = 1;
    packet->items.push_back({filter, {.qos = qos}});
    send(slot, std::move(packet));
  }

  /// Topics "t/0" and so on, each with a payload of its own.
  void publish(std::uint32_t slot, std::size_t count, QoS qos, std::size_t payload_size = 64) {
    const std::string payload(payload_size, 'x');
    for (std::size_t i = 0; i < count; ++i) {
      const std::string topic = "t/" + std::to_string(i % topics);
      MessageFields fields;
      fields.topic = topic;
      fields.payload = payload;
      fields.qos = qos;
      mqtt::PublishPacket packet;
      packet.message = arena_.make(fields);
      packet.packet_id = qos == QoS::at_most_once ? std::uint16_t{0} : std::uint16_t{1};
      send(slot, std::move(packet));
      if (i % 200 == 199 && qos != QoS::at_most_once) commit();  // our Receive Maximum is 256
    }
  }

  void commit() {
    while (effects_.persist) {
      const std::uint64_t seq = effects_.persist->seq;
      effects_.clear();
      core_.apply(now_, StoreCommitted{StoreSource::journal, seq}, effects_);
    }
    effects_.clear();
  }
  void clear() { effects_.clear(); }
  void lose(std::uint32_t slot) {
    core_.apply(now_, ConnectionLost{{0, slot, 1}, LostBecause::peer_closed}, effects_);
  }
  std::size_t queued() const { return core_.statistics().queued; }

 private:
  static CoreConfig make_config(std::size_t inline_bytes_max) {
    CoreConfig config;
    config.inline_bytes_max = inline_bytes_max;
    return config;
  }

  Now now_{};
  MessageArena arena_;
  Core core_;
  Effects effects_{1};
};

void filled(benchmark::State& state, const Bench& bench, std::size_t least) {
  if (bench.queued() < least) state.SkipWithError("the queue is not full");
}

/// The connection is lost while its CONNACK is held and this many QoS 0 messages wait for that.
void drop_qos0(benchmark::State& state) {
  const auto entries = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    auto bench = std::make_unique<Bench>();
    bench->connect(0, "pub", 0);
    bench->connect(1, "sub", forever_s);
    bench->subscribe(1, "#", QoS::at_most_once);
    bench->publish(0, entries, QoS::at_most_once);
    bench->clear();
    filled(state, *bench, entries);
    state.ResumeTiming();
    bench->lose(1);
    state.PauseTiming();
    bench.reset();
    state.ResumeTiming();
  }
}

/// A session with this many messages ends; each of them has a payload record shared with another.
void end_full_session(benchmark::State& state) {
  const auto entries = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    auto bench = std::make_unique<Bench>(16);
    bench->connect(0, "pub", 0);
    for (std::uint32_t slot = 1; slot <= 2; ++slot) {
      bench->connect(slot, "sub-" + std::to_string(slot), forever_s);
      bench->commit();
      bench->subscribe(slot, "#", QoS::at_least_once);
      bench->commit();
      bench->lose(slot);
    }
    bench->commit();
    bench->publish(0, entries, QoS::at_least_once);
    bench->commit();
    filled(state, *bench, 2 * entries - 2);
    bench->open(3);
    state.ResumeTiming();
    bench->connect(3, "sub-1", forever_s, true);
    state.PauseTiming();
    bench.reset();
    state.ResumeTiming();
  }
}

/// A session with this many subscriptions ends.
void unindex(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    auto bench = std::make_unique<Bench>();
    bench->connect(1, "sub", 0);
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      bench->subscribe(1, "site/" + std::to_string(i % 100) + "/line/" + std::to_string(i) + "/#",
                       QoS::at_least_once);
      bench->clear();
    }
    state.ResumeTiming();
    bench->lose(1);
    state.PauseTiming();
    bench.reset();
    state.ResumeTiming();
  }
}

/// A CONNECT with clean start ends a session with this many shared messages: all move in its turn.
void clean_start_over_shared(benchmark::State& state) {
  const auto entries = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    auto bench = std::make_unique<Bench>();
    bench->connect(0, "pub", 0);
    bench->connect(1, "from", forever_s);
    bench->commit();
    bench->subscribe(1, "$share/g/#", QoS::at_least_once);
    bench->commit();
    bench->lose(1);
    bench->commit();
    bench->publish(0, entries, QoS::at_least_once);
    bench->commit();
    bench->connect(2, "to", forever_s);
    bench->commit();
    bench->subscribe(2, "$share/g/#", QoS::at_least_once);
    bench->commit();
    filled(state, *bench, entries);
    state.ResumeTiming();
    bench->connect(3, "from", forever_s, true);
    state.PauseTiming();
    bench.reset();
    state.ResumeTiming();
  }
}

BENCHMARK(drop_qos0)->Arg(100'000)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(end_full_session)->Arg(100'000)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(unindex)->Arg(10'000)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(clean_start_over_shared)->Arg(100'000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
