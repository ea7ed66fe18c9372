#pragma once

#include "broker/base/time.h"

namespace lineshaft::app {

/// The system's clocks. Any thread.
class SystemClock final : public Clock {
 public:
  Now now() override;
};

}  // namespace lineshaft::app
