// What the wire format costs per PUBLISH: bytes to message, message to bytes.
//
//   bench_mqtt_codec --benchmark_filter=decode
//
// The decoder is fed a full read buffer of equal packets, as under load. Time is per packet.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "broker/mqtt/decoder.h"
#include "broker/mqtt/encoder.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::mqtt;

constexpr std::size_t read_buffer_bytes = 64 * 1024;
constexpr DecoderLimits limits{2 * 1024 * 1024, 64 * 1024, 64, 64};
// 50 bytes, 7 levels: an ISA-95 path.
constexpr const char* topic = "acme/lyon/packaging/line-4/cell-12/press-07/motor1";
static_assert(std::char_traits<char>::length(topic) == 50);

KeptMessagePtr message(std::size_t payload_bytes, QoS qos, std::string_view properties = {}) {
  const std::string payload(payload_bytes, 'x');
  MessageFields fields;
  fields.topic = topic;
  fields.properties = properties;
  fields.payload = payload;
  fields.qos = qos;
  return KeptMessage::make(fields, {});
}

std::string frame(const Message& sent, Version version) {
  PublishHeader header;
  header.version = version;
  header.qos = sent.qos();
  header.packet_id = 7;
  std::string out;
  encode_publish(sent, header, out);
  return out;
}

/// Decodes read buffers full of `packet`.
void decode(benchmark::State& state, const std::string& packet, Version version) {
  const std::size_t count = read_buffer_bytes / packet.size();
  std::string stream;
  for (std::size_t i = 0; i < count; ++i) stream += packet;
  MessageArena arena;
  Decoder decoder(Role::server_reads_client, limits, arena);
  decoder.set_version(version);
  std::vector<Packet> packets;
  for (auto _ : state) {
    decoder.feed(stream, packets);
    benchmark::DoNotOptimize(packets.data());
    packets.clear();
  }
  if (decoder.failed()) state.SkipWithError("the packet was refused");
  const auto decoded = static_cast<std::int64_t>(count) * state.iterations();
  state.SetItemsProcessed(decoded);
  state.counters["ns_per_packet"] =
      benchmark::Counter(static_cast<double>(decoded) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void decode_qos0_64(benchmark::State& state) {
  decode(state, frame(*message(64, QoS::at_most_once), Version::v3_1_1), Version::v3_1_1);
}
BENCHMARK(decode_qos0_64);

void decode_qos0_64_v5(benchmark::State& state) {
  decode(state, frame(*message(64, QoS::at_most_once), Version::v5), Version::v5);
}
BENCHMARK(decode_qos0_64_v5);

void decode_qos1_64_v5(benchmark::State& state) {
  decode(state, frame(*message(64, QoS::at_least_once), Version::v5), Version::v5);
}
BENCHMARK(decode_qos1_64_v5);

void decode_qos1_64_v5_user_property(benchmark::State& state) {
  const std::string_view property("\x26\x00\x04unit\x00\x07\x63\x65lsius", 16);
  decode(state, frame(*message(64, QoS::at_least_once, property), Version::v5), Version::v5);
}
BENCHMARK(decode_qos1_64_v5_user_property);

void decode_puback(benchmark::State& state) {
  decode(state, std::string("\x40\x02\x00\x07", 4), Version::v5);
}
BENCHMARK(decode_puback);

/// One PUBLISH after the other into a buffer that is emptied when it holds 64 KiB.
void encode(benchmark::State& state, Version version, QoS qos) {
  const auto sent = message(static_cast<std::size_t>(state.range(0)), qos);
  PublishHeader header;
  header.version = version;
  header.qos = qos;
  std::string out;
  for (auto _ : state) {
    ++header.packet_id;
    encode_publish(*sent, header, out);
    if (out.size() >= read_buffer_bytes) {
      benchmark::DoNotOptimize(out.data());
      out.clear();
    }
  }
  state.SetItemsProcessed(state.iterations());
}

void encode_qos0(benchmark::State& state) { encode(state, Version::v5, QoS::at_most_once); }
BENCHMARK(encode_qos0)->Arg(64)->Arg(1024);

void encode_qos1(benchmark::State& state) { encode(state, Version::v5, QoS::at_least_once); }
BENCHMARK(encode_qos1)->Arg(64)->Arg(1024);

void encode_puback(benchmark::State& state) {
  AckPacket packet;
  std::string out;
  for (auto _ : state) {
    ++packet.packet_id;
    encode(packet, EncodeOptions{}, out);
    if (out.size() >= read_buffer_bytes) {
      benchmark::DoNotOptimize(out.data());
      out.clear();
    }
  }
}
BENCHMARK(encode_puback);

}  // namespace
