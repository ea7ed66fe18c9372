#pragma once

#include <cstdint>
#include <optional>
#include <string>

/// What a power loss leaves at the end of the newest journal, in forms RocksDB does not forgive.
namespace lineshaft::storage {

/// A larger one is no tail: that much never waits for a sync.
inline constexpr std::uint64_t torn_tail_bytes_max = 8 * 1024 * 1024;

struct TornTail {
  std::string journal;
  /// Whole records end here.
  std::uint64_t kept_bytes = 0;
  std::uint64_t torn_bytes = 0;
};

/// Looks at the newest journal in the RocksDB folder `store`. Pages of what was written but never
/// synced reach the disk or not, in any order: a record may end in zeroes, or in what lay there
/// before. Nobody was told that such records are safe.
///
/// nullopt when all records are whole, or when one begins behind the first that is not: then the
/// damage is in the middle, and perhaps in something that was acknowledged. Reads only.
std::optional<TornTail> find_torn_tail(const std::string& store);

/// Cuts the journal behind its last whole record and syncs it. Returns errno or 0.
int cut_torn_tail(const TornTail& tail);

}  // namespace lineshaft::storage
