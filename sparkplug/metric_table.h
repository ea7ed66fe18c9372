#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/flat_hash.h"
#include "broker/base/quality.h"
#include "sparkplug/payload.h"
#include "sparkplug/value.h"

namespace lineshaft::sparkplug {

/// Bytes of all values that do not fit a number, over all tables, and how many there may be.
struct ValueBudget {
  std::size_t used = 0;
  std::size_t max = 0;
};

/// The last values of one edge node or one device: the metrics its birth named, in that order.
///
/// Made by a birth as a whole and replaced by the next one; between them only values move. Names
/// stand behind each other in one string; a metric costs 64 bytes, its two look-ups 8 to 25 more.
/// A metric's quality here is what the node said; whether the value is live is its owner's state
/// (`EdgeNodes::quality`), so that a death touches no metric.
class MetricTable {
 public:
  /// No metric.
  static constexpr std::uint32_t npos = 0xFFFF'FFFF;
  /// Metrics that are written to the store together.
  static constexpr std::uint32_t page_metrics = 64;

  /// What a value comes with.
  struct Stamp {
    std::uint64_t timestamp = 0;
    Quality quality = Quality::good;
    bool is_transient = false;
  };

  MetricTable() = default;
  /// For a birth of `metrics` metrics with so many bytes of names, properties and metadata; `seed`
  /// is for the hashes.
  MetricTable(std::size_t metrics, std::size_t text_bytes, std::uint64_t seed);

  /// Adds a metric of a birth, without its value; one of the same name is replaced, an alias goes
  /// to the last that has it. Its place.
  std::uint32_t add(const MetricView& metric);
  /// After the last `add`: makes the look-ups.
  void finish();

  std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  /// The metric with this alias, npos if none (tck-id-payloads-alias-data-cmd-requirement).
  std::uint32_t find_alias(std::uint64_t alias) const {
    const std::uint64_t place = alias - alias_min_;
    if (place < dense_aliases_.size()) return dense_aliases_[place];
    return alias_slots_.empty() ? npos : find_sparse_alias(alias);
  }
  /// The metric with this name, npos if none.
  std::uint32_t find_name(std::string_view name) const;

  std::string_view name(std::uint32_t metric) const {
    return text(metric, 0, entry(metric).name_size);
  }
  std::string_view properties(std::uint32_t metric) const {
    return text(metric, entry(metric).name_size, entry(metric).properties_size);
  }
  std::string_view metadata(std::uint32_t metric) const {
    const Entry& one = entry(metric);
    return text(metric, one.name_size + one.properties_size, one.metadata_size);
  }
  std::optional<std::uint64_t> alias(std::uint32_t metric) const {
    if ((entry(metric).flags & alias_flag) == 0) return std::nullopt;
    return entry(metric).alias;
  }
  /// What data without a datatype have (tck-id-payloads-metric-datatype-not-req).
  DataType birth_datatype(std::uint32_t metric) const { return entry(metric).birth_datatype; }
  /// Valid until the metric changes.
  Value value(std::uint32_t metric) const {
    const Entry& one = entry(metric);
    return {one.datatype, (one.flags & null_flag) != 0, one.number,
            std::string_view(one.bytes.get(), one.value_size)};
  }
  std::uint64_t timestamp(std::uint32_t metric) const { return entry(metric).timestamp; }
  /// What the node said: Good unless the property `Quality` says otherwise.
  Quality own_quality(std::uint32_t metric) const { return entry(metric).quality; }
  bool is_null(std::uint32_t metric) const { return (entry(metric).flags & null_flag) != 0; }
  bool is_transient(std::uint32_t metric) const {
    return (entry(metric).flags & transient_flag) != 0;
  }
  /// The value was too large to be kept; it is null here.
  bool is_omitted(std::uint32_t metric) const { return (entry(metric).flags & omitted_flag) != 0; }

  /// The metric's value is now this one. False: there is no room for it (`is_omitted`).
  bool update(std::uint32_t metric, const Value& value, const Stamp& stamp, ValueBudget& budget);
  /// There is a new value, of this type, that cannot be kept: the metric is null. False.
  bool omit(std::uint32_t metric, const Value& value, const Stamp& stamp, ValueBudget& budget);

  /// The birth had more metrics than there is room for: what is not here may yet be right.
  bool is_truncated() const { return is_truncated_; }
  void set_truncated() { is_truncated_ = true; }
  /// Two metrics of the birth had the same name; the same alias.
  bool has_duplicate_names() const { return has_duplicate_names_; }
  bool has_duplicate_aliases() const { return has_duplicate_aliases_; }
  std::uint64_t alias_min() const { return alias_min_; }
  std::uint64_t alias_max() const { return alias_max_; }
  bool has_aliases() const { return alias_min_ <= alias_max_; }

  /// Of the birth's bytes: what the store keeps belongs to this birth only.
  std::uint64_t birth_fingerprint() const { return birth_fingerprint_; }
  void set_birth_fingerprint(std::uint64_t fingerprint) { birth_fingerprint_ = fingerprint; }
  /// The same for the same names, whatever their order.
  std::uint64_t names_fingerprint() const { return names_fingerprint_; }

  std::uint32_t pages() const { return (size() + page_metrics - 1) / page_metrics; }
  /// A page with a value that came after `clean`.
  bool is_dirty(std::uint32_t page) const { return (dirty_[page / 64] >> (page % 64) & 1) != 0; }
  void clean(std::uint32_t page) { dirty_[page / 64] &= ~(std::uint64_t{1} << (page % 64)); }

  /// What of the budget it uses.
  std::size_t value_bytes() const { return value_bytes_; }
  /// All it occupies, values and names included.
  std::size_t memory_bytes() const;

 private:
  static constexpr std::uint8_t alias_flag = 1;
  static constexpr std::uint8_t null_flag = 2;
  static constexpr std::uint8_t transient_flag = 4;
  static constexpr std::uint8_t omitted_flag = 8;

  struct Entry {
    std::unique_ptr<char[]> bytes;
    std::uint64_t number = 0;
    std::uint64_t timestamp = 0;
    std::uint64_t alias = 0;
    std::uint32_t text_at = 0;
    std::uint32_t properties_size = 0;
    std::uint32_t metadata_size = 0;
    std::uint32_t value_size = 0;
    std::uint32_t value_capacity = 0;
    std::uint16_t name_size = 0;
    Quality quality = Quality::good;
    DataType datatype = DataType::unknown;
    DataType birth_datatype = DataType::unknown;
    std::uint8_t flags = 0;
  };
  static_assert(sizeof(Entry) <= 64);

  const Entry& entry(std::uint32_t metric) const { return entries_[metric]; }
  std::string_view text(std::uint32_t metric, std::size_t from, std::size_t size) const {
    return std::string_view(texts_).substr(entry(metric).text_at + from, size);
  }
  std::uint32_t find_sparse_alias(std::uint64_t alias) const;
  void index_aliases();
  std::uint32_t hash_of(std::string_view name) const { return hash_bytes(name, seed_); }
  std::size_t name_slot(std::string_view name, std::uint32_t hash) const;
  bool keep_bytes(Entry& entry, std::string_view bytes, ValueBudget& budget);
  void drop_bytes(Entry& entry, ValueBudget& budget);

  std::vector<Entry> entries_;
  /// Name, properties, metadata of each metric.
  std::string texts_;
  /// Open addressing over names: the hash's top 8 bits and 24 bits of place, npos empty.
  std::vector<std::uint32_t> name_slots_;
  /// alias - alias_min_ -> place, when aliases are numbers close to each other; else open
  /// addressing.
  std::vector<std::uint32_t> dense_aliases_;
  std::vector<std::uint32_t> alias_slots_;
  std::vector<std::uint64_t> dirty_;
  std::uint64_t seed_ = 0;
  std::uint64_t alias_min_ = ~std::uint64_t{0};
  std::uint64_t alias_max_ = 0;
  std::uint64_t birth_fingerprint_ = 0;
  std::uint64_t names_fingerprint_ = 0;
  std::size_t value_bytes_ = 0;
  bool is_truncated_ = false;
  bool has_duplicate_names_ = false;
  bool has_duplicate_aliases_ = false;
};

}  // namespace lineshaft::sparkplug
