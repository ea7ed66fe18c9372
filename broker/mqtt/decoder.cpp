#include "broker/mqtt/decoder.h"

#include <algorithm>

#include "broker/mqtt/variable_byte_integer.h"

namespace lineshaft::mqtt {
namespace {

using enum ReasonCode;

/// Type, flags and the longest Remaining Length.
constexpr std::size_t fixed_header_bytes_max = 5;
/// A buffer above it is given back once its packet is decoded: most connections are idle.
constexpr std::size_t pending_kept_bytes_max = 1024;

constexpr PacketType type_of(std::uint8_t first) { return static_cast<PacketType>(first >> 4); }

/// The clause about the fixed header's flags.
std::string_view flags_clause(PacketType type) {
  switch (type) {
    case PacketType::pubrel:
      return "MQTT-3.6.1-1";
    case PacketType::subscribe:
      return "MQTT-3.8.1-1";
    case PacketType::unsubscribe:
      return "MQTT-3.10.1-1";
    case PacketType::disconnect:
      return "MQTT-3.14.1-1";
    case PacketType::auth:
      return "MQTT-3.15.1-1";
    default:
      return "MQTT-2.1.3-1";
  }
}

bool sent_by_client(PacketType type) {
  switch (type) {
    case PacketType::connack:
    case PacketType::suback:
    case PacketType::unsuback:
    case PacketType::pingresp:
      return false;
    default:
      return true;
  }
}

bool sent_by_server(PacketType type) {
  switch (type) {
    case PacketType::connect:
    case PacketType::subscribe:
    case PacketType::unsubscribe:
    case PacketType::pingreq:
      return false;
    default:
      return true;
  }
}

std::optional<Error> flags_fault(std::uint8_t first) {
  const PacketType type = type_of(first);
  const unsigned flags = first & 0x0FU;
  if (type == PacketType::publish) {
    const unsigned qos = flags >> 1 & 3;
    if (qos == 3) return Error{malformed_packet, "MQTT-3.3.1-4"};
    if (qos == 0 && (flags & 8) != 0) return Error{malformed_packet, "MQTT-3.3.1-2"};
    return std::nullopt;
  }
  const bool acknowledged = type == PacketType::pubrel || type == PacketType::subscribe ||
                            type == PacketType::unsubscribe;
  if (flags != (acknowledged ? 2U : 0U)) return Error{malformed_packet, flags_clause(type)};
  return std::nullopt;
}

}  // namespace

Decoder::Decoder(Role role, const DecoderLimits& limits, MessageArena& arena)
    : limits_(limits), arena_(arena), role_(role), connected_(role == Role::client_reads_server) {}

void Decoder::set_version(Version version) {
  version_ = version;
  connected_ = true;
}

void Decoder::feed(Octets input, std::vector<Packet>& packets) {
  if (failed_) return;
  if (!pending_.empty()) input = complete_pending(input, packets);
  while (!input.empty() && !failed_) {
    if (const std::size_t size = decode_plain_publish(input, packets); size != 0) {
      input.remove_prefix(size);
      continue;
    }
    const Frame frame = read_frame(input, packets);
    if (failed_) return;
    if (frame.header_bytes == 0 || frame.size_bytes > input.size()) {
      pending_.assign(input);
      return;
    }
    decode_body(static_cast<std::uint8_t>(input.front()),
                input.substr(frame.header_bytes, frame.size_bytes - frame.header_bytes), packets);
    input.remove_prefix(frame.size_bytes);
  }
}

/// Adds to the cut-off packet what belongs to it and returns the rest of `input`. Each byte is
/// copied once, however small the pieces: the buffer grows geometrically, and only the fixed header
/// is looked at again.
Octets Decoder::complete_pending(Octets input, std::vector<Packet>& packets) {
  for (;;) {
    const Frame frame = read_frame(pending_, packets);
    if (failed_) break;
    if (frame.header_bytes != 0 && frame.size_bytes <= pending_.size()) {
      decode_body(static_cast<std::uint8_t>(pending_.front()),
                  Octets{pending_}.substr(frame.header_bytes), packets);
      break;
    }
    if (input.empty()) return {};
    // Byte by byte until the size is known: what follows may be the next packet.
    const std::size_t missing = frame.header_bytes == 0 ? 1 : frame.size_bytes - pending_.size();
    const std::size_t taken = std::min(missing, input.size());
    pending_.append(input.substr(0, taken));
    input.remove_prefix(taken);
  }
  release_pending();
  return input;
}

void Decoder::release_pending() {
  if (pending_.capacity() > pending_kept_bytes_max) {
    std::string{}.swap(pending_);
  } else {
    pending_.clear();
  }
}

Decoder::Frame Decoder::read_frame(Octets input, std::vector<Packet>& packets) {
  const auto first = static_cast<std::uint8_t>(input.front());
  if (const auto fault = first_byte_fault(first)) {
    fail(*fault, packets);
    return {};
  }
  // An over-long Remaining Length is accepted: field devices send it (within its four bytes).
  const auto remaining = decode_variable_byte_integer(input.substr(1, fixed_header_bytes_max - 1));
  if (remaining.state == VariableByteInteger::State::incomplete) return {};
  if (remaining.state == VariableByteInteger::State::malformed) {
    fail({malformed_packet, "MQTT-1.5.5-1"}, packets);
    return {};
  }
  const Frame frame{1 + remaining.size_bytes, 1 + remaining.size_bytes + remaining.value};
  const std::size_t size_max =
      connected_ ? limits_.packet_size_bytes_max : limits_.connect_size_bytes_max;
  if (frame.size_bytes > size_max) {
    fail({packet_too_large, "MQTT-3.2.2-15"}, packets);
    return {};
  }
  return frame;
}

/// Judged before anything else is known: not even a Remaining Length is awaited from a peer that
/// does not speak MQTT.
std::optional<Error> Decoder::first_byte_fault(std::uint8_t first) const {
  const PacketType type = type_of(first);
  if (!connected_) {
    if (type != PacketType::connect) return Error{protocol_error, "MQTT-3.1.0-1"};
    return flags_fault(first);
  }
  if (type == PacketType{0}) return Error{malformed_packet, "MQTT 2.1.2"};
  if (type == PacketType::auth && version_ != Version::v5) {
    return Error{malformed_packet, "MQTT 2.1.2"};
  }
  if (role_ == Role::server_reads_client) {
    if (type == PacketType::connect) return Error{protocol_error, "MQTT-3.1.0-2"};
    if (!sent_by_client(type)) return Error{protocol_error, "MQTT 2.1.2"};
  } else if (!sent_by_server(type)) {
    return Error{protocol_error, "MQTT 2.1.2"};
  }
  return flags_fault(first);
}

void Decoder::decode_body(std::uint8_t first, Octets body, std::vector<Packet>& packets) {
  Reader reader(body);
  if (type_of(first) == PacketType::publish) {
    decode_publish(first, reader, packets);
  } else {
    decode_packet(first, reader, packets);
  }
  if (!reader.ok()) fail(reader.error(), packets);
}

void Decoder::fail(const Error& error, std::vector<Packet>& packets) {
  failed_ = true;
  packets.emplace_back(Violation{error, version_});
  std::vector<std::string>{}.swap(aliases_);
}

}  // namespace lineshaft::mqtt
