#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lineshaft::auth {

/// What a topic of the Sparkplug namespace carries, from the topic alone.
enum class SparkplugType : std::uint8_t {
  none,
  nbirth,
  ndeath,
  ndata,
  dbirth,
  ddeath,
  ddata,
  ncmd,
  dcmd,
  state,
};

/// Bits by SparkplugType.
using SparkplugTypes = std::uint16_t;

constexpr SparkplugTypes bit_of(SparkplugType type) {
  return static_cast<SparkplugTypes>(1u << static_cast<unsigned>(type));
}

/// Births, deaths and data, and whatever is no Sparkplug message at all.
inline constexpr SparkplugTypes sparkplug_data = 0x7F;
inline constexpr SparkplugTypes sparkplug_all = 0x3FF;
inline constexpr std::array sparkplug_types = {
    SparkplugType::nbirth, SparkplugType::ndeath, SparkplugType::ndata,
    SparkplugType::dbirth, SparkplugType::ddeath, SparkplugType::ddata,
    SparkplugType::ncmd,   SparkplugType::dcmd,   SparkplugType::state};

inline constexpr std::array sparkplug_types_and_none = {
    SparkplugType::none,   SparkplugType::nbirth, SparkplugType::ndeath, SparkplugType::ndata,
    SparkplugType::dbirth, SparkplugType::ddeath, SparkplugType::ddata,  SparkplugType::ncmd,
    SparkplugType::dcmd,   SparkplugType::state};

/// "NBIRTH"; "none".
std::string_view to_string(SparkplugType type);
std::optional<SparkplugType> sparkplug_type(std::string_view name);

/// The type of "spBv1.0/GROUP/TYPE/...", "spBv1.0/STATE/HOST" and "STATE/HOST". What has TYPE at
/// its third level is of that type however many levels follow: nothing a subscriber could take for
/// a command passes as something else.
SparkplugType classify_topic(std::string_view topic);

/// The types that topics matching the Topic Filter can have, `none` included.
SparkplugTypes possible_types(std::string_view filter);

}  // namespace lineshaft::auth
