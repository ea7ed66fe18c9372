#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core/persist.h"

/// Where a record stands: column family and key. Integers are big-endian; topics, filters and
/// client identifiers are raw UTF-8.
///
/// Functions that make a key append it to `out`. Functions that take one apart return nothing for
/// bytes that are no such key; nothing on disk is trusted.
namespace lineshaft::storage {

/// The column families, in the order they are opened.
enum class Family : std::uint8_t {
  meta,  ///< RocksDB's "default": what the store knows about itself
  retained,
  lkv,
  names,
  session,
  sub,
  queue,
  inflight,
  payload,
  will,
  policy,  ///< what interceptors keep
  end_,
};
inline constexpr std::size_t families_size = static_cast<std::size_t>(Family::end_);

/// RocksDB's name of a column family.
std::string_view family_name(Family family);

/// Keys of `Family::meta`.
namespace meta_key {
inline constexpr std::string_view schema = "schema";          ///< u32
inline constexpr std::string_view boot_epoch = "boot_epoch";  ///< u64, one more at every start
inline constexpr std::string_view clean = "clean";            ///< u8, stop time u64 ms
inline constexpr std::string_view seq = "seq";                ///< u64, newest number used
inline constexpr std::string_view wall = "wall";              ///< u64 ms, newest wall time seen
}  // namespace meta_key

/// What comes first in every key of one session in `sub`, `queue` and `inflight`.
void append_session_prefix(std::string& out, core::SessionId sid);

void append_sub_key(std::string& out, core::SessionId sid, std::string_view filter);
struct SubKey {
  core::SessionId sid = 0;
  std::string_view filter;
};
std::optional<SubKey> parse_sub_key(std::string_view key);

void append_queue_key(std::string& out, core::SessionId sid, std::uint64_t seq);
struct QueueKey {
  core::SessionId sid = 0;
  std::uint64_t seq = 0;
};
std::optional<QueueKey> parse_queue_key(std::string_view key);

void append_inflight_key(std::string& out, core::SessionId sid, core::Direction direction,
                         std::uint16_t packet_id);
struct InflightKey {
  core::SessionId sid = 0;
  core::Direction direction = core::Direction::in;
  std::uint16_t packet_id = 0;
};
std::optional<InflightKey> parse_inflight_key(std::string_view key);

void append_payload_key(std::string& out, std::uint64_t store_id);
std::optional<std::uint64_t> parse_payload_key(std::string_view key);

/// `names` holds every pair twice: number by client identifier, and back.
inline constexpr char name_by_client_id = 'c';
inline constexpr char name_by_number = 'i';
void append_client_name_key(std::string& out, std::string_view client_id);
void append_number_name_key(std::string& out, std::uint32_t number);
std::optional<std::uint32_t> parse_number_name_key(std::string_view key);

/// `policy`: the family of the item, NUL, its key.
void append_item_key(std::string& out, std::string_view family, std::string_view key);
struct ItemKey {
  std::string_view family;
  std::string_view key;
};
std::optional<ItemKey> parse_item_key(std::string_view key);

}  // namespace lineshaft::storage
