#pragma once

#include "sparkplug/payload.h"
#include "sparkplug/wire.h"

namespace lineshaft::sparkplug {

/// The fields of a metric that a message of plain numbers does not have; `seen` has a bit for each
/// message that came.
const char* read_rare_field(const char* at, const char* end, std::uint32_t tag, MetricView& metric,
                            std::uint32_t& seen, wire::Check& check);

/// Reads the fields of one metric; false after a fault.
[[gnu::always_inline]] inline bool read_metric(std::string_view message, MetricView& metric,
                                               wire::Check& check) {
  using wire::tag_of;
  std::uint32_t seen = 0;
  std::uint64_t number = 0;
  const char* at = message.data();
  const char* const end = at + message.size();
  while (at != end) {
    std::uint32_t tag = 0;
    at = wire::read_tag(at, end, tag, check);
    if (at == nullptr) return false;
    switch (tag) {
      case tag_of(1, wire::bytes_type):
        at = wire::read_bytes(at, end, metric.name, check);
        metric.has_name = true;
        break;
      case tag_of(2, wire::varint_type):
        at = wire::read_varint(at, end, metric.alias, check);
        metric.has_alias = true;
        break;
      case tag_of(3, wire::varint_type):
        at = wire::read_timestamp(at, end, metric.timestamp, check);
        metric.has_timestamp = true;
        break;
      case tag_of(4, wire::varint_type):
        at = wire::read_varint(at, end, number, check);
        metric.datatype = static_cast<std::uint32_t>(number);
        break;
      case tag_of(10, wire::varint_type):
        at = wire::read_varint(at, end, number, check);
        metric.value = {ValueSlot::int_value, static_cast<std::uint32_t>(number), {}};
        break;
      case tag_of(11, wire::varint_type):
        at = wire::read_varint(at, end, number, check);
        metric.value = {ValueSlot::long_value, number, {}};
        break;
      case tag_of(12, wire::fixed32_type):
        at = wire::read_fixed32(at, end, number, check);
        metric.value = {ValueSlot::float_value, number, {}};
        break;
      case tag_of(13, wire::fixed64_type):
        at = wire::read_fixed64(at, end, number, check);
        metric.value = {ValueSlot::double_value, number, {}};
        break;
      case tag_of(14, wire::varint_type):
        at = wire::read_varint(at, end, number, check);
        metric.value = {ValueSlot::boolean_value, number != 0 ? 1u : 0u, {}};
        break;
      default:
        at = read_rare_field(at, end, tag, metric, seen, check);
        break;
    }
    if (at == nullptr) return false;
  }
  return true;
}

}  // namespace lineshaft::sparkplug
