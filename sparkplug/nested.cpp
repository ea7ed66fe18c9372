#include "sparkplug/nested.h"

#include "sparkplug/metric_fields.h"

namespace lineshaft::sparkplug {
namespace {

/// One field of a checked message. `bytes` for strings and messages, `number` for the rest.
struct Field {
  std::uint32_t tag = 0;
  std::uint64_t number = 0;
  std::string_view bytes;
};

/// Takes the next field off the front of `rest`; false at the end.
bool take_field(std::string_view& rest, Field& field) {
  if (rest.empty()) return false;
  wire::Check check;
  const char* const end = rest.data() + rest.size();
  const char* at = wire::read_tag(rest.data(), end, field.tag, check);
  if (at == nullptr) return false;
  switch (field.tag & 7u) {
    case wire::varint_type:
      at = wire::read_varint(at, end, field.number, check);
      break;
    case wire::fixed64_type:
      at = wire::read_fixed64(at, end, field.number, check);
      break;
    case wire::fixed32_type:
      at = wire::read_fixed32(at, end, field.number, check);
      break;
    case wire::bytes_type:
      at = wire::read_bytes(at, end, field.bytes, check);
      break;
    default:
      at = wire::skip_value(at, end, field.tag, check);
      break;
  }
  if (at == nullptr) return false;
  rest = {at, static_cast<std::size_t>(end - at)};
  return true;
}

bool take_field(std::string_view& rest, std::uint32_t tag, Field& field) {
  while (take_field(rest, field)) {
    if (field.tag == tag) return true;
  }
  return false;
}

bool take_bytes(std::string_view& rest, std::uint32_t number, std::string_view& bytes) {
  Field field;
  if (!take_field(rest, wire::tag_of(number, wire::bytes_type), field)) return false;
  bytes = field.bytes;
  return true;
}

/// Fields of a `oneof` of int, long, float, double, boolean and string with consecutive numbers, as
/// properties, parameters and elements of data sets have it.
bool take_basic_value(const Field& field, std::uint32_t first, ValueView& value) {
  const std::uint32_t number = field.tag >> 3;
  if (number < first || number > first + 5) return false;
  const auto slot = static_cast<ValueSlot>(number - first + 1);
  switch (slot) {
    case ValueSlot::int_value:
    case ValueSlot::long_value:
    case ValueSlot::boolean_value:
      if ((field.tag & 7u) != wire::varint_type) return false;
      break;
    case ValueSlot::float_value:
      if ((field.tag & 7u) != wire::fixed32_type) return false;
      break;
    case ValueSlot::double_value:
      if ((field.tag & 7u) != wire::fixed64_type) return false;
      break;
    default:
      if ((field.tag & 7u) != wire::bytes_type) return false;
      value = {slot, 0, field.bytes};
      return true;
  }
  value = {slot, field.number, {}};
  if (slot == ValueSlot::int_value) value.number = static_cast<std::uint32_t>(field.number);
  if (slot == ValueSlot::boolean_value) value.number = field.number != 0 ? 1 : 0;
  return true;
}

std::optional<std::string_view> last_bytes(std::string_view message, std::uint32_t number) {
  std::optional<std::string_view> last;
  std::string_view bytes;
  while (take_bytes(message, number, bytes)) last = bytes;
  return last;
}

PropertyView read_property_value(std::string_view message) {
  PropertyView property;
  Field field;
  while (take_field(message, field)) {
    if (take_basic_value(field, 3, property.value)) continue;
    switch (field.tag) {
      case wire::tag_of(1, wire::varint_type):
        property.datatype = static_cast<std::uint32_t>(field.number);
        break;
      case wire::tag_of(2, wire::varint_type):
        property.is_null = field.number != 0;
        break;
      case wire::tag_of(9, wire::bytes_type):
        property.value = {ValueSlot::property_set, 0, field.bytes};
        break;
      case wire::tag_of(10, wire::bytes_type):
        property.value = {ValueSlot::property_set_list, 0, field.bytes};
        break;
      case wire::tag_of(11, wire::bytes_type):
        property.value = {ValueSlot::extension_value, 0, field.bytes};
        break;
      default:
        break;
    }
  }
  return property;
}

}  // namespace

bool PropertyWalk::next(PropertyView& property) {
  std::string_view key;
  std::string_view value;
  if (!take_bytes(keys_, 1, key) || !take_bytes(values_, 2, value)) return false;
  property = read_property_value(value);
  property.key = key;
  return true;
}

bool PropertySetWalk::next(std::string_view& set) { return take_bytes(list_, 1, set); }

Quality quality_of(std::string_view properties) {
  PropertyWalk walk(properties);
  PropertyView property;
  while (walk.next(property)) {
    if (property.key != "Quality") continue;
    const ValueSlot slot = property.value.slot;
    if (property.is_null || (slot != ValueSlot::int_value && slot != ValueSlot::long_value)) break;
    const std::uint64_t code = property.value.number;
    if (code == 500) return Quality::stale;
    if (code < 64 || code >= 256) return Quality::bad;
    return code < 192 ? Quality::uncertain : Quality::good;
  }
  return Quality::good;
}

std::optional<std::string_view> text_property(std::string_view properties, std::string_view key) {
  PropertyWalk walk(properties);
  PropertyView property;
  while (walk.next(property)) {
    if (property.key != key) continue;
    if (property.is_null || property.value.slot != ValueSlot::string_value) return std::nullopt;
    return property.value.bytes;
  }
  return std::nullopt;
}

std::uint64_t DataSetWalk::column_count() const {
  std::string_view rest = columns_;
  std::uint64_t count = 0;
  Field field;
  while (take_field(rest, wire::tag_of(1, wire::varint_type), field)) count = field.number;
  return count;
}

bool DataSetWalk::next_column(std::string_view& name) { return take_bytes(columns_, 2, name); }

bool DataSetWalk::next_type(std::uint32_t& datatype) {
  // One by one as proto2 writes them, or packed.
  while (packed_.empty()) {
    Field field;
    if (!take_field(types_, field)) return false;
    if (field.tag == wire::tag_of(3, wire::varint_type)) {
      datatype = static_cast<std::uint32_t>(field.number);
      return true;
    }
    if (field.tag == wire::tag_of(3, wire::bytes_type)) packed_ = field.bytes;
  }
  wire::Check check;
  std::uint64_t number = 0;
  const char* const end = packed_.data() + packed_.size();
  const char* const at = wire::read_varint(packed_.data(), end, number, check);
  if (at == nullptr) return false;
  packed_ = {at, static_cast<std::size_t>(end - at)};
  datatype = static_cast<std::uint32_t>(number);
  return true;
}

bool DataSetWalk::next_row(std::string_view& row) { return take_bytes(rows_, 4, row); }

bool RowWalk::next(DataSetElement& element) {
  std::string_view message;
  if (!take_bytes(row_, 1, message)) return false;
  element = {};
  Field field;
  while (take_field(message, field)) {
    if (take_basic_value(field, 1, element)) continue;
    if (field.tag == wire::tag_of(7, wire::bytes_type)) {
      element = {ValueSlot::extension_value, 0, field.bytes};
    }
  }
  return true;
}

std::optional<std::string_view> TemplateWalk::version() const { return last_bytes(metrics_, 1); }

std::optional<std::string_view> TemplateWalk::reference() const { return last_bytes(metrics_, 4); }

bool TemplateWalk::is_definition() const {
  std::string_view rest = metrics_;
  bool is_definition = false;
  Field field;
  while (take_field(rest, wire::tag_of(5, wire::varint_type), field)) {
    is_definition = field.number != 0;
  }
  return is_definition;
}

bool TemplateWalk::next_metric(MetricView& metric) {
  std::string_view message;
  if (!take_bytes(metrics_, 2, message)) return false;
  metric = {};
  wire::Check check;
  return read_metric(message, metric, check);
}

bool TemplateWalk::next_parameter(ParameterView& parameter) {
  std::string_view message;
  if (!take_bytes(parameters_, 3, message)) return false;
  parameter = {};
  Field field;
  while (take_field(message, field)) {
    if (take_basic_value(field, 3, parameter.value)) continue;
    switch (field.tag) {
      case wire::tag_of(1, wire::bytes_type):
        parameter.name = field.bytes;
        break;
      case wire::tag_of(2, wire::varint_type):
        parameter.datatype = static_cast<std::uint32_t>(field.number);
        break;
      case wire::tag_of(9, wire::bytes_type):
        parameter.value = {ValueSlot::extension_value, 0, field.bytes};
        break;
      default:
        break;
    }
  }
  return true;
}

}  // namespace lineshaft::sparkplug
