#include "broker/app/clock.h"

#include <chrono>

namespace lineshaft::app {

Now SystemClock::now() {
  using std::chrono::duration_cast;
  const auto steady = std::chrono::steady_clock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {Instant{duration_cast<Milliseconds>(steady)},
          WallTime{duration_cast<Milliseconds>(wall)}};
}

}  // namespace lineshaft::app
