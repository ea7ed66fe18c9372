#include "auth/policy_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string>

namespace lineshaft::auth {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};
constexpr Unit size_units[] = {{"", 1},
                               {"B", 1},
                               {"kB", 1e3},
                               {"KB", 1e3},
                               {"MB", 1e6},
                               {"GB", 1e9},
                               {"KiB", 1024},
                               {"MiB", 1024.0 * 1024},
                               {"GiB", 1024.0 * 1024 * 1024}};
constexpr Unit per_units[] = {{"s", 1}, {"min", 60}, {"m", 60}, {"h", 3600}};
constexpr Unit duration_units[] = {{"ms", 1},     {"s", 1e3},    {"m", 60e3},
                                   {"min", 60e3}, {"h", 3600e3}, {"d", 24 * 3600e3}};
constexpr std::array<std::string_view, 7> day_names = {"mon", "tue", "wed", "thu",
                                                       "fri", "sat", "sun"};
constexpr std::int64_t minutes_per_day = 24 * 60;
constexpr std::int64_t ms_per_minute = 60'000;

template <std::size_t n>
std::optional<double> factor_of(const Unit (&units)[n], std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

/// Takes the digits at the front; none or too many is nullopt.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const bool digit = !text.empty() && text.front() >= '0' && text.front() <= '9';
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  constexpr std::int64_t number_max = 1'000'000'000'000;
  if (!digit || problem != std::errc{} || number > number_max) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

/// Exactly `digits` digits, at most `max`.
std::optional<int> take_field(std::string_view& text, std::size_t digits, int max) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  if (value > max) return std::nullopt;
  return value;
}

/// "06:00" or "24:00" as minutes.
std::optional<int> take_clock(std::string_view& text) {
  const auto hour = take_field(text, 2, 24);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_field(text, 2, 59);
  if (!minute || (*hour == 24 && *minute != 0)) return std::nullopt;
  return *hour * 60 + *minute;
}

/// "Z" or "+01:00", all of `text`, as minutes.
std::optional<int> read_offset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  const bool negative = text.starts_with('-');
  if (!negative && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const auto minutes = take_clock(text);
  constexpr int offset_max = 14 * 60;
  if (!minutes || *minutes > offset_max || !text.empty()) return std::nullopt;
  return negative ? -*minutes : *minutes;
}

std::optional<unsigned> take_day(std::string_view& text) {
  for (unsigned i = 0; i < day_names.size(); ++i) {
    if (take(text, day_names[i])) return i;
  }
  return std::nullopt;
}

/// "mon-fri", "sat,sun", all of `text`, as bits.
std::optional<std::uint8_t> read_days(std::string_view text) {
  unsigned days = 0;
  do {
    const auto first = take_day(text);
    if (!first) return std::nullopt;
    const auto last = take(text, "-") ? take_day(text) : first;
    if (!last) return std::nullopt;
    for (unsigned day = *first;; day = (day + 1) % 7) {
      days |= 1u << day;
      if (day == *last) break;
    }
  } while (take(text, ","));
  if (!text.empty()) return std::nullopt;
  return static_cast<std::uint8_t>(days);
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

/// Days since 1970-01-01 at the window's offset; that was a Thursday.
std::int64_t local_day(const WeekWindow& window, WallTime time) {
  const std::int64_t minutes = floor_div(time.time_since_epoch().count(), ms_per_minute);
  return floor_div(minutes + window.offset_min, minutes_per_day);
}

struct Span {
  WallTime begin;
  WallTime end;
};

/// The window that begins on `day`; nullopt if none does.
std::optional<Span> span_of(const WeekWindow& window, std::int64_t day) {
  const std::int64_t weekday = ((day + 3) % 7 + 7) % 7;
  if (((window.days >> weekday) & 1) == 0) return std::nullopt;
  const std::int64_t midnight = day * minutes_per_day - window.offset_min;
  const bool overnight = window.end_min <= window.start_min;
  const std::int64_t end = window.end_min + (overnight ? minutes_per_day : 0);
  const auto at = [&](std::int64_t minutes) {
    return WallTime{Milliseconds{(midnight + minutes) * ms_per_minute}};
  };
  return Span{at(window.start_min), at(end)};
}

}  // namespace

std::optional<Milliseconds> parse_duration(std::string_view text) {
  const auto number = take_number(text);
  const auto factor = factor_of(duration_units, text);
  if (!number || !factor) return std::nullopt;
  const double ms = static_cast<double>(*number) * *factor;
  constexpr double ms_max = 10.0 * 366 * 24 * 3600e3;
  if (ms > ms_max) return std::nullopt;
  return Milliseconds{static_cast<std::int64_t>(ms)};
}

std::optional<double> parse_rate(std::string_view text) {
  const auto number = take_number(text);
  if (!number || *number == 0 || !take(text, "/")) return std::nullopt;
  const auto per = factor_of(per_units, text);
  if (!per) return std::nullopt;
  return static_cast<double>(*number) / *per;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto number = take_number(text);
  const auto factor = factor_of(size_units, text);
  if (!number || !factor) return std::nullopt;
  constexpr double size_max = 1e15;
  const double size = static_cast<double>(*number) * *factor;
  if (size > size_max) return std::nullopt;
  return static_cast<std::uint64_t>(size);
}

std::optional<double> parse_byte_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto size = parse_size(text.substr(0, slash));
  const auto per = factor_of(per_units, text.substr(slash + 1));
  if (!size || *size == 0 || !per) return std::nullopt;
  return static_cast<double>(*size) / *per;
}

std::optional<WallTime> parse_time(std::string_view text) {
  const auto year = take_field(text, 4, 9999);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_field(text, 2, 12);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_field(text, 2, 31);
  if (!day || !(take(text, "T") || take(text, "t") || take(text, " "))) return std::nullopt;
  const auto minutes = take_clock(text);
  if (!minutes || *minutes >= minutes_per_day || !take(text, ":")) return std::nullopt;
  const auto second = take_field(text, 2, 59);
  if (!second) return std::nullopt;
  if (take(text, ".")) {
    // A fraction says nothing a policy needs.
    if (!take_number(text)) return std::nullopt;
  }
  const auto offset = read_offset(text);
  if (!offset) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days{date}.time_since_epoch();
  return WallTime{std::chrono::duration_cast<Milliseconds>(
      days + std::chrono::minutes{*minutes - *offset} + std::chrono::seconds{*second})};
}

bool WeekWindow::contains(WallTime time) const {
  const std::int64_t today = local_day(*this, time);
  for (std::int64_t day = today - 1; day <= today; ++day) {
    const auto span = span_of(*this, day);
    if (span && span->begin <= time && time < span->end) return true;
  }
  return false;
}

WallTime WeekWindow::next_edge(WallTime time) const {
  WallTime next = WallTime::max();
  const std::int64_t today = local_day(*this, time);
  for (std::int64_t day = today - 1; day <= today + 8; ++day) {
    const auto span = span_of(*this, day);
    if (!span) continue;
    if (span->begin > time) next = std::min(next, span->begin);
    if (span->end > time) next = std::min(next, span->end);
  }
  return next;
}

std::optional<WeekWindow> parse_window(std::string_view text) {
  WeekWindow window;
  if (!text.empty() && (text.front() < '0' || text.front() > '9')) {
    const std::size_t space = text.find(' ');
    const auto days = read_days(text.substr(0, space));
    if (!days || space == std::string_view::npos) return std::nullopt;
    window.days = *days;
    text.remove_prefix(space + 1);
  }
  const auto start = take_clock(text);
  if (!start || *start >= minutes_per_day || !take(text, "-")) return std::nullopt;
  const auto end = take_clock(text);
  if (!end) return std::nullopt;
  window.start_min = static_cast<std::uint16_t>(*start);
  window.end_min = static_cast<std::uint16_t>(*end);
  if (text.empty()) return window;
  if (!take(text, " ")) return std::nullopt;
  const auto offset = read_offset(text);
  if (!offset) return std::nullopt;
  window.offset_min = static_cast<std::int16_t>(*offset);
  return window;
}

}  // namespace lineshaft::auth
