#include "storage/torn_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <system_error>
#include <vector>

namespace lineshaft::storage {
namespace {

namespace fs = std::filesystem;

using Bytes = std::span<const std::uint8_t>;

// RocksDB's log format: blocks of 32 KiB; a record is a masked CRC-32C (4 bytes) of type and data,
// the length of the data (2), the type (1), the data; none crosses a block.
constexpr std::size_t block_bytes = 32 * 1024;
constexpr std::size_t header_bytes = 7;
constexpr std::uint8_t type_full = 1, type_first = 2;

constexpr auto crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78u : 0);
    table[i] = value;
  }
  return table;
}();

std::uint32_t crc_32c(Bytes bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ crc_table[(crc ^ byte) & 0xFF];
  return ~crc;
}

/// Size of the whole record at `at`; 0 if there is none.
std::size_t whole_record(Bytes block, std::size_t at) {
  if (block.size() - at < header_bytes) return 0;
  const std::uint8_t* const header = block.data() + at;
  const std::size_t length = header[4] | std::size_t{header[5]} << 8;
  if (header[6] == 0 || length > block.size() - at - header_bytes) return 0;
  std::uint32_t masked = 0;
  for (std::size_t i = 0; i < 4; ++i) masked |= std::uint32_t{header[i]} << (8 * i);
  const std::uint32_t rotated = masked - 0xA282EAD8u;
  const std::uint32_t wanted = rotated >> 17 | rotated << 15;
  const Bytes covered = block.subspan(at + header_bytes - 1, length + 1);
  return crc_32c(covered) == wanted ? header_bytes + length : 0;
}

/// Where the records of a block end, or its size when they fill it (a rest too short for a header
/// is padding).
std::size_t end_of_records(Bytes block) {
  std::size_t at = 0;
  while (at < block.size()) {
    if (block.size() == block_bytes && block.size() - at < header_bytes) return block.size();
    const std::size_t size = whole_record(block, at);
    if (size == 0) return at;
    at += size;
  }
  return at;
}

/// Does a record begin at or behind `at`? Parts of one that began before do not count.
bool record_begins(Bytes block, std::size_t at) {
  for (; at + header_bytes <= block.size(); ++at) {
    const std::uint8_t type = block[at + 6];
    if ((type == type_full || type == type_first) && whole_record(block, at) != 0) return true;
  }
  return false;
}

std::string newest_journal(const std::string& store) {
  std::string newest;
  std::uint64_t newest_number = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(store, error)) {
    if (entry.path().extension() != ".log") continue;
    const std::string stem = entry.path().stem();
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(stem.data(), stem.data() + stem.size(), number);
    if (parsed.ptr != stem.data() + stem.size() || number < newest_number) continue;
    newest_number = number;
    newest = entry.path();
  }
  return newest;
}

}  // namespace

std::optional<TornTail> find_torn_tail(const std::string& store) {
  TornTail tail;
  tail.journal = newest_journal(store);
  std::error_code error;
  const std::uint64_t size = fs::file_size(tail.journal, error);
  std::ifstream in(tail.journal, std::ios::binary);
  if (error || !in) return std::nullopt;
  std::vector<std::uint8_t> buffer(block_bytes);
  bool torn = false;
  for (std::uint64_t begin = 0; begin < size; begin += block_bytes) {
    const std::size_t wanted = std::min<std::uint64_t>(block_bytes, size - begin);
    if (!in.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(wanted))) {
      return std::nullopt;
    }
    const Bytes block(buffer.data(), wanted);
    std::size_t from = 0;
    if (!torn) {
      const std::size_t end = end_of_records(block);
      if (end == block.size()) continue;
      torn = true;
      from = end + 1;
      tail.kept_bytes = begin + end;
      tail.torn_bytes = size - tail.kept_bytes;
      if (tail.torn_bytes > torn_tail_bytes_max) return std::nullopt;
    }
    if (record_begins(block, from)) return std::nullopt;
  }
  if (!torn) return std::nullopt;
  return tail;
}

int cut_torn_tail(const TornTail& tail) {
  const int descriptor = ::open(tail.journal.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const bool done =
      ::ftruncate(descriptor, static_cast<off_t>(tail.kept_bytes)) == 0 && ::fsync(descriptor) == 0;
  const int error = done ? 0 : errno;
  ::close(descriptor);
  return error;
}

}  // namespace lineshaft::storage
