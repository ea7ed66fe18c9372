#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lineshaft {

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

/// "NBIRTH"; "none".
std::string_view to_string(SparkplugType type);

/// The type with this name, in capitals as on the wire; "none" is no name.
std::optional<SparkplugType> sparkplug_type(std::string_view name);

/// The type of "spBv1.0/GROUP/TYPE/...", "spBv1.0/STATE/HOST" and "STATE/HOST". What has TYPE at
/// its third level is of that type however many levels follow: nothing a subscriber could take for
/// a command passes as something else. `sparkplug/topic.h` has the strict grammar.
SparkplugType classify_topic(std::string_view topic);

}  // namespace lineshaft
