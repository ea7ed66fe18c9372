#pragma once

#include <cstdint>
#include <string_view>

namespace lineshaft::core {

/// How short of memory the broker is. Each level sheds what the ones before it do, and more:
/// nothing at once, the cheapest loss first.
enum class OverloadLevel : std::uint8_t {
  none,
  /// Who sends most is read less often; TCP then slows it, nothing is lost.
  slow_senders,
  /// A CONNECT without a session to come back to gets 0x97.
  no_new_clients,
  /// QoS 0 is dropped, counted, unless `is_vital`; the net room closes clients at accept.
  drop_qos0,
};

/// The level at `used_bytes` of a budget, coming from `now`: up at once, down only when a margin is
/// free again. A budget of 0 is none: never overloaded.
OverloadLevel overload_level(OverloadLevel now, std::uint64_t used_bytes,
                             std::uint64_t budget_bytes);

std::string_view to_string(OverloadLevel level);

/// Sparkplug births, deaths, host states and commands, and what the broker says of itself: never
/// shed. What is left are values, which are sent again.
bool is_vital(std::string_view topic);

}  // namespace lineshaft::core
