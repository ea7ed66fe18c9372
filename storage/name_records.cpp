// Records of small facts: who published what is kept, and what interceptors keep.
#include "storage/bytes.h"
#include "storage/keys.h"
#include "storage/owner.h"
#include "storage/records.h"

namespace lineshaft::storage {
namespace {

RecordFault fault_of_format(std::string_view value) {
  return value.empty() ? RecordFault::truncated : RecordFault::unknown_format;
}

}  // namespace

void encode_name_number(std::string& out, std::uint32_t number) {
  ByteWriter writer(out);
  writer.u8(record_format);
  writer.u32(number);
}

void encode_name(std::string& out, const core::NameRecord& record) {
  ByteWriter writer(out);
  const std::string owner = owner_ext(record.owner);
  if (owner.empty()) {
    writer.u8(record_format);
  } else {
    writer.u8(owned_name_format);
    writer.sized(owner);
  }
  writer.raw(record.client_id);
}

Decoded<core::NameRecord> decode_name(std::string_view key, std::string_view value) {
  const auto number = parse_number_name_key(key);
  if (!number) return RecordFault::bad_key;
  ByteReader reader(value);
  const std::uint8_t format = reader.u8();
  if (format != record_format && format != owned_name_format) return fault_of_format(value);
  core::NameRecord record;
  record.number = *number;
  if (format == owned_name_format) {
    const std::string_view owner = reader.sized();
    if (reader.failed()) return RecordFault::truncated;
    if (!read_owner(owner, record.owner) || !record.owner) return RecordFault::out_of_range;
  }
  record.client_id = reader.rest();
  return record;
}

void encode_item(std::string& out, const core::KeptItemRecord& record) {
  ByteWriter writer(out);
  writer.u8(record_format);
  writer.raw(record.value);
}

Decoded<core::KeptItemRecord> decode_item(std::string_view key, std::string_view value) {
  const auto parsed = parse_item_key(key);
  if (!parsed) return RecordFault::bad_key;
  ByteReader reader(value);
  if (reader.u8() != record_format) return fault_of_format(value);
  core::KeptItemRecord record;
  record.family = parsed->family;
  record.key = parsed->key;
  record.value = reader.rest();
  if (record.value.empty()) return RecordFault::truncated;
  return record;
}

}  // namespace lineshaft::storage
