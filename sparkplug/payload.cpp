#include "sparkplug/payload.h"

#include <algorithm>

#include "broker/base/limits.h"
#include "sparkplug/metric_fields.h"

namespace lineshaft::sparkplug {

using namespace wire;

namespace {

/// Member by member: `metric = {}` becomes one slow string instruction with g++.
MetricView& cleared(MetricView& metric) {
  metric.name = {};
  metric.alias = 0;
  metric.timestamp = 0;
  metric.value.slot = ValueSlot::none;
  metric.value.number = 0;
  metric.value.bytes = {};
  metric.properties = {};
  metric.metadata = {};
  metric.datatype = 0;
  metric.has_name = false;
  metric.has_alias = false;
  metric.has_timestamp = false;
  metric.is_historical = false;
  metric.is_transient = false;
  metric.is_null = false;
  return metric;
}

}  // namespace

std::string_view to_string(PayloadFault fault) {
  switch (fault) {
    case PayloadFault::none:
      return "none";
    case PayloadFault::cut_off:
      return "cut off";
    case PayloadFault::bad_varint:
      return "a number of too many bytes";
    case PayloadFault::bad_field:
      return "a field that cannot be";
    case PayloadFault::too_deep:
      return "nested too deeply";
    case PayloadFault::too_many:
      return "too many metrics";
    case PayloadFault::split_message:
      return "an inner message in two pieces";
  }
  return "none";
}

bool PayloadReader::grow() {
  if (count_ == limits::sparkplug_metrics_max) return false;
  metrics_.resize(std::min(limits::sparkplug_metrics_max, std::max<std::size_t>(64, 2 * count_)));
  return true;
}

PayloadFault PayloadReader::read(std::string_view bytes) {
  payload_ = {};
  count_ = 0;
  const PayloadFault fault = read_fields(bytes);
  if (fault != PayloadFault::none) {
    payload_ = {};
    return fault;
  }
  payload_.metrics = {metrics_.data(), count_};
  return PayloadFault::none;
}

PayloadFault PayloadReader::read_fields(std::string_view bytes) {
  Check check;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end) {
    std::uint32_t tag = 0;
    at = read_tag(at, end, tag, check);
    if (at == nullptr) return check.fault;
    switch (tag) {
      case tag_of(2, bytes_type): {
        std::string_view metric;
        at = read_bytes(at, end, metric, check);
        if (at == nullptr) return check.fault;
        if (count_ == metrics_.size() && !grow()) return PayloadFault::too_many;
        if (!read_metric(metric, cleared(metrics_[count_++]), check)) return check.fault;
        break;
      }
      case tag_of(1, varint_type):
        at = read_varint(at, end, payload_.timestamp, check);
        payload_.has_timestamp = true;
        break;
      case tag_of(3, varint_type):
        at = read_varint(at, end, payload_.seq, check);
        payload_.has_seq = true;
        break;
      case tag_of(4, bytes_type):
        at = read_bytes(at, end, payload_.uuid, check);
        break;
      case tag_of(5, bytes_type):
        at = read_bytes(at, end, payload_.body, check);
        break;
      default:
        at = skip_value(at, end, tag, check);
        break;
    }
    if (at == nullptr) return check.fault;
  }
  return PayloadFault::none;
}

}  // namespace lineshaft::sparkplug
