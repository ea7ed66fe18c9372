#include "sparkplug/payload_writer.h"

#include <utility>

#include "sparkplug/wire.h"

namespace lineshaft::sparkplug {
namespace {

using namespace wire;

void put_varint(std::string& out, std::uint64_t number) {
  while (number >= 0x80) {
    out += static_cast<char>(number | 0x80u);
    number >>= 7;
  }
  out += static_cast<char>(number);
}

void put_number(std::string& out, std::uint32_t field, std::uint64_t number) {
  put_varint(out, tag_of(field, varint_type));
  put_varint(out, number);
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_varint(out, tag_of(field, bytes_type));
  put_varint(out, bytes.size());
  out += bytes;
}

void put_fixed(std::string& out, std::uint64_t bits, std::size_t width) {
  for (std::size_t index = 0; index < width; ++index) {
    out += static_cast<char>(bits >> (8 * index) & 0xFFu);
  }
}

std::uint32_t message_field(DataType type) { return type == DataType::data_set ? 17 : 18; }

void put_value(std::string& out, const Value& value) {
  if (value.is_null) return put_number(out, 7, 1);
  switch (kind_of(value.type)) {
    case ValueKind::signed_integer:
    case ValueKind::unsigned_integer:
      if (value.type == DataType::int64 || value.type == DataType::uint64 ||
          value.type == DataType::date_time) {
        return put_number(out, 11, value.number);
      }
      return put_number(out, 10, static_cast<std::uint32_t>(value.number));
    case ValueKind::float32:
      put_varint(out, tag_of(12, fixed32_type));
      return put_fixed(out, value.number, 4);
    case ValueKind::float64:
      put_varint(out, tag_of(13, fixed64_type));
      return put_fixed(out, value.number, 8);
    case ValueKind::boolean:
      return put_number(out, 14, value.number);
    case ValueKind::text:
      return put_bytes(out, 15, value.bytes);
    case ValueKind::bytes:
    case ValueKind::array:
      return put_bytes(out, 16, value.bytes);
    case ValueKind::message:
      return put_bytes(out, message_field(value.type), value.bytes);
    case ValueKind::none:
      return put_number(out, 7, 1);
  }
}

}  // namespace

PayloadWriter::PayloadWriter(std::optional<std::uint64_t> timestamp_ms) {
  if (timestamp_ms) put_number(bytes_, 1, *timestamp_ms);
}

void PayloadWriter::add(const MetricToWrite& metric) {
  metric_.clear();
  if (metric.name) put_bytes(metric_, 1, *metric.name);
  if (metric.alias) put_number(metric_, 2, *metric.alias);
  if (metric.timestamp) put_number(metric_, 3, *metric.timestamp);
  if (metric.with_datatype && metric.value.type != DataType::unknown) {
    put_number(metric_, 4, static_cast<std::uint32_t>(metric.value.type));
  }
  if (metric.is_historical) put_number(metric_, 5, 1);
  if (metric.is_transient) put_number(metric_, 6, 1);
  if (!metric.metadata.empty()) put_bytes(metric_, 8, metric.metadata);
  if (!metric.properties.empty()) put_bytes(metric_, 9, metric.properties);
  put_value(metric_, metric.value);
  put_bytes(bytes_, 2, metric_);
}

std::string PayloadWriter::finish(std::optional<std::uint64_t> seq) {
  if (seq) put_number(bytes_, 3, *seq);
  return std::move(bytes_);
}

std::string patched_timestamp(std::string_view payload, std::uint64_t timestamp_ms) {
  Check check;
  std::string patched;
  bool done = false;
  const char* at = payload.data();
  const char* const end = at + payload.size();
  while (at != end) {
    const char* const begin = at;
    std::uint32_t tag = 0;
    at = read_tag(at, end, tag, check);
    if (at != nullptr) at = skip_value(at, end, tag, check);
    if (at == nullptr) return std::string(payload);
    if (tag != tag_of(1, varint_type)) {
      patched.append(begin, at);
      continue;
    }
    // Of several the last would count: the first place keeps the one that is left.
    if (!std::exchange(done, true)) put_number(patched, 1, timestamp_ms);
  }
  if (done) return patched;
  std::string with_front;
  put_number(with_front, 1, timestamp_ms);
  return with_front + patched;
}

}  // namespace lineshaft::sparkplug
