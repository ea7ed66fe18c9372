#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "broker/mqtt/decoder.h"
#include "broker/mqtt/encoder.h"
#include "tests/support/bytes.h"

namespace lineshaft::test {

/// A packet with all it holds as one line, to compare packets: its form on the wire.
inline std::string packet_text(const mqtt::Packet& packet, mqtt::Version version) {
  const mqtt::EncodeOptions options{version, 0, true};
  std::string out;
  std::visit(
      [&](const auto& one) {
        using Held = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<Held, mqtt::Violation>) {
          out = to_hex({reinterpret_cast<const char*>(&one.error.reason), 1});
          out.append(" ").append(one.error.clause);
          return;
        } else if constexpr (requires { *one; }) {
          encode(*one, options, out);
        } else {
          encode(one, options, out);
        }
        out = to_hex(out);
      },
      packet);
  return out;
}

inline std::vector<std::string> packet_texts(const std::vector<mqtt::Packet>& packets,
                                             mqtt::Version version) {
  std::vector<std::string> texts;
  for (const auto& packet : packets) texts.push_back(packet_text(packet, version));
  return texts;
}

/// A decoder and what came out of it.
struct Decoding {
  explicit Decoding(mqtt::Role role, const mqtt::DecoderLimits& limits)
      : decoder(role, limits, arena) {}

  void feed(std::string_view bytes) { decoder.feed(bytes, packets); }
  /// The bytes in pieces of `piece`.
  void feed_in_pieces(std::string_view bytes, std::size_t piece) {
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
      // A copy of its own: nothing may keep pointing into the input.
      const std::string part{bytes.substr(i, piece)};
      decoder.feed(part, packets);
    }
  }
  template <class Wanted>
  const Wanted& packet(std::size_t index) const {
    return std::get<Wanted>(packets.at(index));
  }
  /// The fault that ended it, `success` without one.
  Error fault() const {
    if (packets.empty()) return {ReasonCode::success, {}};
    const auto* violation = std::get_if<mqtt::Violation>(&packets.back());
    return violation == nullptr ? Error{ReasonCode::success, {}} : violation->error;
  }

  MessageArena arena;
  mqtt::Decoder decoder;
  std::vector<mqtt::Packet> packets;
};

}  // namespace lineshaft::test
