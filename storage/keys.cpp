#include "storage/keys.h"

#include <array>

#include "storage/bytes.h"

namespace lineshaft::storage {

std::string_view family_name(Family family) {
  static constexpr std::array<std::string_view, families_size> names = {
      "default", "retained", "lkv",     "names", "session", "sub",
      "queue",   "inflight", "payload", "will",  "policy"};
  return names[static_cast<std::size_t>(family)];
}

void append_session_prefix(std::string& out, core::SessionId sid) { ByteWriter(out).u64(sid); }

void append_sub_key(std::string& out, core::SessionId sid, std::string_view filter) {
  ByteWriter writer(out);
  writer.u64(sid);
  writer.raw(filter);
}

std::optional<SubKey> parse_sub_key(std::string_view key) {
  ByteReader reader(key);
  SubKey parsed;
  parsed.sid = reader.u64();
  parsed.filter = reader.rest();
  if (reader.failed() || parsed.filter.empty()) return std::nullopt;
  return parsed;
}

void append_queue_key(std::string& out, core::SessionId sid, std::uint64_t seq) {
  ByteWriter writer(out);
  writer.u64(sid);
  writer.u64(seq);
}

std::optional<QueueKey> parse_queue_key(std::string_view key) {
  ByteReader reader(key);
  QueueKey parsed;
  parsed.sid = reader.u64();
  parsed.seq = reader.u64();
  if (!reader.done()) return std::nullopt;
  return parsed;
}

void append_inflight_key(std::string& out, core::SessionId sid, core::Direction direction,
                         std::uint16_t packet_id) {
  ByteWriter writer(out);
  writer.u64(sid);
  writer.u8(static_cast<std::uint8_t>(direction));
  writer.u16(packet_id);
}

std::optional<InflightKey> parse_inflight_key(std::string_view key) {
  ByteReader reader(key);
  InflightKey parsed;
  parsed.sid = reader.u64();
  const std::uint8_t direction = reader.u8();
  parsed.packet_id = reader.u16();
  if (!reader.done() || direction > 1 || parsed.packet_id == 0) return std::nullopt;
  parsed.direction = static_cast<core::Direction>(direction);
  return parsed;
}

void append_payload_key(std::string& out, std::uint64_t store_id) { ByteWriter(out).u64(store_id); }

std::optional<std::uint64_t> parse_payload_key(std::string_view key) {
  ByteReader reader(key);
  const std::uint64_t store_id = reader.u64();
  if (!reader.done() || store_id == 0) return std::nullopt;
  return store_id;
}

void append_client_name_key(std::string& out, std::string_view client_id) {
  out.push_back(name_by_client_id);
  out.append(client_id);
}

void append_number_name_key(std::string& out, std::uint32_t number) {
  out.push_back(name_by_number);
  ByteWriter(out).u32(number);
}

std::optional<std::uint32_t> parse_number_name_key(std::string_view key) {
  ByteReader reader(key);
  if (reader.u8() != static_cast<std::uint8_t>(name_by_number)) return std::nullopt;
  const std::uint32_t number = reader.u32();
  if (!reader.done() || number == 0) return std::nullopt;
  return number;
}

void append_item_key(std::string& out, std::string_view family, std::string_view key) {
  out += family;
  out += '\0';
  out += key;
}

std::optional<ItemKey> parse_item_key(std::string_view key) {
  const std::size_t end = key.find('\0');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  return ItemKey{key.substr(0, end), key.substr(end + 1)};
}

}  // namespace lineshaft::storage
