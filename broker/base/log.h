#pragma once

#include <fmt/core.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace lineshaft::log {

enum class Level : std::uint8_t { debug, info, warn, error, critical };

/// Who speaks; each room has its own level.
enum class Room : std::uint8_t { app, core, mqtt, net, storage, auth, sparkplug, uns, admin };
inline constexpr std::size_t rooms_size = 9;

/// One `key=value` of a record. Values are formatted when the level is on; a text value is
/// escaped by the sink. Never a payload, never a secret.
struct Field {
  std::string_view key;
  std::string value;
  /// Written without quotes in JSON.
  bool number = false;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), number(true) {}
  template <class Number>
  requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>)
      Field(std::string_view k, Number v)
      : key(k), value(fmt::format("{}", v)), number(true) {}
};

enum class Format : std::uint8_t { text, json };

/// Starts the writer thread. Before it, and after `stop`, records go straight to standard error.
/// `text` suits a terminal, `json` everything else.
void start(Format format);
/// Writes what is queued and ends the writer thread.
void stop();

void set_level(Room room, Level level);
void set_level(Level level);
bool enabled(Room room, Level level);

/// Queues one record; never blocks: when the writer is behind, the record is dropped and counted
/// (`log_records_dropped`), and the writer reports the gap. `event` is a fixed name that occurs
/// once in the code.
void write(Room room, Level level, std::string_view event, std::initializer_list<Field> fields);

}  // namespace lineshaft::log

/// LINESHAFT_LOG(core, info, "client_taken_over", {"client_id", id}, {"peer", peer});
/// The fields are evaluated only when the level is on.
#define LINESHAFT_LOG(room, level, event, ...)                                                     \
  do {                                                                                             \
    if (::lineshaft::log::enabled(::lineshaft::log::Room::room, ::lineshaft::log::Level::level))   \
      ::lineshaft::log::write(::lineshaft::log::Room::room, ::lineshaft::log::Level::level, event, \
                              {__VA_ARGS__});                                                      \
  } while (false)
