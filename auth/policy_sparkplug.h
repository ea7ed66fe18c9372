#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "broker/base/sparkplug_topic.h"

namespace lineshaft::auth {

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

/// The types that topics matching the Topic Filter can have, `none` included.
SparkplugTypes possible_types(std::string_view filter);

}  // namespace lineshaft::auth
