#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "broker/base/quality.h"
#include "sparkplug/payload.h"

/// The messages inside a metric, one member at a time. All take bytes a PayloadReader has checked
/// and point into them; bytes it has not checked end the walk early, never worse.
namespace lineshaft::sparkplug {

/// One property. Sets may hold sets: `value.slot` then is `property_set` or `property_set_list`.
struct PropertyView {
  std::string_view key;
  /// As sent, 0 when absent.
  std::uint32_t datatype = 0;
  bool is_null = false;
  ValueView value;
};

/// Walks a PropertySet. Keys and values pair up by their index
/// (tck-id-payloads-propertyset-keys-array-size, -values-array-size); what has no partner is left.
class PropertyWalk {
 public:
  explicit PropertyWalk(std::string_view set) : keys_(set), values_(set) {}
  bool next(PropertyView& property);

 private:
  std::string_view keys_;
  std::string_view values_;
};

/// Walks the sets of a PropertySetList.
class PropertySetWalk {
 public:
  explicit PropertySetWalk(std::string_view list) : list_(list) {}
  bool next(std::string_view& set);

 private:
  std::string_view list_;
};

/// The property `Quality` of a metric's properties (tck-id-payloads-propertyset-quality-value-type,
/// -value): 0 Bad, 192 Good, 500 Stale. Good when there is none; Bad for any other number below 64,
/// Uncertain below 192, Good below 256 (as OPC writes them in one byte) and Bad above.
Quality quality_of(std::string_view properties);

/// The text of the property with this key, when it is there and a string.
std::optional<std::string_view> text_property(std::string_view properties, std::string_view key);

/// One element of a data set; its datatype is its column's.
using DataSetElement = ValueView;

/// Walks a DataSet: columns, types and rows each on their own.
class DataSetWalk {
 public:
  explicit DataSetWalk(std::string_view data_set)
      : columns_(data_set), types_(data_set), rows_(data_set) {}
  /// `num_of_columns`, 0 when absent. tck-id-payloads-dataset-column-num-headers: the same as the
  /// number of columns and types, which is for the caller to compare.
  std::uint64_t column_count() const;
  bool next_column(std::string_view& name);
  bool next_type(std::uint32_t& datatype);
  /// The bytes of a row, for `RowWalk`.
  bool next_row(std::string_view& row);

 private:
  std::string_view columns_;
  std::string_view types_;
  std::string_view packed_;
  std::string_view rows_;
};

class RowWalk {
 public:
  explicit RowWalk(std::string_view row) : row_(row) {}
  bool next(DataSetElement& element);

 private:
  std::string_view row_;
};

struct ParameterView {
  std::string_view name;
  /// As sent, 0 when absent.
  std::uint32_t datatype = 0;
  ValueView value;
};

/// A Template, definition or instance; its members and parameters come by walking.
class TemplateWalk {
 public:
  explicit TemplateWalk(std::string_view body) : metrics_(body), parameters_(body) {}
  std::optional<std::string_view> version() const;
  /// tck-id-payloads-template-instance-ref: the name of the definition's metric.
  std::optional<std::string_view> reference() const;
  bool is_definition() const;
  bool next_metric(MetricView& metric);
  bool next_parameter(ParameterView& parameter);

 private:
  std::string_view metrics_;
  std::string_view parameters_;
};

}  // namespace lineshaft::sparkplug
