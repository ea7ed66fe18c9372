// Bytes from strangers. The first byte of the input chooses who reads, which version and how the
// stream is cut; the rest is the stream. Whatever comes: cutting changes nothing, at most one fault
// comes and it is the last packet, nothing is kept of packets that are complete, and what was
// accepted is accepted again when the encoder has written it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "broker/mqtt/decoder.h"
#include "broker/mqtt/encoder.h"

using namespace lineshaft;
using namespace lineshaft::mqtt;

namespace {

constexpr DecoderLimits strangers_limits{100'000, 10'000, 16, 8};
/// A packet that named its topic by alias comes back with the whole topic.
constexpr DecoderLimits own_limits{200'000, 20'000, 16, 8};

void require(bool condition) {
  if (!condition) std::abort();
}

struct Setup {
  Role role = Role::server_reads_client;
  Version version = Version::v5;
  bool connected = true;
  std::size_t piece = 1;
};

Setup setup_of(std::uint8_t choice) {
  Setup setup;
  setup.role = (choice & 1) != 0 ? Role::client_reads_server : Role::server_reads_client;
  setup.connected = (choice & 2) != 0;
  setup.version = static_cast<Version>(3 + (choice >> 2) % 3);
  setup.piece = 1U + (choice >> 5);
  return setup;
}

/// A packet with all it holds, to compare packets: its form on the wire.
std::string text_of(const Packet& packet, Version version) {
  std::string out;
  const EncodeOptions options{version, 0, true};
  const auto write = [&](const auto& one) {
    using Held = std::decay_t<decltype(one)>;
    if constexpr (std::is_same_v<Held, Violation>) {
      out = "violation " + std::string(one.error.clause);
    } else if constexpr (requires { *one; }) {
      require(encode(*one, options, out));
    } else {
      require(encode(one, options, out));
    }
  };
  std::visit(write, packet);
  return out;
}

struct Outcome {
  std::vector<std::string> texts;
  bool failed = false;
  Version version = Version::v5;
  std::size_t pending = 0;

  bool operator==(const Outcome&) const = default;
};

Outcome decode(const Setup& setup, std::string_view stream, std::size_t piece,
               const DecoderLimits& limits) {
  MessageArena arena;
  Decoder decoder(setup.role, limits, arena);
  if (setup.connected) decoder.set_version(setup.version);
  std::vector<Packet> packets;
  for (std::size_t i = 0; i < stream.size(); i += piece) {
    const std::string part{stream.substr(i, piece)};  // its own memory: overruns are seen
    decoder.feed(part, packets);
  }
  Outcome result{{}, decoder.failed(), decoder.version(), decoder.pending_bytes()};
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const bool fault = std::holds_alternative<Violation>(packets[i]);
    require(fault == (decoder.failed() && i + 1 == packets.size()));
    result.texts.push_back(text_of(packets[i], decoder.version()));
  }
  require(decoder.pending_bytes() <= stream.size());
  require(!decoder.failed() || decoder.pending_bytes() == 0);
  return result;
}

/// The accepted packets once more, as the encoder wrote them.
void check_again(const Setup& setup, const Outcome& first) {
  std::string stream;
  const std::size_t accepted = first.texts.size() - (first.failed ? 1 : 0);
  for (std::size_t i = 0; i < accepted; ++i) stream += first.texts[i];
  const Outcome again = decode(setup, stream, std::max<std::size_t>(stream.size(), 1), own_limits);
  require(!again.failed && again.pending == 0 && again.texts.size() == accepted);
  require(std::equal(again.texts.begin(), again.texts.end(), first.texts.begin()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 2) return 0;
  const Setup setup = setup_of(data[0]);
  const std::string_view stream{reinterpret_cast<const char*>(data) + 1, size_bytes - 1};
  const Outcome whole = decode(setup, stream, stream.size(), strangers_limits);
  require(decode(setup, stream, setup.piece, strangers_limits) == whole);
  check_again(setup, whole);
  return 0;
}
