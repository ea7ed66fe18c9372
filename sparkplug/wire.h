#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "sparkplug/payload.h"

/// Protocol Buffers' wire format, read from untrusted bytes. Functions return where they stopped
/// reading, nullptr after a fault, which they leave in `Check`. The short ones must be inlined: in
/// a unity build g++ would rather not, and a metric takes 7.2 ns instead of 5.7.
namespace lineshaft::sparkplug::wire {

enum WireType : std::uint32_t {
  varint_type = 0,
  fixed64_type = 1,
  bytes_type = 2,
  group_start = 3,
  group_end = 4,
  fixed32_type = 5,
};

constexpr std::uint32_t tag_of(std::uint32_t field, WireType type) { return field << 3 | type; }

/// The messages of a payload that a metric may hold, for `check_message`.
enum class Kind : std::uint8_t {
  metric,
  meta_data,
  property_set,
  property_value,
  property_set_list,
  data_set,
  row,
  data_set_value,
  template_body,
  parameter,
  extension,
};

/// What a check carries along. Only written on slow paths, so that the hot ones stay in registers.
struct Check {
  PayloadFault fault = PayloadFault::none;
  /// Messages and groups that are open.
  std::size_t depth = 0;

  const char* fail(PayloadFault why) {
    fault = why;
    return nullptr;
  }
};

/// Where reading goes on and what was read; both come back in registers.
struct Number {
  const char* at;
  std::uint64_t value;
};
/// Varints the fast path leaves: at the end of the bytes, and those of nine or ten bytes.
Number slow_varint(const char* at, const char* end, Check& check);
/// A tag of two to five bytes; its number is cut to 32 bits, as Protocol Buffers does.
Number long_tag(const char* at, const char* end, Check& check);
/// Skips the value of a field whose tag was read: unknown, or known with another wire type.
const char* skip_value(const char* at, const char* end, std::uint32_t tag, Check& check);
/// Whether the bytes are a message of this kind; every message in it is checked, too.
bool check_message(std::string_view bytes, Kind kind, Check& check);

inline std::uint64_t load64(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

inline std::uint32_t load32(const char* at) {
  std::uint32_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
  return word;
}

inline std::uint64_t byte_at(const char* at) { return static_cast<unsigned char>(*at); }

inline const char* read_slowly(const char* at, const char* end, std::uint64_t& value,
                               Check& check) {
  const Number number = slow_varint(at, end, check);
  value = number.value;
  return number.at;
}

/// Three to eight bytes of 7 bits each, the first the lowest, without the gaps.
[[gnu::always_inline]] inline std::uint64_t without_gaps(std::uint64_t word) {
  word = (word & 0x7f00'7f00'7f00'7f00u) >> 1 | (word & 0x007f'007f'007f'007fu);
  word = (word & 0x3fff'0000'3fff'0000u) >> 2 | (word & 0x0000'3fff'0000'3fffu);
  return (word & 0x0fff'ffff'0000'0000u) >> 4 | (word & 0x0000'0000'0fff'ffffu);
}

[[gnu::always_inline]] inline const char* read_varint(const char* at, const char* end,
                                                      std::uint64_t& value, Check& check) {
  if (end - at < 8) [[unlikely]] {
    return read_slowly(at, end, value, check);
  }
  const std::uint64_t first = byte_at(at);
  if (first < 0x80) {
    value = first;
    return at + 1;
  }
  const std::uint64_t second = byte_at(at + 1);
  if (second < 0x80) {
    value = (first & 0x7fu) | second << 7;
    return at + 2;
  }
  // All at once: find the last byte, drop what follows, close the gaps.
  const std::uint64_t word = load64(at);
  const std::uint64_t ends = ~word & 0x8080'8080'8080'8080u;
  if (ends == 0) [[unlikely]] {
    return read_slowly(at, end, value, check);
  }
  value = without_gaps(word & (ends ^ (ends - 1)));
  return at + (static_cast<std::size_t>(std::countr_zero(ends)) / 8 + 1);
}

/// A timestamp has six bytes from 1971 to 2109; any other number is read as well.
[[gnu::always_inline]] inline const char* read_timestamp(const char* at, const char* end,
                                                         std::uint64_t& value, Check& check) {
  if (end - at >= 8) [[likely]] {
    const std::uint64_t word = load64(at);
    if ((word & 0x8080'8080'8080u) == 0x0080'8080'8080u) [[likely]] {
      const std::uint64_t pairs = (word & 0x7f00'7f00'7f00u) >> 1 | (word & 0x007f'007f'007fu);
      value = (pairs & 0x3fffu) | (pairs >> 2 & 0x0fff'c000u) | (pairs >> 4 & 0x03ff'f000'0000u);
      return at + 6;
    }
  }
  return read_varint(at, end, value, check);
}

[[gnu::always_inline]] inline const char* read_tag(const char* at, const char* end,
                                                   std::uint32_t& tag, Check& check) {
  const auto first = static_cast<std::uint32_t>(byte_at(at));
  if (first < 0x80) [[likely]] {
    tag = first;
    return at + 1;
  }
  const Number number = long_tag(at, end, check);
  tag = static_cast<std::uint32_t>(number.value);
  return number.at;
}

[[gnu::always_inline]] inline const char* read_bytes(const char* at, const char* end,
                                                     std::string_view& bytes, Check& check) {
  std::uint64_t size = 0;
  at = read_varint(at, end, size, check);
  if (at == nullptr) [[unlikely]] {
    return nullptr;
  }
  if (size > static_cast<std::uint64_t>(end - at)) [[unlikely]] {
    return check.fail(PayloadFault::cut_off);
  }
  bytes = {at, static_cast<std::size_t>(size)};
  return at + size;
}

[[gnu::always_inline]] inline const char* read_fixed64(const char* at, const char* end,
                                                       std::uint64_t& value, Check& check) {
  if (end - at < 8) return check.fail(PayloadFault::cut_off);
  value = load64(at);
  return at + 8;
}

[[gnu::always_inline]] inline const char* read_fixed32(const char* at, const char* end,
                                                       std::uint64_t& value, Check& check) {
  if (end - at < 4) return check.fail(PayloadFault::cut_off);
  value = load32(at);
  return at + 4;
}

}  // namespace lineshaft::sparkplug::wire
