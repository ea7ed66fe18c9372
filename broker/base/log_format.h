#pragma once

#include <span>
#include <string>
#include <string_view>

#include "broker/base/log.h"
#include "broker/base/time.h"

namespace lineshaft::log {

/// One fact, as the caller states it.
struct Record {
  WallTime time{};
  Level level = Level::info;
  Room room = Room::app;
  std::string_view event;
  std::span<const Field> fields;
};

/// Longer values are cut and end in "...": one line stays one screen, whoever names the topic.
inline constexpr std::size_t value_size_bytes_max = 2048;

std::string_view level_name(Level level);
std::string_view room_name(Room room);

/// "2026-11-20T07:00:00.123Z".
std::string format_time(WallTime time);

/// `2026-11-20T07:00:00.123Z level=warn room=core event=x key=value` and a newline. A value with
/// anything but plain characters is quoted, with \" \\ \n and \xNN or \u{NNNN} inside: nobody
/// can forge a line or a field.
std::string format_text(const Record& record);

/// The same as one JSON object and a newline.
std::string format_json(const Record& record);

}  // namespace lineshaft::log
