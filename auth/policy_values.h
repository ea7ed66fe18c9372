#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/base/time.h"

/// Values of a policy document that are written as text. All return nullopt for what is none.
namespace lineshaft::auth {

/// "250ms", "30s", "15m", "24h", "7d": a whole number, not more than ten years.
std::optional<Milliseconds> parse_duration(std::string_view text);

/// "20/s", "100/min", "5000/h": per second, above 0.
std::optional<double> parse_rate(std::string_view text);

/// "64KiB", "5MB", "200": a whole number of bytes. kB, MB, GB are powers of 1000, KiB, MiB, GiB of
/// 1024.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// "5MB/s", "100kB/min": bytes per second, above 0.
std::optional<double> parse_byte_rate(std::string_view text);

/// RFC 3339 with "Z" or an offset: "2026-12-01T18:00:00Z".
std::optional<WallTime> parse_time(std::string_view text);

/// A part of each week. Its times are those of a fixed offset from UTC.
struct WeekWindow {
  /// Days on which it begins; bit 0 is Monday.
  std::uint8_t days = 0x7F;
  /// Minutes since midnight. An end not behind the start is on the next day.
  std::uint16_t start_min = 0;
  std::uint16_t end_min = 0;
  std::int16_t offset_min = 0;

  bool contains(WallTime time) const;
  /// The next begin or end behind `time`.
  WallTime next_edge(WallTime time) const;
};

/// "06:00-18:00", "mon-fri 06:00-18:00", "sat,sun 22:00-06:00 +01:00"; without an offset UTC.
std::optional<WeekWindow> parse_window(std::string_view text);

}  // namespace lineshaft::auth
