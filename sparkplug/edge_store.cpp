// What survives a restart: a record per edge node, and its values in pages; the births themselves
// are the certificates.
#include <algorithm>
#include <cstring>

#include "broker/base/metrics.h"
#include "sparkplug/edge_nodes.h"
#include "sparkplug/fingerprint.h"
#include "sparkplug/well_known.h"

namespace lineshaft::sparkplug {
namespace {

// Kinds of records, the first byte of a key; behind it group, node and device with a NUL each, then
// a number of four bytes. In the order of keys, large values come before the pages that know of
// them.
constexpr char large_kind = 'l';
constexpr char node_kind = 'n';
constexpr char page_kind = 'p';

constexpr std::uint8_t record_version = 1;
constexpr std::uint8_t null_bit = 1;
/// The value has a record of its own.
constexpr std::uint8_t large_bit = 2;
/// The value follows as bytes, not as a number.
constexpr std::uint8_t bytes_bit = 4;

class RecordWriter {
 public:
  explicit RecordWriter(std::string& out) : out_(out) {}
  template <class Number>
  void number(Number value) {
    for (std::size_t i = 0; i < sizeof(value); ++i) {
      out_ += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFF);
    }
  }
  void bytes(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    out_ += value;
  }

 private:
  std::string& out_;
};

/// Everything it reads is zero or empty once the record has ended too early.
class RecordReader {
 public:
  explicit RecordReader(std::string_view record) : left_(record) {}
  template <class Number>
  Number number() {
    std::uint64_t value = 0;
    const std::string_view part = take(sizeof(Number));
    for (std::size_t i = 0; i < part.size(); ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(part[i])) << (8 * i);
    }
    return static_cast<Number>(value);
  }
  std::string_view bytes() { return take(number<std::uint32_t>()); }
  bool at_end() const { return left_.empty(); }
  bool has_failed() const { return has_failed_; }

 private:
  std::string_view take(std::size_t size) {
    if (size > left_.size()) {
      has_failed_ = true;
      left_ = {};
      return {};
    }
    const std::string_view part = left_.substr(0, size);
    left_.remove_prefix(size);
    return part;
  }

  std::string_view left_;
  bool has_failed_ = false;
};

std::optional<Quality> stored_quality(std::uint16_t number) {
  switch (const auto quality = static_cast<Quality>(number)) {
    case Quality::bad:
    case Quality::uncertain:
    case Quality::good_no_data:
    case Quality::good:
    case Quality::stale:
      return quality;
  }
  return std::nullopt;
}

/// A value of this size does not share a page: 64 of the others fit one record.
bool is_large(const Value& value) {
  return value.bytes.size() > limits::sparkplug_kept_bytes_max / (MetricTable::page_metrics + 6);
}

bool fits_store(const Value& value) {
  return value.bytes.size() + 64 <= limits::sparkplug_kept_bytes_max;
}

struct KeyParts {
  char kind = 0;
  std::string_view group;
  std::string_view node;
  std::string_view device;
  std::uint32_t number = 0;
};

std::optional<KeyParts> split_key(std::string_view key) {
  KeyParts parts;
  if (key.empty()) return std::nullopt;
  parts.kind = key[0];
  key.remove_prefix(1);
  for (std::string_view* part : {&parts.group, &parts.node, &parts.device}) {
    const std::size_t end = key.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    *part = key.substr(0, end);
    key.remove_prefix(end + 1);
  }
  if (key.size() != 4) return std::nullopt;
  for (const char one : key) parts.number = parts.number << 8 | static_cast<unsigned char>(one);
  return parts;
}

void append_entry(RecordWriter& writer, const MetricTable& table, std::uint32_t metric,
                  std::uint32_t first) {
  const Value value = table.value(metric);
  const bool is_apart = is_large(value);
  const auto flags =
      static_cast<std::uint8_t>((value.is_null ? null_bit : 0) | (is_apart ? large_bit : 0) |
                                (value.bytes.empty() ? 0 : bytes_bit));
  writer.number(static_cast<std::uint8_t>(metric - first));
  writer.number(flags);
  writer.number(static_cast<std::uint8_t>(value.type));
  writer.number(static_cast<std::uint16_t>(table.own_quality(metric)));
  writer.number(table.timestamp(metric));
  if (is_apart) return;
  if ((flags & bytes_bit) != 0) {
    writer.bytes(value.bytes);
  } else {
    writer.number(value.number);
  }
}

}  // namespace

void EdgeNodes::list_dirty(Owner owner) {
  bool& is_listed =
      owner.device == no_device ? nodes_[owner.node]->is_listed : devices_[owner.device]->is_listed;
  if (is_listed) return;
  is_listed = true;
  dirty_.push_back(owner);
}

std::string EdgeNodes::key_of(char kind, Owner owner, std::uint32_t number) const {
  const EdgeNode& node = *nodes_[owner.node];
  std::string key(1, kind);
  key.append(node.group).append(1, '\0').append(node.name).append(1, '\0');
  if (owner.device != no_device) key.append(devices_[owner.device]->name);
  key.append(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(number >> shift & 0xFF);
  return key;
}

bool EdgeNodes::take_changes(std::size_t records_max, std::vector<KeptState>& into) {
  const std::size_t end = into.size() + records_max;
  for (; !erased_.empty() && into.size() < end; erased_.pop_front()) {
    into.push_back({std::move(erased_.front()), {}});
  }
  while (!dirty_.empty() && into.size() < end) {
    const Owner owner = dirty_.front();
    dirty_.pop_front();
    bool& is_listed = owner.device == no_device ? nodes_[owner.node]->is_listed
                                                : devices_[owner.device]->is_listed;
    is_listed = false;
    if (take_owner(owner, end, into)) list_dirty(owner);
  }
  return has_changes();
}

/// True: there is more of it.
bool EdgeNodes::take_owner(Owner owner, std::size_t end, std::vector<KeptState>& into) {
  EdgeNode& node = *nodes_[owner.node];
  if (owner.device == no_device && node.is_record_dirty) {
    node.is_record_dirty = false;
    std::string record;
    RecordWriter writer(record);
    writer.number(record_version);
    writer.number(static_cast<std::uint8_t>(node.is_here() ? 1 : 0));
    writer.number(node.online_since.time_since_epoch().count());
    writer.number(node.offline_since.time_since_epoch().count());
    writer.number(node.stale_since);
    writer.number(node.counts.births);
    into.push_back({key_of(node_kind, owner, 0), std::move(record)});
  }
  const MetricTable& table = table_of(owner);
  for (std::uint32_t page = 0; page < table.pages(); ++page) {
    if (!table.is_dirty(page)) continue;
    if (into.size() >= end) return true;
    take_page(owner, page, into);
  }
  return false;
}

void EdgeNodes::take_page(Owner owner, std::uint32_t page, std::vector<KeptState>& into) {
  MetricTable& table = table_of(owner);
  const std::uint32_t first = page * MetricTable::page_metrics;
  const std::uint32_t end = std::min(first + MetricTable::page_metrics, table.size());
  std::string record;
  RecordWriter writer(record);
  writer.number(record_version);
  writer.number(table.birth_fingerprint());
  for (std::uint32_t metric = first; metric < end; ++metric) {
    // It says of itself that it is not to be stored.
    if (table.is_transient(metric)) continue;
    append_entry(writer, table, metric, first);
    const Value value = table.value(metric);
    if (!is_large(value)) continue;
    if (!fits_store(value)) {
      count(Counter::sparkplug_values_not_stored);
      continue;
    }
    std::string large;
    RecordWriter large_writer(large);
    large_writer.number(record_version);
    large_writer.number(table.birth_fingerprint());
    large_writer.number(table.timestamp(metric));
    large_writer.number(static_cast<std::uint8_t>(value.type));
    large_writer.bytes(value.bytes);
    into.push_back({key_of(large_kind, owner, metric), std::move(large)});
  }
  into.push_back({key_of(page_kind, owner, page), std::move(record)});
  table.clean(page);
}

/// All records there may be of it.
void EdgeNodes::erase_kept(Owner owner) {
  if (owner.device == no_device) {
    if (!nodes_[owner.node]->has_birth) return;
    erased_.push_back(key_of(node_kind, owner, 0));
  }
  const MetricTable& table = table_of(owner);
  for (std::uint32_t page = 0; page < table.pages(); ++page) {
    erased_.push_back(key_of(page_kind, owner, page));
  }
  for (std::uint32_t metric = 0; metric < table.size(); ++metric) {
    if (is_large(table.value(metric))) erased_.push_back(key_of(large_kind, owner, metric));
  }
}

bool EdgeNodes::restore_birth(const Topic& topic, std::string_view payload, WallTime received) {
  begin();
  if (!is_birth(topic.type) || payload.empty()) return false;
  if (reader_.read(payload) != PayloadFault::none) return false;
  const Now at{Instant{}, received};
  auto number = find_node(topic.group, topic.node);
  if (!number) {
    if (totals_.nodes >= config_.limits.nodes) {
      count(Counter::sparkplug_nodes_refused);
      return false;
    }
    number = add_node(topic.group, topic.node);
  }
  EdgeNode& node = *nodes_[*number];
  // A birth that came meanwhile is newer.
  if (node.state != NodeState::unknown && node.state != NodeState::restored) return true;
  Owner owner{*number, no_device};
  if (topic.type == MessageType::dbirth) {
    owner.device = device_for(*number, topic.device, at);
    if (owner.device == no_device) return false;
    devices_[owner.device]->state = DeviceState::stale;
    devices_[owner.device]->stale_since =
        static_cast<std::uint64_t>(received.time_since_epoch().count());
  } else {
    node.bd_seq = bd_seq_of(reader_.payload());
    node.state = NodeState::restored;
    node.stale_since = static_cast<std::uint64_t>(received.time_since_epoch().count());
  }
  FindingMask unused = 0;
  install_table(
      owner,
      make_table(owner, {topic.type, topic.device, reader_.payload(), payload, received}, unused));
  begin();
  return true;
}

bool EdgeNodes::restore(std::string_view key, std::string_view value) {
  const auto parts = split_key(key);
  if (!parts) return false;
  const auto number = find_node(parts->group, parts->node);
  if (!number) return false;
  if (parts->kind == node_kind) return restore_node(*number, value);
  Owner owner{*number, no_device};
  if (!parts->device.empty()) {
    const auto child = find_device(*number, parts->device);
    if (!child) return false;
    owner.device = *child;
  }
  // What a birth of this run has brought is newer.
  if (nodes_[*number]->state != NodeState::restored) return true;
  if (parts->kind == page_kind) return restore_page(table_of(owner), parts->number, value);
  if (parts->kind == large_kind) return restore_large(table_of(owner), parts->number, value);
  return false;
}

bool EdgeNodes::restore_node(NodeNumber number, std::string_view value) {
  EdgeNode& node = *nodes_[number];
  if (node.state != NodeState::restored) return true;
  RecordReader reader(value);
  if (reader.number<std::uint8_t>() != record_version) return false;
  const bool was_here = reader.number<std::uint8_t>() != 0;
  const auto online_since = reader.number<std::int64_t>();
  const auto offline_since = reader.number<std::int64_t>();
  const auto stale_since = reader.number<std::uint64_t>();
  const auto births = reader.number<std::uint64_t>();
  if (reader.has_failed()) return false;
  node.online_since = WallTime{Milliseconds{online_since}};
  node.offline_since = WallTime{Milliseconds{offline_since}};
  node.stale_since = was_here ? 0 : stale_since;
  node.counts.births = births;
  return true;
}

bool EdgeNodes::restore_page(MetricTable& table, std::uint32_t page, std::string_view record) {
  RecordReader reader(record);
  if (reader.number<std::uint8_t>() != record_version) return false;
  if (reader.number<std::uint64_t>() != table.birth_fingerprint()) return false;
  if (page >= table.pages()) return false;
  while (!reader.at_end()) {
    const std::uint32_t metric = page * MetricTable::page_metrics + reader.number<std::uint8_t>();
    const auto flags = reader.number<std::uint8_t>();
    Value value;
    value.type = data_type(reader.number<std::uint8_t>());
    value.is_null = (flags & null_bit) != 0;
    const auto quality = stored_quality(reader.number<std::uint16_t>());
    MetricTable::Stamp stamp;
    stamp.timestamp = reader.number<std::uint64_t>();
    const bool is_apart = (flags & large_bit) != 0;
    if (!is_apart && (flags & bytes_bit) != 0) value.bytes = reader.bytes();
    if (!is_apart && (flags & bytes_bit) == 0) value.number = reader.number<std::uint64_t>();
    if (reader.has_failed() || metric >= table.size() || !quality) return false;
    stamp.quality = *quality;
    // Its own record has been here; or was lost.
    if (is_apart && table.timestamp(metric) == stamp.timestamp) value = table.value(metric);
    if (is_apart && value.bytes.empty()) value.is_null = true;
    if (!table.update(metric, value, stamp, value_budget_)) {
      count(Counter::sparkplug_values_refused);
    }
  }
  table.clean(page);
  return true;
}

bool EdgeNodes::restore_large(MetricTable& table, std::uint32_t metric, std::string_view record) {
  RecordReader reader(record);
  if (reader.number<std::uint8_t>() != record_version) return false;
  if (reader.number<std::uint64_t>() != table.birth_fingerprint()) return false;
  MetricTable::Stamp stamp;
  stamp.timestamp = reader.number<std::uint64_t>();
  Value value;
  value.type = data_type(reader.number<std::uint8_t>());
  value.is_null = false;
  value.bytes = reader.bytes();
  if (reader.has_failed() || !reader.at_end() || metric >= table.size()) return false;
  if (!table.update(metric, value, stamp, value_budget_)) {
    count(Counter::sparkplug_values_refused);
  }
  table.clean(metric / MetricTable::page_metrics);
  return true;
}

void EdgeNodes::finish_restore(WallTime now) {
  const auto since = static_cast<std::uint64_t>(now.time_since_epoch().count());
  for (const auto& node : nodes_) {
    if (node == nullptr || node->state != NodeState::restored) continue;
    // It was there when the broker stopped.
    if (node->stale_since == 0) node->stale_since = since;
  }
}

}  // namespace lineshaft::sparkplug
