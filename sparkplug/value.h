#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sparkplug/payload.h"

namespace lineshaft::sparkplug {

/// The datatypes of Sparkplug B 3.0 with their numbers on the wire.
enum class DataType : std::uint8_t {
  unknown = 0,
  int8 = 1,
  int16 = 2,
  int32 = 3,
  int64 = 4,
  uint8 = 5,
  uint16 = 6,
  uint32 = 7,
  uint64 = 8,
  float32 = 9,
  float64 = 10,
  boolean = 11,
  string = 12,
  date_time = 13,
  text = 14,
  uuid = 15,
  data_set = 16,
  bytes = 17,
  file = 18,
  template_type = 19,
  property_set = 20,
  property_set_list = 21,
  int8_array = 22,
  int16_array = 23,
  int32_array = 24,
  int64_array = 25,
  uint8_array = 26,
  uint16_array = 27,
  uint32_array = 28,
  uint64_array = 29,
  float_array = 30,
  double_array = 31,
  boolean_array = 32,
  string_array = 33,
  date_time_array = 34,
};
inline constexpr std::uint32_t data_types_count = 35;

/// The datatype with this number; `unknown` for 0 and for numbers without a meaning.
constexpr DataType data_type(std::uint32_t number) {
  return number < data_types_count ? static_cast<DataType>(number) : DataType::unknown;
}

/// "Int8" … "DateTimeArray", as the specification writes them; "Unknown".
std::string_view to_string(DataType type);
std::optional<DataType> data_type(std::string_view name);

/// How a value is kept.
enum class ValueKind : std::uint8_t {
  signed_integer,    ///< `number`: two's complement in 64 bits
  unsigned_integer,  ///< `number`; also DateTime (milliseconds since 1970 UTC)
  float32,           ///< `number`: the bits of a float
  float64,           ///< `number`: the bits of a double
  boolean,           ///< `number`: 0 or 1
  text,              ///< `bytes`
  bytes,             ///< `bytes`
  array,             ///< `bytes`: as packed on the wire, of a size that fits
  message,           ///< `bytes`: a checked DataSet, Template, PropertySet or PropertySetList
  none,              ///< nothing to show: an extension
};
ValueKind kind_of(DataType type);

/// Whether a value of this type is kept in `number` alone.
constexpr bool is_number(ValueKind kind) { return kind <= ValueKind::boolean; }

/// A value brought to its datatype; points where the metric does.
struct Value {
  /// The metric's; for one without a datatype, what the slot stands for.
  DataType type = DataType::unknown;
  bool is_null = true;
  std::uint64_t number = 0;
  std::string_view bytes;

  /// The same type and bits: one NaN equals the same NaN.
  bool operator==(const Value&) const = default;
};

/// The value on the wire as its datatype means it; nullopt when the slot cannot hold the type, or
/// an array's bytes do not fit it.
///
/// Integers come in either slot and in either width: the low bits of the type's width count
/// (tck-id-payloads-metric-datatype-value-type names the slots; the field does not follow).
/// `datatype` 0 or above 34: the slot decides. `is_null`, or no slot at all, is null.
std::optional<Value> typed_value(const ValueView& view, bool is_null, std::uint32_t datatype);

/// Appends the value as JSON.
///
/// Integers are number literals with all their digits; NaN and infinities the strings "NaN",
/// "Infinity", "-Infinity"; bytes base64; DateTime its milliseconds; a DataSet
/// `{"columns":[…],"types":[…],"rows":[[…],…]}`; a Template an object of its members' values, below
/// `metrics`, with `reference`, `version`, `parameters` where it has them; null `null`.
void append_json(std::string& out, const Value& value);

}  // namespace lineshaft::sparkplug
