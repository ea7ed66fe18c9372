#include "sparkplug/template_merge.h"

#include <cstdint>
#include <map>
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

constexpr bool is_value(std::uint32_t number) { return number >= 10 && number <= 19; }

/// The member's value, which is the last one; number 0 when it has none.
RawField value_of(std::string_view member) {
  RawField field;
  RawField found;
  for (FieldWalk walk(member); walk.next(field);) {
    if (is_value(field.number)) found = field;
  }
  return found;
}

bool is_template(const RawField& value) {
  return value.number == template_field && value.type == wire::bytes_type;
}

bool append_merged_member(std::string& out, std::string_view before, std::string_view data,
                          std::size_t bytes_max) {
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
  for (FieldWalk walk(data); walk.next(field);) {
    if (!is_value(field.number)) member += field.whole;
  }
  // Of several values the last one counts: only that one is merged.
  const RawField value = value_of(data);
  const RawField inner = value_of(before);
  if (is_template(value) && is_template(inner)) {
    std::string merged;
    if (!append_merged_template(merged, inner.content, value.content, bytes_max)) return false;
    append_field(member, template_field, merged);
  } else {
    member += value.whole;
  }
  append_field(out, members_field, member);
  return true;
}

/// A member of the data, until a member of the instance has got it.
struct DataMember {
  std::string_view content;
  bool is_used = false;
};

}  // namespace

bool append_merged_template(std::string& out, std::string_view before, std::string_view data,
                            std::size_t bytes_max) {
  // A tree: who sends the names could choose them so that they share a hash.
  std::map<std::string_view, DataMember> members;
  std::vector<std::string_view> parameters;
  RawField field;
  for (FieldWalk walk(data); walk.next(field);) {
    if (field.type != wire::bytes_type) continue;
    if (field.number == members_field) members[key_of(field.content)].content = field.content;
    if (field.number == parameters_field) parameters.push_back(field.whole);
  }
  for (FieldWalk walk(before); walk.next(field);) {
    const bool is_message = field.type == wire::bytes_type;
    if (is_message && field.number == parameters_field && !parameters.empty()) continue;
    const bool is_member = is_message && field.number == members_field;
    const auto found = is_member ? members.find(key_of(field.content)) : members.end();
    if (found == members.end()) {
      out += field.whole;
    } else if (!std::exchange(found->second.is_used, true)) {
      if (!append_merged_member(out, field.content, found->second.content, bytes_max)) return false;
    }
    if (out.size() > bytes_max) return false;
  }
  for (const std::string_view parameter : parameters) out += parameter;
  return out.size() <= bytes_max;
}

}  // namespace lineshaft::sparkplug
