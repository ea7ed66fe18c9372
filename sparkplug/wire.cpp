#include "sparkplug/wire.h"

#include <array>

#include "broker/base/limits.h"

namespace lineshaft::sparkplug::wire {
namespace {

/// A field that is a message, or (`packed`) numbers in one string.
struct Inner {
  std::uint32_t field;
  Kind kind;
  bool packed = false;
  bool repeated = false;
};

/// Every other field is checked by its wire type alone.
std::array<Inner, 5> inner_messages(Kind kind) {
  constexpr Inner nothing{0, Kind::extension};
  switch (kind) {
    case Kind::metric:
      return {{{8, Kind::meta_data},
               {9, Kind::property_set},
               {17, Kind::data_set},
               {18, Kind::template_body},
               {19, Kind::extension}}};
    case Kind::property_set:
      return {{{2, Kind::property_value, false, true}, nothing, nothing, nothing, nothing}};
    case Kind::property_value:
      return {{{9, Kind::property_set},
               {10, Kind::property_set_list},
               {11, Kind::extension},
               nothing,
               nothing}};
    case Kind::property_set_list:
      return {{{1, Kind::property_set, false, true}, nothing, nothing, nothing, nothing}};
    case Kind::data_set:
      return {{{3, Kind::extension, true, true},
               {4, Kind::row, false, true},
               nothing,
               nothing,
               nothing}};
    case Kind::row:
      return {{{1, Kind::data_set_value, false, true}, nothing, nothing, nothing, nothing}};
    case Kind::data_set_value:
      return {{{7, Kind::extension}, nothing, nothing, nothing, nothing}};
    case Kind::template_body:
      return {{{2, Kind::metric, false, true},
               {3, Kind::parameter, false, true},
               nothing,
               nothing,
               nothing}};
    case Kind::parameter:
      return {{{9, Kind::extension}, nothing, nothing, nothing, nothing}};
    case Kind::meta_data:
    case Kind::extension:
      break;
  }
  return {nothing, nothing, nothing, nothing, nothing};
}

bool check_packed(std::string_view bytes, Check& check) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end) {
    std::uint64_t number = 0;
    at = read_varint(at, end, number, check);
    if (at == nullptr) return false;
  }
  return true;
}

/// Recursion ends at the bound, and the bound is small.
const char* skip_group(const char* at, const char* end, std::uint32_t field, Check& check) {
  if (check.depth == limits::sparkplug_nesting_max) return check.fail(PayloadFault::too_deep);
  ++check.depth;
  while (at != end) {
    std::uint32_t tag = 0;
    at = read_tag(at, end, tag, check);
    if (at == nullptr) return nullptr;
    if (tag == tag_of(field, group_end)) {
      --check.depth;
      return at;
    }
    at = skip_value(at, end, tag, check);
    if (at == nullptr) return nullptr;
  }
  return check.fail(PayloadFault::cut_off);
}

}  // namespace

Number slow_varint(const char* at, const char* end, Check& check) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at == end) return {check.fail(PayloadFault::cut_off), 0};
    const std::uint64_t byte = byte_at(at++);
    value |= (byte & 0x7fu) << shift;
    if (byte < 0x80) return {at, value};
  }
  return {check.fail(PayloadFault::bad_varint), 0};
}

Number long_tag(const char* at, const char* end, Check& check) {
  std::uint64_t tag = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    if (at == end) return {check.fail(PayloadFault::cut_off), 0};
    const std::uint64_t byte = byte_at(at++);
    tag |= (byte & 0x7fu) << shift;
    if (byte < 0x80) return {at, tag & 0xFFFF'FFFFu};
  }
  return {check.fail(PayloadFault::bad_varint), 0};
}

const char* skip_value(const char* at, const char* end, std::uint32_t tag, Check& check) {
  const std::uint32_t field = tag >> 3;
  if (field == 0) return check.fail(PayloadFault::bad_field);
  std::uint64_t number = 0;
  std::string_view bytes;
  switch (tag & 7u) {
    case varint_type:
      return read_varint(at, end, number, check);
    case fixed64_type:
      return read_fixed64(at, end, number, check);
    case bytes_type:
      return read_bytes(at, end, bytes, check);
    case group_start:
      return skip_group(at, end, field, check);
    case fixed32_type:
      return read_fixed32(at, end, number, check);
    default:
      return check.fail(PayloadFault::bad_field);
  }
}

bool check_message(std::string_view message, Kind kind, Check& check) {
  if (check.depth == limits::sparkplug_nesting_max) {
    check.fault = PayloadFault::too_deep;
    return false;
  }
  ++check.depth;
  const std::array<Inner, 5> inner = inner_messages(kind);
  std::uint32_t seen = 0;
  const char* at = message.data();
  const char* const end = at + message.size();
  while (at != end) {
    std::uint32_t tag = 0;
    at = read_tag(at, end, tag, check);
    if (at == nullptr) return false;
    const Inner* field = nullptr;
    for (const Inner& candidate : inner) {
      if (candidate.field != 0 && tag == tag_of(candidate.field, bytes_type)) field = &candidate;
    }
    if (field == nullptr) {
      at = skip_value(at, end, tag, check);
      if (at == nullptr) return false;
      continue;
    }
    std::string_view bytes;
    at = read_bytes(at, end, bytes, check);
    if (at == nullptr) return false;
    if (!(field->packed ? check_packed(bytes, check) : check_message(bytes, field->kind, check))) {
      return false;
    }
    if (!field->repeated && (seen & 1u << field->field) != 0) {
      check.fault = PayloadFault::split_message;
      return false;
    }
    seen |= 1u << field->field;
  }
  --check.depth;
  return true;
}

}  // namespace lineshaft::sparkplug::wire
