// Values as JSON, without a JSON library: one append per value.
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <vector>

#include "broker/base/json_text.h"
#include "sparkplug/nested.h"
#include "sparkplug/value.h"
#include "sparkplug/wire.h"

namespace lineshaft::sparkplug {
namespace {

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> text;
  const auto [end, fault] = std::to_chars(text.data(), text.data() + text.size(), number);
  out.append(text.data(), end);
}

template <class Float>
void append_float(std::string& out, Float number) {
  if (std::isfinite(number)) return append_number(out, number);
  if (std::isnan(number)) {
    out += "\"NaN\"";
  } else {
    out += number < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  }
}

void append_float32(std::string& out, std::uint64_t bits) {
  append_float(out, std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
}

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out.reserve(out.size() + bytes.size() * 4 / 3 + 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t index = 0; index < 3; ++index) {
      bits = bits << 8 | (index < group.size() ? static_cast<unsigned char>(group[index]) : 0u);
    }
    for (std::size_t index = 0; index < 4; ++index) {
      out += index <= group.size() ? digits[bits >> (18 - 6 * index) & 63u] : '=';
    }
  }
}

/// Elements of `width` bytes, little endian; `type` is the elements'.
void append_elements(std::string& out, std::string_view bytes, std::size_t width, DataType type) {
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    if (at > 0) out += ',';
    std::uint64_t number = 0;
    for (std::size_t index = width; index-- > 0;) {
      number = number << 8 | static_cast<unsigned char>(bytes[at + index]);
    }
    const bool is_float = type == DataType::float32 || type == DataType::float64;
    ValueView view{ValueSlot::long_value, number, {}};
    if (is_float) view.slot = width == 4 ? ValueSlot::float_value : ValueSlot::double_value;
    append_json(out, *typed_value(view, false, static_cast<std::uint32_t>(type)));
  }
}

/// The first element in the most significant bit (the specification's example).
void append_booleans(std::string& out, std::string_view bytes) {
  const std::uint32_t count = wire::load32(bytes.data());
  for (std::uint32_t index = 0; index < count; ++index) {
    if (index > 0) out += ',';
    const auto byte = static_cast<unsigned char>(bytes[4 + index / 8]);
    out += (byte >> (7 - index % 8) & 1u) != 0 ? "true" : "false";
  }
}

void append_strings(std::string& out, std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    if (at > 0) out += ',';
    const std::size_t end = bytes.find('\0', at);
    append_json_string(out, bytes.substr(at, end - at));
    at = end + 1;
  }
}

void append_array(std::string& out, const Value& value) {
  const auto element = [&value] {  // the element types stand in the same order
    if (value.type <= DataType::int64_array) {
      return static_cast<DataType>(static_cast<int>(value.type) -
                                   static_cast<int>(DataType::int8_array) +
                                   static_cast<int>(DataType::int8));
    }
    return static_cast<DataType>(static_cast<int>(value.type) -
                                 static_cast<int>(DataType::uint8_array) +
                                 static_cast<int>(DataType::uint8));
  }();
  out += '[';
  switch (value.type) {
    case DataType::boolean_array:
      append_booleans(out, value.bytes);
      break;
    case DataType::string_array:
      append_strings(out, value.bytes);
      break;
    case DataType::date_time_array:
      append_elements(out, value.bytes, 8, DataType::int64);
      break;
    case DataType::int8_array:
    case DataType::uint8_array:
      append_elements(out, value.bytes, 1, element);
      break;
    case DataType::int16_array:
    case DataType::uint16_array:
      append_elements(out, value.bytes, 2, element);
      break;
    case DataType::int32_array:
    case DataType::uint32_array:
    case DataType::float_array:
      append_elements(out, value.bytes, 4, element);
      break;
    default:
      append_elements(out, value.bytes, 8, element);
      break;
  }
  out += ']';
}

void append_or_null(std::string& out, const ValueView& view, bool is_null, std::uint32_t type) {
  const auto value = typed_value(view, is_null, type);
  if (value) {
    append_json(out, *value);
  } else {
    out += "null";
  }
}

/// Writes "," before every element but the first.
class Commas {
 public:
  explicit Commas(std::string& out) : out_(out) {}
  void next() {
    if (any_) out_ += ',';
    any_ = true;
  }
  /// `"key":` of the next member.
  void key(std::string_view key) {
    next();
    append_json_string(out_, key);
    out_ += ':';
  }

 private:
  std::string& out_;
  bool any_ = false;
};

void append_data_set(std::string& out, std::string_view bytes) {
  DataSetWalk walk(bytes);
  out += "{\"columns\":[";
  std::string_view column;
  for (Commas commas(out); walk.next_column(column);) {
    commas.next();
    append_json_string(out, column);
  }
  out += "],\"types\":[";
  // Read once: a walk per row would be one over all rows when types are missing.
  std::vector<std::uint32_t> types;
  std::uint32_t type = 0;
  for (Commas commas(out); walk.next_type(type);) {
    commas.next();
    types.push_back(type);
    append_json_string(out, to_string(data_type(type)));
  }
  out += "],\"rows\":[";
  std::string_view row;
  for (Commas rows(out); walk.next_row(row);) {
    rows.next();
    out += '[';
    RowWalk elements(row);
    DataSetElement element;
    std::size_t column_number = 0;
    for (Commas commas(out); elements.next(element); ++column_number) {
      commas.next();
      append_or_null(out, element, false, column_number < types.size() ? types[column_number] : 0);
    }
    out += ']';
  }
  out += "]}";
}

void append_template(std::string& out, std::string_view bytes) {
  TemplateWalk walk(bytes);
  out += '{';
  Commas members(out);
  const auto append_text = [&](std::string_view key, std::optional<std::string_view> text) {
    if (!text) return;
    members.key(key);
    append_json_string(out, *text);
  };
  append_text("reference", walk.reference());
  append_text("version", walk.version());
  if (walk.is_definition()) {
    members.key("definition");
    out += "true";
  }
  ParameterView parameter;
  if (walk.next_parameter(parameter)) {
    members.key("parameters");
    out += '{';
    Commas parameters(out);
    do {
      parameters.key(parameter.name);
      append_or_null(out, parameter.value, false, parameter.datatype);
    } while (walk.next_parameter(parameter));
    out += '}';
  }
  members.key("metrics");
  out += '{';
  MetricView metric;
  for (Commas metrics(out); walk.next_metric(metric);) {
    metrics.key(metric.name);
    append_or_null(out, metric.value, metric.is_null, metric.datatype);
  }
  out += "}}";
}

void append_property_set(std::string& out, std::string_view bytes) {
  out += '{';
  PropertyWalk walk(bytes);
  PropertyView property;
  for (Commas commas(out); walk.next(property);) {
    commas.key(property.key);
    append_or_null(out, property.value, property.is_null, property.datatype);
  }
  out += '}';
}

void append_message(std::string& out, const Value& value) {
  switch (value.type) {
    case DataType::data_set:
      return append_data_set(out, value.bytes);
    case DataType::template_type:
      return append_template(out, value.bytes);
    case DataType::property_set:
      return append_property_set(out, value.bytes);
    default:
      break;
  }
  out += '[';
  PropertySetWalk walk(value.bytes);
  std::string_view set;
  for (Commas commas(out); walk.next(set);) {
    commas.next();
    append_property_set(out, set);
  }
  out += ']';
}

}  // namespace

void append_json(std::string& out, const Value& value) {
  if (value.is_null) {
    out += "null";
    return;
  }
  switch (kind_of(value.type)) {
    case ValueKind::signed_integer:
      return append_number(out, static_cast<std::int64_t>(value.number));
    case ValueKind::unsigned_integer:
      return append_number(out, value.number);
    case ValueKind::float32:
      return append_float32(out, value.number);
    case ValueKind::float64:
      return append_float(out, std::bit_cast<double>(value.number));
    case ValueKind::boolean:
      out += value.number != 0 ? "true" : "false";
      return;
    case ValueKind::text:
      return append_json_string(out, value.bytes);
    case ValueKind::bytes:
      out += '"';
      append_base64(out, value.bytes);
      out += '"';
      return;
    case ValueKind::array:
      return append_array(out, value);
    case ValueKind::message:
      return append_message(out, value);
    case ValueKind::none:
      break;
  }
  out += "null";
}

}  // namespace lineshaft::sparkplug
