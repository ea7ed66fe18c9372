#include "sparkplug/value.h"

#include <algorithm>
#include <array>
#include <bit>

#include "sparkplug/wire.h"

namespace lineshaft::sparkplug {
namespace {

constexpr std::array<std::string_view, data_types_count> data_type_names = {
    "Unknown",      "Int8",
    "Int16",        "Int32",
    "Int64",        "UInt8",
    "UInt16",       "UInt32",
    "UInt64",       "Float",
    "Double",       "Boolean",
    "String",       "DateTime",
    "Text",         "UUID",
    "DataSet",      "Bytes",
    "File",         "Template",
    "PropertySet",  "PropertySetList",
    "Int8Array",    "Int16Array",
    "Int32Array",   "Int64Array",
    "UInt8Array",   "UInt16Array",
    "UInt32Array",  "UInt64Array",
    "FloatArray",   "DoubleArray",
    "BooleanArray", "StringArray",
    "DateTimeArray"};

/// What a metric without a usable datatype is, from its slot.
DataType type_of_slot(ValueSlot slot) {
  switch (slot) {
    case ValueSlot::int_value:
      return DataType::uint32;
    case ValueSlot::long_value:
      return DataType::uint64;
    case ValueSlot::float_value:
      return DataType::float32;
    case ValueSlot::double_value:
      return DataType::float64;
    case ValueSlot::boolean_value:
      return DataType::boolean;
    case ValueSlot::string_value:
      return DataType::string;
    case ValueSlot::bytes_value:
      return DataType::bytes;
    case ValueSlot::dataset_value:
      return DataType::data_set;
    case ValueSlot::template_value:
      return DataType::template_type;
    case ValueSlot::property_set:
      return DataType::property_set;
    case ValueSlot::property_set_list:
      return DataType::property_set_list;
    case ValueSlot::none:
    case ValueSlot::extension_value:
      break;
  }
  return DataType::unknown;
}

/// The low bits of the type's width, extended by sign for the signed types.
std::uint64_t in_width(std::uint64_t number, DataType type) {
  switch (type) {
    case DataType::int8:
      return static_cast<std::uint64_t>(static_cast<std::int8_t>(number));
    case DataType::int16:
      return static_cast<std::uint64_t>(static_cast<std::int16_t>(number));
    case DataType::int32:
      return static_cast<std::uint64_t>(static_cast<std::int32_t>(number));
    case DataType::uint8:
      return static_cast<std::uint8_t>(number);
    case DataType::uint16:
      return static_cast<std::uint16_t>(number);
    case DataType::uint32:
      return static_cast<std::uint32_t>(number);
    default:
      return number;
  }
}

/// Float and Double come in either slot.
bool read_float(const ValueView& view, Value& value) {
  const bool is_float = view.slot == ValueSlot::float_value;
  if (!is_float && view.slot != ValueSlot::double_value) return false;
  value.number = view.number;
  if (is_float && value.type == DataType::float64) {
    const auto number = std::bit_cast<float>(static_cast<std::uint32_t>(view.number));
    value.number = std::bit_cast<std::uint64_t>(static_cast<double>(number));
  } else if (!is_float && value.type == DataType::float32) {
    const auto number = static_cast<float>(std::bit_cast<double>(view.number));
    value.number = std::bit_cast<std::uint32_t>(number);
  }
  return true;
}

bool array_fits(std::string_view bytes, DataType type) {
  switch (type) {
    case DataType::int16_array:
    case DataType::uint16_array:
      return bytes.size() % 2 == 0;
    case DataType::int32_array:
    case DataType::uint32_array:
    case DataType::float_array:
      return bytes.size() % 4 == 0;
    case DataType::int64_array:
    case DataType::uint64_array:
    case DataType::double_array:
    case DataType::date_time_array:
      return bytes.size() % 8 == 0;
    case DataType::boolean_array: {
      if (bytes.size() < 4) return false;
      const std::uint64_t count = wire::load32(bytes.data());
      return bytes.size() - 4 == (count + 7) / 8;
    }
    case DataType::string_array:
      return bytes.empty() || bytes.back() == '\0';
    default:
      return true;
  }
}

}  // namespace

std::string_view to_string(DataType type) {
  return data_type_names[static_cast<std::size_t>(type)];
}

std::optional<DataType> data_type(std::string_view name) {
  const auto found = std::ranges::find(data_type_names, name);
  if (found == data_type_names.end()) return std::nullopt;
  return static_cast<DataType>(found - data_type_names.begin());
}

ValueKind kind_of(DataType type) {
  switch (type) {
    case DataType::unknown:
      return ValueKind::none;
    case DataType::int8:
    case DataType::int16:
    case DataType::int32:
    case DataType::int64:
      return ValueKind::signed_integer;
    case DataType::uint8:
    case DataType::uint16:
    case DataType::uint32:
    case DataType::uint64:
    case DataType::date_time:
      return ValueKind::unsigned_integer;
    case DataType::float32:
      return ValueKind::float32;
    case DataType::float64:
      return ValueKind::float64;
    case DataType::boolean:
      return ValueKind::boolean;
    case DataType::string:
    case DataType::text:
    case DataType::uuid:
      return ValueKind::text;
    case DataType::bytes:
    case DataType::file:
      return ValueKind::bytes;
    case DataType::data_set:
    case DataType::template_type:
    case DataType::property_set:
    case DataType::property_set_list:
      return ValueKind::message;
    default:
      return ValueKind::array;
  }
}

std::optional<Value> typed_value(const ValueView& view, bool is_null, std::uint32_t datatype) {
  Value value;
  value.type = data_type(datatype);
  if (value.type == DataType::unknown) value.type = type_of_slot(view.slot);
  value.is_null = is_null || view.slot == ValueSlot::none;
  if (value.is_null) return value;
  switch (kind_of(value.type)) {
    case ValueKind::signed_integer:
    case ValueKind::unsigned_integer:
      if (view.slot != ValueSlot::int_value && view.slot != ValueSlot::long_value) return {};
      value.number = in_width(view.number, value.type);
      return value;
    case ValueKind::float32:
    case ValueKind::float64:
      if (!read_float(view, value)) return {};
      return value;
    case ValueKind::boolean:
      if (view.slot != ValueSlot::boolean_value) return {};
      value.number = view.number;
      return value;
    case ValueKind::text:
      if (view.slot != ValueSlot::string_value) return {};
      break;
    case ValueKind::bytes:
      if (view.slot != ValueSlot::bytes_value) return {};
      break;
    case ValueKind::array:
      if (view.slot != ValueSlot::bytes_value || !array_fits(view.bytes, value.type)) return {};
      break;
    case ValueKind::message:
      if (type_of_slot(view.slot) != value.type) return {};
      break;
    case ValueKind::none:
      value.is_null = true;
      return value;
  }
  value.bytes = view.bytes;
  return value;
}

}  // namespace lineshaft::sparkplug
