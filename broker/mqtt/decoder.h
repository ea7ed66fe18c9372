#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/base/message.h"
#include "broker/mqtt/packets.h"
#include "broker/mqtt/reader.h"
#include "broker/mqtt/topic_check.h"

namespace lineshaft::mqtt {

/// Which side's packets are read.
enum class Role : std::uint8_t { server_reads_client, client_reads_server };

/// Every limit is taken literally: 0 allows nothing.
struct DecoderLimits {
  /// Total size of one packet, fixed header included; more is `packet_too_large`, known from the
  /// fixed header, before the body is buffered [MQTT-3.2.2-15].
  std::uint32_t packet_size_bytes_max = 0;
  /// The same before CONNECT is complete.
  std::uint32_t connect_size_bytes_max = 0;
  /// Inbound aliases the peer may use, all of them [MQTT-3.3.2-12]; above it `topic_alias_invalid`
  /// [MQTT-3.3.2-9], [MQTT-3.2.2-17], [MQTT-3.2.2-18].
  std::uint16_t topic_alias_max = 0;
  std::size_t user_properties_max = 0;
  /// Of a Client Identifier; more is `client_identifier_not_valid`.
  std::size_t client_id_size_bytes_max = limits::client_id_size_bytes_max;
  TopicLimits topic = {};
};

/// Cuts a byte stream into packets, wherever it is cut itself [MQTT-4.2.0-1], and checks every rule
/// that needs no session.
///
/// One per connection, used by its shard's thread only. Bytes of whole packets are decoded in
/// place; only a cut-off packet is buffered here. The version is taken from CONNECT. Topic aliases
/// are resolved here, their table dies with the decoder [MQTT-3.3.2-7].
class Decoder {
 public:
  Decoder(Role role, const DecoderLimits& limits, MessageArena& arena);

  /// For a client that reads a server's packets, or a server that already knows (tests): CONNECT
  /// then counts as done.
  void set_version(Version version);

  /// Decodes every complete packet of `input` (with what was left before) to the end of `packets`.
  /// After the first fault one `Violation` is appended and all further input is ignored.
  /// Nothing in `packets` points into `input`.
  void feed(Octets input, std::vector<Packet>& packets);

  bool failed() const { return failed_; }
  /// MQTT 3.1.1 until CONNECT tells: a refusal before that goes out in the form all can read.
  Version version() const { return version_; }
  /// Bytes buffered of a packet that is not complete yet.
  std::size_t pending_bytes() const { return pending_.size(); }
  /// Memory held for that.
  std::size_t pending_capacity() const { return pending_.capacity(); }

 private:
  /// Where the packet at the front of a stream ends, as far as its fixed header is there.
  struct Frame {
    /// 0 while the fixed header is cut off.
    std::size_t header_bytes = 0;
    std::size_t size_bytes = 0;
  };

  Frame read_frame(Octets input, std::vector<Packet>& packets);
  std::optional<Error> first_byte_fault(std::uint8_t first) const;
  Octets complete_pending(Octets input, std::vector<Packet>& packets);
  void release_pending();
  void decode_body(std::uint8_t first, Octets body, std::vector<Packet>& packets);
  void fail(const Error& error, std::vector<Packet>& packets);

  void decode_connect(Reader& reader, std::vector<Packet>& packets);
  void read_protocol(Reader& reader, ConnectPacket& packet);
  void read_connect_properties(Reader& reader, ConnectPacket& packet) const;
  void read_client_id(Reader& reader, ConnectPacket& packet) const;
  Will read_will(Reader& reader, std::uint8_t connect_flags) const;

  std::size_t decode_plain_publish(Octets input, std::vector<Packet>& packets);
  void decode_publish(std::uint8_t first, Reader& reader, std::vector<Packet>& packets);
  void read_publish_properties(Reader& reader, MessageFields& fields, PublishPacket& packet);
  void resolve_topic(Reader& reader, Octets& topic, std::uint16_t alias);

  void decode_packet(std::uint8_t first, Reader& reader, std::vector<Packet>& packets);
  void decode_acknowledgement(PacketType type, Reader& reader, std::vector<Packet>& packets) const;
  void decode_subscribe(Reader& reader, std::vector<Packet>& packets) const;
  void decode_unsubscribe(Reader& reader, std::vector<Packet>& packets) const;
  void decode_suback(PacketType type, Reader& reader, std::vector<Packet>& packets) const;
  void decode_connack(Reader& reader, std::vector<Packet>& packets) const;
  void read_connack_properties(Reader& reader, ConnackPacket& packet) const;
  void decode_disconnect(Reader& reader, std::vector<Packet>& packets) const;
  void decode_auth(Reader& reader, std::vector<Packet>& packets) const;

  DecoderLimits limits_;
  MessageArena& arena_;
  Role role_;
  Version version_ = Version::v3_1_1;
  bool connected_;
  bool failed_ = false;
  /// A cut-off packet from its first byte on.
  std::string pending_;
  /// Topic by alias, index 0 is alias 1; grows to the highest alias used.
  std::vector<std::string> aliases_;
  /// Forwarded properties of a PUBLISH that had others between them.
  std::string gathered_;
};

}  // namespace lineshaft::mqtt
