// What one PUBLISH costs in the core: from decoded packet to effects, without sockets and store.
//
//   bench_core_publish --benchmark_filter=qos1
//
// The argument is the number of packets one input holds, as when a read brings several. `per_msg`
// is per published message. Messages are made beforehand; making them is the decoder's work.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/base/log.h"
#include "broker/core/core.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::core;

constexpr std::uint32_t publisher_slot = 0;
constexpr std::size_t payload_bytes = 64;
constexpr std::uint32_t session_expiry_s = 3'600;
constexpr std::size_t million = 1'000'000;
constexpr const char* hot_topic = "acme/site-1/area-2/line-3/cell-4/press-5/temperature";

CoreConfig make_config(bool has_store) {
  CoreConfig config;
  config.has_store = has_store;
  config.ram_topics_max = std::max(config.ram_topics_max, 2 * million);
  return config;
}

/// A core with one publisher in slot 0 and subscribers in the slots behind it.
class Plant {
 public:
  explicit Plant(bool has_store = false) : core_(make_config(has_store), 1, 1) {
    log::set_level(log::Level::warn);
    now_.steady += Milliseconds{1};
    now_.wall += Milliseconds{1'700'000'000'000};
    if (has_store) core_.restored(now_, {}, effects_);
    connect(publisher_slot, 0);
  }

  void connect(std::uint32_t slot, std::uint32_t expiry_s) {
    apply(ConnectionOpened{id_of(slot), std::make_shared<Peer>()});
    auto packet = std::make_unique<mqtt::ConnectPacket>();
    packet->client_id = "client-" + std::to_string(slot);
    packet->session_expiry_interval_s = expiry_s;
    std::vector<mqtt::Packet> packets;
    packets.emplace_back(std::move(packet));
    arrive(slot, std::move(packets));
    settle();
  }

  void subscribe(std::uint32_t slot, const std::string& filter, QoS qos) {
    auto packet = std::make_unique<mqtt::SubscribePacket>();
    packet->packet_id = 1;
    packet->items.push_back({filter, {.qos = qos}});
    std::vector<mqtt::Packet> packets;
    packets.emplace_back(std::move(packet));
    arrive(slot, std::move(packets));
    settle();
  }

  MessagePtr make(std::string_view topic, QoS qos, bool retain) {
    MessageFields fields;
    fields.topic = topic;
    fields.payload = payload_;
    fields.qos = qos;
    fields.retain = retain;
    return arena_.make(fields);
  }

  /// One input with these packets in it.
  void publish(std::vector<mqtt::Packet>&& packets) { arrive(publisher_slot, std::move(packets)); }

  /// Answers everything the last inputs asked for: the store commits, subscribers acknowledge.
  void settle() {
    do {
      collect();
      effects_.clear();
      if (commit_seq_ > 0) apply(StoreCommitted{StoreSource::journal, commit_seq_});
      commit_seq_ = 0;
      for (std::uint32_t slot = 0; slot < acknowledgements_.size(); ++slot) {
        if (acknowledgements_[slot].empty()) continue;
        arrive(slot, std::exchange(acknowledgements_[slot], {}));
      }
    } while (effects_.persist || !effects_.shards[0].list.empty());
  }

  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  static ConnectionId id_of(std::uint32_t slot) { return {0, slot, 1}; }

  void apply(Input input) { core_.apply(now_, std::move(input), effects_); }

  void arrive(std::uint32_t slot, std::vector<mqtt::Packet>&& packets) {
    apply(PacketsArrived{id_of(slot), std::move(packets)});
  }

  void collect() {
    const ShardEffects& shard = effects_.shards[0];
    for (const Effect& effect : shard.list) {
      if (const auto* deliver = std::get_if<Deliver>(&effect)) {
        for (const Recipient& recipient : shard.recipients_of(*deliver)) take(recipient);
      } else if (const auto* answer = std::get_if<Acknowledge>(&effect)) {
        if (std::holds_alternative<mqtt::AckPacket>(answer->packet)) ++acknowledged_;
      }
    }
    if (effects_.persist) commit_seq_ = effects_.persist->seq;
  }

  void take(const Recipient& recipient) {
    ++delivered_;
    if (recipient.packet_id == 0) return;
    const std::uint32_t slot = recipient.connection.slot;
    if (acknowledgements_.size() <= slot) acknowledgements_.resize(slot + 1);
    acknowledgements_[slot].emplace_back(
        mqtt::AckPacket{mqtt::PacketType::puback, recipient.packet_id, ReasonCode::success, {}});
  }

  Now now_{};
  MessageArena arena_;
  std::string payload_ = std::string(payload_bytes, 'x');
  Core core_;
  Effects effects_{1};
  std::vector<std::vector<mqtt::Packet>> acknowledgements_;
  std::uint64_t commit_seq_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t acknowledged_ = 0;
};

/// `count` PUBLISH packets of one message.
std::vector<mqtt::Packet> repeat(const MessagePtr& message, std::size_t count) {
  std::vector<mqtt::Packet> packets;
  packets.reserve(count);
  const bool acknowledged = message->qos() != QoS::at_most_once;
  for (std::size_t at = 0; at < count; ++at) {
    mqtt::PublishPacket packet;
    packet.message = message;
    packet.packet_id = acknowledged ? static_cast<std::uint16_t>(at + 1) : std::uint16_t{0};
    packets.emplace_back(std::move(packet));
  }
  return packets;
}

void report(benchmark::State& state, std::uint64_t published) {
  using benchmark::Counter;
  // Inverted rate: seconds of CPU per message; the console shows it with its unit prefix.
  state.counters["per_msg"] =
      Counter(static_cast<double>(published), Counter::kIsRate | Counter::kInvert);
}

/// Publishes to `subscribers` subscribers of one topic, again and again, and checks that nothing
/// went missing: a core that refuses would look fast.
void publish_hot(benchmark::State& state, Plant& plant, QoS qos, bool retain,
                 std::size_t subscribers) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const MessagePtr message = plant.make(hot_topic, qos, retain);
  std::uint64_t published = 0;
  const std::uint64_t before = plant.delivered();
  for (auto _ : state) {
    plant.publish(repeat(message, batch));
    plant.settle();
    published += batch;
  }
  report(state, published);
  if (plant.delivered() - before != published * subscribers) {
    state.SkipWithError("deliveries are missing");
  }
  if (qos != QoS::at_most_once && plant.acknowledged() != published) {
    state.SkipWithError("acknowledgements are missing");
  }
}

void to_one(benchmark::State& state, QoS qos, bool durable) {
  Plant plant(durable);
  plant.connect(1, durable ? session_expiry_s : 0);
  plant.subscribe(1, hot_topic, qos);
  publish_hot(state, plant, qos, false, 1);
}

void to_many(benchmark::State& state, QoS qos) {
  constexpr std::uint32_t subscribers = 100;
  Plant plant;
  for (std::uint32_t slot = 1; slot <= subscribers; ++slot) {
    plant.connect(slot, 0);
    plant.subscribe(slot, hot_topic, qos);
  }
  publish_hot(state, plant, qos, false, subscribers);
}

void retained_update(benchmark::State& state) {
  Plant plant;
  publish_hot(state, plant, QoS::at_most_once, true, 0);
}

/// A core that knows a million topics, and their names in a random order, one after the other in
/// memory: reading the next name costs no cache miss.
class ColdTopics {
 public:
  ColdTopics() {
    std::vector<std::uint32_t> order(million);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
    ends_.reserve(million + 1);
    for (const std::uint32_t index : order) {
      names_ += name_of(index);
      ends_.push_back(names_.size());
    }
    for (std::size_t known = 0; known < million; known += 16) publish(16);
  }

  void publish(std::size_t batch) {
    std::vector<mqtt::Packet> packets;
    packets.reserve(batch);
    for (std::size_t at = 0; at < batch; ++at, next_ = (next_ + 1) % million) {
      const std::string_view name(names_.data() + ends_[next_], ends_[next_ + 1] - ends_[next_]);
      mqtt::PublishPacket packet;
      packet.message = plant_.make(name, QoS::at_most_once, false);
      packets.emplace_back(std::move(packet));
    }
    plant_.publish(std::move(packets));
    plant_.settle();
  }

 private:
  static std::string name_of(std::uint32_t index) {
    const auto level = [&](const char* name, std::uint32_t unit, std::uint32_t count) {
      return name + std::to_string(index / unit % count);
    };
    return level("acme/site-", 100'000, 10) + level("/area-", 10'000, 10) +
           level("/line-", 1'000, 10) + level("/cell-", 100, 10) + level("/press-", 10, 10) +
           level("/value-", 1, 10);
  }

  Plant plant_;
  std::string names_;
  std::vector<std::size_t> ends_{0};
  std::size_t next_ = 0;
};

/// Every message has another one of a million known topics: the entry is in no cache. The
/// decoder's share (making the message) is in this figure, about 20 ns.
void cold_topic(benchmark::State& state) {
  static ColdTopics topics;  // built once, the benchmark runs several times
  const auto batch = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) topics.publish(batch);
  report(state, static_cast<std::uint64_t>(state.iterations()) * batch);
}

void qos0_to_one(benchmark::State& state) { to_one(state, QoS::at_most_once, false); }
void qos1_to_one(benchmark::State& state) { to_one(state, QoS::at_least_once, false); }
void qos1_to_one_durable(benchmark::State& state) { to_one(state, QoS::at_least_once, true); }
void qos0_to_hundred(benchmark::State& state) { to_many(state, QoS::at_most_once); }
void qos1_to_hundred(benchmark::State& state) { to_many(state, QoS::at_least_once); }

BENCHMARK(qos0_to_one)->Arg(1)->Arg(16);
BENCHMARK(qos1_to_one)->Arg(1)->Arg(16);
BENCHMARK(qos1_to_one_durable)->Arg(1)->Arg(16);
BENCHMARK(qos0_to_hundred)->Arg(1)->Arg(16);
BENCHMARK(qos1_to_hundred)->Arg(1)->Arg(16);
BENCHMARK(retained_update)->Arg(1)->Arg(16);
BENCHMARK(cold_topic)->Arg(16);

}  // namespace
