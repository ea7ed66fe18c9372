#pragma once

#include <cstdint>

namespace lineshaft {

/// Quality of a last value, everywhere. Numbers are the stored ones (Sparkplug 3.0 uses 0, 192
/// and 500).
enum class Quality : std::uint16_t {
  bad = 0,
  uncertain = 64,
  good_no_data = 128,
  good = 192,
  stale = 500,
};

}  // namespace lineshaft
