#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Reading and writing the bytes of keys and values. Integers are big-endian, so that keys sort by
/// number; lengths are base-128 varints, low bits first.
namespace lineshaft::storage {

/// Appends to a string that the caller reuses from record to record.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u16(std::uint16_t value) { fixed<2>(value); }
  void u32(std::uint32_t value) { fixed<4>(value); }
  void u64(std::uint64_t value) { fixed<8>(value); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) u8(static_cast<std::uint8_t>(value | 0x80));
    u8(static_cast<std::uint8_t>(value));
  }
  void raw(std::string_view bytes) { out_.append(bytes); }
  /// Length, then the bytes.
  void sized(std::string_view bytes) {
    varint(bytes.size());
    raw(bytes);
  }

 private:
  template <int size>
  void fixed(std::uint64_t value) {
    char bytes[size];
    for (int i = 0; i < size; ++i) bytes[i] = static_cast<char>(value >> (8 * (size - 1 - i)));
    out_.append(bytes, size);
  }

  std::string& out_;
};

/// Reads what may have been damaged: past the end every call returns zero or nothing, and `failed`
/// stays true. The views it returns point into the input.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed<1>()); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(fixed<2>()); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed<4>()); }
  std::uint64_t u64() { return fixed<8>(); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      // The tenth byte has room for one bit only.
      if (shift == 63 && byte > 1) break;
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    failed_ = true;
    return 0;
  }
  std::string_view raw(std::uint64_t size) {
    if (size > in_.size()) {
      failed_ = true;
      in_ = {};
      return {};
    }
    const std::string_view bytes = in_.substr(0, static_cast<std::size_t>(size));
    in_.remove_prefix(bytes.size());
    return bytes;
  }
  std::string_view sized() { return raw(varint()); }
  std::string_view rest() { return raw(in_.size()); }

  bool failed() const { return failed_; }
  /// Everything was read and nothing was missing.
  bool done() const { return !failed_ && in_.empty(); }
  std::size_t left() const { return in_.size(); }

 private:
  template <int size>
  std::uint64_t fixed() {
    const std::string_view bytes = raw(size);
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
    return value;
  }

  std::string_view in_;
  bool failed_ = false;
};

}  // namespace lineshaft::storage
