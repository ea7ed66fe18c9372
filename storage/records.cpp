#include "storage/records.h"

#include <algorithm>

#include "broker/base/assert.h"
#include "storage/bytes.h"
#include "storage/keys.h"
#include "storage/owner.h"

namespace lineshaft::storage {
namespace {

// Flags of record R.
constexpr std::uint8_t flag_qos_mask = 0x03;
constexpr std::uint8_t flag_utf8 = 0x04;
constexpr std::uint8_t flag_has_properties = 0x08;
constexpr std::uint8_t flag_from_sparkplug = 0x10;
constexpr std::uint8_t flag_retain = 0x20;
constexpr std::uint8_t flag_request_response = 0x40;
constexpr std::uint8_t flag_unknown = 0x80;

constexpr std::uint8_t queue_retain = 0x04;
constexpr std::uint8_t queue_inline = 0x08;
constexpr std::uint8_t queue_unknown = 0xF0;

constexpr std::uint8_t sub_no_local = 0x04;
constexpr std::uint8_t sub_retain_as_published = 0x08;
constexpr unsigned sub_retain_handling_shift = 4;
constexpr std::uint8_t sub_replay_pending = 0x40;
constexpr std::uint8_t sub_unknown = 0x80;

constexpr std::uint8_t session_connected = 0x01;

constexpr std::uint32_t subscription_identifier_max = 268'435'455;

std::uint64_t to_ms(WallTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

WallTime from_ms(std::uint64_t ms) { return WallTime{Milliseconds{static_cast<std::int64_t>(ms)}}; }

/// Payload Format Indicator 1 among properties in wire form (MQTT 5.0 section 3.3.2.3).
bool has_utf8_indicator(std::string_view properties) {
  ByteReader reader(properties);
  while (reader.left() > 0) {
    switch (reader.u8()) {
      case 0x01:
        return reader.u8() == 1;
      case 0x03:
      case 0x08:
      case 0x09:
        reader.raw(reader.u16());
        break;
      case 0x26:
        reader.raw(reader.u16());
        reader.raw(reader.u16());
        break;
      default:
        return false;
    }
  }
  return false;
}

bool is_known(Quality quality) {
  switch (quality) {
    case Quality::bad:
    case Quality::uncertain:
    case Quality::good_no_data:
    case Quality::good:
    case Quality::stale:
      return true;
  }
  return false;
}

bool is_ext(std::string_view ext) {
  ByteReader reader(ext);
  while (reader.left() > 0 && !reader.failed()) {
    reader.u8();
    reader.sized();
  }
  return reader.done();
}

ValueRecord value_of(const KeptMessage& message, Quality quality) {
  ValueRecord record;
  record.qos = message.qos();
  record.utf8 = has_utf8_indicator(message.properties());
  record.retain = message.retain();
  record.request_response = message.request_response();
  record.seq = message.seq();
  record.recv_ms = to_ms(message.received());
  record.publisher = message.publisher();
  record.quality = quality;
  if (message.expires()) {
    record.expires_ms = to_ms(message.expires_at());
    // 0 says "never"; one more millisecond is lost again in the seconds.
    if (record.expires_ms == 0) record.expires_ms = 1;
  }
  record.properties = message.properties();
  record.payload = message.payload();
  return record;
}

Decoded<KeptMessagePtr> message_of(std::string_view topic, const ValueRecord& record) {
  if (topic.empty() || topic.size() > 0xFFFF) return RecordFault::out_of_range;
  MessageFields fields;
  fields.topic = topic;
  fields.properties = record.properties;
  fields.payload = record.payload;
  fields.qos = record.qos;
  fields.retain = record.retain;
  fields.request_response = record.request_response;
  if (record.expires_ms != 0) {
    if (record.expires_ms < record.recv_ms) return RecordFault::out_of_range;
    const std::uint64_t seconds = (record.expires_ms - record.recv_ms) / 1000;
    if (seconds >= no_expiry_s) return RecordFault::out_of_range;
    fields.expiry_interval_s = static_cast<std::uint32_t>(seconds);
  }
  return KeptMessage::make(fields, {from_ms(record.recv_ms), record.seq, record.publisher});
}

/// Topic and record R: where the key does not name the topic.
void encode_message(ByteWriter& writer, std::string& out, const KeptMessage& message) {
  writer.sized(message.topic());
  encode_value(out, value_of(message, Quality::good));
}

Decoded<KeptMessagePtr> decode_message(ByteReader& reader) {
  const std::string_view topic = reader.sized();
  if (reader.failed()) return RecordFault::truncated;
  const auto value = decode_value(reader.rest());
  if (value.has_error()) return value.error();
  return message_of(topic, *value);
}

/// What every decoder asks when it has read its last field.
template <class T>
Decoded<T> finish(const ByteReader& reader, T record) {
  if (reader.failed()) return RecordFault::truncated;
  if (!reader.done()) return RecordFault::trailing_bytes;
  return record;
}

bool starts_with_format(ByteReader& reader) { return reader.u8() == record_format; }

RecordFault format_fault(std::string_view value) {
  return value.empty() ? RecordFault::truncated : RecordFault::unknown_format;
}

}  // namespace

std::string_view to_string(RecordFault fault) {
  switch (fault) {
    case RecordFault::unknown_format:
      return "unknown_format";
    case RecordFault::truncated:
      return "truncated";
    case RecordFault::trailing_bytes:
      return "trailing_bytes";
    case RecordFault::out_of_range:
      return "out_of_range";
    case RecordFault::bad_key:
      return "bad_key";
  }
  return "unknown";
}

void throw_exception_from_error(const RecordFault& fault, const boost::source_location& location) {
  assertion_failed(to_string(fault).data(), location.file_name(),
                   static_cast<int>(location.line()));
}

void encode_value(std::string& out, const ValueRecord& record) {
  ByteWriter writer(out);
  writer.u8(record_format);
  writer.u8(static_cast<std::uint8_t>(
      static_cast<std::uint8_t>(record.qos) | (record.utf8 ? flag_utf8 : 0) |
      (record.properties.empty() ? 0 : flag_has_properties) |
      (record.from_sparkplug ? flag_from_sparkplug : 0) | (record.retain ? flag_retain : 0) |
      (record.request_response ? flag_request_response : 0)));
  writer.u64(record.seq);
  writer.u64(record.recv_ms);
  writer.u64(record.src_ms);
  writer.u32(record.publisher);
  writer.u16(static_cast<std::uint16_t>(record.quality));
  writer.u64(record.expires_ms);
  writer.u16(record.origin_zone);
  writer.u64(record.origin_hash);
  writer.sized(record.ext);
  writer.sized(record.properties);
  writer.raw(record.payload);
}

Decoded<ValueRecord> decode_value(std::string_view bytes) {
  ByteReader reader(bytes);
  if (!starts_with_format(reader)) return format_fault(bytes);
  ValueRecord record;
  const std::uint8_t flags = reader.u8();
  record.seq = reader.u64();
  record.recv_ms = reader.u64();
  record.src_ms = reader.u64();
  record.publisher = reader.u32();
  record.quality = static_cast<Quality>(reader.u16());
  record.expires_ms = reader.u64();
  record.origin_zone = reader.u16();
  record.origin_hash = reader.u64();
  record.ext = reader.sized();
  record.properties = reader.sized();
  record.payload = reader.rest();
  if (reader.failed()) return RecordFault::truncated;
  const bool has_properties = (flags & flag_has_properties) != 0;
  if ((flags & flag_unknown) != 0 || (flags & flag_qos_mask) > 2 || !is_known(record.quality) ||
      has_properties == record.properties.empty() || !is_ext(record.ext) ||
      std::max(record.recv_ms, record.expires_ms) > static_cast<std::uint64_t>(INT64_MAX)) {
    return RecordFault::out_of_range;
  }
  record.qos = static_cast<QoS>(flags & flag_qos_mask);
  record.utf8 = (flags & flag_utf8) != 0;
  record.from_sparkplug = (flags & flag_from_sparkplug) != 0;
  record.retain = (flags & flag_retain) != 0;
  record.request_response = (flags & flag_request_response) != 0;
  return record;
}

void encode_retained(std::string& out, const core::RetainedRecord& record) {
  encode_value(out, value_of(*record.message, record.quality));
}

Decoded<core::RetainedRecord> decode_retained(std::string_view key, std::string_view value) {
  const auto decoded = decode_value(value);
  if (decoded.has_error()) return decoded.error();
  auto message = message_of(key, *decoded);
  if (message.has_error()) return message.error();
  return core::RetainedRecord{std::move(*message), decoded->quality};
}

void encode_last_value(std::string& out, const core::LastValueRecord& record) {
  encode_value(out, value_of(*record.message, record.quality));
}

Decoded<core::LastValueRecord> decode_last_value(std::string_view key, std::string_view value) {
  auto decoded = decode_retained(key, value);
  if (decoded.has_error()) return decoded.error();
  return core::LastValueRecord{std::move(decoded->message), decoded->quality};
}

void encode_session(std::string& out, const core::SessionRecord& record) {
  ByteWriter writer(out);
  writer.u8(record_format);
  writer.u64(record.sid);
  writer.u8(static_cast<std::uint8_t>(record.version));
  writer.u32(record.expiry_interval_s);
  writer.u8(record.connected ? session_connected : 0);
  writer.u64(to_ms(record.disconnected_at));
  writer.u64(record.head_seq);
  writer.sized(owner_ext(record.owner));
}

Decoded<core::SessionRecord> decode_session(std::string_view key, std::string_view value) {
  if (key.empty()) return RecordFault::bad_key;
  ByteReader reader(value);
  if (!starts_with_format(reader)) return format_fault(value);
  core::SessionRecord record;
  record.client_id = key;
  record.sid = reader.u64();
  const std::uint8_t version = reader.u8();
  record.expiry_interval_s = reader.u32();
  const std::uint8_t flags = reader.u8();
  record.disconnected_at = from_ms(reader.u64());
  record.head_seq = reader.u64();
  const std::string_view ext = reader.sized();
  if (reader.done() && (version < 3 || version > 5 || (flags & ~session_connected) != 0 ||
                        record.sid == 0 || !is_ext(ext) || !read_owner(ext, record.owner))) {
    return RecordFault::out_of_range;
  }
  record.version = static_cast<mqtt::Version>(version);
  record.connected = (flags & session_connected) != 0;
  return finish(reader, std::move(record));
}

void encode_subscription(std::string& out, const core::SubscriptionRecord& record) {
  ByteWriter writer(out);
  writer.u8(record_format);
  writer.u8(static_cast<std::uint8_t>(
      static_cast<unsigned>(record.options.qos) | (record.options.no_local ? sub_no_local : 0u) |
      (record.options.retain_as_published ? sub_retain_as_published : 0u) |
      static_cast<unsigned>(record.options.retain_handling << sub_retain_handling_shift) |
      (record.replay_pending ? sub_replay_pending : 0u)));
  writer.varint(record.subscription_identifier);
  writer.sized({});  // ext
}

Decoded<core::SubscriptionRecord> decode_subscription(std::string_view key,
                                                      std::string_view value) {
  const auto parsed = parse_sub_key(key);
  if (!parsed) return RecordFault::bad_key;
  ByteReader reader(value);
  if (!starts_with_format(reader)) return format_fault(value);
  core::SubscriptionRecord record;
  record.sid = parsed->sid;
  record.filter = parsed->filter;
  const std::uint8_t bits = reader.u8();
  const std::uint64_t identifier = reader.varint();
  const std::string_view ext = reader.sized();
  const unsigned retain_handling = (bits >> sub_retain_handling_shift) & 3u;
  if ((bits & sub_unknown) != 0 || (bits & 3) > 2 || retain_handling > 2 ||
      identifier > subscription_identifier_max || !is_ext(ext)) {
    return RecordFault::out_of_range;
  }
  record.options.qos = static_cast<QoS>(bits & 3);
  record.options.no_local = (bits & sub_no_local) != 0;
  record.options.retain_as_published = (bits & sub_retain_as_published) != 0;
  record.options.retain_handling = static_cast<std::uint8_t>(retain_handling);
  record.replay_pending = (bits & sub_replay_pending) != 0;
  record.subscription_identifier = static_cast<std::uint32_t>(identifier);
  return finish(reader, std::move(record));
}

void encode_queue(std::string& out, const core::QueueRecord& record) {
  LINESHAFT_ASSERT(record.message);
  const std::uint64_t store_id = record.message->store_id;
  ByteWriter writer(out);
  writer.u8(record_format);
  writer.u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(record.qos) |
                                      (record.retain ? queue_retain : 0) |
                                      (store_id == 0 ? queue_inline : 0)));
  writer.u16(record.packet_id);
  writer.varint(record.subscription_identifiers.size());
  for (const std::uint32_t identifier : record.subscription_identifiers) writer.varint(identifier);
  writer.sized(record.share);
  writer.sized({});  // ext
  if (store_id == 0) {
    encode_message(writer, out, *record.message);
  } else {
    writer.u64(store_id);
  }
}

Decoded<StoredQueueEntry> decode_queue(std::string_view key, std::string_view value) {
  const auto parsed = parse_queue_key(key);
  if (!parsed) return RecordFault::bad_key;
  ByteReader reader(value);
  if (!starts_with_format(reader)) return format_fault(value);
  StoredQueueEntry entry;
  entry.record.sid = parsed->sid;
  entry.record.seq = parsed->seq;
  const std::uint8_t flags = reader.u8();
  if ((flags & queue_unknown) != 0 || (flags & 3) > 2) return RecordFault::out_of_range;
  entry.record.qos = static_cast<QoS>(flags & 3);
  entry.record.retain = (flags & queue_retain) != 0;
  entry.record.packet_id = reader.u16();
  const std::uint64_t identifiers = reader.varint();
  // Each takes a byte at least: a damaged count must not reserve memory.
  if (identifiers > reader.left()) return RecordFault::truncated;
  entry.record.subscription_identifiers.reserve(static_cast<std::size_t>(identifiers));
  for (std::uint64_t i = 0; i < identifiers; ++i) {
    const std::uint64_t identifier = reader.varint();
    if (identifier > subscription_identifier_max) return RecordFault::out_of_range;
    entry.record.subscription_identifiers.push_back(static_cast<std::uint32_t>(identifier));
  }
  entry.record.share = reader.sized();
  const std::string_view ext = reader.sized();
  if (reader.failed()) return RecordFault::truncated;
  if (!is_ext(ext)) return RecordFault::out_of_range;
  if ((flags & queue_inline) == 0) {
    entry.store_id = reader.u64();
    if (!reader.failed() && entry.store_id == 0) return RecordFault::out_of_range;
    return finish(reader, std::move(entry));
  }
  auto message = decode_message(reader);
  if (message.has_error()) return message.error();
  entry.record.message = std::move(*message);
  return entry;
}

void encode_inflight(std::string& out, const core::InflightRecord& record) {
  ByteWriter writer(out);
  writer.u8(record_format);
  writer.u8(static_cast<std::uint8_t>(record.state));
  writer.u64(record.seq);
}

Decoded<core::InflightRecord> decode_inflight(std::string_view key, std::string_view value) {
  const auto parsed = parse_inflight_key(key);
  if (!parsed) return RecordFault::bad_key;
  ByteReader reader(value);
  if (!starts_with_format(reader)) return format_fault(value);
  core::InflightRecord record;
  record.sid = parsed->sid;
  record.direction = parsed->direction;
  record.packet_id = parsed->packet_id;
  const std::uint8_t state = reader.u8();
  record.seq = reader.u64();
  const bool incoming = record.direction == core::Direction::in;
  if (state > 2 || incoming != (state == static_cast<std::uint8_t>(core::InflightState::received)))
    return RecordFault::out_of_range;
  record.state = static_cast<core::InflightState>(state);
  return finish(reader, record);
}

void encode_payload(std::string& out, const core::PayloadRecord& record) {
  ByteWriter writer(out);
  writer.u8(record_format);
  encode_message(writer, out, *record.message);
}

Decoded<core::PayloadRecord> decode_payload(std::string_view key, std::string_view value) {
  const auto store_id = parse_payload_key(key);
  if (!store_id) return RecordFault::bad_key;
  ByteReader reader(value);
  if (!starts_with_format(reader)) return format_fault(value);
  auto message = decode_message(reader);
  if (message.has_error()) return message.error();
  (*message)->store_id = *store_id;
  return core::PayloadRecord{std::move(*message)};
}

void encode_will(std::string& out, const core::WillRecord& record) {
  ByteWriter writer(out);
  writer.u8(record_format);
  writer.u32(record.delay_interval_s);
  writer.u32(record.session_expiry_interval_s);
  writer.u64(to_ms(record.disconnected_at));
  writer.sized(owner_ext(record.owner));
  encode_message(writer, out, *record.message);
}

Decoded<core::WillRecord> decode_will(std::string_view key, std::string_view value) {
  if (key.empty()) return RecordFault::bad_key;
  ByteReader reader(value);
  if (!starts_with_format(reader)) return format_fault(value);
  core::WillRecord record;
  record.client_id = key;
  record.delay_interval_s = reader.u32();
  record.session_expiry_interval_s = reader.u32();
  record.disconnected_at = from_ms(reader.u64());
  const std::string_view ext = reader.sized();
  if (reader.failed()) return RecordFault::truncated;
  if (!is_ext(ext) || !read_owner(ext, record.owner)) return RecordFault::out_of_range;
  auto message = decode_message(reader);
  if (message.has_error()) return message.error();
  record.message = std::move(*message);
  return record;
}

}  // namespace lineshaft::storage
