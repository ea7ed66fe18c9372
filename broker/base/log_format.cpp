#include "broker/base/log_format.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

#include "broker/base/json_text.h"

namespace lineshaft::log {
namespace {

/// Values of these characters need no quotes: what topics, addresses and numbers consist of.
bool is_plain(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("-_./:#+$@%,;*()[]~!?&<>|^").find(c) != std::string_view::npos;
}

bool is_plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (!is_plain(c)) return false;
  }
  return true;
}

/// The front of `value`, cut between two characters.
std::string_view shortened(std::string_view value) {
  if (value.size() <= value_size_bytes_max) return value;
  std::size_t size = value_size_bytes_max;
  while (size > value_size_bytes_max - 4 &&
         (static_cast<unsigned char>(value[size]) & 0xC0u) == 0x80u) {
    --size;
  }
  return value.substr(0, size);
}

void append_text_value(std::string& out, std::string_view value) {
  const std::string_view front = shortened(value);
  if (front.size() == value.size() && is_plain(value)) {
    out += value;
    return;
  }
  out += '"';
  append_escaped(out, front, Escapes::text);
  if (front.size() < value.size()) out += "...";
  out += '"';
}

void append_json_value(std::string& out, const Field& field) {
  // "nan" and "inf" are numbers in C++ but not in JSON.
  const bool finite = field.value.find_first_of("nN") == std::string::npos;
  const bool boolean = field.value == "true" || field.value == "false";
  if (field.number && (finite || boolean)) {
    out += field.value;
    return;
  }
  const std::string_view front = shortened(field.value);
  if (front.size() == field.value.size()) {
    append_json_string(out, front);
  } else {
    append_json_string(out, std::string(front) + "...");
  }
}

}  // namespace

std::string_view level_name(Level level) {
  static constexpr std::array<std::string_view, 5> names = {"debug", "info", "warn", "error",
                                                            "critical"};
  return names[static_cast<std::size_t>(level)];
}

std::string_view room_name(Room room) {
  static constexpr std::array<std::string_view, rooms_size> names = {
      "app", "core", "mqtt", "net", "storage", "auth", "sparkplug", "uns", "admin"};
  return names[static_cast<std::size_t>(room)];
}

std::string format_time(WallTime time) {
  const std::chrono::sys_time<Milliseconds> moment{time.time_since_epoch()};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{moment - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::string format_text(const Record& record) {
  std::string line = fmt::format("{} level={} room={} event={}", format_time(record.time),
                                 level_name(record.level), room_name(record.room), record.event);
  for (const Field& field : record.fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_text_value(line, field.value);
  }
  line += '\n';
  return line;
}

std::string format_json(const Record& record) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","room":"{}","event":"{}")",
                                 format_time(record.time), level_name(record.level),
                                 room_name(record.room), record.event);
  for (const Field& field : record.fields) {
    line += ',';
    append_json_string(line, field.key);
    line += ':';
    append_json_value(line, field);
  }
  line += "}\n";
  return line;
}

}  // namespace lineshaft::log
