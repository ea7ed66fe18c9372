// JSON on a "…/_set" topic becomes a command of the metric's datatype.
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "sparkplug/payload_writer.h"
#include "sparkplug/projected_value.h"

namespace lineshaft::sparkplug {
namespace {

using nlohmann::json;

struct Range {
  std::int64_t min;
  std::uint64_t max;
};

template <class Integer>
constexpr Range range_of() {
  return {static_cast<std::int64_t>(std::numeric_limits<Integer>::min()),
          static_cast<std::uint64_t>(std::numeric_limits<Integer>::max())};
}

Range range_of(DataType type) {
  switch (type) {
    case DataType::int8:
      return range_of<std::int8_t>();
    case DataType::int16:
      return range_of<std::int16_t>();
    case DataType::int32:
      return range_of<std::int32_t>();
    case DataType::int64:
      return range_of<std::int64_t>();
    case DataType::uint8:
      return range_of<std::uint8_t>();
    case DataType::uint16:
      return range_of<std::uint16_t>();
    case DataType::uint32:
      return range_of<std::uint32_t>();
    default:
      return range_of<std::uint64_t>();
  }
}

WriteFault json_to_integer(const json& from, DataType type, std::uint64_t& number) {
  if (!from.is_number()) return WriteFault::wrong_type;
  const Range range = range_of(type);
  if (from.is_number_unsigned()) {
    number = from.get<std::uint64_t>();
    return number <= range.max ? WriteFault::none : WriteFault::out_of_range;
  }
  if (from.is_number_float()) {
    const double real = from.get<double>();
    if (std::trunc(real) != real) return WriteFault::wrong_type;
    // Beyond, a double no longer says which integer is meant.
    if (std::abs(real) > 9007199254740992.0) return WriteFault::out_of_range;
    return json_to_integer(json(static_cast<std::int64_t>(real)), type, number);
  }
  const auto whole = from.get<std::int64_t>();
  number = static_cast<std::uint64_t>(whole);
  if (whole < range.min) return WriteFault::out_of_range;
  return whole < 0 || number <= range.max ? WriteFault::none : WriteFault::out_of_range;
}

WriteFault json_to_float(const json& from, DataType type, std::uint64_t& number) {
  double real = 0;
  if (from.is_number()) {
    real = from.get<double>();
    const bool fits =
        type == DataType::float64 ? std::isfinite(real) : std::isfinite(static_cast<float>(real));
    if (!fits) return WriteFault::out_of_range;
  } else if (from == "NaN") {
    real = std::numeric_limits<double>::quiet_NaN();
  } else if (from == "Infinity") {
    real = std::numeric_limits<double>::infinity();
  } else if (from == "-Infinity") {
    real = -std::numeric_limits<double>::infinity();
  } else {
    return WriteFault::wrong_type;
  }
  number = type == DataType::float64 ? std::bit_cast<std::uint64_t>(real)
                                     : std::bit_cast<std::uint32_t>(static_cast<float>(real));
  return WriteFault::none;
}

WriteFault json_to_bytes(const json& from, std::string& bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (!from.is_string()) return WriteFault::wrong_type;
  std::string_view text = from.get_ref<const std::string&>();
  if (text.size() % 4 == 0 && text.ends_with('=')) {
    text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  if (text.size() % 4 == 1) return WriteFault::wrong_type;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return WriteFault::wrong_type;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFFu);
  }
  return WriteFault::none;
}

/// The elements of an array type, and how many bytes one has.
struct ArrayElement {
  DataType type;
  std::size_t width;
};

ArrayElement element_of(DataType array) {
  constexpr std::array<ArrayElement, 10> elements = {{{DataType::int8, 1},
                                                      {DataType::int16, 2},
                                                      {DataType::int32, 4},
                                                      {DataType::int64, 8},
                                                      {DataType::uint8, 1},
                                                      {DataType::uint16, 2},
                                                      {DataType::uint32, 4},
                                                      {DataType::uint64, 8},
                                                      {DataType::float32, 4},
                                                      {DataType::float64, 8}}};
  if (array == DataType::date_time_array) return {DataType::int64, 8};
  return elements[static_cast<std::size_t>(array) - static_cast<std::size_t>(DataType::int8_array)];
}

void put_little_endian(std::string& bytes, std::uint64_t number, std::size_t width) {
  for (std::size_t index = 0; index < width; ++index) {
    bytes += static_cast<char>(number >> (8 * index) & 0xFFu);
  }
}

WriteFault json_to_booleans(const json& from, std::string& bytes) {
  put_little_endian(bytes, from.size(), 4);
  bytes.resize(4 + (from.size() + 7) / 8);
  for (std::size_t index = 0; index < from.size(); ++index) {
    if (!from[index].is_boolean()) return WriteFault::wrong_type;
    if (!from[index].get<bool>()) continue;
    const unsigned bit = 0x80u >> index % 8;
    char& byte = bytes[4 + index / 8];
    byte = static_cast<char>(static_cast<unsigned char>(byte) | bit);
  }
  return WriteFault::none;
}

WriteFault json_to_strings(const json& from, std::string& bytes) {
  for (const json& element : from) {
    if (!element.is_string()) return WriteFault::wrong_type;
    const auto& text = element.get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos) return WriteFault::wrong_type;
    bytes += text;
    bytes += '\0';
  }
  return WriteFault::none;
}

WriteFault json_to_array(const json& from, DataType type, std::string& bytes) {
  if (!from.is_array()) return WriteFault::wrong_type;
  if (type == DataType::boolean_array) return json_to_booleans(from, bytes);
  if (type == DataType::string_array) return json_to_strings(from, bytes);
  const ArrayElement element = element_of(type);
  const bool is_float =
      kind_of(element.type) == ValueKind::float32 || kind_of(element.type) == ValueKind::float64;
  for (const json& one : from) {
    std::uint64_t number = 0;
    const WriteFault fault = is_float ? json_to_float(one, element.type, number)
                                      : json_to_integer(one, element.type, number);
    if (fault != WriteFault::none) return fault;
    put_little_endian(bytes, number, element.width);
  }
  return WriteFault::none;
}

/// `bytes` holds what the value points to.
WriteFault json_to_value(const json& from, Value& value, std::string& bytes) {
  value.is_null = false;
  WriteFault fault = WriteFault::none;
  switch (kind_of(value.type)) {
    case ValueKind::signed_integer:
    case ValueKind::unsigned_integer:
      return json_to_integer(from, value.type, value.number);
    case ValueKind::float32:
    case ValueKind::float64:
      return json_to_float(from, value.type, value.number);
    case ValueKind::boolean:
      if (!from.is_boolean()) return WriteFault::wrong_type;
      value.number = from.get<bool>() ? 1 : 0;
      return WriteFault::none;
    case ValueKind::text:
      if (!from.is_string()) return WriteFault::wrong_type;
      bytes = from.get<std::string>();
      break;
    case ValueKind::bytes:
      fault = json_to_bytes(from, bytes);
      break;
    case ValueKind::array:
      fault = json_to_array(from, value.type, bytes);
      break;
    case ValueKind::message:
    case ValueKind::none:
      return WriteFault::read_only;
  }
  value.bytes = bytes;
  return fault;
}

}  // namespace

std::string_view to_string(WriteFault fault) {
  switch (fault) {
    case WriteFault::none:
      return "none";
    case WriteFault::not_json:
      return "not a JSON value, nor an object with \"value\"";
    case WriteFault::wrong_type:
      return "not of the metric's datatype";
    case WriteFault::out_of_range:
      return "beyond the range of the metric's datatype";
    case WriteFault::read_only:
      return "its datatype cannot be written from JSON";
    case WriteFault::offline:
      return "the edge node or device is not there";
  }
  return "none";
}

WriteCommand write_command(const WriteTarget& target, std::string_view text, std::uint64_t now_ms) {
  const json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) return {WriteFault::not_json, {}};
  if (document.is_object() && !document.contains("value")) return {WriteFault::not_json, {}};
  const json& from = document.is_object() ? document["value"] : document;
  MetricToWrite metric;
  metric.value.type = target.type;
  std::string bytes;
  const WriteFault fault = json_to_value(from, metric.value, bytes);
  if (fault != WriteFault::none) return {fault, {}};
  metric.alias = target.alias;
  if (!target.alias) metric.name = target.name;
  metric.with_datatype = !target.alias.has_value();
  metric.timestamp = now_ms;
  PayloadWriter writer(now_ms);
  writer.add(metric);
  return {WriteFault::none, writer.finish(std::nullopt)};
}

}  // namespace lineshaft::sparkplug
