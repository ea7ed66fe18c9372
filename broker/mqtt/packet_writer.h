#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/mqtt/encoder.h"

namespace lineshaft::mqtt {

/// Puts one packet that is not sent often together from its parts, with the size rules.
class PacketWriter {
 public:
  /// What may be left out when it says nothing.
  enum class Form : std::uint8_t {
    /// Always Reason Code and properties.
    full,
    /// No properties: their length is left out; and success: the Reason Code too (section 3.4.2.1).
    short_reason,
    /// Only success without properties is left out (AUTH, section 3.15.2.1).
    short_success,
  };

  PacketWriter(PacketType type, std::uint8_t flags, const EncodeOptions& options,
               Form form = Form::full)
      : first_(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags)),
        form_(form),
        options_(options) {}

  /// Variable header in front of the properties. With a short form its last byte is the Reason
  /// Code.
  std::string head;
  /// Written for v5 only.
  std::string properties;
  std::string payload;

  /// Adds Reason String and User Properties, each only when the packet stays within the peer's
  /// limit. Call it last. The rule of every packet that has them: CONNACK [MQTT-3.2.2-19]
  /// [MQTT-3.2.2-20], PUBACK [MQTT-3.4.2-2] [MQTT-3.4.2-3], PUBREC [MQTT-3.5.2-2] [MQTT-3.5.2-3],
  /// PUBREL [MQTT-3.6.2-2] [MQTT-3.6.2-3], PUBCOMP [MQTT-3.7.2-2] [MQTT-3.7.2-3], SUBACK
  /// [MQTT-3.9.2-1] [MQTT-3.9.2-2], UNSUBACK [MQTT-3.11.2-1] [MQTT-3.11.2-2], DISCONNECT
  /// [MQTT-3.14.2-3] [MQTT-3.14.2-4], AUTH [MQTT-3.15.2-2] [MQTT-3.15.2-3].
  void add_notes(const Notes& notes);

  /// False, with `out` unchanged, when the peer does not take so much.
  bool append_to(std::string& out) const;

 private:
  bool fits(std::size_t more_properties) const;
  /// Remaining Length when the properties had that size.
  std::size_t remaining_length(std::size_t properties_size) const;
  bool leaves_out_properties(std::size_t properties_size) const;
  bool leaves_out_reason(std::size_t properties_size) const;

  std::uint8_t first_;
  Form form_;
  const EncodeOptions& options_;
};

}  // namespace lineshaft::mqtt
