// NBIRTH and DBIRTH: new sets of metrics.
#include <algorithm>
#include <memory>
#include <utility>

#include "broker/base/metrics.h"
#include "sparkplug/edge_nodes.h"
#include "sparkplug/fingerprint.h"
#include "sparkplug/nested.h"
#include "sparkplug/well_known.h"

namespace lineshaft::sparkplug {
namespace {

constexpr std::size_t name_bytes_max = 0xFFFF;
/// Look-ups one birth may spend on the question whether its aliases are unique.
constexpr std::size_t alias_probes_max = 4096;

std::uint64_t milliseconds_of(WallTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

/// `Node Control/Rebirth`: Boolean, false, never with an alias.
FindingMask check_rebirth_metric(const PayloadView& payload) {
  const auto found = std::ranges::find(payload.metrics, rebirth_name, &MetricView::name);
  // tck-id-topics-nbirth-rebirth-metric, tck-id-payloads-nbirth-rebirth-req
  if (found == payload.metrics.end()) return bit_of(Finding::rebirth_metric_missing);
  FindingMask mask = 0;
  // tck-id-operational-behavior-data-commands-rebirth-datatype, -value, -name-aliases
  if (data_type(found->datatype) != DataType::boolean) mask |= bit_of(Finding::rebirth_metric_type);
  if (found->value.number != 0) mask |= bit_of(Finding::rebirth_metric_value);
  if (found->has_alias) mask |= bit_of(Finding::rebirth_metric_alias);
  return mask;
}

FindingMask check_born_metric(const MetricView& metric) {
  FindingMask mask = 0;
  // tck-id-payloads-metric-datatype-req, tck-id-payloads-metric-datatype-value
  if (metric.datatype == 0) mask |= bit_of(Finding::datatype_missing);
  if (metric.datatype >= data_types_count) mask |= bit_of(Finding::datatype_unknown);
  // tck-id-payloads-name-birth-data-requirement
  if (!metric.has_timestamp) mask |= bit_of(Finding::metric_timestamp_missing);
  // tck-id-topics-nbirth-metric-reqs, tck-id-topics-dbirth-metric-reqs
  if (!metric.is_null && metric.value.slot == ValueSlot::none) {
    mask |= bit_of(Finding::value_missing);
  }
  return mask;
}

/// Some metrics with an alias and some without, but for those that never have one.
bool has_aliases_for_some(const PayloadView& payload) {
  bool with = false;
  bool without = false;
  for (const MetricView& metric : payload.metrics) {
    if (metric.name == bd_seq_name || metric.name.starts_with("Node Control/")) continue;
    (metric.has_alias ? with : without) = true;
  }
  return with && without;
}

bool has_template_definition(const PayloadView& payload) {
  return std::ranges::any_of(payload.metrics, [](const MetricView& metric) {
    return metric.value.slot == ValueSlot::template_value &&
           TemplateWalk(metric.value.bytes).is_definition();
  });
}

/// Names that differ in case only: tck-id-case-sensitivity-metric-names.
bool has_names_but_case(const MetricTable& table) {
  std::vector<std::uint64_t> folded;
  folded.reserve(table.size());
  std::string lower;
  for (std::uint32_t metric = 0; metric < table.size(); ++metric) {
    lower.clear();
    for (const char one : table.name(metric)) {
      lower += one >= 'A' && one <= 'Z' ? static_cast<char>(one + 32) : one;
    }
    folded.push_back(fingerprint(lower));
  }
  std::ranges::sort(folded);
  return std::ranges::adjacent_find(folded) != folded.end();
}

}  // namespace

void EdgeNodes::on_nbirth(NodeNumber number, const Publication& message, const PayloadView& payload,
                          Now now) {
  EdgeNode& node = *nodes_[number];
  const auto bd_seq = bd_seq_of(payload);
  const bool in_conflict =
      node.is_here() && node.connection != 0 && message.author.connection != 0 &&
      node.connection != message.author.connection && node.client_id != message.author.client_id;
  check_session(number, message, bd_seq, in_conflict, now);
  const bool is_rebirth = node.is_here() && !in_conflict && node.bd_seq == bd_seq;
  drop_early(number);
  bind(number, message.author, now);
  node.bd_seq = bd_seq;
  node.next_seq.reset();
  if (payload.has_seq) node.next_seq = static_cast<std::uint8_t>(payload.seq + 1);
  node.recent.clear();
  const bool was_here = node.is_here();
  take_birth({number, no_device}, {MessageType::nbirth, {}, payload, message.payload, now.wall},
             now);
  const std::uint64_t stale_since = was_here ? milliseconds_of(now.wall) : node.stale_since;
  for (const DeviceNumber child : node.devices) {
    Device& device = *devices_[child];
    if (device.state == DeviceState::online) device.stale_since = stale_since;
    if (device.state != DeviceState::unknown) device.state = DeviceState::stale;
  }
  ++node.counts.births;
  if (is_rebirth) ++node.counts.rebirths;
  count(Counter::sparkplug_births);
  arbiter_.answered(number, node.rebirth, in_conflict, now.steady);
  if (!is_rebirth) node.online_since = now.wall;
  set_state(number, NodeState::online, OfflineReason::none, now.wall);
  auto& changed = std::get<NodeChanged>(outcome_.actions.back());
  changed.is_rebirth = is_rebirth;
  changed.quality_changed = true;
}

/// What the birth says of its session: will, bdSeq, who else is there.
void EdgeNodes::check_session(NodeNumber number, const Publication& message,
                              const std::optional<std::uint64_t>& bd_seq, bool in_conflict,
                              Now now) {
  EdgeNode& node = *nodes_[number];
  const Author& author = message.author;
  FindingMask found = check_rebirth_metric(reader_.payload());
  // tck-id-topics-nbirth-bdseq-included, tck-id-payloads-nbirth-bdseq
  if (!bd_seq) found |= bit_of(Finding::bdseq_missing);
  if (bd_seq && *bd_seq > 255) found |= bit_of(Finding::bdseq_range);
  // tck-id-topics-nbirth-seq-num; tck-id-payloads-sequence-num-req-nbirth allows any up to 255.
  if (!reader_.payload().has_seq) found |= bit_of(Finding::seq_missing);
  if (reader_.payload().seq != 0) found |= bit_of(Finding::seq_not_zero);
  if (reader_.payload().seq > 255) found |= bit_of(Finding::seq_range);
  const bool knows_session = author.connection != 0 && !author.may_reorder;
  if (knows_session) {
    const auto session = sessions_.find(author.connection);
    const bool has_will = session != sessions_.end() && session->second.has_will &&
                          session->second.will_node == node.name &&
                          session->second.will_group == node.group;
    // tck-id-message-flow-edge-node-birth-publish-will-message
    if (!has_will) found |= bit_of(Finding::no_will);
    if (has_will) found |= session->second.will_findings;
    // tck-id-topics-nbirth-bdseq-matching
    if (has_will && bd_seq && session->second.will_bd_seq &&
        session->second.will_bd_seq != bd_seq) {
      found |= bit_of(Finding::bdseq_differs);
    }
    const bool same_session = node.last_connection == author.connection;
    if (node.last_connection != 0 && bd_seq && node.bd_seq) {
      // tck-id-payloads-nbirth-bdseq-repeat, tck-id-topics-nbirth-bdseq-increment
      if (same_session && node.bd_seq != bd_seq) found |= bit_of(Finding::bdseq_changed);
      if (!same_session && node.bd_seq == bd_seq) found |= bit_of(Finding::bdseq_not_incremented);
    }
  }
  node.findings.note_all(found, now.wall);
  if (!in_conflict) return;
  // tck-id-payloads-nbirth-edge-node-descriptor
  ++node.counts.conflicts;
  count(Counter::sparkplug_conflicts);
  node.findings.note(Finding::conflict, now.wall, author.client_id);
  outcome_.actions.emplace_back(
      DescriptorConflict{number, node.client_id, std::string(author.client_id)});
}

/// Its edge node is online and it came in sequence.
void EdgeNodes::on_dbirth(NodeNumber number, const Message& message, Now now) {
  const DeviceNumber child = device_for(number, message.device, now);
  if (child == no_device) return;
  take_birth({number, child}, message, now);
  Device& device = *devices_[child];
  const DeviceState from = std::exchange(device.state, DeviceState::online);
  device.online_since = now.wall;
  ++device.births;
  count(Counter::sparkplug_device_births);
  outcome_.actions.emplace_back(
      DeviceChanged{number, child, from, DeviceState::online, message.received});
}

void EdgeNodes::take_birth(Owner owner, const Message& message, Now now) {
  FindingMask found = 0;
  MetricTable table = make_table(owner, message, found);
  if (table.is_truncated()) report_limit(EdgeLimit::metrics, owner.node, now);
  const MetricTable& before = table_of(owner);
  const bool is_new_set = before.names_fingerprint() != table.names_fingerprint();
  install_table(owner, std::move(table));
  if (is_new_set && has_names_but_case(table_of(owner))) {
    found |= bit_of(Finding::metric_name_case);
  }
  if (has_alias_elsewhere(owner)) found |= bit_of(Finding::alias_twice);
  // tck-id-payloads-template-definition-nbirth-only
  if (owner.device != no_device && has_template_definition(message.payload)) {
    found |= bit_of(Finding::template_outside_nbirth);
  }
  nodes_[owner.node]->findings.note_all(found, now.wall);
}

/// The set of metrics a birth names, with their values. The old one's share of the budgets is free.
MetricTable EdgeNodes::make_table(Owner owner, const Message& message, FindingMask& found) {
  const MetricTable& before = table_of(owner);
  const PayloadView& payload = message.payload;
  value_budget_.used -= before.value_bytes();
  const std::size_t others = totals_.metrics - before.size();
  const std::size_t room = config_.limits.metrics - std::min(others, config_.limits.metrics);
  std::size_t text_bytes = 0;
  for (const MetricView& metric : payload.metrics) {
    text_bytes += metric.name.size() + metric.properties.size() + metric.metadata.size();
  }
  MetricTable table(std::min(room, payload.metrics.size()), text_bytes, config_.seed);
  for (const MetricView& metric : payload.metrics) {
    const bool is_known = table.find_name(metric.name) != MetricTable::npos;
    if ((table.size() >= room && !is_known) || metric.name.size() > name_bytes_max) {
      table.set_truncated();
      count(Counter::sparkplug_metrics_refused);
      continue;
    }
    add_born_metric(table, metric, message, found);
  }
  table.finish();
  table.set_birth_fingerprint(fingerprint(message.bytes));
  // tck-id-payloads-alias-birth-requirement, tck-id-payloads-alias-uniqueness
  if (has_aliases_for_some(payload)) found |= bit_of(Finding::alias_missing);
  if (table.has_duplicate_names()) found |= bit_of(Finding::name_twice);
  if (table.has_duplicate_aliases()) found |= bit_of(Finding::alias_twice);
  return table;
}

void EdgeNodes::add_born_metric(MetricTable& table, const MetricView& metric,
                                const Message& message, FindingMask& found) {
  // tck-id-payloads-name-requirement
  if (!metric.has_name) {
    found |= bit_of(Finding::name_missing);
    return;
  }
  found |= check_born_metric(metric);
  // A past value names the metric, and does not take the place of the present one.
  if (metric.is_historical && table.find_name(metric.name) != MetricTable::npos) return;
  const std::uint32_t place = table.add(metric);
  MetricTable::Stamp stamp;
  stamp.timestamp = metric.has_timestamp            ? metric.timestamp
                    : message.payload.has_timestamp ? message.payload.timestamp
                                                    : milliseconds_of(message.received);
  stamp.quality = quality_of(metric.properties);
  stamp.is_transient = metric.is_transient;
  auto value = typed_value(metric.value, metric.is_null || metric.is_historical, metric.datatype);
  if (!value) {
    found |= bit_of(Finding::value_mismatch);
    count(Counter::sparkplug_values_mismatched);
    value = Value{};
    value->type = data_type(metric.datatype);
    stamp.quality = Quality::bad;
  }
  if (!table.update(place, *value, stamp, value_budget_)) {
    count(Counter::sparkplug_values_refused);
  }
}

void EdgeNodes::install_table(Owner owner, MetricTable table) {
  MetricTable& place = table_of(owner);
  EdgeNode& node = *nodes_[owner.node];
  bool& has_birth = owner.device == no_device ? node.has_birth : devices_[owner.device]->has_birth;
  totals_.metrics = totals_.metrics - place.size() + table.size();
  Born born{owner.node, owner.device, nullptr};
  if (has_birth) {
    outcome_.replaced.push_back(std::make_unique<MetricTable>(std::move(place)));
    born.previous = outcome_.replaced.back().get();
  }
  place = std::move(table);
  if (!has_birth && owner.device == no_device) --unborn_count_;
  has_birth = true;
  outcome_.actions.emplace_back(born);
}

/// tck-id-payloads-alias-uniqueness: over the edge node and all its devices. Looks only where the
/// ranges overlap, and not for ever: this is a diagnostic.
bool EdgeNodes::has_alias_elsewhere(Owner owner) const {
  const EdgeNode& node = *nodes_[owner.node];
  const MetricTable& table = metrics(owner.node, owner.device);
  if (!table.has_aliases()) return false;
  std::size_t probes = 0;
  const auto collides = [&](const MetricTable& other) {
    const bool overlaps = other.has_aliases() && other.alias_min() <= table.alias_max() &&
                          table.alias_min() <= other.alias_max();
    if (&other == &table || !overlaps) return false;
    for (std::uint32_t i = 0; i < table.size() && probes < alias_probes_max; ++i, ++probes) {
      const auto alias = table.alias(i);
      if (alias && other.find_alias(*alias) != MetricTable::npos) return true;
    }
    return false;
  };
  if (collides(node.metrics)) return true;
  for (const DeviceNumber child : node.devices) {
    if (++probes > alias_probes_max) return false;
    if (collides(devices_[child]->metrics)) return true;
  }
  return false;
}

}  // namespace lineshaft::sparkplug
