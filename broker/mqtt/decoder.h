#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/base/message.h"
#include "broker/mqtt/packets.h"

namespace lineshaft::mqtt {

/// Which side's packets are read.
enum class Role : std::uint8_t { server_reads_client, client_reads_server };

struct DecoderLimits {
  /// Total size of one packet, fixed header included; more is `packet_too_large`, known from the
  /// fixed header, before the body is buffered [MQTT-3.2.2-15].
  std::uint32_t packet_size_bytes_max = 0;
  /// The same before CONNECT is complete.
  std::uint32_t connect_size_bytes_max = 0;
  /// Inbound aliases the peer may use; above it `topic_alias_invalid` [MQTT-3.3.2-9].
  std::uint16_t topic_alias_max = 0;
  std::size_t user_properties_max = 0;
};

/// Cuts a byte stream into packets and checks every rule that needs no session.
///
/// One per connection, used by its shard's thread only. Bytes of whole packets are decoded in
/// place; only a cut-off packet is buffered here. The version is taken from CONNECT. Topic aliases
/// are resolved here, their table dies with the decoder [MQTT-3.3.2-7].
class Decoder {
 public:
  Decoder(Role role, const DecoderLimits& limits, MessageArena& arena);

  /// For a client that reads a server's packets, or a server that already knows (tests).
  void set_version(Version version);

  /// Decodes every complete packet of `input` (with what was left before) to the end of `packets`.
  /// After the first fault one `Violation` is appended and all further input is ignored.
  /// Nothing in `packets` points into `input`.
  void feed(Octets input, std::vector<Packet>& packets);

  bool failed() const;
  Version version() const;
  /// Bytes buffered of a packet that is not complete yet.
  std::size_t pending_bytes() const;
};

}  // namespace lineshaft::mqtt
