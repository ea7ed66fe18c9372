#include "sparkplug/metric_fields.h"

namespace lineshaft::sparkplug {
namespace {

using namespace wire;

/// A message in a metric: checked as it is read, and once only.
const char* read_inner(const char* at, const char* end, Kind kind, std::uint32_t& seen,
                       std::string_view& bytes, Check& check) {
  at = read_bytes(at, end, bytes, check);
  if (at == nullptr || !check_message(bytes, kind, check)) return nullptr;
  const std::uint32_t bit = 1u << static_cast<unsigned>(kind);
  if ((seen & bit) != 0) return check.fail(PayloadFault::split_message);
  seen |= bit;
  return at;
}

const char* read_flag(const char* at, const char* end, bool& flag, Check& check) {
  std::uint64_t number = 0;
  at = read_varint(at, end, number, check);
  flag = number != 0;
  return at;
}

}  // namespace

const char* read_rare_field(const char* at, const char* end, std::uint32_t tag, MetricView& metric,
                            std::uint32_t& seen, Check& check) {
  switch (tag) {
    case tag_of(5, varint_type):
      return read_flag(at, end, metric.is_historical, check);
    case tag_of(6, varint_type):
      return read_flag(at, end, metric.is_transient, check);
    case tag_of(7, varint_type):
      return read_flag(at, end, metric.is_null, check);
    case tag_of(8, bytes_type):
      return read_inner(at, end, Kind::meta_data, seen, metric.metadata, check);
    case tag_of(9, bytes_type):
      return read_inner(at, end, Kind::property_set, seen, metric.properties, check);
    case tag_of(15, bytes_type):
      metric.value = {ValueSlot::string_value, 0, {}};
      return read_bytes(at, end, metric.value.bytes, check);
    case tag_of(16, bytes_type):
      metric.value = {ValueSlot::bytes_value, 0, {}};
      return read_bytes(at, end, metric.value.bytes, check);
    case tag_of(17, bytes_type):
      metric.value = {ValueSlot::dataset_value, 0, {}};
      return read_inner(at, end, Kind::data_set, seen, metric.value.bytes, check);
    case tag_of(18, bytes_type):
      metric.value = {ValueSlot::template_value, 0, {}};
      return read_inner(at, end, Kind::template_body, seen, metric.value.bytes, check);
    case tag_of(19, bytes_type):
      metric.value = {ValueSlot::extension_value, 0, {}};
      return read_inner(at, end, Kind::extension, seen, metric.value.bytes, check);
    default:
      return skip_value(at, end, tag, check);
  }
}

}  // namespace lineshaft::sparkplug
