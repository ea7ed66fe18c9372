#pragma once

#include <cstddef>
#include <cstdint>

#include "broker/base/message.h"
#include "broker/base/result.h"
#include "broker/mqtt/utf8.h"
#include "broker/mqtt/variable_byte_integer.h"

namespace lineshaft::mqtt {

/// A bounds-checked cursor over the body of one packet.
///
/// Faults stick: the first one is kept, everything read after it is zero or empty, so a caller
/// reads a whole packet and asks `ok()` once. Fields that do not fit the packet are
/// `malformed_packet` (MQTT 5.0 section 2.1.4).
class Reader {
 public:
  explicit Reader(Octets data) : at_(data.data()), end_(data.data() + data.size()) {}

  bool ok() const { return error_.reason == ReasonCode::success; }
  const Error& error() const { return error_; }

  void fail(const Error& error) {
    if (!ok()) return;
    error_ = error;
    at_ = end_;
  }
  void fail(ReasonCode reason, std::string_view clause) { fail(Error{reason, clause}); }

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  /// Where the next byte is read from.
  const char* position() const { return at_; }

  std::uint8_t u8() {
    if (left() < 1) return cut_off();
    return static_cast<std::uint8_t>(*at_++);
  }

  std::uint16_t u16() {
    if (left() < 2) return cut_off();
    const auto value = static_cast<std::uint16_t>(byte(0) << 8 | byte(1));
    at_ += 2;
    return value;
  }

  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }

  /// In the shortest form only [MQTT-1.5.5-1].
  std::uint32_t variable_byte_integer() {
    const auto integer = decode_variable_byte_integer({at_, left()});
    switch (integer.state) {
      case VariableByteInteger::State::complete:
        if (!integer.overlong) break;
        [[fallthrough]];
      case VariableByteInteger::State::malformed:
        fail(ReasonCode::malformed_packet, "MQTT-1.5.5-1");
        return 0;
      case VariableByteInteger::State::incomplete:
        return cut_off();
    }
    at_ += integer.size_bytes;
    return integer.value;
  }

  Octets take(std::size_t size) {
    if (left() < size) {
      cut_off();
      return {};
    }
    const Octets taken{at_, size};
    at_ += size;
    return taken;
  }

  Octets rest() { return take(left()); }

  /// Binary Data, or the bytes of a string that is checked elsewhere.
  Octets binary() { return take(u16()); }

  /// A UTF-8 Encoded String.
  Octets text() { return checked(&text_fault); }

  /// One without control characters.
  Octets printable_text() { return checked(&printable_text_fault); }

  /// Nothing may follow.
  void expect_end(std::string_view clause) {
    if (left() != 0) fail(ReasonCode::malformed_packet, clause);
  }

 private:
  unsigned byte(std::size_t index) const { return static_cast<unsigned char>(at_[index]); }

  std::uint8_t cut_off() {
    fail(ReasonCode::malformed_packet, "MQTT 2.1.4");
    return 0;
  }

  Octets checked(std::string_view (*fault_of)(Octets)) {
    const Octets bytes = binary();
    if (const auto fault = fault_of(bytes); !fault.empty()) {
      fail(ReasonCode::malformed_packet, fault);
      return {};
    }
    return bytes;
  }

  const char* at_;
  const char* end_;
  Error error_{ReasonCode::success, {}};
};

}  // namespace lineshaft::mqtt
