#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "broker/core/persist.h"

/// What a record looks like on disk: the values behind the keys of keys.h.
///
/// Every value starts with a format byte. Encoders append to `out`. Decoders take bytes that may be
/// damaged or of another version: they check every bound, guess nothing and never assert.
namespace lineshaft::storage {

inline constexpr std::uint8_t record_format = 1;
/// A name with its owner; one without has the format above.
inline constexpr std::uint8_t owned_name_format = 2;

/// Why bytes are no record.
enum class RecordFault : std::uint8_t {
  /// Written by another version.
  unknown_format,
  /// Ends too early, or a length points beyond the end.
  truncated,
  /// Bytes are left behind the last field.
  trailing_bytes,
  /// A field has a value that cannot be.
  out_of_range,
  /// The key does not belong into its column family.
  bad_key,
};
std::string_view to_string(RecordFault fault);

template <class T>
using Decoded = boost::system::result<T, RecordFault>;

/// Boost.System asks for this; reading the value of a failed decode is our own fault.
[[noreturn]] void throw_exception_from_error(const RecordFault& fault,
                                             const boost::source_location& location);

/// Record R: a message without its topic, as stored in `retained` and `lkv` (where the key is the
/// topic) and, behind the topic, in `queue`, `payload` and `will`.
///
/// format u8 | flags u8 | seq u64 | recv_ms u64 | src_ms u64 | publisher u32 | quality u16 |
/// expires_ms u64 | origin_zone u16 | origin_hash u64 | ext_len varint | ext | props_len varint |
/// props | payload
struct ValueRecord {
  QoS qos = QoS::at_most_once;
  bool utf8 = false;
  bool from_sparkplug = false;
  bool retain = false;
  bool request_response = false;
  std::uint64_t seq = 0;
  /// Wall times in ms since 1970; `src_ms` and `expires_ms`: 0 unknown, never.
  std::uint64_t recv_ms = 0;
  std::uint64_t src_ms = 0;
  std::uint32_t publisher = 0;
  Quality quality = Quality::good;
  std::uint64_t expires_ms = 0;
  std::uint16_t origin_zone = 0;
  std::uint64_t origin_hash = 0;
  /// (tag u8, length varint, value)*, in wire form: tags this version does not know are kept.
  std::string_view ext;
  std::string_view properties;
  std::string_view payload;
};
void encode_value(std::string& out, const ValueRecord& record);
/// The views point into `bytes`.
Decoded<ValueRecord> decode_value(std::string_view bytes);

void encode_retained(std::string& out, const core::RetainedRecord& record);
Decoded<core::RetainedRecord> decode_retained(std::string_view key, std::string_view value);

void encode_last_value(std::string& out, const core::LastValueRecord& record);
Decoded<core::LastValueRecord> decode_last_value(std::string_view key, std::string_view value);

void encode_name_number(std::string& out, std::uint32_t number);
void encode_name(std::string& out, const core::NameRecord& record);
/// Takes a `name_by_number` pair.
Decoded<core::NameRecord> decode_name(std::string_view key, std::string_view value);

void encode_session(std::string& out, const core::SessionRecord& record);
Decoded<core::SessionRecord> decode_session(std::string_view key, std::string_view value);

void encode_subscription(std::string& out, const core::SubscriptionRecord& record);
Decoded<core::SubscriptionRecord> decode_subscription(std::string_view key, std::string_view value);

void encode_queue(std::string& out, const core::QueueRecord& record);
struct StoredQueueEntry {
  /// `message` is null when `store_id` is not 0: the message is in `payload`.
  core::QueueRecord record;
  std::uint64_t store_id = 0;
};
Decoded<StoredQueueEntry> decode_queue(std::string_view key, std::string_view value);

void encode_inflight(std::string& out, const core::InflightRecord& record);
Decoded<core::InflightRecord> decode_inflight(std::string_view key, std::string_view value);

void encode_payload(std::string& out, const core::PayloadRecord& record);
/// The message's `store_id` is set.
Decoded<core::PayloadRecord> decode_payload(std::string_view key, std::string_view value);

void encode_will(std::string& out, const core::WillRecord& record);
Decoded<core::WillRecord> decode_will(std::string_view key, std::string_view value);

void encode_item(std::string& out, const core::KeptItemRecord& record);
Decoded<core::KeptItemRecord> decode_item(std::string_view key, std::string_view value);

}  // namespace lineshaft::storage
