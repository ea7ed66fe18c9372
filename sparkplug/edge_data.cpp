// NDATA and DDATA: values move.
#include <algorithm>

#include "broker/base/metrics.h"
#include "sparkplug/edge_nodes.h"
#include "sparkplug/nested.h"
#include "sparkplug/template_merge.h"

namespace lineshaft::sparkplug {

void EdgeNodes::on_data(Owner owner, const Message& message, Now now) {
  MetricTable& table = table_of(owner);
  EdgeNode& node = *nodes_[owner.node];
  FindingMask found = 0;
  const std::size_t first = outcome_.changes.size();
  const PayloadView& payload = message.payload;
  const std::uint64_t payload_time =
      payload.has_timestamp
          ? payload.timestamp
          : static_cast<std::uint64_t>(message.received.time_since_epoch().count());
  for (const MetricView& metric : payload.metrics) {
    apply_metric(table, metric, payload_time, found);
  }
  const std::size_t changed = outcome_.changes.size() - first;
  if (changed != 0) {
    outcome_.actions.emplace_back(MetricsChanged{owner.node, owner.device, first, changed});
    node.counts.metrics += changed;
    count(Counter::sparkplug_metrics_applied, changed);
    list_dirty(owner);
  }
  node.findings.note_all(found, now.wall);
  // What the birth had no room for may be what is asked for here: asking again leads nowhere.
  if (table.is_truncated()) return;
  if ((found & bit_of(Finding::unknown_alias)) != 0) {
    want_rebirth(owner.node, RebirthCause::unknown_alias, now.steady);
  }
  if ((found & bit_of(Finding::unknown_metric)) != 0) {
    want_rebirth(owner.node, RebirthCause::unknown_metric, now.steady);
  }
}

/// tck-id-payloads-alias-data-cmd-requirement: by alias, else by name.
std::uint32_t EdgeNodes::find_metric(const MetricTable& table, const MetricView& metric,
                                     FindingMask& found) {
  if (metric.has_alias) {
    if (metric.has_name) found |= bit_of(Finding::name_with_alias);
    const std::uint32_t place = table.find_alias(metric.alias);
    if (place != MetricTable::npos) return place;
    found |= bit_of(Finding::unknown_alias);
    count(Counter::sparkplug_unknown_aliases);
    return place;
  }
  const std::uint32_t place = metric.has_name ? table.find_name(metric.name) : MetricTable::npos;
  if (place == MetricTable::npos) {
    found |= bit_of(Finding::unknown_metric);
    count(Counter::sparkplug_unknown_metrics);
  }
  return place;
}

void EdgeNodes::apply_metric(MetricTable& table, const MetricView& metric,
                             std::uint64_t payload_time, FindingMask& found) {
  const std::uint32_t place = find_metric(table, metric, found);
  if (place == MetricTable::npos) return;
  std::uint32_t datatype = static_cast<std::uint32_t>(table.birth_datatype(place));
  if (metric.datatype != 0) [[unlikely]] {
    // tck-id-payloads-metric-datatype-not-req
    found |= bit_of(Finding::datatype_in_data);
    if (metric.datatype != datatype && datatype != 0) found |= bit_of(Finding::datatype_changed);
    datatype = metric.datatype;
  }
  const auto value = typed_value(metric.value, metric.is_null, datatype);
  if (!value) [[unlikely]] {
    found |= bit_of(Finding::value_mismatch);
    count(Counter::sparkplug_values_mismatched);
    return;
  }
  if (!metric.has_timestamp) found |= bit_of(Finding::metric_timestamp_missing);
  const MetricTable::Stamp stamp{
      metric.has_timestamp ? metric.timestamp : payload_time,
      metric.properties.empty() ? Quality::good : quality_of(metric.properties),
      metric.is_transient};
  outcome_.changes.push_back({place, metric.is_historical, stamp.quality, stamp.timestamp, *value});
  // A past value is an event; the last value does not move.
  if (metric.is_historical) return;
  const bool is_kept = value->type == DataType::template_type && !value->is_null
                           ? merge_into(table, place, *value, stamp)
                           : table.update(place, *value, stamp, value_budget_);
  if (!is_kept) [[unlikely]]
    count(Counter::sparkplug_values_refused);
}

/// Data name the members that changed: tck-id-payloads-template-instance-members-data.
bool EdgeNodes::merge_into(MetricTable& table, std::uint32_t place, const Value& value,
                           const MetricTable::Stamp& stamp) {
  const Value before = table.value(place);
  if (before.is_null || before.type != DataType::template_type) {
    return table.update(place, value, stamp, value_budget_);
  }
  merged_.clear();
  const std::size_t free = value_budget_.max - std::min(value_budget_.used, value_budget_.max);
  if (!append_merged_template(merged_, before.bytes, value.bytes, before.bytes.size() + free)) {
    return table.omit(place, value, stamp, value_budget_);
  }
  Value merged = value;
  merged.bytes = merged_;
  return table.update(place, merged, stamp, value_budget_);
}

}  // namespace lineshaft::sparkplug
