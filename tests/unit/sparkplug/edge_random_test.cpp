// Random lives of a small plant: what must always hold is checked after every step.
#include <string>

#include "tests/sim/chance.h"
#include "tests/support/catch.h"
#include "tests/unit/sparkplug/edge_driver.h"

namespace lineshaft::sparkplug {
namespace {

std::string script(std::uint64_t seed, std::size_t steps) {
  sim::Chance chance(seed);
  std::string bytes;
  for (std::size_t i = 0; i < steps * 3; ++i) bytes += static_cast<char>(chance.below(256));
  return bytes;
}

}  // namespace

TEST_CASE("whatever comes, the host view holds together", "[sparkplug]") {
  std::size_t online = 0;
  std::size_t reordering = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    EdgeDriver driver;
    driver.run(script(seed, 400));
    online += driver.steps_online();
    reordering += driver.steps_reordering();
  }
  // It gets somewhere, too.
  CHECK(online > 10'000);
  CHECK(reordering > 1'000);
}

TEST_CASE("the same messages at the same times have the same outcome", "[sparkplug]") {
  EdgeDriver one;
  EdgeDriver two;
  one.run(script(7, 2'000));
  two.run(script(7, 2'000));
  CHECK(one.digest() == two.digest());
}

}  // namespace lineshaft::sparkplug
