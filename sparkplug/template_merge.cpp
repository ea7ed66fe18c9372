#include "sparkplug/template_merge.h"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sparkplug/wire.h"

namespace lineshaft::sparkplug {
namespace {

constexpr std::uint32_t members_field = 2;
constexpr std::uint32_t parameters_field = 3;
constexpr std::uint32_t name_field = 1;
constexpr std::uint32_t alias_field = 2;
constexpr std::uint32_t datatype_field = 4;
constexpr std::uint32_t metadata_field = 8;
constexpr std::uint32_t properties_field = 9;
constexpr std::uint32_t template_field = 18;

/// One field with its tag, as it stands in a message.
struct RawField {
  std::uint32_t number = 0;
  std::uint32_t type = 0;
  /// With tag and length.
  std::string_view whole;
  /// Of a field with a length.
  std::string_view content;
};

/// The fields of a checked message; an unreadable rest ends the walk.
class FieldWalk {
 public:
  explicit FieldWalk(std::string_view message)
      : at_(message.data()), end_(message.data() + message.size()) {}

  bool next(RawField& field) {
    if (at_ == end_) return false;
    wire::Check check;
    const char* const start = at_;
    std::uint32_t tag = 0;
    const char* at = wire::read_tag(at_, end_, tag, check);
    field.content = {};
    if (at != nullptr) {
      at = (tag & 7) == wire::bytes_type ? wire::read_bytes(at, end_, field.content, check)
                                         : wire::skip_value(at, end_, tag, check);
    }
    if (at == nullptr) {
      at_ = end_;
      return false;
    }
    field.number = tag >> 3;
    field.type = tag & 7;
    field.whole = {start, static_cast<std::size_t>(at - start)};
    at_ = at;
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

void append_field(std::string& out, std::uint32_t number, std::string_view content) {
  append_varint(out, wire::tag_of(number, wire::bytes_type));
  append_varint(out, content.size());
  out += content;
}

/// By what a member is found: its name with its bytes, or its alias with its tag.
std::string_view key_of(std::string_view member) {
  FieldWalk walk(member);
  RawField field;
  std::string_view key;
  bool has_name = false;
  while (walk.next(field)) {
    if (field.number == name_field && field.type == wire::bytes_type) {
      key = field.whole;
      has_name = true;
    }
    if (field.number == alias_field && field.type == wire::varint_type && !has_name) {
      key = field.whole;
    }
  }
  return key;
}

constexpr bool stays_when_missing(std::uint32_t number) {
  return number == name_field || number == alias_field || number == datatype_field ||
         number == metadata_field || number == properties_field;
}

/// The member's value when it is a template.
std::optional<std::string_view> template_of(std::string_view member) {
  FieldWalk walk(member);
  RawField field;
  std::optional<std::string_view> found;
  while (walk.next(field)) {
    const bool is_value = field.number >= 10 && field.number <= 19;
    if (!is_value) continue;
    found.reset();
    if (field.number == template_field && field.type == wire::bytes_type) found = field.content;
  }
  return found;
}

void append_merged_member(std::string& out, std::string_view before, std::string_view data) {
  std::uint64_t has = 0;
  RawField field;
  for (FieldWalk walk(data); walk.next(field);) {
    if (field.number < 64) has |= std::uint64_t{1} << field.number;
  }
  std::string member;
  for (FieldWalk walk(before); walk.next(field);) {
    const bool stays = stays_when_missing(field.number) && (has >> field.number & 1) == 0;
    if (stays) member += field.whole;
  }
  const auto inner = template_of(before);
  for (FieldWalk walk(data); walk.next(field);) {
    if (field.number == template_field && field.type == wire::bytes_type && inner) {
      std::string merged;
      append_merged_template(merged, *inner, field.content);
      append_field(member, template_field, merged);
    } else {
      member += field.whole;
    }
  }
  append_field(out, members_field, member);
}

}  // namespace

void append_merged_template(std::string& out, std::string_view before, std::string_view data) {
  std::unordered_map<std::string_view, std::string_view> members;
  std::vector<std::string_view> parameters;
  RawField field;
  for (FieldWalk walk(data); walk.next(field);) {
    if (field.type != wire::bytes_type) continue;
    if (field.number == members_field) members[key_of(field.content)] = field.content;
    if (field.number == parameters_field) parameters.push_back(field.whole);
  }
  for (FieldWalk walk(before); walk.next(field);) {
    const bool is_message = field.type == wire::bytes_type;
    if (is_message && field.number == parameters_field && !parameters.empty()) continue;
    if (!is_message || field.number != members_field) {
      out += field.whole;
      continue;
    }
    const auto found = members.find(key_of(field.content));
    if (found == members.end()) {
      out += field.whole;
    } else {
      append_merged_member(out, field.content, found->second);
    }
  }
  for (const std::string_view parameter : parameters) out += parameter;
}

}  // namespace lineshaft::sparkplug
