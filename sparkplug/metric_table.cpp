#include "sparkplug/metric_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace lineshaft::sparkplug {
namespace {

constexpr std::uint32_t place_mask = 0x00FF'FFFF;

/// At most 3/4 full.
std::size_t slots_for(std::size_t entries) { return std::bit_ceil(entries * 4 / 3 + 1); }

/// Values change their length: room for a few bytes more saves a new allocation.
std::uint32_t capacity_for(std::size_t size) {
  return static_cast<std::uint32_t>((size + 15) & ~std::size_t{15});
}

}  // namespace

MetricTable::MetricTable(std::size_t metrics, std::size_t text_bytes, std::uint64_t seed)
    : name_slots_(slots_for(metrics), npos), dirty_(metrics / page_metrics / 64 + 1), seed_(seed) {
  entries_.reserve(metrics);
  texts_.reserve(text_bytes);
}

std::uint32_t MetricTable::add(const MetricView& metric) {
  const std::uint32_t hash = hash_of(metric.name);
  const std::size_t slot = name_slot(metric.name, hash);
  std::uint32_t place = name_slots_[slot];
  if (place == npos) {
    place = size();
    entries_.emplace_back();
    name_slots_[slot] = (hash & ~place_mask) | place;
    names_fingerprint_ += fold_multiply(hash, hash_multiplier_2) | 1;
  } else {
    place &= place_mask;
    has_duplicate_names_ = true;
  }
  Entry& one = entries_[place];
  one.text_at = static_cast<std::uint32_t>(texts_.size());
  one.name_size = static_cast<std::uint16_t>(metric.name.size());
  one.properties_size = static_cast<std::uint32_t>(metric.properties.size());
  one.metadata_size = static_cast<std::uint32_t>(metric.metadata.size());
  texts_.append(metric.name).append(metric.properties).append(metric.metadata);
  one.birth_datatype = data_type(metric.datatype);
  one.alias = metric.alias;
  one.flags = metric.has_alias ? alias_flag : 0;
  return place;
}

void MetricTable::finish() {
  dirty_.assign((pages() + 63) / 64, 0);
  for (const Entry& one : entries_) {
    if ((one.flags & alias_flag) == 0) continue;
    alias_min_ = std::min(alias_min_, one.alias);
    alias_max_ = std::max(alias_max_, one.alias);
  }
  if (has_aliases()) index_aliases();
}

void MetricTable::index_aliases() {
  const bool is_dense = alias_max_ - alias_min_ < entries_.size() * 4 + 64;
  if (is_dense) {
    dense_aliases_.assign(static_cast<std::size_t>(alias_max_ - alias_min_) + 1, npos);
  } else {
    alias_slots_.assign(slots_for(entries_.size()), npos);
  }
  for (std::uint32_t place = 0; place < size(); ++place) {
    const Entry& one = entries_[place];
    if ((one.flags & alias_flag) == 0) continue;
    std::uint32_t* slot = nullptr;
    if (is_dense) {
      slot = &dense_aliases_[static_cast<std::size_t>(one.alias - alias_min_)];
    } else {
      std::size_t at = hash_u64(one.alias, seed_) & (alias_slots_.size() - 1);
      while (alias_slots_[at] != npos && entries_[alias_slots_[at]].alias != one.alias) {
        at = (at + 1) & (alias_slots_.size() - 1);
      }
      slot = &alias_slots_[at];
    }
    has_duplicate_aliases_ = has_duplicate_aliases_ || *slot != npos;
    *slot = place;
  }
}

std::uint32_t MetricTable::find_sparse_alias(std::uint64_t alias) const {
  const std::size_t mask = alias_slots_.size() - 1;
  for (std::size_t at = hash_u64(alias, seed_) & mask; alias_slots_[at] != npos;
       at = (at + 1) & mask) {
    if (entries_[alias_slots_[at]].alias == alias) return alias_slots_[at];
  }
  return npos;
}

std::size_t MetricTable::name_slot(std::string_view wanted, std::uint32_t hash) const {
  const std::size_t mask = name_slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; name_slots_[at] != npos; at = (at + 1) & mask) {
    const std::uint32_t slot = name_slots_[at];
    if (((slot ^ hash) & ~place_mask) == 0 && name(slot & place_mask) == wanted) break;
  }
  return at;
}

std::uint32_t MetricTable::find_name(std::string_view wanted) const {
  if (name_slots_.empty()) return npos;
  const std::uint32_t slot = name_slots_[name_slot(wanted, hash_of(wanted))];
  return slot == npos ? npos : slot & place_mask;
}

bool MetricTable::update(std::uint32_t metric, const Value& value, const Stamp& stamp,
                         ValueBudget& budget) {
  Entry& one = entries_[metric];
  const std::uint32_t page = metric / page_metrics;
  dirty_[page / 64] |= std::uint64_t{1} << (page % 64);
  one.timestamp = stamp.timestamp;
  one.quality = stamp.quality;
  one.datatype = value.type;
  one.flags = static_cast<std::uint8_t>((one.flags & alias_flag) | (value.is_null ? null_flag : 0) |
                                        (stamp.is_transient ? transient_flag : 0));
  one.number = value.number;
  if (value.bytes.empty()) [[likely]] {
    if (one.value_capacity != 0) drop_bytes(one, budget);
    return true;
  }
  if (keep_bytes(one, value.bytes, budget)) return true;
  one.flags |= null_flag | omitted_flag;
  return false;
}

bool MetricTable::omit(std::uint32_t metric, const Value& value, const Stamp& stamp,
                       ValueBudget& budget) {
  update(metric, {value.type, true, 0, {}}, stamp, budget);
  entries_[metric].flags |= omitted_flag;
  return false;
}

bool MetricTable::keep_bytes(Entry& one, std::string_view bytes, ValueBudget& budget) {
  const bool fits = bytes.size() <= one.value_capacity && bytes.size() >= one.value_capacity / 4;
  if (!fits) {
    drop_bytes(one, budget);
    const std::uint32_t capacity = capacity_for(bytes.size());
    if (capacity > budget.max - std::min(budget.used, budget.max)) return false;
    one.bytes = std::make_unique_for_overwrite<char[]>(capacity);
    one.value_capacity = capacity;
    value_bytes_ += capacity;
    budget.used += capacity;
  }
  // memmove: a merged template may come from the very bytes it replaces.
  std::memmove(one.bytes.get(), bytes.data(), bytes.size());
  one.value_size = static_cast<std::uint32_t>(bytes.size());
  return true;
}

void MetricTable::drop_bytes(Entry& one, ValueBudget& budget) {
  value_bytes_ -= one.value_capacity;
  budget.used -= one.value_capacity;
  one.bytes.reset();
  one.value_capacity = 0;
  one.value_size = 0;
}

std::size_t MetricTable::memory_bytes() const {
  const std::size_t indices =
      name_slots_.capacity() + dense_aliases_.capacity() + alias_slots_.capacity();
  return sizeof(*this) + entries_.capacity() * sizeof(Entry) + texts_.capacity() +
         indices * sizeof(std::uint32_t) + dirty_.capacity() * sizeof(std::uint64_t) + value_bytes_;
}

}  // namespace lineshaft::sparkplug
