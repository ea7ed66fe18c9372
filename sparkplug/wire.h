#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "sparkplug/payload.h"

/// Protocol Buffers' wire format, read from untrusted bytes. Functions return where they stopped
/// reading, nullptr after a fault, which they leave in `Check`.
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

/// Varints the fast path leaves: at the end of the bytes, and those of nine or ten bytes.
const char* slow_varint(const char* at, const char* end, std::uint64_t& value, Check& check);
/// A tag of two to five bytes; its number is cut to 32 bits, as Protocol Buffers does.
const char* long_tag(const char* at, const char* end, std::uint32_t& tag, Check& check);
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

inline const char* read_varint(const char* at, const char* end, std::uint64_t& value,
                               Check& check) {
  if (at == end) [[unlikely]] {
    return check.fail(PayloadFault::cut_off);
  }
  const auto first = static_cast<unsigned char>(*at);
  if (first < 0x80) {
    value = first;
    return at + 1;
  }
  if (end - at < 8) return slow_varint(at, end, value, check);
  // Up to eight bytes at once: find the last one, drop what follows, close the gaps of one bit.
  std::uint64_t word = load64(at);
  const std::uint64_t ends = ~word & 0x8080'8080'8080'8080u;
  if (ends == 0) [[unlikely]] {
    return slow_varint(at, end, value, check);
  }
  word &= ends ^ (ends - 1);
  word &= 0x7f7f'7f7f'7f7f'7f7fu;
  word = (word & 0x7f00'7f00'7f00'7f00u) >> 1 | (word & 0x007f'007f'007f'007fu);
  word = (word & 0x3fff'0000'3fff'0000u) >> 2 | (word & 0x0000'3fff'0000'3fffu);
  value = (word & 0x0fff'ffff'0000'0000u) >> 4 | (word & 0x0000'0000'0fff'ffffu);
  return at + (std::countr_zero(ends) >> 3) + 1;
}

inline const char* read_tag(const char* at, const char* end, std::uint32_t& tag, Check& check) {
  const auto first = static_cast<unsigned char>(*at);
  if (first < 0x80) [[likely]] {
    tag = first;
    return at + 1;
  }
  return long_tag(at, end, tag, check);
}

inline const char* read_bytes(const char* at, const char* end, std::string_view& bytes,
                              Check& check) {
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

inline const char* read_fixed64(const char* at, const char* end, std::uint64_t& value,
                                Check& check) {
  if (end - at < 8) return check.fail(PayloadFault::cut_off);
  value = load64(at);
  return at + 8;
}

inline const char* read_fixed32(const char* at, const char* end, std::uint64_t& value,
                                Check& check) {
  if (end - at < 4) return check.fail(PayloadFault::cut_off);
  value = load32(at);
  return at + 4;
}

}  // namespace lineshaft::sparkplug::wire
